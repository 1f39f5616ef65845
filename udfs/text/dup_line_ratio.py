"""Stat `dup_line_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._duplicates import duplicate_ratio


@stat("dup_line_ratio(text VARCHAR) -> DOUBLE")
def dup_line_ratio(text: pa.StringArray) -> pa.DoubleArray:
    """Share of the lines that repeat an earlier line of the text.

    dup_line_ratio = lines equal to an earlier one / lines. Lines are those of `str.splitlines`; blank lines (empty, or
    white space only) are left out; lines are compared as they stand, character by character. No lines, or empty: 0.
    Good for every script.

    Usual cut: <= 0.30. Source: Gopher (Rae and others 2021, table A1, duplicate line fraction). Equals datatrove 0.10,
    except that its split on runs of newlines also counts as lines the empty pieces before a leading and after a
    trailing newline, and lines of white space only.
    """
    return duplicate_ratio(text, paragraphs=False, by_chars=False)
