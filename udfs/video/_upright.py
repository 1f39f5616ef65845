"""How the frames of a video are to be turned when they are shown: by the display matrix of the file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame

MATRIX = "DISPLAYMATRIX"


@dataclass(frozen=True)
class Turn:
    """Rows and columns change places first; then columns, then rows may go in the other direction."""

    swapped: bool = False
    mirrored: bool = False  # the first column becomes the last
    flipped: bool = False  # the first row becomes the last

    @property
    def filters(self) -> list[tuple[str, str]]:
        """The filters of FFmpeg that do it."""
        steps = {"transpose": self.swapped, "hflip": self.mirrored, "vflip": self.flipped}
        return [(name, "cclock_flip" if name == "transpose" else "") for name, wanted in steps.items() if wanted]


def matrix_of(frame: VideoFrame) -> tuple[int, ...] | None:
    """The nine numbers a b u, c d v, x y w (ISO/IEC 14496-12, section 6.2.2): a pixel (p, q) goes to (ap+cq, bp+dq)."""
    for data in frame.side_data:
        if data.type.name == MATRIX:
            return struct.unpack("=9i", bytes(data))
    return None


def turn_of(frame: VideoFrame) -> Turn:
    """The nearest of the eight ways to turn a picture by quarters and to mirror it."""
    matrix = matrix_of(frame)
    if matrix is None:
        return Turn()
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Turn(True, c < 0, b < 0)
    return Turn(False, a < 0, d < 0)


def upright(pixels: np.ndarray, turn: Turn) -> np.ndarray:
    """Pixels (height, width) or (height, width, colours) as they are shown; a view."""
    shown = pixels.swapaxes(0, 1) if turn.swapped else pixels
    return shown[:: -1 if turn.flipped else 1, :: -1 if turn.mirrored else 1]
