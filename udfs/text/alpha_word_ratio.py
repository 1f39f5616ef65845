"""Stat `alpha_word_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._layout import layout_classes
from ._unspaced import split_assets, words_apart
from ._word_totals import word_totals


@stat("alpha_word_ratio(text VARCHAR, splitter VARCHAR := 'auto') -> DOUBLE", assets=split_assets)
def alpha_word_ratio(text: pa.StringArray, splitter: str) -> pa.DoubleArray:
    """Share of the words that hold at least one letter, of any script.

    alpha_word_ratio = words with a letter (`str.isalpha`) / `word_count`. No words, or empty: 0.

    Usual cut: >= 0.8. Source: Gopher (Rae and others 2021, section A.1.1). datatrove 0.10 takes the words of a
    tokenizer, in which each punctuation mark is a word without a letter: 0.1 to 0.3 less for English text.
    Scripts without spaces are split by `splitter` (see `num_words`).
    """
    return map_utf8(_alpha_word_ratio, words_apart(text, splitter), np.float64, layout_classes())


@kernel
def _alpha_word_ratio(data, offsets, out, flags):
    for row in range(len(out)):
        words, _, _, lettered = word_totals(data, int(offsets[row]), int(offsets[row + 1]), flags)
        out[row] = lettered / words if words else 0.0
