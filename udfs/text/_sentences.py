"""Sentences of each row by Punkt: kernels find the marks that may end one and decide plain cases, `Punkt` the rest."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, utf8_buffers

from ._chars import CASED, SPACE, classes, decode, lowered
from ._punkt import punkt, punkt_folder
from ._trim import trim

# What an ASCII character is to the word before a period: a part of it, one that a number can have too, one that is a
# token of its own where a word would begin; a mark before the word, or one that begins it. With none of these, and for
# runs of dots or hyphens, `Punkt` decides.
PART, DIGIT, ALONE, BEFORE, FIRST = 1, 2, 4, 8, 16
# What may follow a mark without a blank, and of these what still belongs to the sentence.
NO_WORD, CLOSER = 32, 64
KINDS = {
    PART: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/=+<>\\|~$%^",
    PART | DIGIT: "0123456789.",
    PART | DIGIT | ALONE: "-",
    PART | ALONE: "`&#",
    BEFORE | NO_WORD: ";*:@({[",
    BEFORE | NO_WORD | CLOSER: ')"}]',
    FIRST | NO_WORD: "?!",
    FIRST | NO_WORD | CLOSER: "'",
}
NO, YES, UNDECIDED = 0, 1, 2


@dataclass(frozen=True)
class Sentences:
    """Sentence `s` is bytes `begins[s]` to `ends[s]` of `data`; those of row `r` are `rows[r]` to `rows[r + 1]`."""

    data: np.ndarray
    rows: np.ndarray
    begins: np.ndarray
    ends: np.ndarray


def sentences(text: pa.StringArray, lang: str) -> Sentences:
    """The sentences of each row."""
    folder = punkt_folder(lang)
    data, offsets = utf8_buffers(text)
    marks = _most_marks(data, offsets)
    places, nexts, begins, ends = (np.empty(marks, np.int64) for _ in range(4))
    splits, rows = np.empty(marks, np.uint8), np.zeros(len(text) + 1, np.int64)
    tables = kinds(), classes(), lowered(), _unsure(folder)
    _find_marks(data, offsets, *tables, places, nexts, begins, ends, splits, rows)
    decide = punkt(folder).ends_sentence
    for i in np.flatnonzero(splits[: rows[-1]] == UNDECIDED):
        splits[i] = decide(data[begins[i] : ends[i]].tobytes().decode())
    found = Sentences(data, np.zeros_like(rows), *(np.empty(marks + len(text), np.int64) for _ in range(2)))
    _cut(data, offsets, tables[0], tables[1], places, nexts, splits, rows, found.rows, found.begins, found.ends)
    return found


def punkt_assets(lang: str) -> list[Path | str]:
    """The parameters of the language, which its sentences depend on."""
    return [punkt_folder(lang)]


@lru_cache(maxsize=1)
def kinds() -> np.ndarray:
    """What each ASCII character is, as above."""
    table = np.zeros(0x80, np.uint8)
    for kind, chars in KINDS.items():
        table[[ord(c) for c in chars]] = kind
    return table


@lru_cache(maxsize=8)
def _unsure(folder: Path) -> np.ndarray:
    """By hash: whether a word is an abbreviation or the first of a collocation, so that more than it decides."""
    language = punkt(folder)
    table = np.zeros(1 << 16, np.bool_)
    for word in language.abbreviations | {first for first, *_ in language.collocations}:
        h = 0
        for char in word:
            h = _mix.py_func(h, ord(char))
        table[h >> 16] = True
    return table


@kernel
def _mix(h, c):
    return ((h ^ c) + 0x9E37) * 0x1000193 & 0xFFFFFFFF


@kernel
def _most_marks(data, offsets):
    """There are not more marks that may end a sentence."""
    marks = 0
    for i in range(offsets[0], offsets[len(offsets) - 1]):
        marks += (data[i] == 0x2E) | (data[i] == 0x3F) | (data[i] == 0x21)
    return marks


@kernel
def _find_marks(data, offsets, kinds, table, lower, unsure, places, nexts, begins, ends, splits, rows):
    """Find the marks that end a sentence, or may, in that the context from `begins` to `ends` decides.

    A mark counts when a blank and more text follow it, or a character that no word contains. Its context begins with
    its word; of several marks in one word the last decides. `nexts` is where the next sentence would begin.
    """
    found = 0
    for row in range(len(offsets) - 1):
        stop = int(offsets[row + 1])
        place = floor = begin = int(offsets[row])  # `floor` is the last mark that counts, `begin` where its word does
        pending = False
        for i in range(place, stop):
            b = data[i]
            if b != 0x2E and b != 0x3F and b != 0x21:
                continue
            following = _following(data, i + 1, stop, kinds, table)
            if following < 0:
                continue
            word = i - 1
            while word > floor and not (data[word] == 0x20 or 0x09 <= data[word] <= 0x0D):
                word -= 1
            word = word + 1 if word > floor else begin
            found += pending and floor <= word
            begin, floor, pending = word, i, True
            places[found], nexts[found], begins[found] = i, following, word
        found += pending
        rows[row + 1] = found
        for k in range(rows[row], found):
            first = int(data[nexts[k]])
            plain = data[places[k]] != 0x2E or _plain_word(data, begins[k], places[k], kinds, table, lower, unsure)
            splits[k] = YES if plain and not 0x1C <= first <= 0x1F else UNDECIDED
            ends[k] = _token_end(data, places[k] + 1, nexts[k], stop, table)


@kernel
def _following(data, i, stop, kinds, table):
    """Where the text goes on after a mark, if what stands at byte `i` makes the mark count; else -1."""
    if i == stop:
        return -1
    if data[i] < 0x80:
        if kinds[data[i]] & NO_WORD:
            return i
    elif _is_quote(decode(data, i)[0]):
        return i
    after = _skip_blanks(data, i, stop, table)
    return after if i < after < stop else -1


@kernel
def _token_end(data, i, token, stop, table):
    """Where the context of a mark ends, `i` being the byte after the mark and `token` where the text goes on."""
    if token == i:
        return decode(data, i)[1]
    while token < stop:
        c, after = decode(data, token)
        if _is_blank(c, table):
            break
        token = after
    return token


@kernel
def _skip_blanks(data, i, stop, table):
    while i < stop:
        c, after = decode(data, i)
        if not _is_blank(c, table):
            break
        i = after
    return i


@kernel
def _is_blank(c, table):
    return table[c] & SPACE and not 0x1C <= c <= 0x1F


@kernel
def _is_quote(c):
    return c == 0x2018 or c == 0x2019 or c == 0x201C or c == 0x201D or c == 0xAB or c == 0xBB


@kernel
def _plain_word(data, begin, place, kinds, table, lower, unsure):
    """Whether the period at `place` ends a word that is surely no number, initial, ellipsis or abbreviation."""
    i = place
    while i > begin:
        last = i - 1
        while data[last] & 0xC0 == 0x80:
            last -= 1
        c, _ = decode(data, last)
        if c < 0x80:
            kind = int(kinds[c])
        elif _is_quote(c):
            kind = FIRST
        else:
            kind = 0 if table[c] & SPACE or c == 0x130 or c == 0x3A3 else PART
        if kind & BEFORE:
            break
        if not kind & (PART | FIRST) or ((c == 0x2D or c == 0x2E) and data[i] == c):
            return False
        i = last
        if kind & FIRST:
            break
    while i < place and data[i] < 0x80 and kinds[data[i]] & ALONE:
        i += 1
    return _is_sure(data, i, place, kinds, table, lower, unsure)


@kernel
def _is_sure(data, i, place, kinds, table, lower, unsure):
    """Whether the word has two characters, one that no number has, and is not on the list, nor its last part."""
    whole = part = chars = 0
    text = False
    while i < place:
        c, i = decode(data, i)
        text |= (table[c] & CASED if c >= 0x80 else not kinds[c] & DIGIT) != 0
        whole = _mix(whole, int(lower[c]))
        part = 0 if c == 0x2D else _mix(part, int(lower[c]))
        chars += 1
    return chars > 1 and text and not unsure[whole >> 16] and not unsure[part >> 16]


@kernel
def _cut(data, offsets, kinds, table, places, nexts, splits, rows, out_rows, begins, ends):
    """Cut the rows where `splits` says so; quotes and brackets that close come to the sentence before them."""
    found = 0
    for row in range(len(offsets) - 1):
        start = int(offsets[row])
        first, last = trim(data, start, int(offsets[row + 1]), table, SPACE)
        piece = begin = start  # of the piece between two cuts, and of its sentence
        end = -1  # of the piece before
        for k in range(rows[row], rows[row + 1] + 1):
            final = k == rows[row + 1]
            if not final and splits[k] != YES:
                continue
            stop = (last if last > first else start) if final else places[k] + 1
            if end >= 0:
                closed, after = _closers(data, piece, stop, kinds, table)
                begins[found], ends[found] = begin, max(end, closed)
                found += begin < ends[found]
                begin = after
            end = stop
            piece = stop if final else nexts[k]
        begins[found], ends[found] = begin, end
        found += begin < end
        out_rows[row + 1] = found


@kernel
def _closers(data, begin, stop, kinds, table):
    """Where the closing marks at `begin` end and the text goes on, if a blank, two hyphens or nothing follows them."""
    i = begin
    while i < stop:
        c, after = decode(data, i)
        if not (kinds[c] & CLOSER if c < 0x80 else _is_quote(c)):
            break
        i = after
    after = _skip_blanks(data, i, stop, table)
    hyphens = i + 1 < stop and data[i] == 0x2D and data[i + 1] == 0x2D
    if i > begin and (after > i or i == stop or hyphens):
        return i, after
    return 0, begin
