"""Stat `video_static_ratio`."""

from itertools import pairwise

import numpy as np

from juicesql.api import Sampling, stat

from ._frames import paced


@stat(
    "video_static_ratio(videos VARCHAR[], sampling_fps DOUBLE := 2, noise DOUBLE := 0.001) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    frames=lambda sampling_fps, **_: Sampling("paced", fps=sampling_fps),
)
def video_static_ratio(videos: list[str], sampling_fps: float, noise: float) -> list[float]:
    """Share of the pairs of sampled frames of each video between which nothing changes; 1 for a video of one frame.

    Two frames are the same when their grey values (0 to 1) differ by `noise` on average, or less. The frames are
    those of `video_motion_score`, each once, so that no frame is compared with itself; both together decode a video
    once. It is much cheaper than the motion score.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row.
    Usual cut: <= 0.5. Source: the rule and default of the filter freezedetect of FFmpeg, over sampled frames.
    """
    ratios = {}
    for path in dict.fromkeys(videos):
        frames = paced(path, sampling_fps)
        still = [_difference(a, b) <= noise for a, b in pairwise(frames)]
        ratios[path] = float(np.mean(still)) if still else 1.0
    return [ratios[path] for path in videos]


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    import cv2

    return float(cv2.absdiff(a, b).mean()) / 255 if a.shape == b.shape else 1.0
