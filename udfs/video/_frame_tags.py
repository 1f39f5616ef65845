"""Tags of a video, from those of its frames."""

from collections import Counter
from collections.abc import Sequence


def by_frames(tags: Sequence[Sequence[str]]) -> list[str]:
    """The distinct tags, those of most frames first.

    >>> by_frames([["cat"], ["sky", "dog"], ["dog"]])
    ['dog', 'cat', 'sky']
    """
    return [tag for tag, _ in Counter(tag for frame in tags for tag in frame).most_common()]
