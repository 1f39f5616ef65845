"""Stat `word_count`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._layout import layout_classes
from ._unspaced import split_assets, words_apart
from ._word_totals import word_totals


@stat("word_count(text VARCHAR, splitter VARCHAR := 'auto') -> BIGINT", assets=split_assets)
def word_count(text: pa.StringArray, splitter: str) -> pa.Int64Array:
    """Number of words: runs of characters between white space, as `str.split()` of Python gives them.

    Every other stat of Gopher's rules takes these words. Numbers and stray punctuation count, unlike in `num_words`,
    Data-Juicer's count. Empty text: 0. Scripts without spaces are split by `splitter` (see `num_words`).

    Usual cut: between 50 and 100000; C4 keeps the lines with >= 5 (Raffel and others 2020, section 2.2; >= 3 in
    datatrove). Source: Gopher (Rae and others 2021, section A.1.1). datatrove 0.10 takes the words of a tokenizer and
    leaves those of punctuation out, which gives nearly this number for prose.
    """
    return map_utf8(_word_count, words_apart(text, splitter), np.int64, layout_classes())


@kernel
def _word_count(data, offsets, out, flags):
    for row in range(len(out)):
        words, _, _, _ = word_totals(data, int(offsets[row]), int(offsets[row + 1]), flags)
        out[row] = words
