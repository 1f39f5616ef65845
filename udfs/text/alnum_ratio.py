"""Stat `alnum_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import map_utf8, stat

from ._chars import ALNUM, classes, share_of_class


@stat("alnum_ratio(text VARCHAR) -> DOUBLE")
def alnum_ratio(text: pa.StringArray) -> pa.DoubleArray:
    """Share of the characters that are letters or digits, in any script.

    alnum_ratio = characters for which `str.isalnum` holds / characters. Empty text: 0.
    Usual cut: >= 0.25. Source: Data-Juicer's alphanumeric_filter.
    """
    return map_utf8(share_of_class, text, np.float64, classes(), ALNUM)
