"""Stat `num_paragraphs`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._layout import first_mark, layout_classes, line_stop


@stat("num_paragraphs(text VARCHAR) -> BIGINT")
def num_paragraphs(text: pa.StringArray) -> pa.Int64Array:
    """Number of paragraphs: runs of lines without a blank line (empty, or white space only) among them.

    Lines are those of `str.splitlines`. Empty text: 0. Text with one paragraph a line, as web extraction often gives,
    is one paragraph here: count it with `num_lines`.
    Usual cut: none; the cuts are on `dup_para_ratio` and `dup_para_char_ratio`, whose paragraphs these are.
    Source: juicesql.
    """
    return map_utf8(_num_paragraphs, text, np.int64, layout_classes())


@kernel
def _num_paragraphs(data, offsets, out, flags):
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        paragraphs = 0
        blank_before = True
        while i < stop:
            end, after = line_stop(data, i, stop)
            blank = first_mark(data, i, end, flags) == end
            paragraphs += blank_before and not blank
            blank_before = blank
            i = after
        out[row] = paragraphs
