"""Mapper `remove_non_chinese_character`."""

from functools import lru_cache

import numpy as np
import pyarrow as pa

from juicesql.api import mapper

from ._removed import first_bytes, without

IDEOGRAPHS = range(0x4E00, 0x9FA6)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
MARKS = ".， ,-。%《*》/•、&＆(—)（+）：？!！“”·"


@mapper(
    "remove_non_chinese_character(text VARCHAR, keep_alphabet BOOLEAN := true, keep_number BOOLEAN := true, "
    "keep_punc BOOLEAN := true) -> VARCHAR"
)
def remove_non_chinese_character(
    text: pa.StringArray, keep_alphabet: bool, keep_number: bool, keep_punc: bool
) -> pa.StringArray:
    """Remove all but Chinese characters and, unless told otherwise, ASCII letters, digits and some punctuation.

    Chinese characters are U+4E00 to U+9FA5. `keep_alphabet` keeps A-Z and a-z, `keep_number` 0-9, `keep_punc` the space
    and `.，,-。%《*》/•、&＆(—)（+）：？!！“”·`. Newlines and tabs are always removed, and so are the Chinese semicolon
    and the rarer ideographs outside that range. Empty text stays empty.
    Source: Data-Juicer's remove_non_chinese_character_mapper.
    """
    return without(text, *_tables(bool(keep_alphabet), bool(keep_number), bool(keep_punc)))


@lru_cache(maxsize=8)
def _tables(keep_alphabet: bool, keep_number: bool, keep_punc: bool) -> tuple[np.ndarray, np.ndarray]:
    kept = LETTERS * keep_alphabet + DIGITS * keep_number + MARKS * keep_punc
    table = np.ones(0x110000, np.uint8)
    table[IDEOGRAPHS.start : IDEOGRAPHS.stop] = 0
    table[[ord(c) for c in kept]] = 0
    return table, first_bytes(table)
