"""Stat `dup_para_char_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._duplicates import duplicate_ratio


@stat("dup_para_char_ratio(text VARCHAR) -> DOUBLE")
def dup_para_char_ratio(text: pa.StringArray) -> pa.DoubleArray:
    """Share of the characters that stand in paragraphs which repeat an earlier paragraph of the text.

    dup_para_char_ratio = characters of the paragraphs equal to an earlier one / characters of the text. Paragraphs as
    in `dup_para_ratio`; their inner line breaks count. No paragraphs, or empty: 0. Good for every script.
    Usual cut: <= 0.20. Source: Gopher (Rae and others 2021, table A1, duplicate paragraph character fraction).
    """
    return duplicate_ratio(text, paragraphs=True, by_chars=True)
