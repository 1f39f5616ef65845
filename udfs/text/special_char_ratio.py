"""Stat `special_char_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import map_utf8, stat

from ._chars import SPECIAL, classes, share_of_class


@stat("special_char_ratio(text VARCHAR) -> DOUBLE")
def special_char_ratio(text: pa.StringArray) -> pa.DoubleArray:
    """Share of the characters that are special: punctuation, digits, whitespace, symbols and emoji.

    special_char_ratio = characters in the SPECIAL set / characters. The set has 1,618 code points, among them a few
    letters (ø, ı, the CJK 一 上 士) that Data-Juicer's list has too. Empty text: 0. Usual cut: <= 0.25.
    Source: Data-Juicer's special_characters_filter.
    """
    return map_utf8(share_of_class, text, np.float64, classes(), SPECIAL)
