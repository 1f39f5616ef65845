"""Where a mark lies that stays the same in all frames of a video, and painting over it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from juicesql.api import FunctionError

Box = tuple[int, int, int, int]  # left, top, right, bottom
_NUMBER = r"\s*(\d+(?:\.\d+)?)\s*"
_REGION = re.compile(rf"\s*[\[(]?{','.join([_NUMBER] * 4)}[\])]?\s*")


def regions(strings: Sequence[str], kind: str) -> list[tuple[float, ...]]:
    """The numbers of regions that are written "x1, y1, x2, y2", "(x1, y1, x2, y2)" or "[x1, y1, x2, y2]"."""
    if kind not in ("ratio", "pixel"):
        raise FunctionError.of("bad-parameter", f"roi_type is {kind!r}", "use ratio or pixel")
    found = []
    for text in strings:
        match = _REGION.fullmatch(text)
        numbers = tuple(map(float, match.groups())) if match else ()
        if not match or numbers[0] >= numbers[2] or numbers[1] >= numbers[3]:
            mend = "write '0,0,0.1,0.1': left, top, right, bottom"
            raise FunctionError.of("bad-parameter", f"roi_strings has {text!r}", mend)
        found.append(numbers)
    return found


def boxes(found: Sequence[tuple[float, ...]], kind: str, width: int, height: int) -> list[Box]:
    """The regions in pixels of a frame, cut at its edges. ValueError for one that holds no pixel."""
    sides = (width, height, width, height)
    scaled = [[min(n, 1.0) * s if kind == "ratio" else n for n, s in zip(r, sides, strict=True)] for r in found]
    cut = [tuple(min(int(n), s) for n, s in zip(r, sides, strict=True)) for r in scaled]
    for box in cut:
        if box[0] >= box[2] or box[1] >= box[3]:
            raise ValueError(f"a region holds no pixel of a frame of {width} x {height}")
    return cut  # type: ignore[return-value]


def mask_by_value(frames: Sequence[np.ndarray], areas: Sequence[Box], least: int) -> np.ndarray:
    """Where at least `least` frames have a pixel that stands out of its region."""
    import cv2

    counts = np.zeros(frames[0].shape[:2], np.int32)
    for frame in frames:
        marked = np.zeros(frame.shape[:2], bool)
        for left, top, right, bottom in areas:
            area = np.ascontiguousarray(frame[top:bottom, left:right])
            grey = cv2.cvtColor(area, cv2.COLOR_RGB2GRAY)
            bright = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1] > 0
            # A mark does not touch the edge of its region, so what fills the edge is the background.
            edge = int(bright[0].sum()) + int(bright[:, 0].sum())
            marked[top:bottom, left:right] |= ~bright if 2 * edge > sum(bright.shape) else bright
        counts += marked
    return _grown(counts >= least)


def mask_by_diversity(frames: Sequence[np.ndarray], areas: Sequence[Box]) -> np.ndarray:
    """Where the pixels of a region change less from frame to frame than the others."""
    import cv2

    marked = np.zeros(frames[0].shape[:2], bool)
    for left, top, right, bottom in areas:
        spread = np.stack([frame[top:bottom, left:right] for frame in frames]).std(axis=0).sum(-1)
        low, high = spread.min(), spread.max()
        scaled = (255 * (spread - low) / (high - low if high > low else 1)).astype(np.uint8)
        moving = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1] > 0
        marked[top:bottom, left:right] |= ~moving
    return _grown(marked)


def _grown(marked: np.ndarray) -> np.ndarray:
    """As a mask of OpenCV, two pixels wider on all sides."""
    import cv2

    return cv2.dilate(marked.astype(np.uint8) * 255, np.ones((5, 5), np.uint8))


def painted(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The frame with the masked pixels made up from those around them (Navier-Stokes, radius 3)."""
    import cv2

    return cv2.inpaint(np.ascontiguousarray(frame[..., ::-1]), mask, 3, cv2.INPAINT_NS)[..., ::-1]
