"""The checked-in table of SPECIAL characters equals its definition."""

import string

import emoji
from juicesql.udfs.text._special import SPECIAL_RANGES

# Symbols and letters besides ASCII punctuation, digits, whitespace and emoji: hexadecimal code points and ranges.
EXTRA = """
    81-85 91-93 95-99 9C-9D A1-AB AD-B4 B7-BF D7 F7-F8 131 26A 2BA-2BC 2C8 2CC 2D0 2D8 2DA 2DC 3C0 413 60C 647
    66A 66C 6E9 93E 940 947 94D 97D 9BE E51 2002-2003 2005 2008-200B 2010-2011 2013-2016 2018-201A 201C-2020
    2022 2024 2026 202F-2030 2032-2033 2039-203A 203F 2043-2044 20A8 20AA 20AC 2103 2122 2190-2193 21D3 2206
    2208 2212 221A 221E-221F 223C 2248 2256 2264-2265 2295 22C5 2550 25A0 25AC 25B2 25B4 25B7 25BA-25BC 25C6
    25CF 25E6 2605-2606 261B 263B 2661 2665 266B 2713 2726 2731 2756 27A4 27A9 2800 3000-3002 300A-300D
    3010-3011 309C 30B7 30C3-30C4 30F3 30FB-30FC 4E00 4E0A 58EB FD3E-FD3F FEFF FF01 FF08-FF09 FF0C FF0E FF11
    FF1A-FF1B FF1F FF3E FF5E FFFC-FFFD
"""


def test_table_equals_its_definition() -> None:
    defined = set(map(ord, string.punctuation + string.digits + string.whitespace))
    for part in EXTRA.split():
        first, _, last = part.partition("-")
        defined |= set(range(int(first, 16), int(last or first, 16) + 1))
    assert emoji.__version__ == "2.2.0"
    defined |= {ord(key) for key in emoji.EMOJI_DATA if len(key) == 1}
    table = [c for first, last in SPECIAL_RANGES for c in range(first, last + 1)]
    assert table == sorted(defined)
    assert len(table) == 1618
