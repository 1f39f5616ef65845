"""Plain Python definitions of the mappers that clean text."""

from __future__ import annotations

import regex
from juicesql.udfs.text import clean_email, clean_ip, clean_links
from juicesql.udfs.text.punctuation_normalization import OF_THE_PEER
from selectolax.lexbor import LexborHTMLParser


def whitespace(text: str) -> str:
    blanks = "\t\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\xa0\u202f\u205f\u3000"
    blanks += "\u200b\u200c\u200d\u2060\ufffc\x84"
    return text.strip().translate({ord(c): " " for c in blanks})


def punctuation(text: str) -> str:
    marks = {char: ascii_ for chars, ascii_ in OF_THE_PEER.items() for char in chars}
    assert len(marks) == 34
    return "".join(marks.get(c, c) for c in text)


def without_copyright(text: str) -> str:
    comment = regex.search(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/", text)
    if comment:
        goes = regex.search("copyright", comment[0], regex.IGNORECASE | regex.ASCII)
        return text[: comment.start()] + text[comment.end() :] if goes else text
    lines = text.split("\n")
    while lines and (not lines[0] or lines[0].startswith(("//", "#", "--"))):
        del lines[0]
    return "\n".join(lines)


def without_emails(text: str, repl: str = "") -> str:
    return regex.sub(clean_email.PATTERN, repl, text, flags=regex.DOTALL)


def without_ips(text: str, repl: str = "") -> str:
    return regex.sub(clean_ip.PATTERN, repl, text, flags=regex.DOTALL)


def without_links(text: str, repl: str = "") -> str:
    return regex.sub(clean_links.PATTERN, repl, text, flags=regex.DOTALL, timeout=5)


def without_tags(text: str) -> str:
    for tag, put in (("<li>", "\n*"), ("<ol>", "\n*"), ("</li>", ""), ("</ol>", "")):
        text = text.replace(tag, put)
    body = LexborHTMLParser(text).body
    return body.text() if body is not None else ""


def html_tables(page: str, header: bool = True) -> list[list[list[str]]]:
    from bs4 import BeautifulSoup

    found = []
    for table in BeautifulSoup(page, "html.parser").find_all("table"):
        rows = [
            [cell.get_text(strip=True) for cell in row.find_all(["td", "th"], recursive=False)]
            for row in table.find_all("tr")
            if header or row.find("th", recursive=False) is None
        ]
        found.append([row for row in rows if row])
    return [table for table in found if table]


def without_chars(text: str, chars: str) -> str:
    return "".join(c for c in text if c not in chars)


def only_chinese(text: str, letters: bool = True, digits: bool = True, marks: bool = True) -> str:
    kept = (
        "[\u4e00-\u9fa5"
        + "A-Za-z" * letters
        + "0-9" * digits
        + r".， ,\-。%《*》/•、&＆(—)（+）：？!！“”·" * marks
        + "]"
    )
    return "".join(regex.findall(kept, text))


def expanded(text: str) -> str:
    heads = [r"\\\bnewcommand\b\*?\{(\\[a-zA-Z0-9]+?)\}\{(.*?)\}$", r"\\def\s*(\\[a-zA-Z0-9]+?)\s*\{(.*?)\}$"]
    macros = {found[1]: found[2] for head in heads for found in regex.finditer(head, text, regex.MULTILINE)}
    values: dict[str, str] = {}  # with the macros that are expanded later put in
    for name in reversed(macros):
        values[name] = _put_in(macros[name], values)
        if len(values[name]) > 100_000:
            return text
    grown = _put_in(text, values)
    return grown if len(grown) <= 16 * len(text) else text


def _put_in(text: str, values: dict[str, str]) -> str:
    return regex.sub(r"\\[a-zA-Z0-9]+", lambda found: values.get(found[0], found[0]), text)


BIBLIOGRAPHY = (
    r"(\\appendix|\\begin\{references\}|\\begin\{REFERENCES\}|\\begin\{thebibliography\}|\\bibliography\{.*\}).*$"
)


def without_bibliography(text: str) -> str:
    return regex.sub(BIBLIOGRAPHY, "", text, flags=regex.DOTALL)


def uncommented(text: str, inline: bool = True, multiline: bool = True) -> str:
    if inline:
        text = regex.sub(r"[^\\]%.+$", "", text, flags=regex.MULTILINE)
    return regex.sub(r"^%.*\n?", "", text, flags=regex.MULTILINE) if multiline else text


HEADER = "|".join(
    rf"\\\b{name}\b\*?(?:\[(.*?)\])?\{{(.*?)\}}"
    for name in ("chapter", "part", "section", "subsection", "subsubsection", "paragraph", "subparagraph")
)


def beheaded(text: str, drop: bool = True) -> str:
    found = regex.search(HEADER, text, regex.DOTALL)
    return text[found.start() :] if found else "" if drop else text


def without_tables(text: str, min_col: int = 2, max_col: int = 20) -> str:
    for n in range(min_col - 1, max_col):
        text = regex.sub(rf"(?<=\n)((\S+?)([ |\t](\S+?)){{{n}}}\n+){{2,}}", "", text, timeout=20)
    return text
