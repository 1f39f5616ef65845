"""Occurrences of given strings, a word."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, map_utf8

from ._layout import layout_classes
from ._word_totals import word_totals
from ._words import same_bytes


def per_word(text: pa.StringArray, symbols: list[str]) -> pa.DoubleArray:
    """Occurrences of the symbols / white-space words; where several begin, the longest counts."""
    encoded = sorted({s.encode() for s in symbols}, key=lambda s: (-len(s), s))
    if not encoded or not encoded[-1]:
        raise FunctionError.of("bad-parameter", f"symbols is {symbols}", "give one or more strings, none of them empty")
    begins = np.zeros(256, np.bool_)
    begins[[s[0] for s in encoded]] = True
    joined = np.frombuffer(b"".join(encoded), np.uint8).copy()
    bounds = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    return map_utf8(_per_word, text, np.float64, layout_classes(), begins, joined, bounds)


@kernel
def _per_word(data, offsets, out, flags, begins, symbols, bounds):
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        words, _, _, _ = word_totals(data, i, stop, flags)
        found = 0
        while i < stop:
            width = _width(data, i, stop, symbols, bounds) if begins[data[i]] else 0
            found += width > 0
            i += max(1, width)
        out[row] = found / words if words else 0.0


@kernel
def _width(data, i, stop, symbols, bounds):
    """The bytes of the first symbol that stands at byte `i`, or 0."""
    for s in range(len(bounds) - 1):
        width = int(bounds[s + 1] - bounds[s])
        if width <= stop - i and same_bytes(data, i, symbols, bounds[s], width):
            return width
    return 0
