"""Finds image and video files, and decodes them within limits: regular files only, no other file or host named inside.

A file that cannot be read to its end raises ValueError or OSError, so that it is counted and no more.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from juicesql.sources import SourceSpec, open_source

from ..errors import SandboxError

Array = np.ndarray[Any, Any]
IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
VIDEOS = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".gif")
IMAGE_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
MOST_PIXELS = 178_956_970  # of a picture or frame: Pillow's limit
MOST_BYTES = 2 << 30  # of the frames that are held at a time


def listed(path: Path, kind: str, key: str = "") -> list[str]:
    """The image or video files (`kind` is `images` or `videos`) of a folder, or those that a dataset names.

    Files of a folder are sorted by path. A dataset has them in the column `key`, by default one called as the kind: a
    path or a list of paths, which begin at the dataset's folder. SandboxError when there is none.
    """
    found = _in_folder(path, IMAGES if kind == "images" else VIDEOS) if path.is_dir() else _in_rows(path, key or kind)
    if not found:
        raise SandboxError.of("no-media", f"there are no {kind} in {path}", "give a folder of files, or a dataset")
    return found


def _in_folder(folder: Path, suffixes: Sequence[str]) -> list[str]:
    return sorted(str(f) for f in folder.rglob("*") if f.suffix.lower() in suffixes and f.is_file())


def _in_rows(path: Path, key: str) -> list[str]:
    source = open_source(SourceSpec((str(path),)))
    if key not in source.schema.names:
        columns = ", ".join(n for n in source.schema.names if not n.startswith("__"))
        raise SandboxError.of("missing-column", f"{path} has no column {key}", f"set media_key; its columns: {columns}")
    found: list[str] = []
    for morsel in source.morsels():
        for value in morsel.load().table.column(key).to_pylist():
            found += [str(path.parent / v) for v in ([value] if isinstance(value, str) else value or ()) if v]
    return found


def read_image(path: str) -> Array:
    """RGB pixels of the first picture of a file, turned as its EXIF orientation says."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings(), _opened(path) as file:
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=IMAGE_FORMATS) as image:
                return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        except (SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(str(error)) from error


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("it is no file")
    with open(path, "rb") as file:
        yield file


@contextmanager
def _stream(path: str) -> Iterator[tuple[Any, Any]]:
    """The container of a video and its first video stream; an error of FFmpeg is a ValueError."""
    import av

    with _opened(path) as file:
        try:
            with av.open(file, options={"protocol_whitelist": "none"}, metadata_errors="ignore") as container:
                streams = [s for s in container.streams.video if s.codec_context is not None]
                if not streams or not streams[0].width * streams[0].height:
                    raise ValueError("it has no video stream")
                stream = streams[0]
                if stream.width * stream.height > MOST_PIXELS:
                    raise ValueError(f"its frames have more than {MOST_PIXELS:,} pixels")
                stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
                yield container, stream
        except av.FFmpegError as error:
            raise ValueError(f"it cannot be decoded: {error.strerror}") from error


def count_frames(path: str) -> int:
    """How many frames the packets of a video hold, without decoding. ValueError when it is damaged or cut off."""
    with _stream(path) as (container, stream):
        frames, end = 0, 0.0
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise ValueError("it is truncated or damaged")
            if packet.size:
                frames += 1
                time = packet.pts if packet.pts is not None else packet.dts or 0
                end = max(end, float((time + (packet.duration or 0)) * packet.time_base))
        missing = float(container.duration or 0) / 1e6 - (end - float(container.start_time or 0) / 1e6)
        short = frames < stream.frames if "mp4" in container.format.name else missing > max(1, 0.02 * end)
        if not frames or short:
            raise ValueError("it is truncated" if frames else "it has no frames")
        return frames


def frames(path: str, size: tuple[int, int] | None = None) -> Iterator[Array]:
    """All frames of a video as RGB pixels, turned as the file says; `size` is height and width to resize to."""
    with _stream(path) as (container, stream):
        for frame in container.decode(stream):
            options = {"height": size[0], "width": size[1]} if size else {}
            pixels = frame.to_ndarray(format="rgb24", **options)
            turns = round(frame.rotation / 90) % 4 if frame.rotation else 0
            yield np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def spread(path: str, number: int, size: tuple[int, int] | None = None) -> list[Array]:
    """`number` frames at equal distances, the first and the last included; all of them when there are fewer."""
    wanted = set(np.linspace(0, count_frames(path) - 1, number).round().astype(int).tolist())
    return [pixels for at, pixels in enumerate(frames(path, size)) if at in wanted]


def clips(
    path: str, number: int, length: int, stride: int, random: np.random.Generator, size: tuple[int, int] | None = None
) -> Iterator[list[Array]]:
    """`number` clips that start at random frames: `length` frames each, of which every `stride`-th is taken.

    The video is decoded once, and only frames that a clip still needs are held.
    """
    count, whole = count_frames(path), (length - 1) * stride + 1
    if count < whole:
        raise ValueError(f"it has {count} frames, and a clip takes {whole}")
    starts = sorted(random.integers(0, count - whole + 1, number).tolist())
    held: dict[int, Array] = {}
    wanted = {start + step * stride for start in starts for step in range(length)}
    for at, pixels in enumerate(frames(path, size)):
        if at not in wanted:
            continue
        held[at] = pixels
        if sum(p.nbytes for p in held.values()) > MOST_BYTES:
            raise ValueError("its frames are too large to hold a clip: give height and width")
        while starts and at == starts[0] + whole - 1:
            start = starts.pop(0)
            yield [held[start + step * stride] for step in range(length)]
            held = {k: v for k, v in held.items() if starts and k >= starts[0]}
    if starts:
        raise ValueError("it ends before its last frame")
