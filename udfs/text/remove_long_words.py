"""Mapper `remove_long_words`."""

import pyarrow as pa

from juicesql.api import kernel, mapper

from ._chars import SPECIAL, classes
from ._rejoin import drop_words, is_break
from ._trim import trim

UNLIMITED = 1 << 62


@mapper("remove_long_words(text VARCHAR, min_len INTEGER := 1, max_len BIGINT := NULL) -> VARCHAR")
def remove_long_words(text: pa.StringArray, min_len: int, max_len: int | None) -> pa.StringArray:
    """Remove the words that have fewer than `min_len` or more than `max_len` characters.

    Words are what stands between newlines, tabs and spaces. One that is too long stays if it fits without the special
    characters at its ends, and then keeps them. The words that stay are joined by a newline if one stood between them,
    else by a tab if one did, else by a space: runs of blanks, empty lines and blanks at the ends go, even where no word
    does. `max_len` NULL is no upper limit. Empty text stays empty.
    Source: Data-Juicer's remove_long_words_mapper, after the data preparation of BigScience ROOTS (Laurençon and others
    2022).
    """
    return drop_words(text, _mark_long, classes(), min_len, UNLIMITED if max_len is None else max_len)


@kernel
def _mark_long(data, offsets, dropped, table, min_len, max_len):
    word = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        while i < stop:
            if is_break(data[i]):
                i += 1
                continue
            begin = i
            chars = 0
            while i < stop and not is_break(data[i]):
                chars += (data[i] & 0xC0) != 0x80
                i += 1
            if chars > max_len:
                chars = _inner_length(data, begin, i, table)
            dropped[word] = not min_len <= chars <= max_len
            word += 1


@kernel
def _inner_length(data, i, end, table):
    """Characters from the first to the last that is not special."""
    i, end = trim(data, i, end, table, SPECIAL)
    chars = 0
    for k in range(i, end):
        chars += (data[k] & 0xC0) != 0x80
    return chars
