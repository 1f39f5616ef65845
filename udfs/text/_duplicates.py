"""Lines and paragraphs that repeat an earlier one of the same text."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8

from ._chars import longest_row
from ._layout import char_count, layout_classes, line_stop, split_lines
from ._words import number_words, table_bits


def duplicate_ratio(text: pa.StringArray, paragraphs: bool, by_chars: bool, breaks: bool = True) -> pa.DoubleArray:
    """Share of the lines (or paragraphs), or of the characters, that repeat an earlier line (or paragraph).

    Without `breaks`, the line breaks do not count among the characters of the whole.
    """
    return map_utf8(_duplicate_ratio, text, np.float64, layout_classes(), paragraphs, by_chars, breaks)


@kernel
def _duplicate_ratio(data, offsets, out, flags, paragraphs, by_chars, breaks):
    most = longest_row(offsets) // 2 + 1
    starts, ends, ids = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    hashes = np.empty(most, np.uint64)
    slots = np.empty(1 << table_bits(most), np.int32)
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        parts = split_lines(data, i, stop, flags, paragraphs, starts, ends)
        number_words(data, starts, ends, parts, slots, hashes, ids)
        repeated = chars = 0
        for k in range(parts):
            if ids[k] != k:
                repeated += 1
                if by_chars:
                    chars += char_count(data, starts[k], ends[k])
        out[row] = 0.0
        if repeated and by_chars:
            out[row] = chars / (char_count(data, i, stop) if breaks else _chars_in_lines(data, i, stop))
        elif repeated:
            out[row] = repeated / parts


@kernel
def _chars_in_lines(data, i, stop):
    """The characters without the line breaks."""
    chars = 0
    while i < stop:
        end, after = line_stop(data, i, stop)
        chars += char_count(data, i, end)
        i = after
    return chars
