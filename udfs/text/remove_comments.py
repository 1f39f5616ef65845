"""Mapper `remove_comments`."""

import pyarrow as pa

from juicesql.api import FunctionError, kernel, mapper, rewrite_utf8

from ._spans import copy, find, finish


@mapper(
    "remove_comments(text VARCHAR, doc_type VARCHAR := 'tex', inline BOOLEAN := true, multiline BOOLEAN := true) "
    "-> VARCHAR"
)
def remove_comments(text: pa.StringArray, doc_type: str, inline: bool, multiline: bool) -> pa.StringArray:
    r"""Remove the comments of a LaTeX document.

    `inline` removes each `%` that has a character other than a backslash before it and one other than a newline behind
    it, together with that character before it and the rest of its line. The character before may be the newline of the
    line before, which makes a comment line vanish; it may also be a letter or the `%` of `\%`, which is then lost, as
    in Data-Juicer. `multiline` then removes the lines that begin with `%`, with their newlines. Lines end at LF only.
    `doc_type` can only be 'tex'. Empty text stays empty.
    Source: Data-Juicer's remove_comments_mapper, after RedPajama-Data v1 (Together Computer 2023), cleaning of arXiv
    papers.
    """
    if doc_type != "tex":
        raise FunctionError.of("bad-parameter", f"doc_type is {doc_type!r}", "leave it out: only 'tex' is known")
    return rewrite_utf8(_remove_comments, text, 1, bool(inline), bool(multiline))


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
