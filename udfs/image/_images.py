"""Reading image files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._media import open_file

if TYPE_CHECKING:
    from PIL import Image

# Common ones first. EPS and its like are left out: they would start another program.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "AVIF", "TIFF", "JPEG2000", "DIB", "ICO", "TGA")
ORIENTATION = 0x0112  # the tag of EXIF


def open_image(path: str) -> Image.Image:
    """The first picture of a file in RGB, turned as its EXIF orientation says.

    Raises for a file that is missing, broken, cut off, or of more pixels than Pillow's limit (178,956,970).
    """
    from PIL import ImageOps

    with opened(path) as image:
        return (ImageOps.exif_transpose(image) if _is_turned(image) else image).convert("RGB")


@contextmanager
def opened(path: str) -> Iterator[Image.Image]:
    """An image whose head is read; what is wrong with the file is an OSError that names it."""
    from PIL import Image

    with warnings.catch_warnings(), open_file(path) as file:
        warnings.simplefilter("ignore")  # of odd metadata, and of many pixels that are still within the limit
        try:
            with Image.open(file, formats=FORMATS) as image:
                yield image
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise OSError(f"{path}: {error}") from error


def _is_turned(image: Image.Image) -> bool:
    try:
        return int(image.getexif().get(ORIENTATION, 1)) != 1
    except Exception:  # an EXIF block that cannot be read says nothing; the picture may be whole
        return False
