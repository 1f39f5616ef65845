"""Stat `flagged_words_ratio`."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from juicesql.api import stat

from ._lists import list_assets, listed_ratio
from ._unspaced import separated, separated_assets


def _assets(flagged_words_dir: str | None, **parameters: Any) -> list[Path | str]:
    return [*list_assets("flagged_words", flagged_words_dir), *separated_assets(**parameters)]


@stat(
    "flagged_words_ratio(text VARCHAR, lang VARCHAR := 'en', use_words_aug BOOLEAN := false, "
    "words_aug_group_sizes INTEGER[] := [2], words_aug_join_char VARCHAR := '', "
    "flagged_words_dir VARCHAR := NULL, tokenization BOOLEAN := false, sp_model VARCHAR := NULL, "
    "splitter VARCHAR := 'auto', parity VARCHAR := NULL) -> DOUBLE",
    assets=_assets,
)
def flagged_words_ratio(
    text: pa.StringArray,
    lang: str,
    use_words_aug: bool,
    words_aug_group_sizes: list[int],
    words_aug_join_char: str,
    flagged_words_dir: str | None,
    tokenization: bool,
    sp_model: str | None,
    splitter: str,
    parity: str | None,
) -> pa.DoubleArray:
    """Share of the words that are on the language's list of obscene words.

    Words are split on space, newline and tab, lowered and stripped of special characters; empty words are dropped.
    Scripts without spaces are split by `splitter` (see `num_words`).
    flagged_words_ratio = words on the list / words, at most 1. With `use_words_aug`, every run of as many words as each
    of `words_aug_group_sizes` says, joined by `words_aug_join_char`, counts as a further word: with ' ' it finds listed
    phrases. `lang` 'all' takes the lists of every language together. Without words, or empty: 0.

    With `tokenization`, words are instead the pieces of the SentencePiece model `sp_model`, by default
    `<lang>.sp.model` in the folder of models. As in Data-Juicer a piece keeps the U+2581 that begins a word, so a list
    without that mark matches only the pieces inside words.

    Usual cut: <= 0.045. Source: Data-Juicer's flagged_words_filter. The shipped lists are the "Dirty, Naughty, Obscene
    and Otherwise Bad Words", not Data-Juicer's, which it downloads: name the folder of its `flagged_words*.json` in
    `flagged_words_dir` to have its values; all such files there are merged.
    """
    text = separated(text, lang, tokenization, sp_model, splitter, parity)
    return listed_ratio(
        text, "flagged_words", flagged_words_dir, lang, use_words_aug, words_aug_group_sizes, words_aug_join_char
    )
