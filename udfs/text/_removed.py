"""Removal of single characters by a table."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, rewrite_utf8

from ._chars import decode
from ._spans import copy, find, finish


def without(text: pa.StringArray, table: np.ndarray, first_bytes: np.ndarray) -> pa.StringArray:
    """The text without the characters whose entry in `table` (one a code point) is 1 and not 0."""
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
    at, kept = 0, int(offsets[0])
    only = _only(first_bytes)
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        i = _first_removed(data, i, stop, table, first_bytes, only)
        if i < stop:
            at = copy(data, kept, i, out, at)
            kept = stop
        while i < stop:
            b = data[i]
            if b < 0x80 or not first_bytes[b]:
                out[at] = b
                at += 1 - int(first_bytes[b])
                i += 1
                continue
            c, after = decode(data, i)
            if table[c]:
                i = after
            while i < after:
                out[at] = data[i]
                at += 1
                i += 1
        out_offsets[row + 1] = at + stop - kept
    return finish(data, offsets, kept, out, at)


@kernel
def _first_removed(data, i, stop, table, first_bytes, only):
    """Where the first character that goes begins, or `stop`."""
    while i < stop:
        b = data[i]
        if not first_bytes[b]:
            i = find(data, i, stop, only) if only >= 0 else i + 1
            continue
        c, after = decode(data, i)
        if table[c]:
            return i
        i = after
    return stop


@kernel
def _only(first_bytes):
    """The one byte that is flagged, -1 when there are several or none."""
    only = -1
    for b in range(256):
        if first_bytes[b]:
            if only >= 0:
                return -1
            only = b
    return only
