"""Stat `dup_ngram_char_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._chars import longest_row
from ._layout import char_count, layout_classes, split_words
from ._ngrams import chars_of_words, checked_n, first_equal, hash_grams
from ._unspaced import of_whole_text, split_assets, words_apart
from ._words import number_words, table_bits


@stat("dup_ngram_char_ratio(text VARCHAR, n INTEGER := 5, splitter VARCHAR := 'auto') -> DOUBLE", assets=split_assets)
def dup_ngram_char_ratio(text: pa.StringArray, n: int, splitter: str) -> pa.DoubleArray:
    """Share of the characters that stand in word n-grams which repeat an earlier n-gram of the text.

    The words are read from left to right: an n-gram that was met before counts the characters of its words, and the
    reading goes on behind it, so no character counts twice; any other is noted, and the reading goes on one word
    further. dup_ngram_char_ratio = counted characters / characters of the text (white space is in the second only).
    Words are what stands between white space, case and punctuation kept. Fewer than `n` words, or empty: 0.

    Usual cut: <= 0.15 for n = 5, and 0.14, 0.13, 0.12, 0.11, 0.10 for n = 6 to 10. Source: Gopher (Rae and others 2021,
    table A1, duplicate n-gram character fraction), with the formula of datatrove 0.10. datatrove takes the words of a
    tokenizer, so punctuation is a word of its own there and more n-grams repeat, and it holds 'a bc' and 'ab c' for
    equal. Scripts without spaces are split by `splitter` (see `num_words`).
    """
    apart = words_apart(text, splitter)
    found = map_utf8(_dup_ngram_char_ratio, apart, np.float64, checked_n(n), layout_classes())
    return of_whole_text(found, apart, text)


@kernel
def _dup_ngram_char_ratio(data, offsets, out, n, flags):
    most = longest_row(offsets) // 2 + 1
    starts, ends, ids = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    hashes = np.empty(most, np.uint64)
    slots = np.empty(1 << table_bits(most), np.int32)
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        words = split_words(data, i, stop, flags, starts, ends)
        out[row] = 0.0
        if words > n:
            number_words(data, starts, ends, words, slots, hashes, ids)
            chars = _repeated_chars(data, starts, ends, ids, words - n + 1, n, hashes, slots)
            out[row] = chars / char_count(data, i, stop)


@kernel
def _repeated_chars(data, starts, ends, ids, grams, n, hashes, slots):
    """The characters of the n-grams that repeat an earlier one, none of them twice."""
    bits = table_bits(grams)
    slots[: 1 << bits] = -1
    hash_grams(ids, grams, n, hashes)
    chars = g = 0
    while g < grams:
        if first_equal(ids, g, n, hashes, slots, bits) == g:
            g += 1
        else:
            chars += chars_of_words(data, starts, ends, g, n)
            g += n
    return chars
