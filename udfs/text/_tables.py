"""The tables of an HTML page, read in one pass over the tokens of the standard library's parser.

The tree is the one that Beautiful Soup builds with "html.parser": an end tag closes the innermost open element of its
name and everything in it, or nothing when none is open; nothing else is ever closed before the end of the page.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass, field
from html.entities import html5
from html.parser import HTMLParser
from typing import NamedTuple

# A page without this has no table.
TABLE = r"(?i)<table"
# Cells inside cells repeat their text. A page that would repeat it more often than this is built to do so.
MOST_REPEATS = 100
# The parser looks for the end of each of these up to the end of the page: without a limit that is quadratic.
MOST_UNFINISHED = 100

_VOID = """
area base basefont bgsound br col command embed frame hr image img input isindex keygen link menuitem meta nextid param
source spacer track wbr
"""
VOID = frozenset(_VOID.split())
ASIDE = frozenset(["rt", "rp", "style", "script", "template"])  # what is in these is no text of a cell
PREFORMATTED = frozenset(["pre", "textarea"])
VERBATIM = frozenset(["script", "style"])
# Attributes that are lists of words; one space is written between the words.
LISTS = {
    "": ("class", "accesskey", "dropzone"),  # of every element
    "a": ("rel", "rev"),
    "link": ("rel", "rev"),
    "td": ("headers",),
    "th": ("headers",),
    "area": ("rel",),
    "form": ("accept-charset",),
    "icon": ("sizes",),
    "iframe": ("sandbox",),
    "object": ("archive",),
    "output": ("for",),
}


@dataclass
class Row:
    cells: list[list[str]] = field(default_factory=list)
    header: bool = False


@dataclass
class Table:
    """The rows in and below a table, and where its HTML stands among the written pieces."""

    start: int
    end: int = 0
    rows: list[Row] = field(default_factory=list)


class Open(NamedTuple):
    """An element that is not closed yet, with what it is for the tables around it."""

    name: str
    table: Table | None
    row: Row | None
    cell: list[str] | None


def _unfinished(page: str) -> int:
    """How many tags, comments and marked sections are begun after the last end of one."""
    ends = (("<", ">"), ("<!--", "-->"), ("<![", "]"))
    return max(page.count(begin, page.rfind(end) + 1) for begin, end in ends)


class Tables(HTMLParser):
    """`tables` of a page in the order of their start tags. With `write`, `written` holds the HTML of all of them."""

    def __init__(self, page: str, write: bool) -> None:
        if (unfinished := _unfinished(page)) > MOST_UNFINISHED:
            raise ValueError(f"the page ends in {unfinished} tags or comments that are never finished")
        super().__init__(convert_charrefs=False)
        self.tables: list[Table] = []
        self.written: list[str] = []
        self._write = write
        self._stack: list[Open] = []
        self._names: Counter[str] = Counter()  # of the open elements
        self._around: list[Table] = []  # the open tables
        self._cells: list[list[str]] = []  # the open cells
        self._closed_voids: Counter[str] = Counter()
        self._data: list[str] = []
        self._room = MOST_REPEATS * max(len(page), 1000)
        self.feed(page)
        self.close()
        self._end_text()
        while self._stack:
            self._pop()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs, tag in VOID)
        if tag in VOID:
            self._pop()
            self._closed_voids[tag] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs, tag in VOID)
        self._pop()

    def handle_endtag(self, tag: str) -> None:
        if self._closed_voids[tag]:
            self._closed_voids[tag] -= 1
            return
        self._end_text()
        if self._names[tag]:
            while self._pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._data.append(data)

    def handle_charref(self, name: str) -> None:
        digits, base = (name[1:], 16) if name[0] in "xX" else (name, 10)
        number = int(digits.lstrip("0")[:9] or "0", base)  # nine digits are beyond Unicode already
        self._data.append(html.unescape(f"&#{number};") or chr(number))

    def handle_entityref(self, name: str) -> None:
        self._data.append(html5.get(name + ";") or html5.get(name) or "&" + name)

    def handle_comment(self, data: str) -> None:
        self._aside("<!--", data, "-->")

    def handle_decl(self, decl: str) -> None:
        self._aside("<!DOCTYPE ", decl[len("DOCTYPE ") :], ">\n")

    def handle_pi(self, data: str) -> None:
        self._aside("<?", data, ">")

    def unknown_decl(self, data: str) -> None:
        if not data.upper().startswith("CDATA["):
            self._aside("<?", data, "?>")
            return
        data = data.removeprefix(data[:6])
        self._aside("<![CDATA[", data, "]]>")
        self._to_cells(data)

    def _start(self, tag: str, attrs: list[tuple[str, str | None]], void: bool) -> None:
        self._end_text()
        row = self._stack[-1].row if self._stack else None
        element = Open(
            tag,
            table=self._open_table() if tag == "table" else None,
            row=self._open_row() if tag == "tr" and self._around else None,
            cell=self._open_cell(row, tag) if row is not None and tag in ("td", "th") else None,
        )
        self._stack.append(element)
        self._names[tag] += 1
        if self._write and self._around:
            self.written.append(f"<{tag}{_attributes(tag, attrs)}{'/' if void else ''}>")

    def _open_table(self) -> Table:
        table = Table(len(self.written))
        self.tables.append(table)
        self._around.append(table)
        return table

    def _open_row(self) -> Row:
        """A row of every table that is open."""
        row = Row()
        for table in self._around:
            table.rows.append(row)
        self._spend(len(self._around))
        return row

    def _open_cell(self, row: Row, tag: str) -> list[str]:
        cell: list[str] = []
        row.cells.append(cell)
        row.header |= tag == "th"
        self._cells.append(cell)
        return cell

    def _pop(self) -> str:
        """Close the innermost element and give its name."""
        element = self._stack.pop()
        if self._write and self._around and element.name not in VOID:
            self.written.append(f"</{element.name}>")
        self._names[element.name] -= 1
        if element.table:
            self._around.pop().end = len(self.written)
        if element.cell is not None:
            self._cells.pop()
        return element.name

    def _end_text(self) -> None:
        """Add what was read since the last tag to the cells that are open, and to the HTML."""
        if not self._data:
            return
        text = "".join(self._data)
        self._data.clear()
        if not self._around:
            return
        if not any(self._names[name] for name in ASIDE):
            self._to_cells(text)
        if self._write:
            text = self._collapsed(text)
            self.written.append(text if self._stack[-1].name in VERBATIM else _escaped(text))

    def _to_cells(self, text: str) -> None:
        stripped = text.strip()
        if stripped and self._cells:
            for cell in self._cells:
                cell.append(stripped)
            self._spend(len(self._cells) * len(stripped))

    def _aside(self, before: str, data: str, after: str) -> None:
        """A comment and the like: it ends the text before it, and is part of the HTML only."""
        self._end_text()
        if self._write and self._around:
            self.written.append(before + self._collapsed(data) + after)

    def _collapsed(self, text: str) -> str:
        """White space alone as one newline or space, outside of preformatted text."""
        if text.strip("\n\t\f\r ") or any(self._names[name] for name in PREFORMATTED):
            return text
        return "\n" if "\n" in text else " "

    def _spend(self, work: int) -> None:
        self._room -= work
        if self._room < 0:
            raise ValueError(f"cells inside cells repeat the text of the page more than {MOST_REPEATS} times")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _attributes(tag: str, attrs: list[tuple[str, str | None]]) -> str:
    """The attributes in order of their names, quoted."""
    found = []
    for name, value in sorted((name, value or "") for name, value in dict(attrs).items()):
        if name in LISTS[""] or name in LISTS.get(tag, ()):
            value = " ".join(re.findall(r"\S+", value))
        value = _escaped(value)
        quote = "'" if '"' in value and "'" not in value else '"'
        if quote == '"':
            value = value.replace('"', "&quot;")
        found.append(f" {name}={quote}{value}{quote}")
    return "".join(found)
