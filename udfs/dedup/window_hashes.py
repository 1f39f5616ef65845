"""Mapper `window_hashes`."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, mapper, utf8_buffers

from ..text._chars import longest_row
from ._windows import check_windows, lists_of_int, power_of_base, sum_bytes, window_hash, window_rows


@mapper(
    "window_hashes(text VARCHAR, starts INTEGER[], stops INTEGER[], length INTEGER := 200) "
    "-> STRUCT(key UBIGINT, place INTEGER)[]"
)
def window_hashes(text: pa.StringArray, starts: pa.ListArray, stops: pa.ListArray, length: int) -> pa.ListArray:
    """All windows of `length` bytes of a text that begin in a range from one of `starts` to its `stops`.

    Each is a struct of `key`, a 64-bit hash of its bytes, and `place`, the byte at which it begins, counted from 0; in
    order, each once. Places outside the text are left out, so an empty text gives an empty list. `dedup_substrings`
    looks with it for the ends of the spans that `window_anchors` found. Source: juicesql.
    """
    check_windows(length)
    data, offsets = utf8_buffers(text)
    (firsts, bounds), (lasts, stop_bounds) = lists_of_int(starts), lists_of_int(stops)
    if not np.array_equal(np.diff(bounds), np.diff(stop_bounds)):
        raise FunctionError.of("bad-parameter", "starts and stops have different lengths", "give a stop for each start")
    firsts, lasts = firsts[bounds[0] : bounds[-1]], lasts[stop_bounds[0] : stop_bounds[-1]]
    most = int(np.maximum(np.diff(offsets) - length + 1, 0)[np.diff(bounds) > 0].sum())
    keys, places = np.empty(most, np.uint64), np.empty(most, np.int32)
    ends = np.zeros(len(text) + 1, np.int32)
    _window_hashes(data, offsets, firsts, lasts, bounds - bounds[0], length, keys, places, ends)
    return window_rows(ends, key=keys, place=places)


@kernel
def _window_hashes(data, offsets, firsts, lasts, bounds, length, keys, places, ends):
    sums = np.empty(longest_row(offsets) + 1, np.uint64)
    power = power_of_base(length)
    at = 0
    for row in range(len(offsets) - 1):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        count = stop - start - length + 1
        if count > 0 and bounds[row] < bounds[row + 1]:
            sum_bytes(data, start, stop, sums)
            own = firsts[bounds[row] : bounds[row + 1]]
            place = 0
            for k in np.argsort(own):
                place = max(place, int(own[k]))
                while place < min(int(lasts[bounds[row] + k]), count):
                    keys[at], places[at] = window_hash(sums, place, length, power), place
                    at += 1
                    place += 1
        ends[row + 1] = at
