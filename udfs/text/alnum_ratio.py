"""Stat `alnum_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import char_table, kernel, map_utf8, stat


@stat("alnum_ratio(text VARCHAR) -> DOUBLE")
def alnum_ratio(text: pa.StringArray) -> pa.DoubleArray:
    """Share of characters that are letters or digits in any script; 0 for empty text.

    Same character class as `str.isalnum`. Usual cut: >= 0.25.
    """
    return map_utf8(_alnum_ratio, text, np.float64, char_table("alnum", _alnum_table))


def _alnum_table() -> np.ndarray:
    return np.fromiter((chr(i).isalnum() for i in range(0x110000)), np.uint8, 0x110000)


@kernel
def _alnum_ratio(data, offsets, out, table):
    for row in range(len(out)):
        out[row] = 0.0
