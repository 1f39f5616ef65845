"""Vision models over the images and videos of a batch of rows: every picture is scored once, in batches across rows."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, Partly, Sampling, models_home

from ._devices import autocast, batched, device
from .image._images import open_image
from .text._transformers import model_folder, quiet

if TYPE_CHECKING:
    from PIL.Image import Image

Key = TypeVar("Key", bound=Hashable)
ON_CPU, ON_GPU = 16, 256  # pictures of a batch at first
REDUCE: dict[str, Callable[[Sequence[float]], float]] = {
    "avg": lambda values: float(np.mean(values)), "max": max, "min": min,
}  # fmt: skip


class Scorer(Protocol):
    """A model of pictures. `load` comes before all else; `prepare` may run in several threads at once."""

    def load(self) -> None: ...

    def prepare(self, image: Image) -> Any: ...

    def scores(self, inputs: Sequence[Any]) -> Sequence[Any]: ...


def image_values(images: pa.ListArray, scorer: Scorer, told: Callable[[Any], Any] = lambda value: value) -> Partly:
    """The value of each image of each row, as `told` puts it."""
    return file_values(images, scorer, lambda path: [scorer.prepare(open_image(path))], lambda values: told(values[0]))


def video_values(videos: pa.ListArray, scorer: Scorer, sampling: Sampling, reduce_mode: str) -> Partly:
    """The average, largest or smallest value of the sampled frames of each video; 0.0 where there are none."""
    if reduce_mode not in REDUCE:
        raise FunctionError.of("bad-parameter", f"reduce_mode is {reduce_mode!r}", f"use one of {', '.join(REDUCE)}")
    return frame_values(videos, scorer, sampling, lambda values: REDUCE[reduce_mode](values) if values else 0.0)


def frame_values(videos: pa.ListArray, scorer: Scorer, sampling: Sampling, join: Callable[[list[Any]], Any]) -> Partly:
    """What `join` makes of the values of the sampled frames of each video of each row."""
    from PIL.Image import fromarray

    from .video._frames import video_frames

    def read(path: str) -> list[Any]:
        return [scorer.prepare(fromarray(frame)) for frame in video_frames(path, sampling.method, sampling.frame_num)]

    return file_values(videos, scorer, read, join)


def file_values(
    column: pa.ListArray, scorer: Scorer, read: Callable[[str], list[Any]], join: Callable[[list[Any]], Any]
) -> Partly:
    """What `join` makes of the values of the inputs that `read` finds in each file of each row."""
    rows = column.to_pylist()
    paths = dict.fromkeys(path for row in rows for path in row)
    values, broken = scored(scorer, read, paths) if paths else ({}, {})
    joined = {path: join(found) for path, found in values.items() if path not in broken}
    failures = {i: broken[path] for i, row in enumerate(rows) for path in reversed(row) if path in broken}
    return Partly([None if i in failures else [joined[p] for p in row] for i, row in enumerate(rows)], failures)


def scored(
    scorer: Scorer, read: Callable[[Key], list[Any]], keys: Iterable[Key], file_of: Callable[[Key], str] = str
) -> tuple[dict[Key, list[Any]], dict[Key, str]]:
    """The values of the pictures that `read` finds for each key (a file), and what was wrong; `file_of` names it."""
    scorer.load()
    values: dict[Key, list[Any]] = {}
    broken: dict[Key, str] = {}
    waiting: list[tuple[Key, Any]] = []
    size = ON_GPU if device().startswith("cuda") else ON_CPU

    def run() -> None:
        found, failures = batched(scorer.scores, [picture for _, picture in waiting], size)
        for place, (key, _) in enumerate(waiting):
            values[key].append(found[place])
            if place in failures:
                broken[key] = f"{file_of(key)}: {failures[place]}"
        waiting.clear()

    for key, future in _ahead(read, keys):
        try:
            pictures = future.result()
        except FunctionError:
            raise
        except Exception as error:  # a file that cannot be read fails the rows that name it
            broken[key] = f"{type(error).__name__}: {error}"
            continue
        values[key] = []
        waiting += ((key, picture) for picture in pictures)
        if len(waiting) >= size:
            run()
    run()
    return values, broken


def _ahead(read: Callable[[Key], Any], keys: Iterable[Key]) -> Iterator[tuple[Key, Future[Any]]]:
    """What `read` makes of each key, in order; a few files are read ahead while the model works."""
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)  # what the engine gives this process
    with ThreadPoolExecutor(threads, thread_name_prefix="juicesql-pictures") as pool:
        waiting: deque[tuple[Key, Future[Any]]] = deque()
        for key in keys:
            waiting.append((key, pool.submit(read, key)))
            if len(waiting) > threads:
                yield waiting.popleft()
        yield from waiting


class TransformersModel:
    """A model of transformers over pictures, loaded when it is first needed."""

    auto_class = "AutoModel"
    half = False  # whether its weights are kept in float16 on a GPU: for models of billions of them
    weights = "pytorch_model.bin"  # what is fetched besides safetensors

    def __init__(self, name: str, trust_remote_code: bool = False) -> None:
        self.name, self.trusted = name, trust_remote_code

    @cached_property
    def loaded(self) -> tuple[Any, Any]:
        """Model and image processor."""
        return load_vision(self.auto_class, self.folder(), self.trusted, half=self.half)

    def folder(self) -> Path:
        return vision_folder(self.name, self.trusted, self.weights)

    def load(self) -> None:
        _ = self.loaded

    def prepare(self, image: Image) -> Any:
        return self.loaded[1](images=[image], return_tensors="pt")["pixel_values"][0]

    def scores(self, inputs: Sequence[Any]) -> Sequence[Any]:
        import torch

        if len({one.shape for one in inputs}) > 1:  # a processor that keeps the shape of pictures
            return [value for one in inputs for value in self.scores([one])]
        with autocast():
            return self.values(torch.stack(list(inputs)).to(device()))

    def values(self, pixels: Any) -> Sequence[Any]:
        """One value for each picture of a tensor."""
        raise NotImplementedError


class SecondLabel(TransformersModel):
    """The probability that an image classifier gives to its label number 1: "nsfw", "watermark"."""

    auto_class = "AutoModelForImageClassification"

    def load(self) -> None:
        if self.loaded[0].config.num_labels < 2:
            mend = "give a classifier whose label number 1 is the one to look for"
            raise FunctionError.of("bad-model", f"{self.name} has a single label", mend)

    def values(self, pixels: Any) -> list[float]:
        return self.loaded[0](pixel_values=pixels).logits.float().softmax(-1)[:, 1].tolist()


def vision_folder(name: str, trust_remote_code: bool = False, weights: str = "pytorch_model.bin") -> Path:
    """The folder of a model: a path, a name in the models folder (`juicesql models pull`), or the hub's owner/name."""
    pulled = models_home() / name
    if name and not Path(name).expanduser().exists() and pulled.is_dir():
        configs = sorted(pulled.rglob("config.json"), key=lambda file: len(file.parts))
        return model_folder(str(configs[0].parent if configs else pulled))
    return model_folder(name, *filter(None, [weights, "*.py" if trust_remote_code else ""]))


def load_vision(
    auto_class: str, folder: Path, trust_remote_code: bool = False, *, half: bool = False
) -> tuple[Any, Any]:
    """Model and image processor, the model on its device; FunctionError when the folder lacks weights of the model."""
    import torch
    import transformers

    kind = torch.float16 if half and device().startswith("cuda") else torch.float32
    options = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    try:
        with quiet(transformers.utils.logging):
            # Pillow resizes, also where torchvision is installed: its values differ a little.
            processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", **options)
            model, found = getattr(transformers, auto_class).from_pretrained(
                folder, dtype=kind, output_loading_info=True, **options
            )
    except Exception as error:  # many kinds: no such class, a broken file, weights that do not fit
        message = f"{folder}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise FunctionError.of("bad-model", message, f"give a model that {auto_class} can load") from error
    if lacking := sorted(key for key in found["missing_keys"] if not key.startswith("pooler.")):
        message = f"{folder} has no weights for {', '.join(lacking[:3])}{' and others' * (len(lacking) > 3)}"
        raise FunctionError.of("bad-model", message, f"give a model that was saved as {auto_class}")
    return model.to(device()).eval(), processor
