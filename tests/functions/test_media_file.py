"""Bytes inside rows become files: what they are called, what is refused, and a run from Parquet through image stats."""

from __future__ import annotations

import io
import json
import shutil
import wave
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("PIL")

from definitions_media import picture

import juicesql
from juicesql.call import RowFailed, apply
from juicesql.errors import FunctionError
from juicesql.registry import Registry

REGISTRY = Registry()


def made(*contents: bytes | None, folder: Path, suffix: str = "") -> list[str | None]:
    column = pa.array(contents, pa.binary())
    return apply(REGISTRY.get("media_file"), [column], {"suffix": suffix, "save_dir": str(folder)}).to_pylist()


def encoded(kind: str, seed: int = 1, width: int = 40, height: int = 30) -> bytes:
    out = io.BytesIO()
    picture(seed, width, height).save(out, kind)
    return out.getvalue()


def filmed(suffix: str, encoder: str) -> bytes:
    av = pytest.importorskip("av")
    out = io.BytesIO()
    with av.open(out, "w", format=suffix) as container:
        sound = encoder in ("flac", "aac", "pcm_s16be")
        stream = container.add_stream(encoder, rate=44100 if sound else 25)
        if sound:
            kind = stream.format.name
            samples = np.zeros((1, 1024), np.float32 if kind == "fltp" else np.int16)
            frames = [av.AudioFrame.from_ndarray(samples, kind, "mono")]
            frames[0].sample_rate = 44100
        else:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            frames = [av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * n, np.uint8)) for n in range(5)]
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        *(("JPEG", ".jpg"), ("PNG", ".png"), ("GIF", ".gif"), ("BMP", ".bmp"), ("TIFF", ".tif"), ("WEBP", ".webp")),
        *(("PPM", ".pnm"), ("JPEG2000", ".jp2"), ("AVIF", ".avif")),
    ],
)
def test_images_are_told_by_their_first_bytes(kind: str, suffix: str, tmp_path: Path) -> None:
    content = encoded(kind)
    (path,) = made(content, folder=tmp_path)
    assert Path(path).suffix == suffix and Path(path).read_bytes() == content


@pytest.mark.parametrize(
    ("container", "encoder", "suffix"),
    [
        *(("mp4", "mpeg4", ".mp4"), ("mov", "mpeg4", ".mov"), ("avi", "mpeg4", ".avi"), ("matroska", "mpeg4", ".mkv")),
        *(("webm", "libvpx", ".webm"), ("mpegts", "mpeg2video", ".ts"), ("mpeg", "mpeg2video", ".mpg")),
        *(("flv", "flv", ".flv"), ("asf", "mpeg4", ".wmv"), ("flac", "flac", ".flac"), ("adts", "aac", ".aac")),
        *(("aiff", "pcm_s16be", ".aiff"), ("ipod", "aac", ".m4a")),
    ],
)
def test_videos_and_sounds_are_told_by_their_first_bytes(
    container: str, encoder: str, suffix: str, tmp_path: Path
) -> None:
    (path,) = made(filmed(container, encoder), folder=tmp_path)
    assert Path(path).suffix == suffix


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        *((b"\xff\xfb\x90\x00", ".mp3"), (b"ID3\x04\x00", ".mp3"), (b"OggS\0", ".ogg"), (b"\xff\xf1\x50\x80", ".aac")),
        *((b"\0\0\0\x18ftypheic", ".heic"), (b"\0\0\0\x08wide", ".mov"), (b"RIFF\0\0\0\0abcd", ".bin")),
        *((b"\xff", ".bin"), (b"P", ".bin"), (b"P7", ".bin"), (b"plain text", ".bin"), (b"\0", ".bin")),
    ],
)
def test_heads_by_hand(head: bytes, suffix: str, tmp_path: Path) -> None:
    assert Path(made(head, folder=tmp_path)[0]).suffix == suffix


def test_a_wave_file_is_told(tmp_path: Path) -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\1" * 80)
    assert Path(made(out.getvalue(), folder=tmp_path)[0]).suffix == ".wav"


def test_equal_bytes_give_one_file_that_is_written_once(tmp_path: Path) -> None:
    a, b = encoded("PNG", 1), encoded("PNG", 2)
    paths = made(a, b, None, a, b"", folder=tmp_path)
    assert paths[0] == paths[3] != paths[1] and paths[2] is paths[4] is None
    assert sorted(map(str, tmp_path.iterdir())) == sorted(paths[:2])
    before = Path(paths[0]).stat().st_mtime_ns
    assert made(a, folder=tmp_path) == paths[:1] and Path(paths[0]).stat().st_mtime_ns == before


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as out:
            out.write(data[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        made(b"GIF89a", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "suffix", ["../x", "/x", "a/b", "..", ".", "a\\b", "tar.gz", "a\0", "p ng", "ä", "a\n", "x" * 11]
)
def test_a_suffix_is_letters_and_digits(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(FunctionError, match="suffix"):
        made(b"GIF89a", folder=tmp_path / "made", suffix=suffix)
    assert not (tmp_path / "made").exists()


def test_a_suffix_may_be_given(tmp_path: Path) -> None:
    a, b = made(b"abc", folder=tmp_path, suffix="JPG"), made(b"abc", folder=tmp_path, suffix=".JPG")
    assert a == b and a[0].endswith(".JPG")


def test_more_than_the_limit_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from juicesql.udfs.multimodal import media_file as module

    monkeypatch.setattr(module, "MOST_BYTES", 5)
    with pytest.raises((ValueError, RowFailed), match="6 bytes are more than 5"):
        made(b"GIF89a", folder=tmp_path)


# From Parquet

STATS = "image_width(images) as width, image_hash(images) as hash, image_brightness(images) as light"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Rows as data sets of Hugging Face have them: 30 images, one of them noise, one without bytes, one missing."""
    (tmp_path / "juicesql.toml").write_text("")
    contents: list[bytes | None] = [encoded("PNG", n, 20 + n) for n in range(30)]
    contents[3], contents[7], contents[11] = b"\x89PNG\r\n\x1a\nnoise", b"", None
    rows = [{"number": n, "image": {"bytes": c, "path": f"../{n}.png"}} for n, c in enumerate(contents)]
    kind = pa.schema({"number": pa.int64(), "image": pa.struct({"bytes": pa.binary(), "path": pa.string()})})
    pq.write_table(pa.Table.from_pylist(rows, kind), tmp_path / "data.parquet")
    return tmp_path


def recipe(project: Path, columns: str = "* exclude (image, images)", export: str = "out.jsonl") -> Path:
    path = project / "r.sql.j2"
    path.write_text(
        f'{{{{ config(source="data.parquet", export="{export}", max_error_rate=0.5) }}}}\n'
        "with files as (\n"
        "    select *, [media_file(image.bytes)] as images from source where octet_length(image.bytes) > 0\n"
        f")\nselect {columns}, {STATS} from files"
    )
    return path


def exported(project: Path) -> list[dict]:
    return [json.loads(line) for line in (project / "out.jsonl").read_text().splitlines()]


def test_images_inside_parquet_rows_are_measured(project: Path) -> None:
    juicesql.run(recipe(project))
    rows = exported(project)
    assert [row["number"] for row in rows] == [n for n in range(30) if n not in (7, 11)]
    assert all(row["width"] == [20 + row["number"]] and len(row["hash"][0]) == 16 for row in rows if row["number"] != 3)
    assert rows[3]["hash"] is None
    with duckdb.connect(str(project / "stats.duckdb"), read_only=True) as con:
        assert con.execute("select distinct sample_id from errors").fetchall() == [(3,)]
    files = list((project / "produced" / "media_file").iterdir())
    assert len(files) == 28 and all(f.suffix == ".png" for f in files)


def test_files_that_are_gone_are_made_again(project: Path) -> None:
    juicesql.run(recipe(project))
    first, kept = exported(project), (project / "produced").rename(project / "before")
    juicesql.run(recipe(project))
    assert exported(project) == first
    again = project / "produced" / "media_file"
    assert {f.name: f.read_bytes() for f in again.iterdir()} == {
        f.name: f.read_bytes() for f in (kept / "media_file").iterdir()
    }
    shutil.rmtree(again)
    next(iter((project / "before" / "media_file").iterdir())).unlink()
    assert juicesql.run(recipe(project)).kept == len(first)


@pytest.mark.parametrize("export", ["out.jsonl", "out.parquet"])
def test_rows_are_exported_with_their_bytes(export: str, project: Path) -> None:
    juicesql.run(recipe(project, "*", export))
    if export == "out.parquet":
        rows = pq.read_table(project / export).to_pylist()
        original = {row["number"]: row for row in pq.read_table(project / "data.parquet").to_pylist()}
        assert len(rows) == 28 and all(row["image"] == original[row["number"]]["image"] for row in rows)
    else:
        rows = exported(project)
        assert len(rows) == 28
    assert all(Path(row["images"][0]).is_file() for row in rows)
