"""Lines by the characters that they begin or end with, and by their length."""

from functools import lru_cache

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8

from ._chars import decode
from ._layout import SPACE, TERMINAL, char_count, first_mark, last_mark, layout_classes, line_stop

FIRST, LAST, ELLIPSIS = 0, 1, 2


def marked_line_ratio(text: pa.StringArray, where: int, marks: str | None, blank_lines: bool) -> pa.DoubleArray:
    """Share of the lines whose FIRST or LAST character is one of `marks`, or that end in an ELLIPSIS.

    White space around a line is no part of it. `marks` None: the characters that can end a sentence.
    """
    return map_utf8(_marked_line_ratio, text, np.float64, _mark_table(marks), where, blank_lines)


@lru_cache(maxsize=16)
def _mark_table(marks: str | None) -> np.ndarray:
    """SPACE and TERMINAL for each code point; the characters of `marks` are the TERMINAL ones."""
    table = layout_classes() & (SPACE | TERMINAL)
    if marks is not None:
        table &= SPACE
        table[[ord(c) for c in marks]] |= TERMINAL
    table.flags.writeable = False
    return table


@kernel
def _marked_line_ratio(data, offsets, out, flags, where, blank_lines):
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        lines = marked = 0
        while i < stop:
            end, after = line_stop(data, i, stop)
            mark, mark_end = last_mark(data, i, end, flags)
            if mark_end > mark:
                lines += 1
                if where == ELLIPSIS:
                    marked += _ends_in_ellipsis(data, i, mark)
                else:
                    if where == FIRST:
                        mark = first_mark(data, i, end, flags)
                    c, _ = decode(data, mark)
                    marked += (flags[c] & TERMINAL) != 0
            elif blank_lines:
                lines += 1
            i = after
        out[row] = marked / lines if lines else 0.0


@kernel
def _ends_in_ellipsis(data, start, mark):
    """Whether the character at byte `mark` is an ellipsis, or the last of three full stops."""
    if data[mark] == 0x2E:
        return mark - start >= 2 and data[mark - 1] == 0x2E and data[mark - 2] == 0x2E
    return data[mark] == 0xE2 and data[mark + 1] == 0x80 and data[mark + 2] == 0xA6


@kernel
def lines_by_length(data, i, stop, flags, length):
    """How many lines are not blank, and how many of them have at most `length` characters."""
    lines = short = 0
    while i < stop:
        end, after = line_stop(data, i, stop)
        if first_mark(data, i, end, flags) < end:
            lines += 1
            short += char_count(data, i, end) <= length
        i = after
    return lines, short
