"""Character classes and UTF-8 steps shared by the text kernels."""

import unicodedata

import numpy as np

from juicesql.api import char_table, kernel

from ._special import SPECIAL_RANGES

ALNUM, SPECIAL, CASED, IGNORABLE, SPACE, BLANK, MARK = 1, 2, 4, 8, 16, 32, 64

# Characters that `whitespace_normalization` turns into a space: first and last code point of each range.
BLANK_RANGES = (
    (0x09, 0x09),
    (0x20, 0x20),
    (0x84, 0x84),
    (0xA0, 0xA0),
    (0x2000, 0x200D),
    (0x202F, 0x202F),
    (0x205F, 0x2060),
    (0x3000, 0x3000),
    (0xFFFC, 0xFFFC),
)


def classes() -> np.ndarray:
    """One byte a code point: the sum of the classes above that it belongs to."""
    return char_table("classes-2", _classes)


def lowered() -> np.ndarray:
    """The lower-case code point of each code point; U+0130 and the final sigma are the caller's."""
    return char_table("lower-1", _lowered)


def _classes() -> np.ndarray:
    table = np.zeros(0x110000, np.uint8)
    for i in range(0x110000):
        char = chr(i)
        # The final-sigma rule of str.lower tells whether a character is cased, or is skipped by the rule.
        alone, after_letter = (char + "Σ").lower()[-1] == "ς", ("a" + char + "Σ").lower()[-1] == "ς"
        table[i] = (
            ALNUM * char.isalnum() + CASED * alone + IGNORABLE * (after_letter and not alone) + SPACE * char.isspace()
        )
        if unicodedata.category(char) in ("Mn", "Mc") or i in (0x200C, 0x200D):
            table[i] |= MARK
    for ranges, flag in ((SPECIAL_RANGES, SPECIAL), (BLANK_RANGES, BLANK)):
        for first, last in ranges:
            table[first : last + 1] |= flag
    return table


def _lowered() -> np.ndarray:
    table = np.arange(0x110000, dtype=np.int32)
    for i in range(0x110000):
        low = chr(i).lower()
        if len(low) == 1:
            table[i] = ord(low)
    return table


@kernel
def decode(data, i):
    """The code point that begins at byte `i`, and where the next one begins."""
    b = int(data[i])
    if b < 0x80:
        return b, i + 1
    if b < 0xE0:
        return ((b & 0x1F) << 6) | (int(data[i + 1]) & 0x3F), i + 2
    if b < 0xF0:
        return ((b & 0x0F) << 12) | ((int(data[i + 1]) & 0x3F) << 6) | (int(data[i + 2]) & 0x3F), i + 3
    high = ((b & 0x07) << 18) | ((int(data[i + 1]) & 0x3F) << 12)
    return high | ((int(data[i + 2]) & 0x3F) << 6) | (int(data[i + 3]) & 0x3F), i + 4


@kernel
def encode(buffer, i, c):
    """Write the code point `c` at byte `i`; returns where the next one goes."""
    if c < 0x80:
        buffer[i] = c
        return i + 1
    if c < 0x800:
        buffer[i] = 0xC0 | (c >> 6)
        buffer[i + 1] = 0x80 | (c & 0x3F)
        return i + 2
    if c < 0x10000:
        buffer[i] = 0xE0 | (c >> 12)
        buffer[i + 1] = 0x80 | ((c >> 6) & 0x3F)
        buffer[i + 2] = 0x80 | (c & 0x3F)
        return i + 3
    buffer[i] = 0xF0 | (c >> 18)
    buffer[i + 1] = 0x80 | ((c >> 12) & 0x3F)
    buffer[i + 2] = 0x80 | ((c >> 6) & 0x3F)
    buffer[i + 3] = 0x80 | (c & 0x3F)
    return i + 4


@kernel
def share_of_class(data, offsets, out, table, flag):
    """Share of each row's characters that belong to the class `flag`; 0 for empty text."""
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        chars = members = 0
        while i < stop:
            b = data[i]
            if b < 0x80:
                members += (table[b] & flag) != 0
                i += 1
            else:
                c, i = decode(data, i)
                members += (table[c] & flag) != 0
            chars += 1
        out[row] = members / chars if chars else 0.0


@kernel
def share_with_marks(data, offsets, out, table, flag):
    """As `share_of_class`; a mark or a joiner counts as the character that it follows."""
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        chars = members = 0
        member = False
        while i < stop:
            b = data[i]
            if b < 0x80:
                member = (table[b] & flag) != 0
                i += 1
            else:
                c, i = decode(data, i)
                member = (table[c] & flag) != 0 or (member and (table[c] & MARK) != 0)
            members += member
            chars += 1
        out[row] = members / chars if chars else 0.0


@kernel
def longest_row(offsets):
    """The bytes of the longest row."""
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, int(offsets[row + 1]) - int(offsets[row]))
    return longest
