"""Sharpness, brightness and contrast of an image: one decoding gives all three."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import NamedTuple

from .._media import open_file
from ._images import grey, open_image


class Light(NamedTuple):
    sharpness: float  # variance of the Laplacian of the grey image, which has values of 0 to 255
    brightness: float  # mean of the grey image, 0 to 1
    contrast: float  # standard deviation of the grey image, 0 to 0.5


def light(path: str) -> Light:
    with open_file(path) as file:
        status = os.fstat(file.fileno())
    return _measured(path, (status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=20_000)  # of a batch and more: another function asks for the same image right after
def _measured(path: str, identity: tuple[int, ...]) -> Light:
    import cv2

    luma = grey(open_image(path))
    (mean,), (deviation,) = (part.ravel() for part in cv2.meanStdDev(luma))
    spread = float(cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_32F))[1].ravel()[0])
    return Light(spread**2, float(mean) / 255, float(deviation) / 255)
