"""The size of pictures without decoding them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from ._images import ORIENTATION, open_image, opened

if TYPE_CHECKING:
    from PIL.Image import Image

TAIL = 1024  # bytes; some programs put padding or notes behind the end of a picture


def image_size(path: str) -> tuple[int, int]:
    """Width and height of an image as `open_image` gives it.

    Of the common formats only the head and the end of the file are read. Raises what `open_image` raises, but does not
    see damage in the middle of a file.
    """
    with opened(path) as image:
        if CHECKS.get(image.format or "", _unknown)(image.fp):
            width, height = image.size
            return (height, width) if _is_on_its_side(image) else (width, height)
    return open_image(path).size


def _is_on_its_side(image: Image) -> bool:
    from PIL import Image as base

    try:
        return 5 <= int(base.Image.getexif(image).get(ORIENTATION, 1)) <= 8  # the one of PNG would decode the picture
    except Exception:  # an EXIF block that cannot be read says nothing
        return False


def _jpeg_ends(file: BinaryIO) -> bool:
    """The marker of the end never stands inside the data of a scan."""
    return b"\xff\xd9" in _tail(file)


def _png_ends(file: BinaryIO) -> bool:
    """All chunks are there, and no text behind the pixels that could say how the picture is turned."""
    file.seek(8)
    seen = set()
    while len(head := file.read(8)) == 8:
        kind = head[4:]
        if kind == b"IEND":
            return True
        if b"IDAT" in seen and kind in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
            return False
        seen.add(kind)
        file.seek(int.from_bytes(head[:4], "big") + 4, os.SEEK_CUR)
    return False


def _gif_ends(file: BinaryIO) -> bool:
    return _tail(file).rstrip(b"\0\r\n").endswith(b";")


def _webp_ends(file: BinaryIO) -> bool:
    return int.from_bytes(_head(file)[4:8], "little") + 8 <= _length(file)


def _bmp_ends(file: BinaryIO) -> bool:
    return 0 < int.from_bytes(_head(file)[2:6], "little") <= _length(file)


def _unknown(file: BinaryIO) -> bool:
    return False


CHECKS = {
    "JPEG": _jpeg_ends, "MPO": _jpeg_ends, "PNG": _png_ends, "GIF": _gif_ends, "WEBP": _webp_ends, "BMP": _bmp_ends,
}  # fmt: skip


def _length(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(8)


def _tail(file: BinaryIO) -> bytes:
    file.seek(max(0, _length(file) - TAIL))
    return file.read()
