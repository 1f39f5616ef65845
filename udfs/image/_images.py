"""Reading image files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from juicesql.api import FunctionError

from .._media import check_pixels, open_file
from ._png import Head, check_rows, checked_png
from ._samples import BITS, deep_colours, rgb

if TYPE_CHECKING:
    from PIL import Image

# Common ones first. EPS and its like are left out: they would start another program. SVG is no picture but a program.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "AVIF", "TIFF", "JPEG2000", "DIB", "ICO")
UNMARKED = {"TGA": (".tga", ".icb", ".vda", ".vst")}  # has no mark of its own: any bytes may look like one
BAND = 1 << 22  # pixels
DEEP_COLOURS = 4  # times the memory of others, while they are brought to 8 bits
ORIENTATION = 0x0112  # the tag of EXIF
TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
    6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip


def open_image(path: str) -> Image.Image:
    """The first picture of a file in 8-bit RGB, turned as its EXIF orientation says.

    Raises for a file that is missing, broken, cut off, or of more pixels than the run allows.
    """
    from PIL import Image

    with opened(path) as image:
        png = _checked(image) if image.format == "PNG" else None
        deep = _is_deep(image, png)
        image.load()
        if png and _may_lack_rows(image, png):
            with open_file(path) as file:
                check_rows(file, png)
        turn = TURNS.get(orientation(image))
        shown = (deep_colours(path) if deep else None) or rgb(image)
    return shown.transpose(Image.Transpose[turn]) if turn else shown


def _checked(image: Image.Image) -> Head:
    place = image.fp.tell()
    head = checked_png(image.fp)
    image.fp.seek(place)
    return head


def _is_deep(image: Image.Image, png: Head | None) -> bool:
    """Whether a picture has colours of 16 bits, which take more memory."""
    tiff = image.format == "TIFF" and image.tag_v2.get(BITS) == (16, 16, 16)
    deep = tiff or (png is not None and png.bits == 16 and png.kind in (2, 4, 6))
    if deep:
        check_pixels(*image.size, DEEP_COLOURS)
    return deep


def _may_lack_rows(image: Image.Image, png: Head) -> bool:
    """The last row of most pictures has a pixel that is not zero, and then all rows are there."""
    last = image.crop((0, image.height - 1, image.width, image.height))
    return png.interlaced or not np.asarray(last).any()


@contextmanager
def opened(path: str) -> Iterator[Image.Image]:
    """An image whose head is read; what is wrong with the file is an OSError that names it."""
    from PIL import Image

    with warnings.catch_warnings(), open_file(path) as file:
        warnings.simplefilter("ignore")  # of odd metadata, and of many pixels that are still within the limit
        formats = [*FORMATS, *(name for name, suffixes in UNMARKED.items() if path.lower().endswith(suffixes))]
        try:
            with Image.open(file, formats=formats) as image:
                check_pixels(*image.size)
                yield image
        except Image.UnidentifiedImageError as error:
            raise OSError(f"{path} is not a picture of a known format, or its head is damaged") from error
        except FunctionError:
            raise
        except Exception as error:  # of many kinds: what a broken file makes of the decoders
            raise OSError(f"{path}: {error}") from error


def orientation(image: Image.Image) -> int:
    """1 to 8 as in EXIF. The pixels of a PNG must be there: what is wrong with them would be passed over here."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # an EXIF block that cannot be read says nothing; the picture may be whole
        return 1


def grey(image: Image.Image) -> np.ndarray:
    """The luma of ITU-R BT.601 of an RGB picture, rounded; made in bands, so that its colours are not held twice."""
    import cv2

    width, height = image.size
    luma = np.empty((height, width), np.uint8)
    step = max(1, BAND // width)
    for top in range(0, height, step):
        band = image.crop((0, top, width, min(top + step, height)))
        luma[top : top + step] = cv2.cvtColor(np.asarray(band), cv2.COLOR_RGB2GRAY)
    return luma
