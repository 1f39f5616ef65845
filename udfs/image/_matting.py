"""The soft edges of what is cut out of an image."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from juicesql.api import FunctionError

if TYPE_CHECKING:
    from PIL.Image import Image


def need_pymatting() -> None:
    if find_spec("pymatting") is None:
        raise FunctionError.of("no-library", "pymatting is not installed", "pip install pymatting")


def with_matted_edges(image: Image, mask: Image, in_front: int, behind: int, eroded: int) -> Image | None:
    """RGBA by closed-form matting (Levin and others 2008); None where the mask has no sure pixels of both kinds."""
    need_pymatting()
    from PIL.Image import fromarray
    from pymatting import estimate_alpha_cf, estimate_foreground_ml, stack_images

    pixels = np.asarray(image) / 255
    try:
        alpha = estimate_alpha_cf(pixels, _trimap(np.asarray(mask), in_front, behind, eroded))
    except ValueError:
        return None
    cut = stack_images(estimate_foreground_ml(pixels, alpha), alpha)
    return fromarray((cut.clip(0, 1) * 255).astype(np.uint8))


def _trimap(mask: np.ndarray, in_front: int, behind: int, eroded: int) -> np.ndarray:
    """1 for pixels that are surely in front, 0 for those behind, 128/255 for all others."""
    from scipy.ndimage import binary_erosion

    shape = np.ones((eroded, eroded)) if eroded > 0 else None
    trimap = np.full(mask.shape, 128 / 255)
    trimap[binary_erosion(mask > in_front, shape)] = 1
    trimap[binary_erosion(mask < behind, shape, border_value=1)] = 0
    return trimap
