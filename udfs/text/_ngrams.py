"""N-grams of white-space words by number: equal words have equal numbers (see `_words.number_words`)."""

import numpy as np

from juicesql.api import FunctionError, kernel

from ._layout import char_count


def checked_n(n: int) -> int:
    """The length of an n-gram that a recipe gives; FunctionError below 1."""
    if n < 1:
        raise FunctionError.of("bad-parameter", f"n is {n}", "give n := 1 or more")
    return n


@kernel
def hash_grams(ids, grams, n, hashes):
    """A hash of each n-gram."""
    base, top, h = np.uint64(0x5851F42D4C957F2D), np.uint64(1), np.uint64(0)
    for k in range(n):
        h = h * base + np.uint64(ids[k] + 1)
        if k:
            top *= base
    for g in range(grams):
        if g:
            h = (h - np.uint64(ids[g - 1] + 1) * top) * base + np.uint64(ids[g + n - 1] + 1)
        hashes[g] = h


@kernel
def first_equal(ids, g, n, hashes, slots, bits):
    """The first n-gram that was looked up and equals n-gram `g`; `g` itself, which is noted, when there is none."""
    slot = np.int64((hashes[g] * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - bits))
    while True:
        known = int(slots[slot])
        if known < 0:
            slots[slot] = g
            return g
        if hashes[known] == hashes[g]:
            k = 0
            while k < n and ids[known + k] == ids[g + k]:
                k += 1
            if k == n:
                return known
        slot = (slot + 1) & ((1 << bits) - 1)


@kernel
def chars_of_words(data, starts, ends, first, n):
    """The characters of `n` words, without what stands between them."""
    chars = 0
    for w in range(first, first + n):
        chars += char_count(data, starts[w], ends[w])
    return chars
