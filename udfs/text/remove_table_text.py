"""Mapper `remove_table_text`."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, mapper, rewrite_utf8

from ._chars import SPACE, classes, decode, longest_row
from ._spans import copy, find, finish


@mapper("remove_table_text(text VARCHAR, min_col INTEGER := 2, max_col INTEGER := 20) -> VARCHAR")
def remove_table_text(text: pa.StringArray, min_col: int, max_col: int) -> pa.StringArray:
    """Remove tables: two or more lines one after another that have the same number of cells.

    Cells are runs of characters other than whitespace, with ONE space, bar or tab between two; a bar may also be part
    of a cell. The numbers of cells from `min_col` to `max_col` (each 2 to 20) are tried in ascending order, and each
    time the tables of just so many cells are removed with the newlines behind them, empty lines between the rows of a
    table included. A table row ends at LF. As in Data-Juicer the first line of a text is never removed, nor a last line
    without newline, and prose of two or more lines with the same number of words is taken for a table. Empty text stays
    empty.

    Source: Data-Juicer's remove_table_text_mapper. The time is linear in the text here, where its patterns take
    exponential time on some.
    """
    if not 2 <= min_col <= 20 or not 2 <= max_col <= 20:
        raise FunctionError.of("bad-parameter", f"min_col is {min_col}, max_col {max_col}", "give both from 2 to 20")
    return rewrite_utf8(_remove_tables, text, 1, classes(), min_col - 1, max_col - 1)


@kernel
def _remove_tables(data, offsets, out, out_offsets, table, fewest, most):
    room = longest_row(offsets) // 2 + 1
    begins, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    least, top = np.empty(room, np.int64), np.empty(room, np.int64)
    at, kept = 0, int(offsets[0])
    for row in range(len(offsets) - 1):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        lines = _read_lines(data, start, stop, table, begins, ends, least, top)
        left = lines
        for separators in range(fewest, most + 1):
            left = _drop_runs(begins, ends, least, top, left, separators)
        if left < lines:
            at = copy(data, kept, _skip_newlines(data, start, stop), out, at)
            for line in range(left):
                at = copy(data, begins[line], ends[line], out, at)
            kept = stop
        out_offsets[row + 1] = at + stop - kept
    return finish(data, offsets, kept, out, at)


@kernel
def _skip_newlines(data, i, stop):
    """The first byte that is no newline."""
    while i < stop and data[i] == 0x0A:
        i += 1
    return i


@kernel
def _read_lines(data, start, stop, table, begins, ends, least, top):
    """Find the lines that are not empty, each with the newlines behind it; returns their number.

    A line can be read as a row of n + 1 cells for every n from `least` to `top`.
    """
    lines = 0
    i = _skip_newlines(data, start, stop)
    while i < stop:
        begins[lines] = i
        i, least[lines], top[lines] = _separators(data, i, stop, table)
        if begins[lines] == start or i == stop:
            top[lines] = -1  # never a row of a table
        i = ends[lines] = _skip_newlines(data, i, stop)
        lines += 1
    return lines


@kernel
def _separators(data, i, stop, table):
    """End of the line from byte `i` on, its spaces and tabs, and those and as many bars as can stand between cells.

    The last number is -1 when the line holds other whitespace, or a space or tab that does not stand between cells.
    """
    blanks = bars = 0
    filled = bar = False  # whether the cell that we are in has a character, and whether a bar came after one
    while i < stop and data[i] != 0x0A:
        b = data[i]
        if b == 0x20 or b == 0x09:
            if not filled:
                return find(data, i, stop, 0x0A), 0, -1
            blanks += 1
            filled = bar = False
            i += 1
            continue
        c, i = decode(data, i)
        if table[c] & SPACE and not 0x1C <= c <= 0x1F:
            return find(data, i, stop, 0x0A), 0, -1
        if bar:
            bars += 1
            bar = False
        elif filled:
            bar = b == 0x7C
        filled = True
    return i, blanks, blanks + bars if filled else -1


@kernel
def _drop_runs(begins, ends, least, top, lines, separators):
    """Drop runs of two or more lines that are rows with so many separators; returns how many lines are left."""
    left = i = 0
    while i < lines:
        after = i
        while after < lines and least[after] <= separators <= top[after]:
            after += 1
        if after - i < 2:
            after = i + 1
            begins[left], ends[left], least[left], top[left] = begins[i], ends[i], least[i], top[i]
            left += 1
        i = after
    return left
