"""Stat `mean_word_length`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._layout import layout_classes
from ._unspaced import split_assets, words_apart
from ._word_totals import word_totals


@stat("mean_word_length(text VARCHAR, splitter VARCHAR := 'auto') -> DOUBLE", assets=split_assets)
def mean_word_length(text: pa.StringArray, splitter: str) -> pa.DoubleArray:
    """Mean number of characters of a word, punctuation that touches it included.

    mean_word_length = characters that are not white space / `word_count`. No words, or empty: 0.

    Usual cut: between 3 and 10. Source: Gopher (Rae and others 2021, section A.1.1). datatrove 0.10 takes the words of
    a tokenizer, without punctuation: about 0.4 less for English text. Scripts without spaces are split by `splitter`
    (see `num_words`): Chinese words have 1 to 2 characters, so let such text pass the cut (see `unspaced_ratio`).
    """
    return map_utf8(_mean_word_length, words_apart(text, splitter), np.float64, layout_classes())


@kernel
def _mean_word_length(data, offsets, out, flags):
    for row in range(len(out)):
        words, chars, _, _ = word_totals(data, int(offsets[row]), int(offsets[row + 1]), flags)
        out[row] = chars / words if words else 0.0
