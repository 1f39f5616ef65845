"""Stat `terminal_punct_line_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._line_marks import LAST, marked_line_ratio


@stat("terminal_punct_line_ratio(text VARCHAR, marks VARCHAR := NULL) -> DOUBLE")
def terminal_punct_line_ratio(text: pa.StringArray, marks: str | None) -> pa.DoubleArray:
    """Share of the lines that end with a mark which ends a sentence; white space behind it is ignored.

    terminal_punct_line_ratio = lines whose last character is one of those in `marks` / lines. Without `marks`: the
    characters of every script that Unicode 17 gives the property Sentence_Terminal, such as '.', '!', '?', '。', '।'.
    Lines are those of `str.splitlines` that are not blank. No lines, or empty: 0. Good for every script that has such
    marks (Thai and Lao have none).

    Usual cut: >= 0.12; C4 keeps the lines with `terminal_punct_line_ratio(line, '.?!"') = 1` (Raffel and others 2020,
    section 2.2). Source: FineWeb (Penedo and others 2024, section 3.6, fraction of lines ending with punctuation).
    datatrove 0.10 has sixteen characters fewer, three Khmer ones more, breaks lines at newlines only, and does not look
    past white space at the end of a line.
    """
    return marked_line_ratio(text, LAST, marks, blank_lines=False)
