"""Mapper `window_anchors`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, mapper, utf8_buffers

from ..text._chars import longest_row
from ._windows import GRAM, check_windows, choose_anchors, power_of_base, sum_bytes, window_hash, window_rows


@mapper(
    "window_anchors(text VARCHAR, length INTEGER := 200, slack INTEGER := 100) "
    "-> STRUCT(key UBIGINT, place INTEGER, rest INTEGER)[]"
)
def window_anchors(text: pa.StringArray, length: int, slack: int) -> pa.ListArray:
    """A sample of the windows of `length` bytes of a text, drawn by content, so that equal spans have equal windows.

    Each is a struct of `key`, a 64-bit hash of its bytes, `place`, the byte at which it begins, counted from 0, and
    `rest`, the bytes behind it. Two texts with a common span of at least `length + slack` bytes have a window of that
    span in common; the windows of a text begin at most `slack + 1` bytes apart, the first at its first byte, the last
    ends with its last one. On average one window begins in `slack / 2 + 1` bytes; with `slack := 0` one at each byte. A
    text of fewer bytes than `length` has none: an empty list. `dedup_substrings` is built on it.
    Source: winnowing (Schleimer and others 2003).
    """
    check_windows(length, slack)
    data, offsets = utf8_buffers(text)
    most = int(np.maximum(np.diff(offsets) - length + 1, 0).sum())
    keys, places, rests = np.empty(most, np.uint64), np.empty(most, np.int32), np.empty(most, np.int32)
    ends = np.zeros(len(text) + 1, np.int32)
    _window_anchors(data, offsets, length, slack + 1, min(GRAM, length), keys, places, rests, ends)
    return window_rows(ends, key=keys, place=places, rest=rests)


@kernel
def _window_anchors(data, offsets, length, reach, gram, keys, places, rests, ends):
    longest = longest_row(offsets)
    sums, ranks = np.empty(longest + 1, np.uint64), np.empty(longest + 1, np.uint64)
    chosen = np.empty(longest + 1, np.int32)
    power, gram_power = power_of_base(length), power_of_base(gram)
    at = 0
    for row in range(len(offsets) - 1):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        count = stop - start - length + 1
        if count > 0:
            sum_bytes(data, start, stop, sums)
            for k in range(choose_anchors(sums, count, gram, gram_power, reach, ranks, chosen)):
                place = int(chosen[k])
                keys[at], places[at], rests[at] = window_hash(sums, place, length, power), place, count - 1 - place
                at += 1
        ends[row + 1] = at
