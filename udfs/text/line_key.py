"""Mapper `line_key`."""

import unicodedata

import numpy as np
import pyarrow as pa

from juicesql.api import char_table, kernel, mapper, rewrite_utf8

from ._chars import decode, encode

ACCENTS = range(0x300, 0x370)  # Combining Diacritical Marks: those of Latin, Greek and Cyrillic letters
DROPPED = 0x110000


@mapper("line_key(text VARCHAR) -> VARCHAR")
def line_key(text: pa.StringArray) -> pa.StringArray:
    """What is left of a line when only its letters are compared: no accents, digits as 0, no punctuation or blanks.

    Accents are the marks U+0300 to U+036F, alone or inside a letter ('é' is 'e', 'й' is 'и'). The vowel signs and
    marks of other scripts (Devanagari, Thai, Arabic, the dots of kana) tell words apart and stay. Every decimal digit
    of any script is '0'; punctuation (category P) and white space go. Case stays: `line_key(lower_case(text))`.
    Empty text stays empty.
    Source: CCNet (Wenzek and others 2020, section 3.1), which takes off every mark, so that Hindi or Thai lines of
    different words can be equal there.
    """
    return rewrite_utf8(_line_key, text, 2, char_table("line-key-1", _build))


def _build() -> np.ndarray:
    return np.array([_of(chr(c)) for c in range(0x110000)], np.int32)


def _of(char: str) -> int:
    category = unicodedata.category(char)
    if category == "Nd":
        return ord("0")
    if category[0] == "P" or char.isspace() or ord(char) in ACCENTS:
        return DROPPED
    bare = [c for c in unicodedata.normalize("NFD", char) if ord(c) not in ACCENTS]
    return ord(bare[0]) if len(bare) == 1 else ord(char)


@kernel
def _line_key(data, offsets, out, out_offsets, table):
    at = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        while i < stop:
            c, i = decode(data, i)
            c = int(table[c])
            if c < 0x110000:
                at = encode(out, at, c)
        out_offsets[row + 1] = at
