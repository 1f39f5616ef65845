"""Mapper `media_file`."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from juicesql.api import FunctionError, mapper

from .._produced import produced
from ._magic import suffix_of

MOST_BYTES = 2 << 30
SUFFIX = re.compile(r"\.?([A-Za-z0-9]{1,10})")


@mapper(
    "media_file(data BLOB, suffix VARCHAR := '', save_dir VARCHAR := '') -> VARCHAR",
    runs_on="process",
    rowwise=True,
)
def media_file(data: bytes, suffix: str, save_dir: str) -> str | None:
    """Writes the bytes of an image, a sound or a video to a file and gives its path, for functions that take paths.

    Media that lie inside Parquet rows are measured by `select *, [media_file(image_bytes)] as images from source`. Data
    sets of Hugging Face keep an image as STRUCT(bytes BLOB, path VARCHAR): `[media_file(image.bytes)] as images`. Leave
    the bytes out of what is exported, as in `select * exclude (image)`, unless they are wanted twice.

    The file ends with `suffix`, such as '.png', of at most 10 letters and digits; without it with the usual one of its
    kind, by its first bytes (JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF, HEIC, JPEG 2000, PNM; WAV, MP3, FLAC, Ogg, AAC,
    AIFF, M4A; MP4, QuickTime, Matroska, WebM, AVI, MPEG, ASF, FLV), or '.bin'. Its name comes from the content, so
    equal bytes give one file, which is written once, whole or not at all, into `save_dir` or the run's folder of
    produced media. A later run makes it again where it is gone, and not where it is there. Whether the bytes can be
    decoded is for the functions that read the file to say.

    No bytes: NULL. More than 2 GiB are an error of their row. Source: Data-Juicer reads bytes in each of its operators
    that has a parameter `image_bytes_key` or the like.
    """
    found = SUFFIX.fullmatch(suffix)
    if suffix and not found:
        message = f"suffix is {suffix!r}"
        raise FunctionError.of("bad-parameter", message, "give at most 10 letters and digits, such as '.png'")
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data):,} bytes are more than {MOST_BYTES:,}")
    if not data:
        return None
    ending = f".{found[1]}" if found else suffix_of(data)
    named = {"content": hashlib.sha256(data).hexdigest()}
    return produced("media_file", 1, [], named, ending, lambda path: _write(data, path), save_dir)


def _write(data: bytes, path: str) -> None:
    Path(path).write_bytes(data)
