"""Stat `video_duration`."""

from __future__ import annotations

from juicesql.api import stat

from ._facts import video_facts


@stat("video_duration(videos VARCHAR[]) -> DOUBLE[]", runs_on="process", rowwise=True, extra="media")
def video_duration(videos: list[str]) -> list[float]:
    """Length of each video in seconds, rounded to whole ones, halves to the even one.

    It is the length of the first video stream as the file says; a file that says it only as a whole (Matroska) gives
    that, and one that does not say it the time from the first frame to the end of the last.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row; no frame
    is decoded. Usual cut: >= 2, and <= 60. Source: Data-Juicer's video_duration_filter, which fails for Matroska.
    """
    return [float(round(video_facts(path).duration)) for path in videos]
