"""`GeneralDataExecutor`: data in the shapes that models of images and videos are trained on."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import IO, Any

from juicesql.errors import Problem
from juicesql.sources import SourceSpec, open_source

from ..base import Ahead, Component
from ..errors import SandboxError
from ..pools.pool import safe, stem
from ..pools.work import Paths, given_pools, pool_problems
from ..registry import component

IMAGE, VIDEO = "<__dj__image>", "<__dj__video>"  # where in a text a picture stands, as Data-Juicer writes it


@dataclass(frozen=True)
class ConversionSettings:
    """Of a conversion."""

    dataset_path: Paths = None  # files; by default the pools or the dataset of the newest job
    export_path: str | None = None  # folder; by default in that of the job


class Conversion(Component):
    """Writes each file in another shape, row by row."""

    Settings = ConversionSettings
    ending = ""

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        yield from pool_problems(settings.dataset_path, ahead)

    def run(self) -> dict[str, Any]:
        """Convert. The result has `paths`, and `dataset` when there is one."""
        given = self.settings.export_path
        folder = Path(given).absolute() if given else self.context.folder / "converted"
        folder.mkdir(parents=True, exist_ok=True)
        made: list[str] = []
        rows = 0
        for pool in given_pools(self.context, self.settings.dataset_path):
            path = folder / (safe(stem(pool.path)) + self.ending)
            unfinished = path.with_name(f".{path.name}.partial")
            with open(unfinished, "w", encoding="utf-8") as out:
                rows += self.convert(Path(pool.path), out)
            unfinished.replace(path)
            made.append(str(path))
        return {"paths": made, "rows": rows, **({"dataset": made[0]} if len(made) == 1 else {})}

    @abstractmethod
    def convert(self, path: Path, out: IO[str]) -> int:
        """Write one file. Returns how many rows."""


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, as they are read."""
    for morsel in open_source(SourceSpec((str(path.absolute()),), full_scan=True)).morsels():
        table = morsel.load().table
        yield from table.drop_columns([table.column_names[0]]).to_pylist()


@component("GeneralDataExecutor", "dj_to_easyanimate_video_dataset_conversion")
class DJToEasyAnimate(Conversion):
    """Writes videos with texts as EasyAnimate reads them: a JSON list with `file_path` (the first video) and `text`.

    Rows without a video are left out; `<__dj__video>` is taken out of the text. Files are `{name}_ea_fmt.json`.
    """

    ending = "_ea_fmt.json"

    def convert(self, path: Path, out: IO[str]) -> int:
        count = 0
        out.write("[")
        for row in rows_of(path):
            videos = row.get("videos")
            if videos:
                text = str(row.get("text") or "").replace(VIDEO, "").strip()
                out.write((",\n" if count else "\n") + _line(row | {"text": text, "file_path": videos[0]}))
                count += 1
        out.write("\n]\n")
        return count


@component("GeneralDataExecutor", "coco_caption_to_dj_conversion")
class CocoCaptionToDJ(Conversion):
    """Gives rows of InternVL's COCO captions the columns `images` and `text` besides their own.

    The image is `image`, the text the answer in `conversations` behind `<__dj__image>`. Files are
    `{name}_dj_fmt.jsonl`.
    """

    ending = "_dj_fmt.jsonl"

    def convert(self, path: Path, out: IO[str]) -> int:
        count = 0
        for row in rows_of(path):
            turns = row.get("conversations") or []
            if not row.get("image") or len(turns) < 2 or not isinstance(turns[1], Mapping):
                message = f"row {count} of {path.name} has no image and answer"
                raise SandboxError.of("bad-row", message, "each needs image, and conversations of two turns")
            out.write(_line(row | {"images": [row["image"]], "text": f"{IMAGE} {turns[1].get('value') or ''}"}) + "\n")
            count += 1
        return count


@dataclass(frozen=True)
class MetaSettings(ConversionSettings):
    """Of `coco_caption_meta_generation`."""

    data_root_path: str = "."  # the folder that InternVL starts in; the path of the annotations begins there
    images_root: str = "data/coco/"  # the folder of the images, as seen from there


@component("GeneralDataExecutor", "coco_caption_meta_generation")
class CocoCaptionMeta(Conversion):
    """Writes the file that tells InternVL where a dataset of COCO captions is, and how long: `{name}_meta.json`."""

    Settings = MetaSettings
    ending = "_meta.json"

    def convert(self, path: Path, out: IO[str]) -> int:
        count = sum(1 for _ in rows_of(path))
        facts = {
            "root": self.settings.images_root,
            "annotation": relpath(path.absolute(), Path(self.settings.data_root_path).absolute()),
            "data_augment": False,
            "repeat_time": 1,
            "length": count,
        }
        json.dump({stem(str(path)): facts}, out, indent=2)
        return count


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)
