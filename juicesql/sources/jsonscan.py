"""Kernels that find the members of JSON objects, one object a line, and refuse what is no JSON.

They accept exactly RFC 8259, without NaN and Infinity. What would take more than one look is left to Python: an object
in which two keys may be equal, a key with an escape, more than MAX_DEPTH levels. Values stay where they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from juicesql.kernels import kernel

Bytes = np.ndarray[Any, Any]
MAX_DEPTH = 4096
KEYS = 1 << 16  # keys that may be open at once, over all levels
_LINEAR = 24  # keys of one object that are compared with each other as they come; more are sorted at its end
MEMBER = 4  # numbers that say where one member stands: its key without quotes, its value


@kernel
def _blank(data: Bytes, i: int, end: int) -> int:
    """The first place from `i` on that is no white space."""
    while i < end and (data[i] == 32 or data[i] == 9 or data[i] == 13 or data[i] == 10):
        i += 1
    return i


@kernel
def _string(data: Bytes, i: int, end: int) -> int:
    """The place after the string that begins at `i`; -1 where it is broken."""
    i += 1
    while i < end:
        c = data[i]
        if c == 34:
            return i + 1
        if c < 32:
            return -1
        if c == 92:
            i += 1
            if i >= end:
                return -1
            e = data[i]
            if e == 117:
                if i + 4 >= end:
                    return -1
                for k in range(1, 5):
                    h = data[i + k] | 32
                    if not ((data[i + k] >= 48 and data[i + k] <= 57) or (h >= 97 and h <= 102)):
                        return -1
                i += 4
            elif not (e == 34 or e == 92 or e == 47 or e == 98 or e == 102 or e == 110 or e == 114 or e == 116):
                return -1
        i += 1
    return -1


@kernel
def _digits(data: Bytes, i: int, end: int) -> int:
    while i < end and data[i] >= 48 and data[i] <= 57:
        i += 1
    return i


@kernel
def _number(data: Bytes, i: int, end: int) -> int:
    """The place after the number that begins at `i`; -1 where it is broken."""
    if data[i] == 45:
        i += 1
    first = i
    i = _digits(data, i, end)
    if i == first or (data[first] == 48 and i > first + 1):
        return -1
    if i < end and data[i] == 46:
        first = i + 1
        i = _digits(data, first, end)
        if i == first:
            return -1
    if i < end and (data[i] | 32) == 101:
        i += 1
        if i < end and (data[i] == 43 or data[i] == 45):
            i += 1
        first = i
        i = _digits(data, first, end)
        if i == first:
            return -1
    return i


@kernel
def _word(data: Bytes, i: int, end: int) -> int:
    """The place after `true`, `false` or `null`; -1 for anything else."""
    if i + 4 <= end:
        a, b, c, d = data[i], data[i + 1], data[i + 2], data[i + 3]
        if (a == 116 and b == 114 and c == 117 and d == 101) or (a == 110 and b == 117 and c == 108 and d == 108):
            return i + 4
        if a == 102 and b == 97 and c == 108 and d == 115 and i + 5 <= end and data[i + 4] == 101:
            return i + 5
    return -1


@kernel
def _hash(data: Bytes, start: int, end: int) -> int:
    """A number for a key, or -1 for one with an escape, which may be equal to one that is written otherwise."""
    h = 2166136261
    for i in range(start, end):
        c = int(data[i])
        if c == 92:
            return -1
        h = ((h ^ c) * 16777619) & 0xFFFFFFFF
    return h


@kernel
def _twice(hashes: Bytes, first: int, count: int) -> bool:
    """Whether two of the numbers from `first` on are equal; called once for an object with many keys."""
    inside = np.sort(hashes[first:count])
    equal = 0
    for k in range(1, inside.size):
        equal += inside[k] == inside[k - 1]
    return equal > 0


@kernel
def scan_object(
    data: Bytes, i: int, end: int, members: Bytes, n: int, kinds: Bytes, levels: Bytes, hashes: Bytes
) -> int:
    """Notes the members of the object that is all of data[i:end] from `members[n]` on; how many there are then.

    -1 when it is no object or needs a second look. `kinds`, `levels` and `hashes` are room to work in.
    """
    i = _blank(data, i, end)
    if i >= end or data[i] != 123:
        return -1
    depth, keys, state = 1, 0, 3  # 0 value, 1 after a value, 2 key, 3 key or end, 4 value or end
    kinds[1] = 123
    levels[1] = 0
    key_start = key_end = value_start = 0
    i += 1
    while depth:
        i = _blank(data, i, end)
        if i >= end:
            return -1
        c = data[i]
        if state == 1:
            if c == 44:
                i += 1
                state = 2 if kinds[depth] == 123 else 0
                continue
            if c != (125 if kinds[depth] == 123 else 93):
                return -1
        elif state == 2 or state == 3:
            if c == 34:
                stop = _string(data, i, end)
                if stop < 0:
                    return -1
                h = _hash(data, i + 1, stop - 1)
                if h < 0 or keys >= KEYS:
                    return -1
                if keys - levels[depth] < _LINEAR:
                    for k in range(levels[depth], keys):
                        if hashes[k] == h:
                            return -1
                hashes[keys] = h
                keys += 1
                if depth == 1:
                    key_start, key_end = i + 1, stop - 1
                i = _blank(data, stop, end)
                if i >= end or data[i] != 58:
                    return -1
                i = _blank(data, i + 1, end)
                if depth == 1:
                    value_start = i
                state = 0
                continue
            if state == 2 or c != 125:
                return -1
        elif c == 93 and state == 4:
            pass
        else:
            if c == 34:
                i = _string(data, i, end)
            elif c == 123 or c == 91:
                depth += 1
                if depth >= MAX_DEPTH:
                    return -1
                kinds[depth] = c
                levels[depth] = keys
                state = 3 if c == 123 else 4
                i += 1
                continue
            elif c == 45 or (c >= 48 and c <= 57):
                i = _number(data, i, end)
            else:
                i = _word(data, i, end)
            if i < 0:
                return -1
            state = 1
            if depth == 1:
                members[n, 0], members[n, 1], members[n, 2], members[n, 3] = key_start, key_end, value_start, i
                n += 1
            continue
        if keys - levels[depth] > _LINEAR and _twice(hashes, levels[depth], keys):
            return -1
        keys = levels[depth]
        depth -= 1
        i += 1
        state = 1
        if depth == 1:
            members[n, 0], members[n, 1], members[n, 2], members[n, 3] = key_start, key_end, value_start, i
            n += 1
    return n if _blank(data, i, end) == end else -1


@kernel
def scan_lines(
    data: Bytes, bounds: Bytes, members: Bytes, firsts: Bytes, odd: Bytes, kinds: Bytes, levels: Bytes, hashes: Bytes
) -> int:
    """The members of every line: row r has members[firsts[r]:firsts[r + 1]]; none where odd[r] says to look again."""
    n = 0
    for r in range(bounds.shape[0]):
        firsts[r] = n
        found = scan_object(data, bounds[r, 0], bounds[r, 1], members, n, kinds, levels, hashes)
        if found < 0:
            odd[r] = True
        else:
            n = found
    firsts[bounds.shape[0]] = n
    return n
