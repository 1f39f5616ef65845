"""Stat `max_word_length`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._layout import layout_classes
from ._word_totals import word_totals


@stat("max_word_length(text VARCHAR) -> BIGINT")
def max_word_length(text: pa.StringArray) -> pa.Int64Array:
    """Number of characters of the longest word; minified scripts and encoded data have words without an end.

    Words are what stands between white space (see `word_count`). Empty text: 0. C4, on a line: <= 1000 (the code that
    made C4; the paper does not name it). Do not cut scripts without spaces by it.
    """
    return map_utf8(_max_word_length, text, np.int64, layout_classes())


@kernel
def _max_word_length(data, offsets, out, flags):
    for row in range(len(out)):
        _, _, longest, _ = word_totals(data, int(offsets[row]), int(offsets[row + 1]), flags)
        out[row] = longest
