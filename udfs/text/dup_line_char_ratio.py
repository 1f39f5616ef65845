"""Stat `dup_line_char_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._duplicates import duplicate_ratio


@stat("dup_line_char_ratio(text VARCHAR, breaks BOOLEAN := true) -> DOUBLE")
def dup_line_char_ratio(text: pa.StringArray, breaks: bool) -> pa.DoubleArray:
    """Share of the characters that stand in lines which repeat an earlier line of the text.

    dup_line_char_ratio = characters of the lines equal to an earlier one / characters of the text; with
    `breaks := false` the line breaks do not count among the characters of the text. Lines as in `dup_line_ratio`: blank
    ones are no lines. No lines, or empty: 0. Good for every script.

    Usual cut: <= 0.20. Source: Gopher (Rae and others 2021, table A1, duplicate line character fraction). FineWeb
    counts without the breaks: `dup_line_char_ratio(text, breaks := false)` <= 0.1 in the paper (Penedo and others 2024,
    section 3.6), <= 0.01 in datatrove 0.10, whose values these are (it also counts lines of white space only, for
    Gopher).
    """
    return duplicate_ratio(text, paragraphs=False, by_chars=True, breaks=breaks)
