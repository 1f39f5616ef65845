"""Stat `dup_para_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._duplicates import duplicate_ratio


@stat("dup_para_ratio(text VARCHAR) -> DOUBLE")
def dup_para_ratio(text: pa.StringArray) -> pa.DoubleArray:
    """Share of the paragraphs that repeat an earlier paragraph of the text.

    dup_para_ratio = paragraphs equal to an earlier one / paragraphs. A paragraph is a run of lines without a blank line
    (empty, or white space only) among them; paragraphs are compared as they stand. No paragraphs, or empty: 0. Good for
    every script.

    Usual cut: <= 0.30. Source: Gopher (Rae and others 2021, table A1, duplicate paragraph fraction). Equals datatrove
    0.10 on text whose blank lines are empty and whose line breaks are newlines; there, only two or more newlines in a
    row part two paragraphs.
    """
    return duplicate_ratio(text, paragraphs=True, by_chars=False)
