"""Stat `stopword_count`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._chars import classes, longest_row, lowered
from ._unspaced import split_assets, words_apart
from ._words import refine, same_bytes


@stat(
    "stopword_count(text VARCHAR, "
    "words VARCHAR[] := ['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with'], "
    "splitter VARCHAR := 'auto') -> BIGINT",
    assets=split_assets,
)
def stopword_count(text: pa.StringArray, words: list[str], splitter: str) -> pa.Int64Array:
    """Number of the listed words that occur in the text, each counted once.

    The words of the text are split on space, newline and tab, lowered and stripped of special characters (as in
    `stopwords_ratio`); those of the list are lowered. Empty text: 0. The default list is English: give `words` for
    another language. Scripts without spaces are split by `splitter` (see `num_words`).

    Usual cut: >= 2 of the eight default words. Source: Gopher (Rae and others 2021, section A.1.1). datatrove 0.10 does
    not lower the words of the text, so 'The' is no stopword there.
    """
    listed = [w.encode() for w in dict.fromkeys(word.lower() for word in words)]
    joined = np.frombuffer(b"".join(listed) + b"\0", np.uint8).copy()
    bounds = np.cumsum([0, *map(len, listed)]).astype(np.int32)
    return map_utf8(_stopword_count, words_apart(text, splitter), np.int64, classes(), lowered(), joined, bounds)


@kernel
def _stopword_count(data, offsets, out, flags, lower, listed, bounds):
    longest = longest_row(offsets)
    buffer = np.empty(2 * longest + 4, np.uint8)
    starts, ends = np.empty(longest // 2 + 1, np.int32), np.empty(longest // 2 + 1, np.int32)
    met = np.zeros(len(bounds) - 1, np.bool_)
    for row in range(len(out)):
        words = refine(data, int(offsets[row]), int(offsets[row + 1]), flags, lower, buffer, starts, ends)
        met[:] = False
        found = w = 0
        while w < words and found < len(met):
            length = ends[w] - starts[w]
            for k in range(len(met)):
                fits = bounds[k + 1] - bounds[k] == length and not met[k]
                if fits and same_bytes(buffer, starts[w], listed, bounds[k], length):
                    met[k] = True
                    found += 1
            w += 1
        out[row] = found
