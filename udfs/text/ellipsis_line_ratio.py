"""Stat `ellipsis_line_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._line_marks import ELLIPSIS, marked_line_ratio


@stat("ellipsis_line_ratio(text VARCHAR) -> DOUBLE")
def ellipsis_line_ratio(text: pa.StringArray) -> pa.DoubleArray:
    """Share of the lines that end with an ellipsis ('...' or '…'); white space behind it is ignored.

    Lines are those of `str.splitlines`; blank lines count. No lines, or empty: 0. Good for every script.
    Usual cut: <= 0.3. Source: Gopher (Rae and others 2021, section A.1.1). Equals datatrove 0.10.
    """
    return marked_line_ratio(text, ELLIPSIS, "", blank_lines=True)
