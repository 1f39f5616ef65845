"""Stat `video_aspect_ratios`."""

from __future__ import annotations

from juicesql.api import stat

from ._facts import video_facts


@stat("video_aspect_ratios(videos VARCHAR[]) -> DOUBLE[]", runs_on="process", rowwise=True, extra="media")
def video_aspect_ratios(videos: list[str]) -> list[float]:
    """Width by height of each video's frames, as coded: before rotation, without the aspect ratio of the samples.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row; no frame
    is decoded. Usual cut: >= 9/21, and <= 21/9. Source: Data-Juicer's video_aspect_ratio_filter.
    """
    return [_ratio(path) for path in videos]


def _ratio(path: str) -> float:
    facts = video_facts(path)
    return facts.width / facts.height
