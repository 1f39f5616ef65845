"""Mapper `expand_macro`."""

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import mapper

SPACE = r"[^\S\x1c-\x1f]*"
COMMAND = re.compile(r"\\newcommand\*?\{(\\[a-zA-Z0-9]+)\}\{")
DEF = re.compile(rf"\\def{SPACE}(\\[a-zA-Z0-9]+){SPACE}\{{")
CALL = re.compile(r"(\\[a-zA-Z0-9]+)")
GROWTH = 16  # times its length that a text may grow to


@mapper("expand_macro(text VARCHAR) -> VARCHAR", runs_on="process")
def expand_macro(text: pa.StringArray) -> pa.StringArray:
    r"""Replace the macros without arguments that a LaTeX document defines by their values.

    A macro is defined by `\newcommand{\name}{value}` or `\newcommand*{\name}{value}` or `\def\name{value}`; the name is
    of ASCII letters and digits, and the value goes to the end of the line, whose last character must be `}`. Where a
    name is defined twice its last value counts, that of a `\def` before that of a `\newcommand`. Each `\name` that no
    ASCII letter or digit follows is replaced, in the definitions too. Macros inside a value are replaced when they come
    later in the order in which they are expanded: first those of `\newcommand`, then those of `\def`, each in the order
    of the text. A text that would grow to more than 16 times its length, as only a hostile one does, stays as it is.
    Empty text stays empty.

    Source: Data-Juicer's expand_macro_mapper, after RedPajama-Data v1 (Together Computer 2023), cleaning of arXiv
    papers. That one overlooks every second of equal macros that touch (`\a\a`), a macro at the very end of the text,
    and one whose neighbour has become letters before (`\b\a`); here these are replaced too.
    """
    changes = pc.match_substring_regex(text, r"\\(newcommand|def)")
    if not pc.any(changes).as_py():
        return text
    expanded = [_expanded(t) for t in text.filter(changes).to_pylist()]
    return pc.replace_with_mask(text, changes, pa.array(expanded, pa.string()))


def _expanded(text: str) -> str:
    macros = {name: value for head in (COMMAND, DEF) for name, value in _definitions(head, text)}
    limit = GROWTH * len(text)
    values: dict[str, str] = {}  # with those that are expanded later put in
    for name in reversed(macros):
        value = _put_in(macros[name], values, limit)
        if value is None:
            return text
        values[name] = value
        limit -= len(value)
    return _put_in(text, values, GROWTH * len(text)) or text


def _definitions(head: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    """Names and values of the macros whose definitions begin with `head`."""
    end = stop = 0  # of the last definition, and of the line that was looked at last
    for found in head.finditer(text):
        begin = found.end()
        if found.start() < end:
            continue
        if begin > stop:
            newline = text.find("\n", begin)
            stop = len(text) if newline < 0 else newline
        if begin < stop and text[stop - 1] == "}":
            yield found[1], text[begin : stop - 1]
            end = stop


def _put_in(text: str, values: dict[str, str], limit: int) -> str | None:
    """The text with its macros replaced; None when it would be longer than the limit."""
    pieces = CALL.split(text)
    pieces[1::2] = [values.get(name, name) for name in pieces[1::2]]
    return "".join(pieces) if sum(map(len, pieces)) <= limit else None
