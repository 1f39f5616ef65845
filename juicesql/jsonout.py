"""Kernel that writes rows as JSON lines, what came in as it was written."""

from __future__ import annotations

from typing import Any

import numpy as np

from juicesql.kernels import kernel

Bytes = np.ndarray[Any, Any]
ABSENT, JSON, TEXT, NULL = 0, 1, 2, 3  # what a value is: no member; JSON text; a text that becomes a string; null
BEFORE, INSIDE, AFTER = 0, 1, 2  # where a column stands: before `*`, in it and so in the order of the line, after it
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
# The letter after the backslash, 117 (u) for other control characters, 0 for what is written as it is.
_ESCAPES = np.zeros(256, np.uint8)
_ESCAPES[:32] = 117
for _code, _letter in ((8, 98), (9, 116), (10, 110), (12, 102), (13, 114), (34, 34), (92, 92)):
    _ESCAPES[_code] = _letter
_ESCAPES.flags.writeable = False


@kernel
def escaped_size(data: Bytes, start: int, end: int) -> int:
    """How many bytes these are as the inside of JSON strings."""
    size = end - start
    for i in range(start, end):
        e = _ESCAPES[data[i]]
        if e:
            size += 5 if e == 117 else 1
    return size


@kernel
def _string(data: Bytes, start: int, end: int, out: Bytes, n: int) -> int:
    """A text as a JSON string; the place after it."""
    out[n] = 34
    n += 1
    for i in range(start, end):
        c = data[i]
        e = _ESCAPES[c]
        if e == 0:
            out[n] = c
            n += 1
            continue
        out[n], out[n + 1] = 92, e
        n += 2
        if e == 117:
            out[n], out[n + 1], out[n + 2], out[n + 3] = 48, 48, _HEX[c >> 4], _HEX[c & 15]
            n += 4
    out[n] = 34
    return n + 1


@kernel
def _copy(data: Bytes, start: int, end: int, out: Bytes, n: int) -> int:
    out[n : n + end - start] = data[start:end]
    return n + end - start


@kernel
def _read(data: Bytes, i: int) -> int:
    """A little-endian 32-bit number."""
    return int(data[i]) | int(data[i + 1]) << 8 | int(data[i + 2]) << 16 | int(data[i + 3]) << 24


@kernel
def _member(
    lines: Bytes, places: Bytes, slot: int, lined: bool, keys: Bytes, key_start: int, key_end: int, values: Bytes,
    start: int, end: int, state: int, out: Bytes, n: int,
) -> int:  # fmt: skip
    """One member and a comma, unless it is absent; the place after it."""
    if slot >= 0 and lined:
        if places[slot, 0] < 0:
            return n
        if places[slot, 1] > places[slot, 0]:
            state = 4
    if state == 0:
        return n
    n = _copy(keys, key_start, key_end, out, n)
    if state == 4:
        n = _copy(lines, places[slot, 0], places[slot, 1], out, n)
    elif state == 3:
        out[n], out[n + 1], out[n + 2], out[n + 3] = 110, 117, 108, 108
        n += 4
    elif state == 2:
        n = _string(values, start, end, out, n)
    else:
        n = _copy(values, start, end, out, n)
    out[n] = 44
    return n + 1


@kernel
def write_rows(
    values: Bytes, offsets: Bytes, states: Bytes, lines: Bytes, line_offsets: Bytes, lined: Bytes, slots: Bytes,
    stands: Bytes, inside: Bytes, others: bool, keys: Bytes, key_offsets: Bytes, out: Bytes,
) -> int:  # fmt: skip
    """Writes an object a row; how many bytes they are.

    values[offsets[c, r]:offsets[c, r + 1]] is what column c has in row r, states[c, r] what it is. slots[c] is the
    known column that c is unchanged, or -1; inside[slot] the column that stands where this one stood in the line, or
    -1. `keys` are the names as JSON, a colon after each.
    """
    n = 0
    columns, known = slots.size, inside.size
    places = np.empty((known + 1, 2), np.int64)
    done = np.zeros(columns, np.uint8)
    for r in range(lined.size):
        out[n] = 123
        n += 1
        begun = n
        done[:] = 0
        first, last = line_offsets[r], line_offsets[r + 1]
        if lined[r]:
            places[:] = -1
            i = first
            while i < last:
                slot, size = _read(lines, i) - 1, _read(lines, i + 4)
                if slot >= 0:
                    places[slot, 0], places[slot, 1] = i + 8, i + 8 + size
                i += 8 + size
        for c in range(columns):
            if stands[c] == 0:
                n = _member(
                    lines, places, slots[c], lined[r], keys, key_offsets[c], key_offsets[c + 1], values,
                    offsets[c, r], offsets[c, r + 1], states[c, r], out, n,
                )  # fmt: skip
        i = first
        while lined[r] and i < last:
            slot, size = _read(lines, i) - 1, _read(lines, i + 4)
            i += 8
            if slot < 0 and others:
                n = _copy(lines, i, i + size, out, n)
                out[n] = 44
                n += 1
            elif slot >= 0 and inside[slot] >= 0:
                c = inside[slot]
                done[c] = 1
                n = _member(
                    lines, places, slots[c], True, keys, key_offsets[c], key_offsets[c + 1], values,
                    offsets[c, r], offsets[c, r + 1], states[c, r], out, n,
                )  # fmt: skip
            i += size
        for stand in range(1, 3):
            for c in range(columns):
                if stands[c] == stand and not done[c]:
                    n = _member(
                        lines, places, slots[c], lined[r], keys, key_offsets[c], key_offsets[c + 1], values,
                        offsets[c, r], offsets[c, r + 1], states[c, r], out, n,
                    )  # fmt: skip
        if n > begun:
            n -= 1
        out[n], out[n + 1] = 125, 10
        n += 2
    return n
