"""Mapper `clean_html`."""

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import mapper

# A text without any of these comes out of the parser as it went in.
CHANGES = r"\A[\t\n\f ]|[<&\r\x00]"


@mapper("clean_html(text VARCHAR) -> VARCHAR", runs_on="process", extra="text")
def clean_html(text: pa.StringArray) -> pa.StringArray:
    """The text of an HTML page: all that its body shows, with nothing put between the elements.

    `<li>` and `<ol>` become a newline and `*`, `</li>` and `</ol>` vanish; then an HTML5 parser (lexbor) reads the rest
    and the text of its body is taken: entities decoded, scripts and styles in the body included, whitespace before the
    first word gone, CR and CRLF as LF. Empty text stays empty.

    Data-Juicer uses the older parser of selectolax, which has been withdrawn. It differs on broken input: it repeats
    characters at a NUL, and keeps the name of a tag that is never closed (`a <b`), where this one drops it.
    """
    changes = pc.match_substring_regex(text, CHANGES)
    if not pc.any(changes).as_py():
        return text
    cleaned = [_body_text(page) for page in text.filter(changes).to_pylist()]
    return pc.replace_with_mask(text, changes, pa.array(cleaned, pa.string()))


def _body_text(page: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    page = page.replace("<li>", "\n*").replace("</li>", "").replace("<ol>", "\n*").replace("</ol>", "")
    body = LexborHTMLParser(page).body
    return body.text() if body is not None else ""
