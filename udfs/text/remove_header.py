"""Mapper `remove_header`."""

import pyarrow as pa

from juicesql.api import kernel, mapper, rewrite_utf8

from ._spans import copy, find, find_last, finish, word_at, word_table

COMMANDS = (
    r"\chapter", r"\part", r"\section", r"\subsection", r"\subsubsection", r"\paragraph", r"\subparagraph",
)  # fmt: skip


@mapper("remove_header(text VARCHAR, drop_no_head BOOLEAN := true) -> VARCHAR")
def remove_header(text: pa.StringArray, drop_no_head: bool) -> pa.StringArray:
    r"""Remove what stands before the first sectioning command of a LaTeX document.

    Sectioning commands are `\chapter`, `\part`, `\section`, `\subsection`, `\subsubsection`, `\paragraph` and
    `\subparagraph`, with `*` and `[short title]` or without, and with `{title}`. A text without any becomes empty, or
    stays as it is with `drop_no_head := false`. Empty text stays empty.

    Source: Data-Juicer's remove_header_mapper, after RedPajama-Data v1 (Together Computer 2023), cleaning of arXiv
    papers. Older versions of Data-Juicer overlook `\paragraph` and `\subparagraph`, for want of a bar in the pattern.
    """
    return rewrite_utf8(_remove_header, text, 1, *word_table(COMMANDS), bool(drop_no_head))


@kernel
def _remove_header(data, offsets, out, out_offsets, words, ends, drop):
    at, kept = 0, int(offsets[0])
    for row in range(len(offsets) - 1):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        head = _first_command(data, start, stop, words, ends)
        if head < 0:
            head = stop if drop else start
        if head > start:
            at = copy(data, kept, start, out, at)
            kept = head
        out_offsets[row + 1] = at + stop - kept
    return finish(data, offsets, kept, out, at)


@kernel
def _first_command(data, start, stop, words, ends):
    """The byte where the first complete sectioning command begins, or -1."""
    brace = title = -2  # last `}`, and last `]{` with a `}` behind it; not looked for yet
    i = find(data, start, stop, 0x5C)
    while i < stop:
        word, after = word_at(data, i, stop, words, ends)
        if word >= 0:
            if brace == -2:
                brace = find_last(data, start, stop, 0x7D)
                title = _last_title(data, start, brace)
            if after < stop and data[after] == 0x2A:
                after += 1
            if after < stop and ((data[after] == 0x7B and brace > after) or (data[after] == 0x5B and title > after)):
                return i
        i = find(data, i + 1, stop, 0x5C)
    return -1


@kernel
def _last_title(data, start, stop):
    """The last place of `]{` before `stop`, or one before `start`."""
    i = stop - 2
    while i >= start and not (data[i] == 0x5D and data[i + 1] == 0x7B):
        i -= 1
    return i
