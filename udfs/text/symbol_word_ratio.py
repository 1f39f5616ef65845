"""Stat `symbol_word_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._symbols import per_word


@stat("symbol_word_ratio(text VARCHAR, symbols VARCHAR[] := ['#']) -> DOUBLE")
def symbol_word_ratio(text: pa.StringArray, symbols: list[str]) -> pa.DoubleArray:
    """Number of occurrences of one or more symbols for each word; may be above 1.

    symbol_word_ratio = occurrences of any of the `symbols` (strings; where several begin at one place the longest
    counts, and counting goes on behind it) / `word_count`. No words, or empty: 0. In scripts without spaces a whole run
    is one word: divide `substring_count` by `text_len` there.

    Usual cut: <= 0.1 for '#', and for the ellipsis: `symbol_word_ratio(text, ['...', '…'])`. Source: Gopher (Rae and
    others 2021, section A.1.1). datatrove 0.10 divides by the words of a tokenizer, which are some more.
    """
    return per_word(text, symbols)
