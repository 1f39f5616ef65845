"""Stat `video_width`."""

from __future__ import annotations

from juicesql.api import stat

from ._facts import video_facts


@stat("video_width(videos VARCHAR[]) -> BIGINT[]", runs_on="process", rowwise=True, extra="media")
def video_width(videos: list[str]) -> list[int]:
    """Width of each video's frames in pixels, as coded: before rotation, without the aspect ratio of the samples.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row; no frame
    is decoded. Usual cut: >= 256. Source: Data-Juicer's video_resolution_filter.
    """
    return [video_facts(path).width for path in videos]
