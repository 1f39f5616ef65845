"""Stat `word_rep_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, map_utf8, stat

from ._chars import classes, longest_row, lowered
from ._unspaced import separated, separated_assets
from ._words import number_words, refine, table_bits


@stat(
    "word_rep_ratio(text VARCHAR, rep_len INTEGER := 10, lang VARCHAR := 'en', tokenization BOOLEAN := false, "
    "sp_model VARCHAR := NULL, splitter VARCHAR := 'auto', parity VARCHAR := NULL) -> DOUBLE",
    assets=separated_assets,
)
def word_rep_ratio(
    text: pa.StringArray,
    rep_len: int,
    lang: str,
    tokenization: bool,
    sp_model: str | None,
    splitter: str,
    parity: str | None,
) -> pa.DoubleArray:
    """Share of the word n-grams (n = `rep_len`) that occur more than once in the text.

    Words are split on space, newline and tab, lowered and stripped of special characters; empty words are dropped.
    Scripts without spaces are split by `splitter` (see `num_words`).
    word_rep_ratio = sum of the frequencies above 1 / sum of all frequencies of the overlapping n-grams. Text with fewer
    than `rep_len` words, or empty: 0. With `tokenization`, words are instead the pieces of the SentencePiece model
    `sp_model`, by default `<lang>.sp.model` in the folder of models; the U+2581 that begins a word stays, so "cat"
    inside a word differs from "cat" at its start. Usual cut: <= 0.5. Source: Data-Juicer's word_repetition_filter.
    """
    if rep_len < 1:
        raise FunctionError.of("bad-parameter", f"rep_len is {rep_len}", "give rep_len := 1 or more")
    text = separated(text, lang, tokenization, sp_model, splitter, parity)
    return map_utf8(_word_rep_ratio, text, np.float64, rep_len, classes(), lowered())


@kernel
def _word_rep_ratio(data, offsets, out, rep_len, flags, lower):
    longest = longest_row(offsets)
    most = longest // 2 + 1
    buffer = np.empty(2 * longest + 4, np.uint8)
    starts, ends, ids, counts = (
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
    )
    hashes = np.empty(most, np.uint64)
    slots = np.empty(1 << table_bits(most), np.int32)
    for row in range(len(out)):
        words = refine(data, int(offsets[row]), int(offsets[row + 1]), flags, lower, buffer, starts, ends)
        out[row] = 0.0
        if words >= rep_len:
            number_words(buffer, starts, ends, words, slots, hashes, ids)
            repeated = _repeated(ids, words, rep_len, slots, hashes, counts)
            out[row] = repeated / (words - rep_len + 1)


@kernel
def _repeated(ids, words, n, slots, hashes, counts):
    """How many of the n-grams of `ids` have an equal one."""
    grams = words - n + 1
    bits = table_bits(grams)
    shift, mask = np.uint64(64 - bits), (1 << bits) - 1
    slots[: mask + 1] = -1
    base, top, h = np.uint64(0x5851F42D4C957F2D), np.uint64(1), np.uint64(0)
    for k in range(n):
        h = h * base + np.uint64(ids[k] + 1)
        if k:
            top *= base
    repeated = 0
    for g in range(grams):
        if g:
            h = (h - np.uint64(ids[g - 1] + 1) * top) * base + np.uint64(ids[g + n - 1] + 1)
        hashes[g] = h
        counts[g] = 0
        slot = np.int64((h * np.uint64(0x9E3779B97F4A7C15)) >> shift)
        while True:
            known = slots[slot]
            if known < 0:
                slots[slot] = g
                counts[g] = 1
                break
            if hashes[known] == h and _same_gram(ids, known, g, n):
                counts[known] += 1
                repeated += 2 if counts[known] == 2 else 1
                break
            slot = (slot + 1) & mask
    return repeated


@kernel
def _same_gram(ids, a, b, n):
    for k in range(n):  # noqa: SIM110 - compiled
        if ids[a + k] != ids[b + k]:
            return False
    return True
