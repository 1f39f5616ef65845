"""Mapper `remove_comments`."""

import pyarrow as pa

from juicesql.api import FunctionError, kernel, mapper, rewrite_utf8

from ._parity import as_peer
from ._spans import copy, find, finish

LONGEST_ADDRESS = 4096  # bytes; without a bound, many open braces would take quadratic time


@mapper(
    "remove_comments(text VARCHAR, doc_type VARCHAR := 'tex', inline BOOLEAN := true, multiline BOOLEAN := true, "
    "parity VARCHAR := NULL) -> VARCHAR"
)
def remove_comments(
    text: pa.StringArray, doc_type: str, inline: bool, multiline: bool, parity: str | None
) -> pa.StringArray:
    r"""Remove the comments of a LaTeX document.

    A comment goes from a `%` to the end of its line. `\%` is none (an odd number of backslashes before it), nor a `%`
    inside the braces of `\url`, `\href` or `\path`. `inline` removes comments behind other text, with the blanks before
    them; `multiline` removes lines that hold nothing else, with their newlines. Lines end at LF only. Verbatim
    environments are read like any other text.

    With `parity := 'data-juicer'`, `inline` removes each `%` that has a character other than a backslash before it and
    one other than a newline behind it, together with that character before it and the rest of its line: it may be a
    letter, which is lost, the `%` of `\%`, or the newline of the line before. `multiline` then removes the lines that
    begin with `%`.
    `doc_type` can only be 'tex'. Empty text stays empty.
    Source: Data-Juicer's remove_comments_mapper, after RedPajama-Data v1 (Together Computer 2023), cleaning of arXiv
    papers.
    """
    if doc_type != "tex":
        raise FunctionError.of("bad-parameter", f"doc_type is {doc_type!r}", "leave it out: only 'tex' is known")
    how = _remove_comments if as_peer(parity) else _remove_tex_comments
    return rewrite_utf8(how, text, 1, bool(inline), bool(multiline))


@kernel
def _remove_comments(data, offsets, out, out_offsets, inline, multiline):
    at, kept = 0, int(offsets[0])
    for row in range(len(offsets) - 1):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        first = find(data, start, stop, 0x25)
        if first < stop:
            begin = copy(data, kept, start, out, at)
            if inline:
                at = _without_inline(data, start, first, stop, out, begin)
            else:
                at = copy(data, start, stop, out, begin)
            if multiline:
                at = _without_lines(out, begin, at)
            kept = stop
        out_offsets[row + 1] = at + stop - kept
    return finish(data, offsets, kept, out, at)


@kernel
def _without_inline(data, start, i, stop, out, at):
    """Write the row without the matches of `[^\\\\]%.+`; `i` is its first percent sign."""
    kept = start  # what is written next begins here
    while i < stop:
        if i > kept and data[i - 1] != 0x5C and i + 1 < stop and data[i + 1] != 0x0A:
            begin = i - 1
            while data[begin] & 0xC0 == 0x80:
                begin -= 1
            at = copy(data, kept, begin, out, at)
            i = kept = find(data, i + 1, stop, 0x0A)
        i = find(data, i + 1, stop, 0x25)
    return copy(data, kept, stop, out, at)


@kernel
def _without_lines(out, begin, stop):
    """Remove in place the lines that begin with a percent sign; returns the new end."""
    at = i = begin
    while i < stop:
        after = min(find(out, i, stop, 0x0A) + 1, stop)
        if out[i] != 0x25 and at == i:
            at = after
        elif out[i] != 0x25:
            for k in range(i, after):
                out[at] = out[k]
                at += 1
        i = after
    return at


@kernel
def _remove_tex_comments(data, offsets, out, out_offsets, inline, multiline):
    at, kept = 0, int(offsets[0])
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        sign = find(data, i, stop, 0x25)
        line = i
        while sign < stop:
            while line <= sign:  # the line of the next sign
                i = line
                line = min(find(data, line, stop, 0x0A) + 1, stop + 1)
            end = min(line - 1, stop)
            begin = _comment(data, i, end)
            before = begin
            while before > i and (data[before - 1] == 0x20 or data[before - 1] == 0x09):
                before -= 1
            if begin < end and before > i and inline:
                at = copy(data, kept, before, out, at)
                kept = end
            elif begin < end and before == i and multiline:
                at = copy(data, kept, i, out, at)
                kept = min(line, stop)
            sign = find(data, end, stop, 0x25)
        out_offsets[row + 1] = at + stop - kept
    return finish(data, offsets, kept, out, at)


@kernel
def _comment(data, i, end):
    """The byte at which the comment of the line begins, `end` when it has none."""
    while i < end:
        b = data[i]
        if b == 0x25:
            return i
        i = _after_command(data, i + 1, end) if b == 0x5C else i + 1
    return end


@kernel
def _after_command(data, i, end):
    """The byte after the escaped character at `i`, or after an address in braces behind `url`, `href` or `path`."""
    if i >= end or not 0x61 <= data[i] <= 0x7A:
        return i + 1
    first = i
    while i < end and 0x61 <= data[i] <= 0x7A:
        i += 1
    if i >= end or data[i] != 0x7B or not _takes_address(data, first, i):
        return i
    depth = 0
    for k in range(i, min(end, i + LONGEST_ADDRESS)):
        depth += 1 if data[k] == 0x7B else -1 if data[k] == 0x7D else 0
        if depth == 0:
            return k + 1
    return i


@kernel
def _takes_address(data, i, end):
    word = 0
    for k in range(i, min(end, i + 5)):
        word = word << 8 | int(data[k])
    return word == 0x75726C or word == 0x68726566 or word == 0x70617468  # url, href, path
