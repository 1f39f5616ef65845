"""Perceptual hashes of 64 bits: pictures that look alike have hashes that differ in few bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image


def _grey(image: Image, width: int, height: int) -> np.ndarray:
    from PIL.Image import Resampling

    return np.asarray(image.resize((width, height), Resampling.LANCZOS).convert("L"))


def _phash(image: Image) -> np.ndarray:
    from scipy.fft import dct

    low = dct(dct(_grey(image, 32, 32), axis=0), axis=1)[:8, :8]
    return low >= np.median(low.ravel()[1:])  # the first is the mean brightness


def _ahash(image: Image) -> np.ndarray:
    grey = _grey(image, 8, 8)
    return grey >= grey.mean()


def _dhash(image: Image) -> np.ndarray:
    grey = _grey(image, 9, 8)
    return grey[:, 1:] > grey[:, :-1]


def _whash(image: Image) -> np.ndarray:
    low = _grey(image, 256, 256) / 255
    half = np.sqrt(0.5)  # of the Haar wavelet
    for _ in range(5):
        low = half * low[1::2] + half * low[::2]
        low = half * low[:, 1::2] + half * low[:, ::2]
    return low >= np.median(low)


HASHES: dict[str, Callable[[Image], np.ndarray]] = {"phash": _phash, "dhash": _dhash, "whash": _whash, "ahash": _ahash}


def hash_bytes(image: Image, method: str) -> bytes:
    """The 8 bytes of the hash of an RGB image; the first bit is that of the upper left corner."""
    return np.packbits(HASHES[method](image)).tobytes()
