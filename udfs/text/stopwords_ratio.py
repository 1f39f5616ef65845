"""Stat `stopwords_ratio`."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from juicesql.api import stat

from ._lists import list_assets, listed_ratio
from ._unspaced import separated, separated_assets


def _assets(stopwords_dir: str | None, **parameters: Any) -> list[Path | str]:
    return [*list_assets("stopwords", stopwords_dir), *separated_assets(**parameters)]


@stat(
    "stopwords_ratio(text VARCHAR, lang VARCHAR := 'en', use_words_aug BOOLEAN := false, "
    "words_aug_group_sizes INTEGER[] := [2], words_aug_join_char VARCHAR := '', "
    "stopwords_dir VARCHAR := NULL, tokenization BOOLEAN := false, sp_model VARCHAR := NULL, "
    "splitter VARCHAR := 'auto', parity VARCHAR := NULL) -> DOUBLE",
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
    splitter: str,
    parity: str | None,
) -> pa.DoubleArray:
    """Share of the words that are stopwords of the language: natural prose has many, keyword lists have few.

    Words are split on space, newline and tab, lowered and stripped of special characters; empty words are dropped.
    Scripts without spaces are split by `splitter` (see `num_words`).
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
    text = separated(text, lang, tokenization, sp_model, splitter, parity)
    return listed_ratio(
        text, "stopwords", stopwords_dir, lang, use_words_aug, words_aug_group_sizes, words_aug_join_char
    )
