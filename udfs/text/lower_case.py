"""Mapper `lower_case`."""

import pyarrow as pa

from juicesql.api import kernel, mapper, rewrite_utf8

from ._chars import classes, decode, encode, lowered
from ._words import ends_in_sigma


@mapper("lower_case(text VARCHAR) -> VARCHAR")
def lower_case(text: pa.StringArray) -> pa.StringArray:
    """The text in lower case, exactly as Python's `str.lower` gives it.

    DuckDB's `lower` takes characters one by one. Here a capital sigma that ends a word becomes `ς`, and the dotted
    capital I (U+0130) an `i` with a dot above. It is no case folding: `ß` stays itself, and `ς` is not `σ`.
    `exact_dedup` and `dedup_lines` compare by it. Empty text stays empty. Source: Unicode, section 3.13.
    """
    return rewrite_utf8(_lower_case, text, 2, classes(), lowered())


@kernel
def _lower_case(data, offsets, out, out_offsets, flags, lower):
    changed = False
    at = 0
    for row in range(len(offsets) - 1):
        begin, stop = int(offsets[row]), int(offsets[row + 1])
        i = begin
        while i < stop:
            b = int(data[i])
            if b < 0x80:
                if 0x41 <= b <= 0x5A:
                    b += 0x20
                    changed = True
                out[at] = b
                at += 1
                i += 1
                continue
            c, after = decode(data, i)
            if c == 0x130:  # the only character whose lower case is two
                changed = True
                out[at] = 0x69
                at = encode(out, at + 1, 0x307)
            else:
                low = int(lower[c])
                if c == 0x3A3 and ends_in_sigma(data, begin, i, after, stop, flags):
                    low = 0x3C2
                changed = changed or low != c
                at = encode(out, at, low)
            i = after
        out_offsets[row + 1] = at
    return changed
