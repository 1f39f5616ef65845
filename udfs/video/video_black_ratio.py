"""Stat `video_black_ratio`."""

import numpy as np

from juicesql.api import Sampling, stat

from ._frames import paced


@stat(
    "video_black_ratio(videos VARCHAR[], sampling_fps DOUBLE := 2, black DOUBLE := 0.1, area DOUBLE := 0.98) "
    "-> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    frames=lambda sampling_fps, **_: Sampling("paced", fps=sampling_fps),
)
def video_black_ratio(videos: list[str], sampling_fps: float, black: float, area: float) -> list[float]:
    """Share of the sampled frames of each video that are black.

    A frame is black when at least the share `area` of its pixels is no brighter than `black` (of 0 to 1, as grey). The
    frames are those of `video_motion_score`, each once; both together decode a video once.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row.
    Usual cut: <= 0.5. Source: the rule and defaults of the filter blackdetect of FFmpeg.
    """
    limit, ratios = black * 255, {}
    for path in dict.fromkeys(videos):
        frames = paced(path, sampling_fps)
        ratios[path] = float(np.mean([np.count_nonzero(f <= limit) >= area * f.size for f in frames]))
    return [ratios[path] for path in videos]
