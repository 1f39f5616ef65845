"""Stat `video_aspect_ratios`."""

from __future__ import annotations

from juicesql.api import stat

from ._shown import shown_ratio


@stat(
    "video_aspect_ratios(videos VARCHAR[], coded BOOLEAN := false) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def video_aspect_ratios(videos: list[str], coded: bool) -> list[float]:
    """Width by height of each video's picture as it is seen: turned as the file says, by the shape of its pixels.

    A DVD of 720 x 576 pixels, each 16/15 as wide as high, has 4/3. `coded := true` gives the pixels of a row by those
    of a column before anything is turned, as Data-Juicer and its thresholds have it.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row; no frame
    is decoded unless the file may say that it is turned. Usual cut: >= 9/21, and <= 21/9. Source: Data-Juicer's
    video_aspect_ratio_filter.
    """
    return [shown_ratio(path, coded) for path in videos]
