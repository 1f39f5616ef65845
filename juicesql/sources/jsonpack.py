"""Kernels over the members that `jsonscan` found: texts decoded, values copied, and what is left of a line packed.

A packed line holds the members in their order, each as two little-endian 32-bit numbers and bytes: slot + 1 and the
value of a known column as it was written (no bytes where the value is elsewhere), or 0 and members of other keys,
commas between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from juicesql.kernels import kernel

Bytes = np.ndarray[Any, Any]
KEEP, TEXT, PLACE, DROP = (
    0,
    1,
    2,
    3,
)  # of a known member: its value; that unless a text tells it; its place only; nothing
# What `jsonout` writes for a character after a backslash, and back: for \b \t \n \f \r.
_SHORT = np.zeros(128, np.uint8)
for _letter, _code in ((98, 8), (116, 9), (110, 10), (102, 12), (114, 13), (34, 34), (92, 92), (47, 47)):
    _SHORT[_letter] = _code
_SHORT.flags.writeable = False


@kernel
def find_slots(data: Bytes, members: Bytes, count: int, keys: Bytes, offsets: Bytes, slots: Bytes) -> None:
    """The known column that each of `count` members is, or -1. Members mostly come in the order of the columns."""
    known = offsets.size - 1
    expected = 0
    for m in range(count):
        start = members[m, 0]
        length = members[m, 1] - start
        slots[m] = -1
        for step in range(known):
            k = expected + step
            if k >= known:
                k -= known
            if offsets[k + 1] - offsets[k] == length:
                same = True
                for j in range(length):
                    if data[start + j] != keys[offsets[k] + j]:
                        same = False
                        break
                if same:
                    slots[m] = k
                    expected = k + 1
                    break


@kernel
def find_spans(members: Bytes, firsts: Bytes, slots: Bytes, spans: Bytes) -> None:
    """Where the value of each known column stands: spans[slot, row] is (start, end), or (-1, -1) where it is absent."""
    spans[:] = -1
    for r in range(firsts.size - 1):
        for m in range(firsts[r], firsts[r + 1]):
            if slots[m] >= 0:
                spans[slots[m], r, 0] = members[m, 2]
                spans[slots[m], r, 1] = members[m, 3]


@kernel
def copy_values(data: Bytes, spans: Bytes, out: Bytes, offsets: Bytes) -> None:
    """The JSON text of one column."""
    n = 0
    for r in range(spans.shape[0]):
        start, end = spans[r, 0], spans[r, 1]
        if start >= 0:
            out[n : n + end - start] = data[start:end]
            n += end - start
        offsets[r + 1] = n


@kernel
def _hex(c: int) -> int:
    return c - 48 if c < 58 else (c | 32) - 87


@kernel
def _unit(data: Bytes, i: int) -> int:
    """The number that four hexadecimal digits are."""
    number = 0
    for k in range(4):
        number = number * 16 + _hex(int(data[i + k]))
    return number


@kernel
def _put(out: Bytes, n: int, point: int) -> int:
    """A code point as UTF-8; the place after it."""
    if point < 128:
        out[n] = point
        return n + 1
    if point < 2048:
        out[n], out[n + 1] = 192 | (point >> 6), 128 | (point & 63)
        return n + 2
    if point < 65536:
        out[n], out[n + 1], out[n + 2] = 224 | (point >> 12), 128 | ((point >> 6) & 63), 128 | (point & 63)
        return n + 3
    out[n], out[n + 1] = 240 | (point >> 18), 128 | ((point >> 12) & 63)
    out[n + 2], out[n + 3] = 128 | ((point >> 6) & 63), 128 | (point & 63)
    return n + 4


@kernel
def _plain_unit(data: Bytes, i: int, point: int) -> bool:
    """Whether `jsonout` writes this code point with the four digits at `i` and no other way."""
    if point >= 32 or (point >= 8 and point <= 13 and point != 11):
        return False
    upper = 0
    for k in range(4):
        if data[i + k] >= 65 and data[i + k] <= 70:
            upper += 1
    return upper == 0


@kernel
def decode_texts(
    data: Bytes, spans: Bytes, out: Bytes, offsets: Bytes, valid: Bytes, told: Bytes, broken: Bytes
) -> None:
    """The texts of one column; a value that is no string is its JSON text, null and absence are NULL.

    told[row]: writing the text again gives the same bytes. broken[row]: it holds half a surrogate pair.
    """
    n = 0
    for r in range(spans.shape[0]):
        i, end = spans[r, 0], spans[r, 1]
        if i >= 0 and data[i] != 110:
            valid[r] = True
            if data[i] != 34:
                out[n : n + end - i] = data[i:end]
                n += end - i
            else:
                told[r] = True
                i += 1
                end -= 1
                while i < end:
                    c = data[i]
                    if c != 92:
                        out[n] = c
                        n += 1
                        i += 1
                        continue
                    e = data[i + 1]
                    if e != 117:
                        out[n] = _SHORT[e]
                        n += 1
                        i += 2
                        if e == 47:
                            told[r] = False
                        continue
                    point = _unit(data, i + 2)
                    if not _plain_unit(data, i + 2, point):
                        told[r] = False
                    i += 6
                    if point >= 0xD800 and point < 0xE000:
                        low = 0
                        if point < 0xDC00 and i + 5 < end and data[i] == 92 and data[i + 1] == 117:
                            low = _unit(data, i + 2)
                        if low < 0xDC00 or low >= 0xE000:
                            broken[r] = True
                            point = 63
                        else:
                            point = 0x10000 + (point - 0xD800) * 1024 + low - 0xDC00
                            i += 6
                    n = _put(out, n, point)
        offsets[r + 1] = n


@kernel
def _number(out: Bytes, n: int, value: int) -> int:
    """A little-endian 32-bit number; the place after it."""
    for k in range(4):
        out[n + k] = (value >> (8 * k)) & 255
    return n + 4


@kernel
def pack_lines(
    data: Bytes, members: Bytes, firsts: Bytes, slots: Bytes, actions: Bytes, told: Bytes, others: bool, out: Bytes,
    offsets: Bytes,
) -> None:  # fmt: skip
    """Packs every row. actions[slot] is KEEP, TEXT, PLACE or DROP; told[slot, row] says where TEXT can be left out."""
    n = 0
    for r in range(firsts.size - 1):
        chunk = -1  # where the length of the open run of other members stands
        for m in range(firsts[r], firsts[r + 1]):
            slot = slots[m]
            if slot < 0:
                if not others:
                    continue
                if chunk < 0:
                    n = _number(out, n, 0)
                    chunk = n
                    n += 4
                else:
                    out[n] = 44
                    n += 1
                start, end = members[m, 0] - 1, members[m, 1] + 1
                out[n : n + end - start] = data[start:end]
                n += end - start
                out[n] = 58
                n += 1
                start, end = members[m, 2], members[m, 3]
                out[n : n + end - start] = data[start:end]
                n += end - start
                _number(out, chunk, n - chunk - 4)
                continue
            action = actions[slot]
            if action == 3:
                continue
            chunk = -1
            n = _number(out, n, slot + 1)
            start, end = members[m, 2], members[m, 3]
            if action == 2 or (action == 1 and told[slot, r]):
                end = start
            n = _number(out, n, end - start)
            out[n : n + end - start] = data[start:end]
            n += end - start
        offsets[r + 1] = n
