"""Mapper `video_resize_resolution`."""

import math

from juicesql.api import FunctionError, mapper

from ._resize import resized

KEEP = ("disable", "decrease", "increase")
NO_LIMIT = 9223372036854775807


@mapper(
    f"video_resize_resolution(videos VARCHAR[], min_width BIGINT := 1, max_width BIGINT := {NO_LIMIT}, "
    f"min_height BIGINT := 1, max_height BIGINT := {NO_LIMIT}, force_original_aspect_ratio VARCHAR := 'disable', "
    "force_divisible_by INTEGER := 2, save_dir VARCHAR := '') -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def video_resize_resolution(
    videos: list[str],
    min_width: int,
    max_width: int,
    min_height: int,
    max_height: int,
    force_original_aspect_ratio: str,
    force_divisible_by: int,
    save_dir: str,
) -> list[str]:
    """Scales each video whose width or height is out of bounds, and gives the paths of the new files.

    The size is set to the bound that it breaks, in the order min_width, max_width, min_height, max_height, each time
    with the other side in proportion; then both sides are put within their bounds and rounded to multiples of
    `force_divisible_by`, up unless that breaks the upper bound. By rounding and where bounds exclude each other the
    proportion may change: with 'decrease' or 'increase' as `force_original_aspect_ratio` one side is then made smaller
    or larger to restore it, which may break a bound; with 'disable' the picture is stretched and the divisor is 2.
    Width and height are those of the picture as it is shown. A video within the bounds keeps its path.

    New files are MP4 with H.264 (rate factor 18), pictures scaled bicubically, frames at the times of the source. Sound
    is copied, or made AAC where MP4 cannot hold it; subtitles are left out. Files have names that are made of the
    content of the source, and lie in `save_dir`, or in the run's folder of produced media; a file that is there is not
    made again. No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its
    row, and so is a result of more than 33,554,432 pixels a frame.

    Source: Data-Juicer's video_resize_resolution_mapper, which loses the sound, and stretches videos that the file says
    to turn, because it takes their width for their height.
    """
    keep = force_original_aspect_ratio.lower()
    if keep not in KEEP:
        raise FunctionError.of("bad-parameter", f"force_original_aspect_ratio is {keep!r}", f"use {', '.join(KEEP)}")
    if keep != "disable" and (force_divisible_by < 2 or force_divisible_by % 2):
        raise FunctionError.of("bad-parameter", f"force_divisible_by is {force_divisible_by}", "give an even number")
    bounds = [(min_width, max_width), (min_height, max_height)]
    if any(not 0 < low <= high for low, high in bounds):
        raise FunctionError.of("bad-parameter", f"the bounds are {bounds}", "give bounds above 0, the lower one first")
    divisor = 2 if keep == "disable" else force_divisible_by

    def wanted(width: int, height: int) -> tuple[int, int]:
        if min_width <= width <= max_width and min_height <= height <= max_height:
            return width, height
        ratio = width / height
        free = _clamped(width, height, *bounds)
        sides = [_rounded(side, low, high, divisor) for side, (low, high) in zip(free, bounds, strict=True)]
        return _restored(*sides, ratio, keep, divisor)

    return resized(videos, wanted, "video_resize_resolution", 2, save_dir)


def _clamped(width: float, height: float, widths: tuple[int, int], heights: tuple[int, int]) -> tuple[float, float]:
    ratio = width / height
    if width < widths[0]:
        width, height = widths[0], widths[0] / ratio
    if width > widths[1]:
        width, height = widths[1], widths[1] / ratio
    if height < heights[0]:
        width, height = heights[0] * ratio, heights[0]
    if height > heights[1]:
        width, height = heights[1] * ratio, heights[1]
    return width, height


def _rounded(side: float, low: int, high: int, divisor: int) -> int:
    above = math.ceil(int(max(side, low)) / divisor) * divisor
    return max(min(above, high) // divisor * divisor, divisor)


def _restored(width: float, height: float, ratio: float, keep: str, divisor: int) -> tuple[int, int]:
    narrow, wide = width / height < ratio, width / height > ratio
    if (keep == "increase" and narrow) or (keep == "decrease" and wide):
        width = height * ratio
    elif (keep == "increase" and wide) or (keep == "decrease" and narrow):
        height = width / ratio
    return tuple(max(round(side / divisor), 1) * divisor for side in (width, height))  # type: ignore[return-value]
