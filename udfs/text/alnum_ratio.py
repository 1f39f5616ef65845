"""Stat `alnum_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import map_utf8, stat

from ._chars import ALNUM, classes, share_of_class, share_with_marks
from ._parity import as_peer


@stat("alnum_ratio(text VARCHAR, parity VARCHAR := NULL) -> DOUBLE")
def alnum_ratio(text: pa.StringArray, parity: str | None) -> pa.DoubleArray:
    """Share of the characters that are letters or digits, in any script.

    alnum_ratio = characters for which `str.isalnum` holds, with their marks / characters. A mark (categories Mn and Mc:
    the vowel signs of Devanagari or Thai, Arabic harakat, accents that stand alone) or a joiner (U+200C, U+200D) counts
    as the character that it follows. Empty text: 0. With `parity := 'data-juicer'` marks never count, so that Hindi
    prose has 0.6 where English has 0.8.
    Usual cut: >= 0.25. Source: Data-Juicer's alphanumeric_filter.
    """
    how = share_of_class if as_peer(parity) else share_with_marks
    return map_utf8(how, text, np.float64, classes(), ALNUM)
