"""Hashed word n-grams: the one definition of features that `hashed_ngrams` lists and `quality_score` weighs."""

import numpy as np

from juicesql.api import FunctionError, char_table, kernel

from ._chars import decode

APART, IN_WORD, ALONE = 0, 1, 2
MOST_NGRAMS, MOST_DIMS = 5, 1 << 24

# Letters of scripts that set no spaces between words; each of them is a token of its own.
# Thai to Myanmar, Khmer, kana, bopomofo, Han (with its extensions).
UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3005, 0x3007),
    (0x3040, 0x30FF),
    (0x3100, 0x312F),
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x3FFFF),
)


def token_kinds() -> np.ndarray:
    """For each code point: does it part tokens, belong to a word, or make a token alone?"""
    return char_table("tokens-1", _kinds)


def _kinds() -> np.ndarray:
    import unicodedata

    table = np.full(0x110000, ALONE, np.uint8)
    for i in range(0x110000):
        group = unicodedata.category(chr(i))[0]
        if group in "ZC":  # blanks, controls, marks of format, unassigned
            table[i] = APART
        elif group in "LNM":
            table[i] = IN_WORD
    for first, last in UNSPACED_RANGES:
        part = table[first : last + 1]
        part[part == IN_WORD] = ALONE
    return table


def check_grams(ngrams: int, dims: int) -> None:
    """FunctionError unless features can be made with these."""
    if not 1 <= ngrams <= MOST_NGRAMS:
        raise FunctionError.of("bad-parameter", f"ngrams is {ngrams}", f"give ngrams := 1 to {MOST_NGRAMS}")
    if not 1 <= dims <= MOST_DIMS or dims & (dims - 1):
        mend = f"give dims := a power of two up to {MOST_DIMS}"
        raise FunctionError.of("bad-parameter", f"dims is {dims}", mend)


@kernel
def next_token(data, i, stop, kinds, lower):
    """The hash of the first token at or after byte `i` (FNV-1a over lowered code points), and where it ends.

    The end is -1 when there is no token.
    """
    h = np.uint64(14695981039346656037)
    begun = False
    while i < stop:
        c, after = int(data[i]), i + 1
        if c >= 0x80:
            c, after = decode(data, i)
        kind = kinds[c]
        if begun and kind != IN_WORD:
            return h, i
        i = after
        if kind != APART:
            h = (h ^ np.uint64(lower[c])) * np.uint64(1099511628211)
            begun = True
            if kind == ALONE:
                return h, i
    return h, i if begun else -1


@kernel
def row_grams(data, i, stop, dims, kinds, lower, last, seen, ids, at):
    """Write the ids of the row's n-grams to `ids` from `at` on, each once; returns where the next goes.

    `last[n - 1]` is the hash of the n tokens that end at the token before. `seen` has a bit for each id: all 0 before
    and after.
    """
    mask = np.uint64(dims - 1)
    first, tokens = at, 0
    while True:
        h, i = next_token(data, i, stop, kinds, lower)
        if i < 0:
            break
        tokens += 1
        for n in range(min(len(last), tokens) - 1, -1, -1):
            gram = (last[n - 1] * np.uint64(0x5851F42D4C957F2D)) ^ h if n else h
            last[n] = gram
            gram ^= gram >> np.uint64(32)
            id_ = np.int64(((gram * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) & mask)
            bit = 1 << (id_ & 7)
            if not seen[id_ >> 3] & bit:
                seen[id_ >> 3] |= bit
                ids[at] = id_
                at += 1
    for k in range(first, at):
        seen[ids[k] >> 3] = 0
    return at
