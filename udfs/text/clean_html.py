"""Mapper `clean_html`."""

import re
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import mapper, text_array, utf8_buffers

from ._html import BLOCKS, simple_texts, tables
from ._parity import as_peer

LINES = (*BLOCKS.split()[2:], "pre", "table", "tr", "caption", "option", "optgroup")


@mapper("clean_html(text VARCHAR, parity VARCHAR := NULL) -> VARCHAR", runs_on="process", extra="text")
def clean_html(text: pa.StringArray, parity: str | None) -> pa.StringArray:
    """Extract the text of an HTML page: that of its body, with a line for each block.

    An HTML5 parser (lexbor) reads the page; entities are decoded, scripts, styles and comments are left out, CR and
    CRLF become LF. A line end stands where a block (paragraph, heading, list, row of a table, ...) begins or ends, one
    for each `<br>` up to two, and a space between the cells of a row; white space around them goes, also at both ends
    of such a page. An item of a list begins with `*`. Elements inside a line put nothing in: `wo<b>rd</b>` is `word`.
    Text without tags of blocks keeps its spacing behind the first word. Empty text stays empty.

    With `parity := 'data-juicer'` nothing is put between the elements (`<p>one</p><p>two</p>` is `onetwo`), scripts and
    styles in the body are text, and exactly `<li>` and `<ol>` become a newline and `*`.
    Source: Data-Juicer's clean_html_mapper. That one puts the text of the head first since selectolax 1.0: the title,
    and the scripts and styles that stand before the body, also where a text begins with one.
    """
    peer = as_peer(parity)
    data, offsets = utf8_buffers(text)
    out, out_offsets = np.empty(2 * int(offsets[-1] - offsets[0]) + 1, np.uint8), np.zeros(len(text) + 1, np.int32)
    hard = np.zeros(len(text), np.bool_)
    if not simple_texts(data, offsets, out, out_offsets, hard, not peer, *tables()):
        return text
    simple = text_array(out, out_offsets)
    if not hard.any():
        return simple
    read = _body_text if peer else _body_lines
    parsed = [read(page) for page in text.filter(pa.array(hard)).to_pylist()]
    return pc.replace_with_mask(simple, pa.array(hard), pa.array(parsed, pa.string()))


def _body_text(page: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    page = page.replace("<li>", "\n*").replace("</li>", "").replace("<ol>", "\n*").replace("</ol>", "")
    body = LexborHTMLParser(page).body
    return body.text() if body is not None else ""


def _body_lines(page: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    body = LexborHTMLParser(page).body
    if body is None:
        return ""
    for node in body.css("script, style, template"):
        node.decompose()
    line, item, break_, cell = islice((c for c in map(chr, range(0xE000, 0xF8FF)) if c not in page), 4)
    for elements, before, after in (
        (", ".join(LINES), line, line), ("li", item, line), ("br", break_, ""), ("td, th", "", cell)
    ):  # fmt: skip
        for node in body.css(elements):
            if before:
                node.insert_before(before)
            if after:
                node.insert_after(after)
    marks = line + item + break_ + cell
    blanks = f"[ \\t\\n\\f\\r{marks}]*"
    text = body.text()
    runs = re.compile(f"{blanks}[{marks}]{blanks}")
    found = runs.sub(lambda run: _between(run[0], run.end() == len(text), line, item, break_), text)
    return found.lstrip(" \t\n\f\r")


def _between(run: str, ends: bool, line: str, item: str, break_: str) -> str:
    """What stands for a run of marks and white space, between two texts or where the page ends."""
    if ends and item not in run:
        return ""
    before = run.partition(item)[0]
    lines = min(before.count(break_), 2) or int(line in before or item in run)
    return ("\n" * lines or " ") + ("*" if item in run else "")
