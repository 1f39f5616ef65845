"""Stat `top_ngram_char_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._chars import longest_row
from ._layout import char_count, layout_classes, split_words
from ._ngrams import chars_of_words, checked_n, first_equal, hash_grams
from ._unspaced import of_whole_text, split_assets, words_apart
from ._words import number_words, table_bits


@stat("top_ngram_char_ratio(text VARCHAR, n INTEGER := 2, splitter VARCHAR := 'auto') -> DOUBLE", assets=split_assets)
def top_ngram_char_ratio(text: pa.StringArray, n: int, splitter: str) -> pa.DoubleArray:
    """Share of the characters that the most frequent word n-gram takes up.

    top_ngram_char_ratio = occurrences of the most frequent n-gram * its characters, with one space between words /
    characters of the text, at most 1 (occurrences may overlap). Of equally frequent n-grams the first in the text
    counts, even if it occurs once. Words are what stands between white space, case and punctuation kept. Fewer than `n`
    words, or empty: 0.

    Usual cut: <= 0.20 for n = 2, 0.18 for n = 3, 0.16 for n = 4. Source: Gopher (Rae and others 2021, table A1, top
    n-gram character fraction), with the formula of datatrove 0.10. datatrove takes the words of a tokenizer, so
    punctuation is a word of its own there and ', and' a 2-gram: it drops more. Scripts without spaces are split by
    `splitter` (see `num_words`); the space between words counts there too.
    """
    apart = words_apart(text, splitter)
    found = map_utf8(_top_ngram_char_ratio, apart, np.float64, checked_n(n), layout_classes())
    return of_whole_text(found, apart, text)


@kernel
def _top_ngram_char_ratio(data, offsets, out, n, flags):
    most = longest_row(offsets) // 2 + 1
    starts, ends, ids, counts = (
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
    )
    hashes = np.empty(most, np.uint64)
    slots = np.empty(1 << table_bits(most), np.int32)
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        words = split_words(data, i, stop, flags, starts, ends)
        out[row] = 0.0
        if words >= n:
            number_words(data, starts, ends, words, slots, hashes, ids)
            top, count = _most_frequent(ids, words - n + 1, n, hashes, slots, counts)
            chars = count * (chars_of_words(data, starts, ends, top, n) + n - 1)
            out[row] = min(1.0, chars / char_count(data, i, stop))


@kernel
def _most_frequent(ids, grams, n, hashes, slots, counts):
    """The first of the most frequent n-grams, and how often it occurs."""
    bits = table_bits(grams)
    slots[: 1 << bits] = -1
    counts[:grams] = 0
    hash_grams(ids, grams, n, hashes)
    for g in range(grams):
        counts[first_equal(ids, g, n, hashes, slots, bits)] += 1
    top = 0
    for g in range(grams):
        if counts[g] > counts[top]:
            top = g
    return top, int(counts[top])
