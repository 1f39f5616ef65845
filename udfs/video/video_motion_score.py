"""Stat `video_motion_score`."""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np

from juicesql.api import FunctionError, Sampling, media_settings, stat

from ._frames import sampled

FLOW_SHARE = 8  # of the pixels that a picture may have, frames between which the flow is sought have so much less


@stat(
    "video_motion_score(videos VARCHAR[], sampling_fps DOUBLE := 2, size INTEGER[] := NULL, max_size INTEGER := NULL, "
    "divisible INTEGER := 1, relative BOOLEAN := false) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    frames=lambda sampling_fps, **_: Sampling("paced", fps=sampling_fps),
)
def video_motion_score(
    videos: list[str], sampling_fps: float, size: list[int] | None, max_size: int | None, divisible: int, relative: bool
) -> list[float]:
    """How much moves in each video: the mean length of the optical flow between sampled frames, in pixels.

    Frames are taken every round(fps / sampling_fps) frames, as grey pictures, turned as the file says; the second frame
    of the video comes in after the first, as Data-Juicer's sampling has it, so the pairs are (0, 1), (1, s), (s, 2 s),
    and so on. The flow is that of Farneback (OpenCV, pyramid scale 0.5, 3 levels, window 15, 3 iterations, neighbours
    5 with sigma 1.2); a pair gives the mean of its lengths, with `relative` divided by the diagonal of the frame; a
    video the mean of its pairs, and -1 when it has one frame. `size` scales the shorter side to one number of pixels,
    or the shorter and the longer to two; `max_size` bounds the longer; both are cut to multiples of `divisible`.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row, and so
    are frames of more than 16,777,216 pixels after scaling.

    Usual cut: >= 0.25, and <= 10000. Source: Farneback 2003; Data-Juicer's video_motion_score_filter, which gives the
    new width and height to OpenCV the wrong way round, so its scaled frames are distorted unless they are square.
    """
    if sampling_fps <= 0:
        raise FunctionError.of("bad-parameter", f"sampling_fps is {sampling_fps}", "give a number above 0")
    if size is not None and len(size) not in (1, 2):
        raise FunctionError.of(
            "bad-parameter", f"size is {size}", "give one number, or the shorter and the longer side"
        )
    if divisible < 1:
        raise FunctionError.of("bad-parameter", f"divisible is {divisible}", "give at least 1")
    scores = {}
    for path in dict.fromkeys(videos):
        frames = sampled(path, Sampling("paced", fps=sampling_fps))
        scaled = [_scaled(frame, size, max_size, divisible) for frame in frames]
        _check_memory(path, scaled)
        scores[path] = _score(scaled, relative)
    return [scores[path] for path in videos]


def _check_memory(path: str, frames: list[np.ndarray]) -> None:
    """The flow takes about 110 bytes a pixel."""
    most = media_settings().max_pixels // FLOW_SHARE
    if max((frame.size for frame in frames), default=0) > most:
        raise ValueError(
            f"{path} has frames of more than {most:,} pixels, too many for the flow: give size or max_size"
        )


def _score(frames: list[np.ndarray], relative: bool) -> float:
    import cv2

    cv2.setNumThreads(int(os.environ.get("OMP_NUM_THREADS", 0)) or -1)  # workers share the cores
    lengths = []
    for before, after in pairwise(frames):
        flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0)
        length = float(cv2.magnitude(flow[..., 0], flow[..., 1]).mean())
        lengths.append(length / float(np.hypot(*before.shape)) if relative else length)
    return float(np.mean(lengths)) if lengths else -1.0


def _scaled(frame: np.ndarray, size: list[int] | None, most: int | None, divisible: int) -> np.ndarray:
    import cv2

    short, long = sorted(frame.shape)
    new_short, new_long = (size[0], size[0] * long // short) if size and len(size) == 1 else (short, long)
    if size and len(size) == 2:
        new_short, new_long = sorted(size)
    if most is not None and new_long > most:
        new_short, new_long = int(new_short * (most / new_long)), most
    new_short, new_long = (max(side // divisible, 1) * divisible for side in (new_short, new_long))
    if (new_short, new_long) == (short, long):
        return frame
    width, height = (new_long, new_short) if frame.shape[1] >= frame.shape[0] else (new_short, new_long)
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
