"""Stat `newline_word_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._symbols import per_word
from ._unspaced import split_assets, words_apart


@stat("newline_word_ratio(text VARCHAR, splitter VARCHAR := 'auto') -> DOUBLE", assets=split_assets)
def newline_word_ratio(text: pa.StringArray, splitter: str) -> pa.DoubleArray:
    """Number of newlines for each word: lists of names and menus have many.

    newline_word_ratio = newlines (U+000A, those of blank lines too) / `word_count`. No words, or empty: 0.

    Usual cut: <= 0.3. Source: datatrove's FineWeb filter (new_line_ratio; the paper, Penedo and others 2024, does not
    name it). datatrove 0.10 divides by the words of a tokenizer, which are some more. Scripts without spaces are split
    by `splitter` (see `num_words`).
    """
    return per_word(words_apart(text, splitter), ["\n"])
