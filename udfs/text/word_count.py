"""Stat `word_count`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._layout import layout_classes
from ._word_totals import word_totals


@stat("word_count(text VARCHAR) -> BIGINT")
def word_count(text: pa.StringArray) -> pa.Int64Array:
    """Number of words: runs of characters between white space, as `str.split()` of Python gives them.

    Every other stat of Gopher's rules takes these words. Numbers and stray punctuation count, unlike in `num_words`,
    Data-Juicer's count. Empty text: 0.

    Gopher: between 50 and 100000 (Rae et al. 2021, section A.1.1). C4, on a line: >= 5 (Raffel et al. 2020, section
    2.2; >= 3 in datatrove). datatrove 0.10 takes the words of a tokenizer and leaves those of punctuation out, which
    gives nearly this number for prose. Chinese, Japanese, Thai and others put no spaces between words: there a whole
    run is one word, so cut by `text_len` instead, or segment first; `unspaced_ratio` tells such text apart.
    """
    return map_utf8(_word_count, text, np.int64, layout_classes())


@kernel
def _word_count(data, offsets, out, flags):
    for row in range(len(out)):
        words, _, _, _ = word_totals(data, int(offsets[row]), int(offsets[row + 1]), flags)
        out[row] = words
