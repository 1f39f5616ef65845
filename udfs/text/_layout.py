"""White-space words, lines and paragraphs of a text, and the classes of characters that quality rules tell apart."""

import unicodedata

import numpy as np

from juicesql.api import char_table, kernel

from ._chars import decode

SPACE, LETTER, UPPER, LOWER, NUMBER, TERMINAL, CLOSING, UNSPACED = 1, 2, 4, 8, 16, 32, 64, 128

# Characters that can end a sentence: Unicode 17, property Sentence_Terminal.
TERMINAL_RANGES = (
    (0x21, 0x21), (0x2E, 0x2E), (0x3F, 0x3F), (0x589, 0x589), (0x61D, 0x61F), (0x6D4, 0x6D4), (0x700, 0x702),
    (0x7F9, 0x7F9), (0x837, 0x837), (0x839, 0x839), (0x83D, 0x83E), (0x964, 0x965), (0x104A, 0x104B), (0x1362, 0x1362),
    (0x1367, 0x1368), (0x166E, 0x166E), (0x1735, 0x1736), (0x17D4, 0x17D5), (0x1803, 0x1803), (0x1809, 0x1809),
    (0x1944, 0x1945), (0x1AA8, 0x1AAB), (0x1B4E, 0x1B4F), (0x1B5A, 0x1B5B), (0x1B5E, 0x1B5F), (0x1B7D, 0x1B7F),
    (0x1C3B, 0x1C3C), (0x1C7E, 0x1C7F), (0x2024, 0x2024), (0x203C, 0x203D), (0x2047, 0x2049), (0x2CF9, 0x2CFB),
    (0x2E2E, 0x2E2E), (0x2E3C, 0x2E3C), (0x2E53, 0x2E54), (0x2E60, 0x2E61), (0x3002, 0x3002), (0xA4FF, 0xA4FF),
    (0xA60E, 0xA60F), (0xA6F3, 0xA6F3), (0xA6F7, 0xA6F7), (0xA876, 0xA877), (0xA8CE, 0xA8CF), (0xA92F, 0xA92F),
    (0xA9C8, 0xA9C9), (0xAA5D, 0xAA5F), (0xAAF0, 0xAAF1), (0xABEB, 0xABEB), (0xFE12, 0xFE12), (0xFE15, 0xFE16),
    (0xFE52, 0xFE52), (0xFE56, 0xFE57), (0xFF01, 0xFF01), (0xFF0E, 0xFF0E), (0xFF1F, 0xFF1F), (0xFF61, 0xFF61),
    (0x10A56, 0x10A57), (0x10F55, 0x10F59), (0x10F86, 0x10F89), (0x11047, 0x11048), (0x110BE, 0x110C1),
    (0x11141, 0x11143), (0x111C5, 0x111C6), (0x111CD, 0x111CD), (0x111DE, 0x111DF), (0x11238, 0x11239),
    (0x1123B, 0x1123C), (0x112A9, 0x112A9), (0x113D4, 0x113D5), (0x1144B, 0x1144C), (0x115C2, 0x115C3),
    (0x115C9, 0x115D7), (0x11641, 0x11642), (0x1173C, 0x1173E), (0x11944, 0x11944), (0x11946, 0x11946),
    (0x11A42, 0x11A43), (0x11A9B, 0x11A9C), (0x11C41, 0x11C42), (0x11EF7, 0x11EF8), (0x11F43, 0x11F44),
    (0x16A6E, 0x16A6F), (0x16AF5, 0x16AF5), (0x16B37, 0x16B38), (0x16B44, 0x16B44), (0x16D6E, 0x16D6F),
    (0x16E98, 0x16E98), (0x1BC9F, 0x1BC9F), (0x1DA88, 0x1DA88),
)  # fmt: skip

# Scripts that are written without a space between words: Thai, Lao, Tibetan, Myanmar, Khmer, Tai, Kana, Bopomofo, Han,
# Yi, Javanese, Balinese.
UNSPACED_RANGES = (
    (0xE00, 0xFFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19FF), (0x1A20, 0x1AAF), (0x1B00, 0x1B7F),
    (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3031, 0x312F), (0x31A0, 0x31FF), (0x3400, 0x4DBF),
    (0x4E00, 0xA4CF), (0xA980, 0xA9FF), (0xAA60, 0xAADF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x16FE0, 0x18DFF),
    (0x1AFF0, 0x1B16F), (0x20000, 0x3FFFF),
)  # fmt: skip


def layout_classes() -> np.ndarray:
    """One byte a code point: the sum of the classes above that it belongs to."""
    return char_table("layout-1", _layout_classes)


def _layout_classes() -> np.ndarray:
    table = np.zeros(0x110000, np.uint8)
    for i in range(0x110000):
        char = chr(i)
        closing = char in "\"'" or unicodedata.category(char) in ("Pe", "Pf")
        table[i] = (
            SPACE * char.isspace() + LETTER * char.isalpha() + UPPER * char.isupper() + LOWER * char.islower()
            + NUMBER * char.isnumeric() * (not char.isalpha()) + CLOSING * closing
        )  # fmt: skip
    for ranges, flag in ((TERMINAL_RANGES, TERMINAL), (UNSPACED_RANGES, UNSPACED)):
        for first, last in ranges:
            table[first : last + 1] |= flag
    return table


@kernel
def split_words(data, i, stop, flags, starts, ends):
    """Note where each run of characters other than white space begins and ends; returns how many there are."""
    words = 0
    inside = False
    while i < stop:
        begin = i
        b = int(data[i])
        if b < 0x80:
            i += 1
            space = flags[b] & SPACE
        else:
            c, i = decode(data, i)
            space = flags[c] & SPACE
        if space:
            inside = False
        elif inside:
            ends[words - 1] = i
        else:
            inside = True
            starts[words], ends[words] = begin, i
            words += 1
    return words


@kernel
def line_stop(data, i, stop):
    """Where the line of byte `i` ends, and where the next one begins; line breaks are those of `str.splitlines`."""
    while i < stop:
        b = data[i]
        if b < 0x20:
            if 0x0A <= b <= 0x0D or 0x1C <= b <= 0x1E:
                if b == 0x0D and i + 1 < stop and data[i + 1] == 0x0A:
                    return i, i + 2
                return i, i + 1
        elif b == 0xC2:
            if data[i + 1] == 0x85:
                return i, i + 2
        elif b == 0xE2 and data[i + 1] == 0x80 and (data[i + 2] == 0xA8 or data[i + 2] == 0xA9):
            return i, i + 3
        i += 1
    return stop, stop


@kernel
def first_mark(data, i, stop, flags):
    """Where the first character that is not white space begins; `stop` when there is none."""
    while i < stop:
        b = int(data[i])
        after = i + 1
        if b >= 0x80:
            b, after = decode(data, i)
        if not flags[b] & SPACE:
            return i
        i = after
    return stop


@kernel
def last_mark(data, start, stop, flags):
    """Where the last character that is not white space begins, and where it ends; `start` twice when there is none."""
    while stop > start:
        i = stop - 1
        while data[i] & 0xC0 == 0x80:
            i -= 1
        b = int(data[i])
        if b >= 0x80:
            b, _ = decode(data, i)
        if not flags[b] & SPACE:
            return i, stop
        stop = i
    return start, start


@kernel
def split_lines(data, i, stop, flags, paragraphs, starts, ends):
    """Note where each line that is not blank begins and ends; returns how many there are.

    With `paragraphs`, lines that no blank line parts are taken together, with the line breaks between them.
    """
    found = 0
    joined = False
    while i < stop:
        end, after = line_stop(data, i, stop)
        if first_mark(data, i, end, flags) == end:
            joined = False
        elif joined:
            ends[found - 1] = end
        else:
            starts[found], ends[found] = i, end
            found += 1
            joined = paragraphs
        i = after
    return found


@kernel
def char_count(data, i, stop):
    """The characters between two bytes."""
    chars = 0
    for k in range(i, stop):
        chars += (data[k] & 0xC0) != 0x80
    return chars
