"""Lists of files as rows have them: NULL, empty, with NULLs, with a name twice, with folders and files nobody may read."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

pytest.importorskip("PIL")
pytest.importorskip("av")
pytest.importorskip("cv2")

from definitions_images import REGISTRY
from definitions_media import picture, scenes, write_video

from juicesql.api import Function
from juicesql.call import apply
from juicesql.errors import FunctionError

FILTERS = {"audio_ffmpeg_wrapped": "volume", "video_ffmpeg_wrapped": "hflip"}  # without one they open nothing
KINDS = {"images": "a.png", "videos": "a.mp4", "audios": "beep.wav"}


def _takes_files(function: Function) -> bool:
    return [(a.name, a.type) for a in function.signature.columns] in [[(kind, "VARCHAR[]")] for kind in KINDS]


WITHOUT_MODELS = [f.name for f in REGISTRY.all() if _takes_files(f) and f.runs_on == "process"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("lists")
    picture(1, 64, 48).save(found / "a.png")
    write_video(found / "a.mp4", scenes(1, 20)[:5], (64, 48))
    beep = Path(__file__).parent.parent / "cases/audio/beep.wav"
    (found / "beep.wav").write_bytes(beep.read_bytes())
    (found / "folder").mkdir()
    (found / "locked").write_bytes((found / "a.png").read_bytes())
    (found / "locked").chmod(0)
    (found / "dead").symlink_to(found / "nothing")
    os.mkfifo(found / "pipe")
    return found


def value(function: str, rows: list[list[str | None] | None], save_dir: Path) -> list[object]:
    found = REGISTRY.get(function)
    given = {a.name: a.value(a.default) for a in found.signature.parameters}
    given |= {"filter_name": FILTERS[function]} if function in FILTERS else {}
    if "save_dir" in given:
        given["save_dir"] = str(save_dir)
    return apply(found, [pa.array(rows, pa.list_(pa.string()))], given).to_pylist()


def own(function: str, folder: Path) -> str:
    return str(folder / KINDS[REGISTRY.get(function).signature.columns[0].name])


def test_there_are_functions_to_try() -> None:
    assert len(WITHOUT_MODELS) > 30


@pytest.mark.parametrize("function", WITHOUT_MODELS)
def test_lists_of_files(function: str, folder: Path, tmp_path: Path) -> None:
    good = own(function, folder)
    try:
        nothing, none, once, twice = value(function, [None, [], [good], [good, good]], tmp_path)
    except FunctionError as error:
        pytest.skip(str(error))
    assert nothing is None
    assert none == ([] if isinstance(once, list) else None)
    if isinstance(once, list):
        assert twice == once * 2  # the same file has the same value
    else:
        assert twice == once  # a hash of each distinct file
    for bad in (None, "", str(folder), str(folder / "missing"), str(folder / "dead"), str(folder / "pipe"), "\0"):
        for files in ([bad], [good, bad]):
            with pytest.raises((OSError, ValueError)):
                value(function, [files], tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("function", WITHOUT_MODELS)
def test_a_file_that_may_not_be_read_is_an_error(function: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PermissionError):
        value(function, [[str(folder / "locked")]], tmp_path)
