"""Chunks of texts: by a kernel for literals and characters, by Python for patterns and tokens."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from itertools import accumulate, chain
from re import Pattern

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, text_array, utf8_buffers

from ._chars import SPACE, classes
from ._spans import copy
from ._trim import trim

MOST_BYTES = 2**31 - 1  # of an Arrow string array
BLOCK = 64


def chunks_by_literal(text: pa.StringArray, literal: np.ndarray, max_len: int, overlap: int) -> pa.ListArray:
    """The chunks of each row between the literal, of at most `max_len` characters, or both; 0 is no limit."""
    data, offsets = utf8_buffers(text)
    size = int(offsets[-1]) - int(offsets[0])
    most = len(text) + (size // len(literal) if len(literal) else 0) + (size // (max_len - overlap) if max_len else 0)
    begins, ends, rows = np.empty(most, np.int64), np.empty(most, np.int64), np.zeros(len(text) + 1, np.int32)
    _find_chunks(data, offsets, literal, max_len, overlap, classes(), begins, ends, rows)
    begins, ends = begins[: rows[-1]], ends[: rows[-1]]
    total = int((ends - begins).sum())
    if total > MOST_BYTES:
        message = f"the chunks have {total:,} bytes"
        raise FunctionError.of("too-large", message, "give a smaller overlap_len, or smaller batches")
    out, out_offsets = np.empty(max(1, total), np.uint8), np.zeros(len(begins) + 1, np.int32)
    _copy_chunks(data, begins, ends, out, out_offsets)
    return pa.ListArray.from_arrays(pa.array(rows), text_array(out, out_offsets))


@kernel
def _copy_chunks(data, begins, ends, out, out_offsets):
    at = 0
    for k in range(len(begins)):
        at = copy(data, begins[k], ends[k], out, at)
        out_offsets[k + 1] = at


@kernel
def _find_chunks(data, offsets, literal, max_len, overlap, table, begins, ends, rows):
    found = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        if len(literal) == 0:
            found = _windows(data, i, stop, max_len, overlap, begins, ends, found)
        else:
            found = _pieces(data, i, stop, literal, max_len, overlap, table, begins, ends, found)
        rows[row + 1] = found


@kernel
def _windows(data, i, stop, max_len, overlap, begins, ends, found):
    """Windows of `max_len` characters; returns how many chunks there are now."""
    first = found
    while i < stop or found == first:
        begins[found] = i
        step = _forward(data, i, stop, max_len - overlap)
        ends[found] = _forward(data, step, stop, overlap)
        if found == first and ends[found] == stop:
            step = stop
        found += 1
        i = step
    return found


@kernel
def _pieces(data, i, stop, literal, max_len, overlap, table, begins, ends, found):
    """What stands between the literal, or is cut at its last place within `max_len` characters."""
    while True:
        limit = _forward(data, i, stop, max_len) if max_len else stop
        if max_len and limit == stop:
            begins[found], ends[found] = i, stop
            return found + 1
        match = _find_literal(data, i, limit, literal, max_len > 0)
        end = match if match >= 0 else limit
        first, last = trim(data, i, end, table, SPACE)
        if first < last:
            begins[found], ends[found] = i, end
            found += 1
        if match >= 0:
            i = match + len(literal)
        elif max_len:
            i = _forward(data, i, stop, max_len - overlap)
        else:
            return found


@kernel
def _forward(data, i, stop, chars):
    """The byte that is `chars` characters after byte `i`, at most `stop`."""
    while chars >= BLOCK and i + BLOCK <= stop:  # a loop of fixed length, which the compiler makes a few instructions
        for k in range(i, i + BLOCK):
            chars -= (data[k] & 0xC0) != 0x80
        i += BLOCK
    while i < stop:
        begins = (data[i] & 0xC0) != 0x80
        if begins and chars == 0:
            break
        chars -= begins
        i += 1
    return i


@kernel
def _find_literal(data, i, stop, literal, last):
    """The first place of the literal, or the last of those that do not overlap; -1 when there is none."""
    place = -1
    length = len(literal)
    while i + length <= stop:
        k = 0
        while k < length and data[i + k] == literal[k]:
            k += 1
        if k < length:
            i += 1
            continue
        place = i
        if not last:
            break
        i += length
    return place


def chunks_by_pattern(
    texts: list[str],
    pattern: Pattern[str] | None,
    max_len: int | None,
    overlap: int,
    token_ends: Callable[[list[str]], list[list[int]]] | None,
) -> pa.ListArray:
    """The chunks of each text; lengths are in the tokens that `token_ends` finds, or else in characters."""
    if max_len is None:
        assert pattern is not None
        rows = [[part for part in pattern.split(text) if part and not part.isspace()] for text in texts]
    elif token_ends is None:
        assert pattern is not None
        rows = [_cut(text, None, pattern, max_len, overlap) for text in texts]
    else:
        units = zip(texts, token_ends(texts), strict=True)
        if pattern is None:
            rows = [_token_windows(text, ends, max_len, overlap) for text, ends in units]
        else:
            rows = [_cut(text, ends, pattern, max_len, overlap) for text, ends in units]
    offsets = pa.array([0, *accumulate(map(len, rows))], pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(chain.from_iterable(rows), pa.string()))


def _token_windows(text: str, ends: list[int], max_len: int, overlap: int) -> list[str]:
    if len(ends) <= max_len:
        return [text]
    begins, step = [0, *ends[:-1], len(text)], max_len - overlap
    chunks = [text[begins[i] : begins[min(i + max_len, len(ends))]] for i in range(0, len(ends), step)]
    return [chunk for chunk in chunks if chunk]


def _cut(text: str, ends: list[int] | None, pattern: Pattern[str], max_len: int, overlap: int) -> list[str]:
    """Cut at the last match within `max_len` units, which end at `ends` or are characters; without a match, behind."""
    chunks = []
    start = 0
    units = len(text) if ends is None else len(ends)
    while units - (unit := start if ends is None else bisect_right(ends, start)) > max_len:
        limit, again = unit + max_len, unit + max_len - overlap
        window = text[start : limit if ends is None else ends[limit - 1]]
        last = deque(pattern.finditer(window), maxlen=1)
        if last and last[0].end() > 0:
            chunk, start = window[: last[0].start()], start + last[0].end()
        else:
            chunk, start = window, again if ends is None else ends[again - 1]
        if chunk and not chunk.isspace():
            chunks.append(chunk)
    return [*chunks, text[start:]]
