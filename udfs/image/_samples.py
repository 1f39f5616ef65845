"""Pictures of any kind of samples as 8-bit RGB: white stays white, and half of it half."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .._media import open_file

if TYPE_CHECKING:
    from PIL.Image import Image

DEEP = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})  # Pillow's modes of more than 8 bits
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF
WHITE_IS_ZERO, SIGNED = 0, 2
ROWS = 1 << 22  # pixels that are converted at once


def rgb(image: Image) -> Image:
    """A picture whose pixels are there in RGB. Transparency is left out: a pixel keeps the colour that it has.

    Pillow cuts off all above 255 in pictures of more than 8 bits; here their range becomes 0 to 255.
    """
    if image.mode in DEEP:
        image = _scaled(image)
    return image._new(image.im) if image.mode == "RGB" else image.convert("RGB")


def _scaled(image: Image) -> Image:
    """In mode L: whole numbers go from 0 to the largest that their bits can hold, fractions from 0 to 1."""
    from PIL.Image import fromarray

    samples = np.asarray(image)
    white, inverted, unsigned = _range(image)
    grey = np.empty(samples.shape, np.uint8)
    step = max(1, ROWS // max(1, image.width))
    for top in range(0, len(grey), step):
        part = samples[top : top + step]
        values = (part.view(np.uint32) if unsigned else part).astype(np.float64) / white
        _check(image, values)
        values = values.clip(0, 1)
        grey[top : top + step] = np.rint((1 - values if inverted else values) * 255)
    return fromarray(grey)


def _range(image: Image) -> tuple[float, bool, bool]:
    """The number that stands for full light, whether it stands for black, and whether 32 bits are without a sign."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:  # PNG, JPEG 2000 and PNM, whose plugins bring all to 16 bits
        return (1.0 if image.mode == "F" else 65535.0), False, False
    signed = _first(tags.get(SAMPLE_FORMAT, 1)) == SIGNED
    bits = int(_first(tags.get(BITS, 16)))
    white = 1.0 if image.mode == "F" else float(2 ** (bits - signed) - 1)
    return white, tags.get(PHOTOMETRIC) == WHITE_IS_ZERO, image.mode == "I" and bits == 32 and not signed


def _first(said: object) -> object:
    return said[0] if isinstance(said, tuple) and said else said


def _check(image: Image, values: np.ndarray) -> None:
    if image.mode != "F":
        return
    least, most = float(values.min()), float(values.max())
    if not (math.isfinite(least) and math.isfinite(most) and least >= 0 and most <= 1):
        raise ValueError(f"its samples go from {least:g} to {most:g}: those of a picture of fractions go from 0 to 1")


def deep_colours(path: str) -> Image | None:
    """A picture of 16-bit colours, or of grey with transparency; Pillow would cut its samples down to their high bytes.

    None for a file of another kind, and for what OpenCV does not decode.
    """
    import cv2
    from PIL.Image import fromarray

    with open_file(path) as file:
        found = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.ndim != 3:
        return None
    colours = np.empty((*found.shape[:2], 3), np.uint8)
    step = max(1, ROWS // found.shape[1])
    for top in range(0, len(colours), step):
        part = found[top : top + step, :, 2::-1].astype(np.uint32)  # blue comes first
        colours[top : top + step] = (part * 255 + 32767) // 65535
    return fromarray(colours)
