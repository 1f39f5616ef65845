"""Stat `symbol_word_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._symbols import per_word
from ._unspaced import split_assets, words_apart


@stat(
    "symbol_word_ratio(text VARCHAR, symbols VARCHAR[] := ['#'], splitter VARCHAR := 'auto') -> DOUBLE",
    assets=split_assets,
)
def symbol_word_ratio(text: pa.StringArray, symbols: list[str], splitter: str) -> pa.DoubleArray:
    """Number of occurrences of one or more symbols for each word; may be above 1.

    symbol_word_ratio = occurrences of any of the `symbols` (strings; where several begin at one place the longest
    counts, and counting goes on behind it) / `word_count`. No words, or empty: 0. Scripts without spaces are split by
    `splitter` (see `num_words`).

    Usual cut: <= 0.1 for '#', and for the ellipsis: `symbol_word_ratio(text, ['...', '…'])`. Source: Gopher (Rae and
    others 2021, section A.1.1). datatrove 0.10 divides by the words of a tokenizer, which are some more.
    """
    return per_word(words_apart(text, splitter), symbols)
