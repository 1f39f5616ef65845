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
    Data-Juicer's count. Empty text: 0. Chinese, Japanese, Thai and others put no spaces between words: there a whole
    run is one word, so cut by `text_len` instead, or segment first; `unspaced_ratio` tells such text apart.

    Usual cut: between 50 and 100000; C4 keeps the lines with >= 5 (Raffel and others 2020, section 2.2; >= 3 in
    datatrove). Source: Gopher (Rae and others 2021, section A.1.1). datatrove 0.10 takes the words of a tokenizer and
    leaves those of punctuation out, which gives nearly this number for prose.
    """
    return map_utf8(_word_count, text, np.int64, layout_classes())


@kernel
def _word_count(data, offsets, out, flags):
    for row in range(len(out)):
        words, _, _, _ = word_totals(data, int(offsets[row]), int(offsets[row + 1]), flags)
        out[row] = words
