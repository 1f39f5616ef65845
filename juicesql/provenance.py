"""Where the numbers of a recipe come from: every literal of the template keeps its place through Jinja and parsing.

`tag` writes `/*@17*/` behind literal 17 of the template and a line mark at the start of each line. sqlglot keeps such
comments on the literal's node (`.5` must become `0.5` for that), so a cut knows the exact span it came from and
`rewrite` edits that span only.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jinja2 import Environment
from jinja2.exceptions import TemplateSyntaxError

from juicesql.errors import RecipeError

_NUMBER = re.compile(r"(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SIGNED = re.compile(rf"(?:-\s*)?{_NUMBER.pattern}")
_MARK = re.compile("\x01(\\d+)\x02")
_TAG = re.compile(r"/\*@(?:\d+|var:\w+)\*/")


@dataclass(frozen=True)
class Span:
    """Characters start..end (exclusive) of a template, on a line that counts from 1."""

    start: int
    end: int
    line: int


@dataclass(frozen=True)
class Tagged:
    """A template with its tags, the spans of its literals, and of the number defaults inside `var('name', -10)`, sign
    and all: the first of each variable, and every one."""

    text: str
    literals: tuple[Span, ...]
    defaults: Mapping[str, Span]
    every_default: Mapping[str, tuple[Span, ...]]


def tag(template: str, file: str) -> Tagged:
    """Tag the numeric literals and lines of a template. Literals inside Jinja blocks, strings and comments are left."""
    if "\x01" in template or "\x02" in template:
        raise RecipeError.of("bad-character", "the recipe contains the control characters 1 or 2", "remove them", file)
    starts = [0, *(m.end() for m in re.finditer("\n", template))]
    out: list[str] = ["\x011\x02"]
    literals: list[Span] = []
    defaults: dict[str, tuple[Span, ...]] = {}
    scanner = _Scanner()
    block: list[tuple[int, str, str]] = []
    for offset, kind, value in _tokens(template, file):
        if kind == "data":
            before = len(literals)
            for start, end in scanner.feed(value):
                literals.append(Span(offset + start, offset + end, bisect_right(starts, offset + start)))
            out.append(_mark(value, offset, literals[before:], before, starts))
        else:
            out.append(value)
            if kind not in ("whitespace", "comment"):
                block.append((offset, kind, value))
            if kind in ("variable_end", "block_end"):
                for name, start, end in _var_defaults(block):
                    span = Span(start, end, bisect_right(starts, start))
                    defaults[name] = (*defaults.get(name, ()), span)
                block = []
    return Tagged("".join(out), tuple(literals), {name: spans[0] for name, spans in defaults.items()}, defaults)


def _tokens(template: str, file: str) -> Iterator[tuple[int, str, str]]:
    offset = 0
    try:
        for _, kind, value in Environment(keep_trailing_newline=True).lex(template):
            yield offset, kind, value
            offset += len(value)
    except TemplateSyntaxError as error:
        raise RecipeError.of(
            "jinja-syntax", error.message or "bad template", "mend the block", file, error.lineno
        ) from error


def _mark(value: str, offset: int, literals: list[Span], first: int, starts: list[int]) -> str:
    """The data with its tags and line marks written in; its literals count from `first`."""
    inserts = [(s.end - offset, f"/*@{i}*/") for i, s in enumerate(literals, first)]
    inserts += [(s.start - offset, "0") for s in literals if value[s.start - offset] == "."]
    inserts += [(m.end(), f"\x01{bisect_right(starts, offset + m.end())}\x02") for m in re.finditer("\n", value)]
    out, last = [], 0
    for position, text in sorted(inserts):
        out += [value[last:position], text]
        last = position
    return "".join([*out, value[last:]])


def _var_defaults(block: list[tuple[int, str, str]]) -> Iterator[tuple[str, int, int]]:
    """Name and span of the numeric default of each `var('name', number)` in a Jinja block."""
    for i, (_, kind, value) in enumerate(block):
        words = block[i + 1 : i + 7]
        if kind != "name" or value != "var" or [k for _, k, _ in words][:3] != ["operator", "string", "operator"]:
            continue
        signed = [w for _, _, w in words[3:4]] == ["-"]
        number = words[4 if signed else 3 :]
        if [k for _, k, _ in number[:1]] in (["integer"], ["float"]) and [w for _, _, w in number[1:2]] == [")"]:
            yield words[1][2][1:-1], words[3][0], number[0][0] + len(number[0][2])


class _Scanner:
    """Finds numeric literals in SQL text that arrives in pieces, between Jinja blocks."""

    def __init__(self) -> None:
        self.closing = ""  # what ends the string or comment that we are in

    def feed(self, text: str) -> Iterator[tuple[int, int]]:
        i = 0
        while i < len(text):
            if self.closing:
                end = text.find(self.closing, i)
                i = len(text) if end < 0 else end + len(self.closing)
                self.closing = self.closing if end < 0 else ""
                continue
            two, c = text[i : i + 2], text[i]
            if two in ("--", "/*", "$$"):
                self.closing = {"--": "\n", "/*": "*/", "$$": "$$"}[two]
                i += 2
            elif c in "'\"":
                self.closing = c
                i += 1
            elif c.isalpha() or c in "_$@":  # `@` is the operator abs, and begins a word of other systems
                i = _end_of_word(text, i + 1)
            elif number := _NUMBER.match(text, i):
                yield number.span()
                i = _end_of_word(text, number.end())
            else:
                i += 1


def _end_of_word(text: str, i: int) -> int:
    """Past a word, with the parts that dots join to it."""
    while i < len(text) and (text[i].isalnum() or text[i] in "_$."):
        i += 1
    return i


def untag(sql: str) -> str:
    """Rendered SQL without tags and line marks."""
    return _TAG.sub("", _MARK.sub("", sql))


def line_map(rendered: str) -> tuple[str, tuple[int, ...]]:
    """Take the line marks out of rendered SQL: the SQL with its tags, and the template line of each of its lines."""
    current, lines = 1, []
    for line in rendered.split("\n"):
        marks = [int(m) for m in _MARK.findall(line)]
        lines.append(marks[0] if marks and _MARK.match(line) else current)
        current = marks[-1] if marks else current
    return _MARK.sub("", rendered), tuple(lines)


def rewrite(template: str, values: Mapping[Span, float | int | str]) -> str:
    """The template with new numbers in some spans, each a number with or without the minus sign before it; comments,
    spacing and Jinja stay as they are.

    >>> text = "select * from source where x >= 0.25 -- low"
    >>> rewrite(text, {tag(text, "t").literals[0]: 0.5})
    'select * from source where x >= 0.5 -- low'
    """
    for span in sorted(values, key=lambda s: s.start, reverse=True):
        if not _SIGNED.fullmatch(template[span.start : span.end]):
            message = (
                f"no number stands at characters {span.start} to {span.end}; the recipe changed since it was planned"
            )
            raise RecipeError.of("moved-literal", message, "plan the recipe again", line=span.line)
        template = template[: span.start] + format(values[span]) + template[span.end :]
    return template
