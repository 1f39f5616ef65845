"""Mapper `remove_specific_chars`."""

from functools import lru_cache

import numpy as np
import pyarrow as pa

from juicesql.api import mapper

from ._removed import first_bytes, without


@mapper("remove_specific_chars(text VARCHAR, chars_to_remove VARCHAR[] := ['◆●■►▼▲▴∆▻▷❖♡□']) -> VARCHAR")
def remove_specific_chars(text: pa.StringArray, chars_to_remove: list[str] | None) -> pa.StringArray:
    """Remove the listed characters wherever they stand.

    `chars_to_remove` is a string or a list of strings; each of their characters is removed by itself, so `'ab'` and
    `['a', 'b']` mean the same. By default these are bullets and geometric marks. With an empty list the text stays as
    it is. Empty text stays empty.

    Source: Data-Juicer's remove_specific_chars_mapper. Older versions of it also remove the bar `|` when a list is
    given; here only what is listed goes.
    """
    chars = "".join(chars_to_remove or ())
    return without(text, *_tables(chars)) if chars else text


@lru_cache(maxsize=4)
def _tables(chars: str) -> tuple[np.ndarray, np.ndarray]:
    table = np.zeros(0x110000, np.uint8)
    table[[ord(c) for c in chars]] = 1
    return table, first_bytes(table)
