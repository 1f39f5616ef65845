"""Stat `video_scene_count`."""

from typing import Any

from juicesql.api import stat

from ._scenes import library, scene_detector, scene_starts

OPTIONS: dict[str, Any] = {
    "luma_only": False,
    "kernel_size": None,
    "weights": (1.0, 1.0, 1.0, 0.0),
    "window_width": 2,
    "min_content_val": 15.0,
    "fade_bias": 0.0,
    "add_final_scene": False,
}


@stat(
    "video_scene_count(videos VARCHAR[], detector VARCHAR := 'ContentDetector', threshold DOUBLE := 27.0, "
    "min_scene_len INTEGER := 15) -> BIGINT[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    assets=lambda **_: library(),
)
def video_scene_count(videos: list[str], detector: str, threshold: float, min_scene_len: int) -> list[int]:
    """How many scenes each video has: 1, and one more for every cut that a detector of PySceneDetect finds.

    The detectors and their settings are those of `video_split_by_scene`, which makes a clip of each scene: a clip for
    text-to-video training should have one. Every frame is decoded, apart from those that other stats share.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row.
    Usual cut: <= 1. Source: PySceneDetect.
    """
    scene_detector(detector, threshold, min_scene_len, OPTIONS)  # a wrong name is told before a file is read
    counts = {
        path: len(scene_starts(path, scene_detector(detector, threshold, min_scene_len, OPTIONS)))
        for path in dict.fromkeys(videos)
    }
    return [counts[path] for path in videos]
