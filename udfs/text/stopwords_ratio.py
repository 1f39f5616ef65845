"""Stat `stopwords_ratio`."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from juicesql.api import stat

from ._lists import list_assets, listed_ratio
from ._tokens import spaced_pieces, tokenizer_assets


def _assets(stopwords_dir: str | None, **parameters: Any) -> list[Path | str]:
    return [*list_assets("stopwords", stopwords_dir), *tokenizer_assets(**parameters)]


@stat(
    "stopwords_ratio(text VARCHAR, lang VARCHAR := 'en', use_words_aug BOOLEAN := false, "
    "words_aug_group_sizes INTEGER[] := [2], words_aug_join_char VARCHAR := '', "
    "stopwords_dir VARCHAR := NULL, tokenization BOOLEAN := false, sp_model VARCHAR := NULL) -> DOUBLE",
    assets=_assets,
)
def stopwords_ratio(
    text: pa.StringArray,
    lang: str,
    use_words_aug: bool,
    words_aug_group_sizes: list[int],
    words_aug_join_char: str,
    stopwords_dir: str | None,
    tokenization: bool,
    sp_model: str | None,
) -> pa.DoubleArray:
    """Share of the words that are stopwords of the language: natural prose has many, keyword lists have few.

    Words are split on space, newline and tab, lowered and stripped of special characters; empty words are dropped.
    stopwords_ratio = words on the list / words. With `use_words_aug`, every run of as many words as each of
    `words_aug_group_sizes` says, joined by `words_aug_join_char`, counts as a further word (for scripts that write a
    word in pieces). `lang` 'all' takes the lists of every language together. Without words, or empty: 0.

    With `tokenization`, words are instead the pieces of the SentencePiece model `sp_model`, by default
    `<lang>.sp.model` in the folder of models. As in Data-Juicer a piece keeps the U+2581 that begins a word, so a list
    without that mark matches only the pieces inside words.

    Usual cut: >= 0.3. Source: Data-Juicer's stopwords_filter. The shipped lists are those of Stopwords ISO, not
    Data-Juicer's, which it downloads: name the folder of its `stopwords*.json` in `stopwords_dir` to have its values;
    all such files there are merged.
    """
    if tokenization:
        text = spaced_pieces(text, lang, sp_model)
    return listed_ratio(
        text, "stopwords", stopwords_dir, lang, use_words_aug, words_aug_group_sizes, words_aug_join_char
    )
