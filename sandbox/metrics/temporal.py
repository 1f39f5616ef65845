"""Dimensions of VBench (Huang and others, arXiv 2311.17982) that follow from frames or from features of frames."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Flicker:
    """Temporal flickering: (255 - mean absolute difference of neighbouring frames) / 255. 1: nothing ever changes.

    >>> flicker = Flicker()
    >>> for shade in (0, 255, 0):
    ...     flicker.add(np.full((2, 2, 3), shade, np.uint8))
    >>> flicker.score
    0.0
    """

    def __init__(self) -> None:
        self._last: Array | None = None
        self._total, self._pairs = 0.0, 0

    def add(self, frame: Array) -> None:
        """The next frame, pixels from 0 to 255."""
        if self._last is not None:
            if self._last.shape != frame.shape:
                raise ValueError("the size of the frames changes within the video")
            self._total += float(np.abs(self._last.astype(np.int16) - frame.astype(np.int16)).mean())
            self._pairs += 1
        self._last = frame

    @property
    def score(self) -> float:
        if not self._pairs:
            raise ValueError("the video has a single frame")
        return 1.0 - self._total / self._pairs / 255


def consistency(features: Array) -> tuple[float, int]:
    """Sum and count over the frames after the first of the mean of two cosines: with the first frame, with the frame
    before. Cosines below 0 count as 0, as in the code of VBench. ValueError for fewer than two frames."""
    rows = np.asarray(features, np.float64)
    if len(rows) < 2:
        raise ValueError("the video has a single frame")
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    with_first = np.maximum(rows[1:] @ rows[0], 0.0)
    with_last = np.maximum((rows[1:] * rows[:-1]).sum(axis=1), 0.0)
    return float(((with_first + with_last) / 2).sum()), len(rows) - 1
