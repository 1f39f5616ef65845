"""Stat `video_width`."""

from __future__ import annotations

from juicesql.api import stat

from ._shown import shown_size


@stat(
    "video_width(videos VARCHAR[], coded BOOLEAN := false) -> BIGINT[]", runs_on="process", rowwise=True, extra="media"
)
def video_width(videos: list[str], coded: bool) -> list[int]:
    """Width of each video's frames in pixels, turned as the file says.

    A phone that is held upright mostly writes frames that lie on their side, and how they are to be turned (the display
    matrix). `coded := true` gives their width before that, as Data-Juicer and its thresholds have it. Pixels that are
    not square are counted as they are: `video_aspect_ratios` tells the shape that is seen.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row; no frame
    is decoded unless the file may say that it is turned. Usual cut: >= 256. Source: Data-Juicer's
    video_resolution_filter.
    """
    return [shown_size(path, coded)[0] for path in videos]
