"""Mapper `whitespace_normalization`."""

import pyarrow as pa

from juicesql.api import kernel, mapper, rewrite_utf8

from ._chars import BLANK, SPACE, classes, decode
from ._trim import trim


@mapper("whitespace_normalization(text VARCHAR) -> VARCHAR")
def whitespace_normalization(text: pa.StringArray) -> pa.StringArray:
    """Strip whitespace from both ends, then turn every kind of blank into a plain space.

    The ends are stripped as `str.strip` does. Blanks are tab, NBSP, U+2000-200D (zero-width ones too), U+202F, U+205F,
    U+2060, U+3000, U+FFFC and U+0084. Newlines stay, runs are not collapsed, and a leading zero-width space becomes a
    leading space because it is no whitespace to `strip`. Empty text stays empty.
    Source: Data-Juicer's whitespace_normalization_mapper, after the data preparation of BigScience ROOTS (Laurençon and
    others 2022).
    """
    return rewrite_utf8(_whitespace, text, 1, classes())


@kernel
def _whitespace(data, offsets, out, out_offsets, table):
    changed = False
    at = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        length = stop - i
        i, stop = trim(data, i, stop, table, SPACE)
        changed |= stop - i < length
        odd = False
        for k in range(i, stop):
            odd |= (data[k] >= 0x80) | (data[k] == 0x09)
        if not odd:
            out[at : at + stop - i] = data[i:stop]
            at += stop - i
            i = stop
        while i < stop:
            b = data[i]
            if b < 0x80:
                changed |= b == 0x09
                out[at] = 0x20 if b == 0x09 else b
                at += 1
                i += 1
            else:
                c, after = decode(data, i)
                if table[c] & BLANK:
                    changed = True
                    out[at] = 0x20
                    at += 1
                else:
                    for k in range(i, after):
                        out[at] = data[k]
                        at += 1
                i = after
        out_offsets[row + 1] = at
    return changed
