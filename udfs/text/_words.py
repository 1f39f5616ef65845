"""Words of the repetition and word list stats: split on space, newline and tab, lowered, stripped of SPECIAL."""

import numpy as np

from juicesql.api import kernel

from ._chars import CASED, IGNORABLE, SPECIAL, decode, encode


@kernel
def refine(data, start, stop, flags, lower, buffer, starts, ends):
    """Write the lowered words of one row to `buffer`; word `w` is `buffer[starts[w]:ends[w]]`. Returns their number.

    `buffer` needs twice the bytes of the row, `starts` and `ends` half of them and one more.
    """
    words = at = 0
    i = start
    while i < stop:
        first = last = -1
        begin = i
        while i < stop:
            b = int(data[i])
            before = at
            if b < 0x80:
                if b == 0x20 or b == 0x0A or b == 0x09:
                    break
                if 0x41 <= b <= 0x5A:
                    b += 0x20
                buffer[at] = b
                at += 1
                i += 1
                special = flags[b] & SPECIAL
            else:
                c, after = decode(data, i)
                if c == 0x130:  # the only character whose lower case is two
                    buffer[at] = 0x69
                    at = encode(buffer, at + 1, 0x307)
                    special = 0
                else:
                    low = int(lower[c])
                    if c == 0x3A3 and ends_in_sigma(data, begin, i, after, stop, flags):
                        low = 0x3C2
                    at = encode(buffer, at, low)
                    special = flags[low] & SPECIAL
                i = after
            if not special:
                if first < 0:
                    first = before
                last = at
        if first >= 0:
            starts[words], ends[words] = first, last
            words += 1
        i += 1
    return words


@kernel
def ends_in_sigma(data, begin, i, after, stop, flags):
    """Whether the capital sigma at byte `i` ends a word by Unicode's rule: a cased letter before it and none after."""
    found = False
    while i > begin and not found:
        i -= 1
        while data[i] & 0xC0 == 0x80:
            i -= 1
        c, _ = decode(data, i)
        if flags[c] & CASED:
            found = True
        elif not flags[c] & IGNORABLE:
            return False
    if not found:
        return False
    while after < stop:
        c, after = decode(data, after)
        if c == 0x20 or c == 0x0A or c == 0x09:
            return True
        if not flags[c] & IGNORABLE:
            return not flags[c] & CASED
    return True


@kernel
def hash_bytes(data, start, stop):
    """FNV-1a, mixed at the end."""
    h = np.uint64(14695981039346656037)
    for i in range(start, stop):
        h = (h ^ np.uint64(data[i])) * np.uint64(1099511628211)
    h ^= h >> np.uint64(32)
    return h * np.uint64(0x9E3779B97F4A7C15)


@kernel
def same_bytes(a, i, b, j, length):
    for k in range(length):  # noqa: SIM110 - compiled
        if a[i + k] != b[j + k]:
            return False
    return True


@kernel
def table_bits(entries):
    """log2 of the size of a hash table that stays at most half full."""
    bits = 4
    while (1 << bits) < 2 * entries:
        bits += 1
    return bits


@kernel
def number_words(buffer, starts, ends, words, slots, hashes, ids):
    """Give equal words the same number: the position of the first of them."""
    bits = table_bits(words)
    shift, mask = np.uint64(64 - bits), (1 << bits) - 1
    slots[: mask + 1] = -1
    for w in range(words):
        start, length = starts[w], ends[w] - starts[w]
        h = hash_bytes(buffer, start, ends[w])
        hashes[w] = h
        slot = np.int64(h >> shift)
        while True:
            known = slots[slot]
            if known < 0:
                slots[slot] = ids[w] = w
                break
            if (
                hashes[known] == h
                and ends[known] - starts[known] == length
                and same_bytes(buffer, starts[known], buffer, start, length)
            ):
                ids[w] = known
                break
            slot = (slot + 1) & mask
