"""Stat `max_line_length`."""

import pyarrow as pa

from juicesql.api import stat

from ._lines import line_lengths


@stat("max_line_length(text VARCHAR) -> BIGINT")
def max_line_length(text: pa.StringArray) -> pa.Int64Array:
    """Length of the longest line in characters, without its line break.

    Lines are those of `str.splitlines` (LF, CR, CRLF as one, VT, FF, FS, GS, RS, NEL, U+2028, U+2029). Empty text: 0.
    Usual cut: >= 10. Source: Data-Juicer's maximum_line_length_filter.
    """
    return pa.array(line_lengths(text)[2])
