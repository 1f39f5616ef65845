"""Stat `avg_line_length`."""

import numpy as np
import pyarrow as pa

from juicesql.api import stat

from ._lines import line_lengths


@stat("avg_line_length(text VARCHAR) -> DOUBLE")
def avg_line_length(text: pa.StringArray) -> pa.DoubleArray:
    """Mean number of characters in a line, line breaks included.

    avg_line_length = characters / lines, with the lines of `str.splitlines` (LF, CR, CRLF as one, VT, FF, FS, GS, RS,
    NEL, U+2028, U+2029). Empty text: 0. Usual cut: >= 10. Source: Data-Juicer's average_line_length_filter.
    """
    chars, lines, _ = line_lengths(text)
    return pa.array(chars / np.maximum(lines, 1))
