"""Stat `flagged_words_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._lists import listed_ratio


@stat(
    "flagged_words_ratio(text VARCHAR, lang VARCHAR := 'en', use_words_aug BOOLEAN := false, "
    "words_aug_group_sizes INTEGER[] := [2], words_aug_join_char VARCHAR := '', "
    "flagged_words_dir VARCHAR := NULL) -> DOUBLE"
)
def flagged_words_ratio(
    text: pa.StringArray,
    lang: str,
    use_words_aug: bool,
    words_aug_group_sizes: list[int],
    words_aug_join_char: str,
    flagged_words_dir: str | None,
) -> pa.DoubleArray:
    """Share of the words that are on the language's list of obscene words.

    Words are split on space, newline and tab, lowered and stripped of special characters; empty words are dropped.
    flagged_words_ratio = words on the list / words, at most 1. With `use_words_aug`, every run of as many words as each
    of `words_aug_group_sizes` says, joined by `words_aug_join_char`, counts as a further word: with ' ' it finds listed
    phrases. `lang` 'all' takes the lists of every language together. Without words: 0. Usual cut: <= 0.045.

    The shipped lists are the "Dirty, Naughty, Obscene and Otherwise Bad Words", not Data-Juicer's, which it downloads:
    name the folder of its `flagged_words*.json` in `flagged_words_dir` to have its values; all such files are merged.
    """
    return listed_ratio(
        text, "flagged_words", flagged_words_dir, lang, use_words_aug, words_aug_group_sizes, words_aug_join_char
    )
