"""Stat `video_duration`."""

from __future__ import annotations

from juicesql.api import stat

from ..text._parity import as_peer
from ._facts import video_facts


@stat(
    "video_duration(videos VARCHAR[], parity VARCHAR := NULL) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def video_duration(videos: list[str], parity: str | None) -> list[float]:
    """Length of each video in seconds.

    It is the length of the first video stream: as its index of frames says (MP4, MOV, AVI), in other files (Matroska,
    WebM, MPEG, MP4 in fragments) the time from the first frame to the end of the last. `parity := 'data-juicer'` gives
    the length that the file says, rounded to whole seconds, halves to the even one.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row; no frame
    is decoded. Usual cut: >= 2, and <= 60. Source: Data-Juicer's video_duration_filter, which fails for Matroska.
    """
    rounded = as_peer(parity)
    facts = [video_facts(path) for path in videos]
    return [float(round(found.duration)) if rounded else found.length for found in facts]
