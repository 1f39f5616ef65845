"""Stat `char_rep_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, map_utf8, stat

from ._chars import decode, longest_row
from ._words import table_bits


@stat("char_rep_ratio(text VARCHAR, rep_len INTEGER := 10) -> DOUBLE")
def char_rep_ratio(text: pa.StringArray, rep_len: int) -> pa.DoubleArray:
    """Share of the character n-grams (n = `rep_len`) that belong to the most frequent ones.

    Over all overlapping n-grams of the raw text: D distinct ones, S of them seen once, k = min(floor(sqrt(D)), D - S);
    char_rep_ratio = sum of the k largest frequencies / sum of all. Text shorter than `rep_len`, or empty: 0.
    Usual cut: <= 0.5. Source: Data-Juicer's character_repetition_filter.
    """
    if rep_len < 1:
        raise FunctionError.of("bad-parameter", f"rep_len is {rep_len}", "give rep_len := 1 or more")
    return map_utf8(_char_rep_ratio, text, np.float64, rep_len)


@kernel
def _char_rep_ratio(data, offsets, out, n):
    longest = longest_row(offsets)
    begins = np.empty(longest + 1, np.int32)  # byte where each character begins
    points = np.empty(longest, np.int32)
    histogram = np.zeros(longest + 2, np.int32)  # n-grams by frequency
    slots = np.empty(1 << table_bits(longest), np.int32)
    # One entry for each distinct n-gram, in the order of their first occurrence.
    firsts, counts, hashes = np.empty(longest, np.int32), np.empty(longest, np.int32), np.empty(longest, np.uint64)
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        chars = 0
        while i < stop:
            begins[chars] = i
            points[chars], i = decode(data, i)
            chars += 1
        begins[chars] = stop
        out[row] = 0.0
        if chars >= n:
            distinct = _count_grams(points, chars, n, slots, firsts, counts, hashes)
            out[row] = _top_frequencies(counts, distinct, histogram) / (chars - n + 1)


@kernel
def _count_grams(points, chars, n, slots, firsts, counts, hashes):
    """Fill `firsts`, `counts` and `hashes`; returns the number of distinct n-grams."""
    bits = table_bits(chars - n + 1)
    shift, mask = np.uint64(64 - bits), (1 << bits) - 1
    slots[: mask + 1] = -1
    base, drop, h = np.uint64(0x5851F42D4C957F2D), np.uint64(1), np.uint64(0)
    for k in range(n):
        h = h * base + np.uint64(points[k] + 1)
        drop *= base
    distinct = 0
    follows = -1  # the n-gram that begins here shares all but its last character with this one
    for g in range(chars - n + 1):
        if g:
            h = h * base - np.uint64(points[g - 1] + 1) * drop + np.uint64(points[g + n - 1] + 1)
        slot = np.int64(((h ^ (h >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)) >> shift)
        while True:
            known = slots[slot]
            if known < 0:
                slots[slot] = distinct
                firsts[distinct], counts[distinct], hashes[distinct] = g, 1, h
                distinct += 1
                follows = -1
                break
            if hashes[known] == h and _same_gram(points, firsts[known], g, n, follows):
                counts[known] += 1
                follows = firsts[known] + 1
                break
            slot = (slot + 1) & mask
    return distinct


@kernel
def _same_gram(points, a, b, n, follows):
    for k in range(n - 1 if a == follows else 0, n):  # noqa: SIM110 - compiled
        if points[a + k] != points[b + k]:
            return False
    return True


@kernel
def _top_frequencies(counts, distinct, histogram):
    """Sum of the k largest frequencies; leaves `histogram` all zero."""
    once = 0
    largest = 1
    for entry in range(distinct):
        frequency = counts[entry]
        if frequency == 1:
            once += 1
        else:
            histogram[frequency] += 1
            largest = max(largest, frequency)
    left = min(int(np.sqrt(distinct)), distinct - once)
    total = 0
    for frequency in range(largest, 1, -1):
        taken = min(left, histogram[frequency])
        total += taken * frequency
        left -= taken
    histogram[: largest + 1] = 0
    return total
