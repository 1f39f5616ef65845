"""Mapper `clean_html`."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import mapper, text_array, utf8_buffers

from ._html import simple_texts, tables


@mapper("clean_html(text VARCHAR) -> VARCHAR", runs_on="process", extra="text")
def clean_html(text: pa.StringArray) -> pa.StringArray:
    """Extract the text of an HTML page: all that is in its body, with nothing put between the elements.

    `<li>` and `<ol>` become a newline and `*`, `</li>` and `</ol>` vanish; then an HTML5 parser (lexbor) reads the rest
    and the text of its body is taken: entities decoded, scripts and styles in the body included, whitespace before the
    first word gone, CR and CRLF as LF. Empty text stays empty.

    Source: Data-Juicer's clean_html_mapper. That one puts the text of the head first since selectolax 1.0: the title,
    and the scripts and styles that stand before the body, also where a text begins with one.
    """
    data, offsets = utf8_buffers(text)
    out, out_offsets = np.empty(2 * int(offsets[-1] - offsets[0]) + 1, np.uint8), np.zeros(len(text) + 1, np.int32)
    hard = np.zeros(len(text), np.bool_)
    if not simple_texts(data, offsets, out, out_offsets, hard, *tables()):
        return text
    simple = text_array(out, out_offsets)
    if not hard.any():
        return simple
    parsed = [_body_text(page) for page in text.filter(pa.array(hard)).to_pylist()]
    return pc.replace_with_mask(simple, pa.array(hard), pa.array(parsed, pa.string()))


def _body_text(page: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    page = page.replace("<li>", "\n*").replace("</li>", "").replace("<ol>", "\n*").replace("</ol>", "")
    body = LexborHTMLParser(page).body
    return body.text() if body is not None else ""
