"""Stat `max_word_length`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._layout import layout_classes
from ._unspaced import split_assets, words_apart
from ._word_totals import word_totals


@stat("max_word_length(text VARCHAR, splitter VARCHAR := 'auto') -> BIGINT", assets=split_assets)
def max_word_length(text: pa.StringArray, splitter: str) -> pa.Int64Array:
    """Length of the longest word in characters; minified scripts and encoded data have endless words.

    Words are what stands between white space (see `word_count`). Empty text: 0. Scripts without spaces are split by
    `splitter` (see `num_words`).
    Usual cut: <= 1000 on a line. Source: the code that made C4 (the paper, Raffel and others 2020, does not name it).
    """
    return map_utf8(_max_word_length, words_apart(text, splitter), np.int64, layout_classes())


@kernel
def _max_word_length(data, offsets, out, flags):
    for row in range(len(out)):
        _, _, longest, _ = word_totals(data, int(offsets[row]), int(offsets[row + 1]), flags)
        out[row] = longest
