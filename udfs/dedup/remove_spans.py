"""Mapper `remove_spans`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, mapper, rewrite_utf8

from ..text._spans import copy
from ._windows import check_windows, lists_of_int


@mapper("remove_spans(text VARCHAR, starts INTEGER[], length INTEGER := 200) -> VARCHAR")
def remove_spans(text: pa.StringArray, starts: pa.ListArray, length: int) -> pa.StringArray:
    """The text without the `length` bytes that begin at each of the places `starts`, counted from 0.

    Spans may overlap, and are one then; what lies outside the text is passed over. A character of which only some bytes
    are within the spans stays whole. Empty text stays empty. Source: juicesql.
    """
    check_windows(length)
    return rewrite_utf8(_remove_spans, text, 1, *lists_of_int(starts), length)


@kernel
def _remove_spans(data, offsets, out, out_offsets, wanted, bounds, length):
    at = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        row_start = i
        begin = end = i  # of the span that is being put together
        for first in np.sort(wanted[bounds[row] : bounds[row + 1]]):
            first, last = row_start + max(int(first), 0), row_start + int(first) + length
            if first > end:
                at, i = _leave_out(data, i, begin, end, stop, out, at)
                begin = first
            end = max(end, min(last, stop))
        at, i = _leave_out(data, i, begin, end, stop, out, at)
        at = copy(data, i, stop, out, at)
        out_offsets[row + 1] = at


@kernel
def _leave_out(data, i, begin, end, stop, out, at):
    """Copy from byte `i` up to the first whole character of a span; returns where the output and the input go on."""
    while begin < end and begin < stop and (data[begin] & 0xC0) == 0x80:
        begin += 1
    while end > begin and end < stop and (data[end] & 0xC0) == 0x80:
        end -= 1
    if begin >= end:
        return at, i
    return copy(data, i, begin, out, at), end
