"""Where the scenes of a video begin, by the detectors of PySceneDetect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from juicesql.api import FunctionError

from .._media import open_streams
from ._decoded import shown_frames
from ._facts import video_facts, video_stream

if TYPE_CHECKING:
    from scenedetect import SceneDetector

WIDTH = 256  # of the pictures that are compared, at least; PySceneDetect's own measure
RATE = 25.0  # lengths are counted in frames, so that any rate does


def library() -> list[str]:
    """The version of PySceneDetect, which the values depend on, whatever its distribution is called."""
    for name in ("scenedetect-headless", "scenedetect"):
        with suppress(PackageNotFoundError):
            return [f"scenedetect {version(name)}"]
    raise FunctionError.of("missing-package", "PySceneDetect is not installed", "pip install 'juicesql[media]'")


def scene_detector(name: str, threshold: float, min_scene_len: int, options: Mapping[str, Any]) -> SceneDetector:
    """A detector by its name in PySceneDetect, with those of the options that it takes."""
    from scenedetect.detectors import AdaptiveDetector, ContentDetector, ThresholdDetector

    pictures = {"luma_only": options["luma_only"], "kernel_size": options["kernel_size"]}
    weights = ContentDetector.Components(*options["weights"])
    if name == "ContentDetector":
        return ContentDetector(threshold, min_scene_len, weights, **pictures)
    if name == "AdaptiveDetector":
        wanted = {key: options[key] for key in ("window_width", "min_content_val")}
        return AdaptiveDetector(threshold, min_scene_len, weights=weights, **wanted, **pictures)
    if name == "ThresholdDetector":
        return ThresholdDetector(threshold, min_scene_len, options["fade_bias"], options["add_final_scene"])
    names = "ContentDetector, AdaptiveDetector or ThresholdDetector"
    raise FunctionError.of("bad-parameter", f"detector is {name!r}", f"use {names}")


def scene_starts(path: str, detector: SceneDetector) -> list[int]:
    """The times of the frames that begin a scene, in the time base of the video; the first frame begins one."""
    from scenedetect import FrameTimecode

    video_facts(path)  # what is no video, or cut off, is told before anything is decoded
    times, numbers = [], [0]
    for number, (time, picture) in enumerate(_small_pictures(path)):
        times.append(time)
        numbers += [cut.frame_num for cut in detector.process_frame(FrameTimecode(number, RATE), picture)]
    if not times:
        raise ValueError(f"{path} has no frames")
    numbers += [cut.frame_num for cut in detector.post_process(FrameTimecode(len(times) - 1, RATE))]
    return sorted({times[number] for number in numbers})


def _small_pictures(path: str) -> Iterator[tuple[int, np.ndarray]]:
    """The time and the BGR pixels of each frame, made smaller as PySceneDetect does."""
    import cv2

    with open_streams(path) as container:
        for frame in shown_frames(container, video_stream(container, path)):
            picture = frame.to_ndarray(format="bgr24")
            factor = max(frame.width, frame.height) / WIDTH
            if factor > 1:
                size = (max(1, round(frame.width / factor)), max(1, round(frame.height / factor)))
                picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
            yield frame.pts, picture
