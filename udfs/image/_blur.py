"""Blurring images, and writing what was made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING

from juicesql.api import FunctionError

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS = ("mean", "box", "gaussian")
LOSSY = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
EXACT = {".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}
QUALITY = 95


def blurring(blur_type: str, radius: float) -> Callable[[Image], Image]:
    """The filter of these parameters."""
    if blur_type not in KINDS:
        raise FunctionError.of("bad-parameter", f"blur_type is {blur_type!r}", f"use one of {', '.join(KINDS)}")
    if not 0 <= radius < float("inf"):
        raise FunctionError.of("bad-parameter", f"radius is {radius}", "give 0 or more")

    def blurred(image: Image) -> Image:
        from PIL import ImageFilter

        kinds = {"box": ImageFilter.BoxBlur, "gaussian": ImageFilter.GaussianBlur}
        return image.filter(kinds[blur_type](radius) if blur_type in kinds else ImageFilter.BLUR)

    return blurred


def suffix_of(path: str) -> str:
    """The suffix of what is made of an image: its own, or .png for formats with few colours or that are not written."""
    suffix = PurePath(path).suffix.lower()
    return suffix if suffix in LOSSY or suffix in EXACT else ".png"


def save(image: Image, path: str) -> None:
    """Write an RGB image in the format of the suffix; JPEG and WebP with quality 95."""
    suffix = suffix_of(path)
    if suffix in LOSSY:
        image.save(path, LOSSY[suffix], quality=QUALITY)
    else:
        image.save(path, EXACT[suffix])
