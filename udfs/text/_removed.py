"""Removal of single characters by a table."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, rewrite_utf8

from ._chars import decode
from ._spans import copy


def without(text: pa.StringArray, table: np.ndarray, first_bytes: np.ndarray) -> pa.StringArray:
    """The text without the characters whose entry in `table` (one a code point) is not 0."""
    return rewrite_utf8(_without, text, 1, table, first_bytes)


def first_bytes(table: np.ndarray) -> np.ndarray:
    """1 for each byte that begins the UTF-8 form of a character that `table` removes."""
    flags = np.zeros(256, np.uint8)
    flags[:0x80] = table[:0x80]
    ends = [(0xC0 + i, i << 6, (i + 1) << 6) for i in range(2, 32)]
    ends += [(0xE0 + i, max(i << 12, 0x800), (i + 1) << 12) for i in range(16)]
    ends += [(0xF0 + i, max(i << 18, 0x10000), (i + 1) << 18) for i in range(5)]
    for byte, start, stop in ends:
        flags[byte] = table[start:stop].any()
    return flags


@kernel
def _without(data, offsets, out, out_offsets, table, first_bytes):
    changed = False
    at = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        kept = i  # what is written next begins here
        while i < stop:
            b = data[i]
            if not first_bytes[b]:
                i += 1
                continue
            c, after = decode(data, i)
            if table[c]:
                changed = True
                at = copy(data, kept, i, out, at)
                kept = after
            i = after
        at = copy(data, kept, stop, out, at)
        out_offsets[row + 1] = at
    return changed
