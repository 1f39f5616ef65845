"""Mappers equal the plain definition, in batches and row by row."""

import re

import definitions as plain
import regex
from definitions_cleaning import punctuation, whitespace, without_emails, without_links, without_tags
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.text import clean_html, clean_links
from selectolax.lexbor import LexborHTMLParser

batches = st.lists(plain.texts, min_size=1, max_size=5)
some = settings(max_examples=400, deadline=None)


def agree(name: str, texts: list[str], expected: list[str], **parameters: object) -> None:
    assert plain.call(name, texts, **parameters) == expected
    assert [plain.call(name, [t], **parameters)[0] for t in texts] == expected


@some
@given(batches)
def test_whitespace_and_punctuation(texts: list[str]) -> None:
    agree("whitespace_normalization", texts, [whitespace(t) for t in texts], parity="data-juicer")
    agree("punctuation_normalization", texts, [punctuation(t) for t in texts], parity="data-juicer")


mails = st.lists(st.sampled_from([*"abzA.@-+_ 1é中\n", "a@b.c", "x.y@z.", ".com"]), max_size=30).map("".join)


@some
@given(st.lists(st.one_of(mails, plain.texts), min_size=1, max_size=4), st.sampled_from(["", "MAIL", "<E-MAIL éé>"]))
def test_clean_email(texts: list[str], repl: str) -> None:
    expected = [without_emails(t, repl) for t in texts]
    agree("clean_email", texts, expected, repl=repl)


parts = ["http", "://", "www", ".", "com", "/", "x", "a.b", ".co/", "(", ")", "()", "(a(b)c)", "a-b", ":", "é", "ſ",
         "ı", "K", "中", "\u3000", "\x1c", "\x85", " ", "\n", "<", ">", "!", "'", "”", "%", "1", "٣", "_", "-", "A:",
         "ab:", "İ", "ı", "WWW", "ww", "www1.", "www٣٣.", "\u0301", "=", "?", "#", "😀", "ftp:/", "//"]  # fmt: skip
links = st.lists(st.sampled_from(parts), max_size=18).map("".join)


@settings(max_examples=2000, deadline=None)
@given(st.lists(links, min_size=1, max_size=3), st.sampled_from(["", "LINK", "<a long replacement 中>"]))
def test_clean_links(texts: list[str], repl: str) -> None:
    expected = [without_links(t, repl) for t in texts]
    agree("clean_links", texts, expected, repl=repl)


@some
@given(batches)
def test_clean_links_of_any_text(texts: list[str]) -> None:
    agree("clean_links", texts, [without_links(t) for t in texts])


def test_link_classes_hold_what_the_search_takes_for_granted() -> None:
    table = clean_links._classes()
    for c in range(0x110000):
        assert not (table[c] & clean_links.BREAK and table[c] & (clean_links.WORD | clean_links.LAST))
    everything = "".join(map(chr, range(0x110000)))
    assert set(regex.findall("(?i)w", everything)) == {"w", "W"}


def test_clean_links_takes_linear_time() -> None:
    hard = [
        "a." * 50_000,
        "http://" + "!" * 100_000,
        "a-" * 50_000 + ":",
        "http://" * 10_000,
        "www." * 20_000 + "(" * 9,
        "a:1,b:2," * 50_000,
    ]
    plain.call("clean_links", hard)


def test_patterns_of_the_user() -> None:
    assert plain.call("clean_links", ["abc", "xbx"], pattern="r'b(.)'", repl=r"\1\1") == ["acc", "xxx"]
    assert plain.call("clean_email", ["a\nb"], pattern="a.b", repl="-") == ["-"]
    assert plain.call("clean_email", ["see a@b.co"], repl=r"\\") == ["see \\"]


MARKUP = [
    "<", ">", "/", "</", "<p>", "</p>", "<li>", "</li>", "<ol>", "</ol>", "<br>", "<b", "<a href='x'>", '<a href="y>z">', "<a b = c>",
    "<x/>", "<P CLASS=a>", "<h1 a=b/c>", "</>", "< ", "li>", "<stdio.h>", "<me@example.org>", "<table>", "<td>", "<title>t</title>",
    "<script>s</script>", "<svg>", "<!-- c -->", "<?x?>", "<!doctype html>", "&", "&amp;", "&amp", "&copyright;", "&notit;", "&nGt;",
    "&foo;", "&#65;", "&#x41;", "&#", "&#128;", "&#0;", "&#13;", "=", "'", '"', ";", "l",
]  # fmt: skip
pages = st.lists(st.sampled_from([*plain.PIECES, *MARKUP, *MARKUP]), max_size=30).map("".join)


@some
@given(st.lists(pages, min_size=1, max_size=4))
def test_clean_html(texts: list[str]) -> None:
    agree("clean_html", texts, [without_tags(t) for t in texts], parity="data-juicer")


def lines_of(page: str) -> str:
    """By the definition: a line for each block, `<br>` up to two line ends, a space between cells, `*` for an item."""
    out, pieces = "", re.split(r"(<[^>]*>)", page)
    breaks, edge, star, cell = 0, False, False, False
    for piece in pieces:
        tag = re.fullmatch(r"</?([a-z0-9]+)[^>]*>", piece)
        if tag is None:
            text = piece.lstrip(" \n") if edge or cell or not out else piece
            if text:
                if edge and out and not star:
                    out += "\n" * max(1, min(2, breaks))
                out += " " * (cell and not edge) + text
                breaks, edge, star, cell = 0, False, False, False
        elif tag[1] == "br" or tag[1] in clean_html.LINES or tag[1] == "li":
            edge, out = True, out.rstrip(" \n")
            breaks += tag[1] == "br"
            if tag[1] == "li" and piece[1] != "/" and not star:
                out += "\n" * (max(1, min(2, breaks)) if out else 0) + "*"
                star = True
            breaks *= not star
        elif tag[1] == "td" and piece[1] == "/":
            cell, out = True, out.rstrip(" \n")
    return out


@st.composite
def nested(draw: st.DrawFn, depth: int = 3) -> str:
    inside = ["a", "b c", " ", "\n", "<br>", "<br/>", "é"]
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["text", "div", "h1", "ul", "b", "span", "section", "table"])) if depth else "text"
        if kind == "text":
            parts.append(draw(st.sampled_from(inside)))
        elif kind == "table":
            cells = "".join(f"<td>{draw(st.sampled_from(['x', ' y', 'z<br>w']))}</td>" for _ in range(2))
            parts.append(f"<table><tr>{cells}</tr></table>")
        elif kind == "ul":
            parts.append("<ul>" + f"<li>{draw(nested(depth - 1))}</li>" * draw(st.integers(0, 2)) + "</ul>")
        elif kind == "h1":
            parts.append("<h1>a <b>b</b></h1>")
        else:
            parts.append(f"<{kind}{draw(st.sampled_from(['', ' class=x']))}>{draw(nested(depth - 1))}</{kind}>")
    return "".join(parts)


@settings(max_examples=800, deadline=None)
@given(st.lists(nested(), min_size=1, max_size=3))
def test_clean_html_sets_lines(texts: list[str]) -> None:
    agree("clean_html", texts, [lines_of(t) for t in texts])
    parsed = [clean_html._body_lines(t) for t in texts]
    assert parsed == [lines_of(t) for t in texts], "a page that is parsed gives what the kernel gives"


def test_clean_html_of_every_character() -> None:
    for c in [*range(0x3000), 0xFEFF, 0xFFFD, 0xFFFE, 0x1F600]:
        char = chr(c)
        texts = [char, "a" + char, char + "b", f"a{char}b"] if not 0xD800 <= c < 0xE000 else [""]
        assert plain.call("clean_html", texts, parity="data-juicer") == [LexborHTMLParser(t).body.text() for t in texts]
