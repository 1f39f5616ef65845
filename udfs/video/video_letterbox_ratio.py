"""Stat `video_letterbox_ratio`."""

import numpy as np

from juicesql.api import Sampling, stat

from ._frames import paced


@stat(
    "video_letterbox_ratio(videos VARCHAR[], sampling_fps DOUBLE := 2, black INTEGER := 24) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    frames=lambda sampling_fps, **_: Sampling("paced", fps=sampling_fps),
)
def video_letterbox_ratio(videos: list[str], sampling_fps: float, black: int) -> list[float]:
    """Share of each video's picture that is black bars at its edges, in all sampled frames; 1 for a video all black.

    A row or column belongs to a bar when its mean grey value (0 to 255) is at most `black` in every frame and nothing
    brighter lies between it and the edge. The frames are those of `video_motion_score`, so both together decode a
    video once.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row.
    Usual cut: <= 0.05. Source: the rule and default of the filter cropdetect of FFmpeg.
    """
    ratios = {path: _bars(paced(path, sampling_fps), black) for path in dict.fromkeys(videos)}
    return [ratios[path] for path in videos]


def _bars(frames: list[np.ndarray], black: int) -> float:
    rows, columns = (_inside(np.max([f.mean(axis=axis) for f in frames], axis=0), black) for axis in (1, 0))
    return 1 - rows * columns


def _inside(brightest: np.ndarray, black: int) -> float:
    """The share of lines between the first and the last that are not black."""
    lit = np.flatnonzero(brightest > black)
    return float(lit[-1] - lit[0] + 1) / len(brightest) if len(lit) else 0.0
