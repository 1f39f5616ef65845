"""Mapper `video_resize_aspect_ratio`."""

import math
from fractions import Fraction

from juicesql.api import FunctionError, mapper

from ._resize import resized


@mapper(
    "video_resize_aspect_ratio(videos VARCHAR[], min_ratio VARCHAR := '9/21', max_ratio VARCHAR := '21/9', "
    "strategy VARCHAR := 'increase', save_dir VARCHAR := '') -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def video_resize_aspect_ratio(
    videos: list[str], min_ratio: str, max_ratio: str, strategy: str, save_dir: str
) -> list[str]:
    """Stretches each video whose width / height is below `min_ratio` or above `max_ratio` to that bound.

    Gives the paths of the new files; a video within the bounds keeps its path. Ratios are written '9/21', '9:21' or
    '0.43'. With 'increase' as `strategy` the side that is too short grows, to the next even number of pixels; with
    'decrease' the side that is too long shrinks to an even number, at least 2. Bounds that lie closer than a pixel may
    be missed by it. Width and height are those of the picture as it is shown.

    New files are MP4 with H.264 (rate factor 18), pictures scaled bicubically, frames at the times of the source. Sound
    is copied, or made AAC where MP4 cannot hold it; subtitles are left out. Files have names that are made of the
    content of the source, and lie in `save_dir`, or in the run's folder of produced media; a file that is there is not
    made again. No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its
    row, and so is a result of more than 33,554,432 pixels a frame.

    Source: Data-Juicer's video_resize_aspect_ratio_mapper, which loses the sound and fails where rounding misses a
    bound.
    """
    low, high = _ratio("min_ratio", min_ratio), _ratio("max_ratio", max_ratio)
    grow = strategy.lower() == "increase"
    if not grow and strategy.lower() != "decrease":
        raise FunctionError.of("bad-parameter", f"strategy is {strategy!r}", "use increase or decrease")
    if low > high:
        raise FunctionError.of("bad-parameter", f"min_ratio {min_ratio} is above max_ratio {max_ratio}", "swap them")

    def wanted(width: int, height: int) -> tuple[int, int]:
        ratio = Fraction(width, height)
        if ratio < low:
            return (_even_above(height * low), height) if grow else (width, _even_below(width / low))
        if ratio > high:
            return (width, _even_above(width / high)) if grow else (_even_below(height * high), height)
        return width, height

    return resized(videos, wanted, "video_resize_aspect_ratio", 2, save_dir)


def _ratio(name: str, text: str) -> Fraction:
    try:
        ratio = Fraction(text.replace(":", "/").replace(" ", ""))
    except (ValueError, ZeroDivisionError):
        ratio = Fraction(0)
    if ratio <= 0:
        raise FunctionError.of("bad-parameter", f"{name} is {text!r}", "write it as '9/21'")
    return ratio


def _even_above(side: Fraction) -> int:
    return max(math.ceil(side / 2) * 2, 2)


def _even_below(side: Fraction) -> int:
    return max(math.floor(side / 2) * 2, 2)
