"""Mapper `remove_words_with_incorrect_substrings`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, mapper

from ._chars import SPECIAL, classes
from ._rejoin import drop_words, is_break
from ._spans import word_at, word_table
from ._special import SPECIAL_RANGES
from ._tokens import sentencepiece_words, tokenizer_assets
from ._trim import trim

SUBSTRINGS = ("http", "www", ".com", "href", "//")


@mapper(
    "remove_words_with_incorrect_substrings(text VARCHAR, lang VARCHAR := 'en', tokenization BOOLEAN := false, "
    "substrings VARCHAR[] := NULL, sp_model VARCHAR := NULL) -> VARCHAR",
    assets=tokenizer_assets,
)
def remove_words_with_incorrect_substrings(
    text: pa.StringArray, lang: str, tokenization: bool, substrings: list[str] | None, sp_model: str | None
) -> pa.StringArray:
    """Remove the words that contain one of `substrings`, by default http, www, .com, href and //.

    Words are what stands between newlines, tabs and spaces. A substring counts if it lies between the first and the
    last character of the word that is not special (so `//` at an end does not); case matters. The words that stay are
    joined by a newline if one stood between them, else by a tab if one did, else by a space: runs of blanks, empty
    lines and blanks at the ends go, even where no word does. `substrings` NULL is the default list. Empty text stays
    empty.

    `tokenization := true` takes the pieces of the SentencePiece model `<lang>.sp.model` (the extra "tokenizers";
    `sp_model` is the path of another one) instead. Where a piece goes, the others are joined with a space for each
    U+2581, the mark of a word's beginning; other texts stay as they are. Data-Juicer drops the marks, which glues all
    words of such a text together.

    Source: Data-Juicer's remove_words_with_incorrect_substrings_mapper, after the data preparation of BigScience ROOTS
    (Laurençon and others 2022).
    """
    wanted = SUBSTRINGS if substrings is None else tuple(substrings)
    if tokenization:
        rows = sentencepiece_words(text, lang, sp_model)
        whole = text.to_pylist()
        return pa.array([_without(t, pieces, wanted) for t, pieces in zip(whole, rows, strict=True)], pa.string())
    words, ends = word_table(wanted or ("\n",))  # no word holds a newline
    firsts = np.zeros(256, np.bool_)
    firsts[[word.encode()[0] for word in wanted if word]] = True
    return drop_words(text, _mark_incorrect, classes(), words, ends, firsts, "" in wanted)


@kernel
def _mark_incorrect(data, offsets, dropped, table, words, ends, firsts, everything):
    word = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        while i < stop:
            b = data[i]
            if is_break(b):
                i += 1
                continue
            begin = i
            suspect = everything
            while i < stop and not is_break(data[i]):
                suspect |= firsts[data[i]] and word_at(data, i, stop, words, ends)[0] >= 0
                i += 1
            dropped[word] = everything or (suspect and _holds_one(data, begin, i, table, words, ends))
            word += 1


@kernel
def _holds_one(data, begin, end, table, words, ends):
    """Whether one of the words lies within the bytes without the special characters at their ends."""
    begin, end = trim(data, begin, end, table, SPECIAL)
    for i in range(begin, end):  # noqa: SIM110 - compiled
        if word_at(data, i, end, words, ends)[0] >= 0:
            return True
    return False


STRIPPED = "".join(chr(c) for first, last in SPECIAL_RANGES for c in range(first, last + 1))


def _without(text: str, pieces: list[str], substrings: tuple[str, ...]) -> str:
    """The pieces that hold none of the substrings, or the text itself when all stay."""
    bare = [piece.replace("\u2581", "").strip(STRIPPED) for piece in pieces]
    kept = [piece for piece, word in zip(pieces, bare, strict=True) if not any(s in word for s in substrings)]
    return text if len(kept) == len(pieces) else "".join(kept).replace("\u2581", " ").strip(" ")
