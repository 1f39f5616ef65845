"""Words of scripts that are written without spaces: a text in which they stand apart, for the kernels of words.

Chinese is split as jieba splits it, or into characters; kana, Thai, Lao, Khmer and Myanmar into characters, as
`near_dedup` counts them.
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import FunctionError, char_table, kernel, rewrite_utf8, utf8_buffers

from ._chars import decode, longest_row
from ._grams import UNSPACED_RANGES
from ._jieba import FIRST_HAN, LAST_HAN, cut_run, dictionary
from ._parity import as_peer
from ._tokens import spaced_pieces, tokenizer_assets

APART, IN_WORD, ALONE = 0, 1, 2
BLOCK = 4096
SPLITTERS = ("auto", "jieba", "characters", "none")


def words_apart(text: pa.StringArray, splitter: str) -> pa.StringArray:
    """The texts with a space before each word that follows another without one; the same texts where there is none."""
    how = chosen(splitter)
    data, offsets = utf8_buffers(text)
    if how == "none" or not _has_unspaced(data, offsets, _kinds()):
        return text
    return rewrite_utf8(_words_apart, text, 2, _kinds(), how == "jieba", *dictionary(how == "jieba"))


def separated(
    text: pa.StringArray, lang: str, tokenization: bool, sp_model: str | None, splitter: str, parity: str | None
) -> pa.StringArray:
    """The texts in which white space parts the words that a stat of Data-Juicer takes."""
    if tokenization:
        return spaced_pieces(text, lang, sp_model)
    return words_apart(text, "none" if as_peer(parity) else splitter)


def separated_assets(splitter: str, parity: str | None, tokenization: bool, **others: Any) -> list[Path | str]:
    """What the words of `separated` depend on."""
    if tokenization:
        return tokenizer_assets(tokenization=tokenization, **others)
    return [*splitter_assets("none" if as_peer(parity) else splitter)]


def split_assets(splitter: str, **_others: Any) -> list[Path | str]:
    """What the words of a stat with a `splitter` depend on."""
    return [*splitter_assets(splitter)]


def of_whole_text(shares: pa.DoubleArray, apart: pa.StringArray, text: pa.StringArray) -> pa.DoubleArray:
    """Shares of the characters of `apart` as shares of those of `text`, at most 1: the spaces put in do not count."""
    if apart is text:
        return shares
    written, given = (pc.utf8_length(t).to_numpy().astype(np.float64) for t in (apart, text))
    return pa.array(np.minimum(1.0, shares.to_numpy() * written / np.maximum(given, 1.0)))


def splitter_assets(splitter: str) -> list[str]:
    """What the words of a stat depend on, so that its values are kept apart by what split them."""
    how = chosen(splitter)
    return [f"words by {how} {version('jieba')}" if how == "jieba" else f"words by {how}"]


def chosen(splitter: str) -> str:
    """Which of jieba, characters and none is meant. FunctionError when it is not installed, or unknown."""
    if splitter not in SPLITTERS:
        raise FunctionError.of("bad-parameter", f"splitter is {splitter!r}", f"use one of {', '.join(SPLITTERS)}")
    if splitter not in ("auto", "jieba"):
        return splitter
    try:
        version("jieba")
    except PackageNotFoundError as error:
        if splitter == "auto":
            return "characters"
        mend = "pip install 'juicesql[chinese]', or splitter := 'characters'"
        raise FunctionError.of("no-library", "jieba is not installed", mend) from error
    return "jieba"


def _kinds() -> np.ndarray:
    return char_table("unspaced-1", _build)


def _build() -> np.ndarray:
    import unicodedata

    categories = [unicodedata.category(chr(c))[0] for c in range(0x110000)]
    table = np.array([IN_WORD * (c in "LN") for c in categories], np.uint8)
    for first, last in UNSPACED_RANGES:
        table[first : last + 1] = [ALONE * (c in "LNM") for c in categories[first : last + 1]]
    return table


@kernel
def _has_unspaced(data, offsets, kinds):
    """Whether a character stands alone. Bytes E2 begin punctuation and symbols, which many texts have."""
    i, stop = int(offsets[0]), int(offsets[len(offsets) - 1])
    while i < stop:
        end = min(i + BLOCK, stop)
        found = np.uint8(0)
        for k in range(i, end):
            found |= np.uint8((data[k] >= 0xE0) & (data[k] != 0xE2))
        if found:
            for k in range(i, end):
                if data[k] >= 0xE0 and data[k] != 0xE2 and kinds[decode(data, k)[0]] == ALONE:
                    return True
        i = end
    return False


@kernel
def _words_apart(data, offsets, out, out_offsets, kinds, by_words, keys, values, model):
    most = longest_row(offsets) // 3 + 2
    run, begins = np.empty(most, np.int32), np.empty(most, np.bool_)
    route, reach = np.empty(most, np.float64), np.empty(most, np.int32)
    at = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        last = APART  # the kind of the last letter or digit since a blank
        while i < stop:
            b = int(data[i])
            if b < 0x80:
                kind = int(kinds[b])
                if kind == IN_WORD and last == ALONE:
                    out[at] = 0x20
                    at += 1
                if b == 0x20 or b == 0x0A or b == 0x09:
                    last = APART
                elif kind == IN_WORD:
                    last = IN_WORD
                out[at] = b
                at += 1
                i += 1
                continue
            c, after = decode(data, i)
            kind = int(kinds[c])
            if kind == ALONE:
                chars = 1
                run[0] = c
                begins[0] = True
                if by_words and FIRST_HAN <= c <= LAST_HAN:
                    chars = _han_run(data, i, stop, run)
                    cut_run(run, chars, keys, values, model, route, reach, begins)
                for k in range(chars):
                    if begins[k] and last != APART:
                        out[at] = 0x20
                        at += 1
                    _, after = decode(data, i)
                    for j in range(i, after):
                        out[at] = data[j]
                        at += 1
                    i = after
                    last = ALONE
                continue
            if kind == IN_WORD:
                if last == ALONE:
                    out[at] = 0x20
                    at += 1
                last = IN_WORD
            for j in range(i, after):
                out[at] = data[j]
                at += 1
            i = after
        out_offsets[row + 1] = at


@kernel
def _han_run(data, i, stop, run):
    """Write the characters of the run of Chinese that begins at byte `i`; returns their number."""
    chars = 0
    while i < stop:
        c, i = decode(data, i)
        if c < FIRST_HAN or c > LAST_HAN:
            break
        run[chars] = c
        chars += 1
    return chars
