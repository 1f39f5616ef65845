"""A .json file: an array of objects or one object, decoded element by element. Notices JSON lines under that suffix."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import IO, Any

import pyarrow as pa

from juicesql.errors import Problem, SourceError
from juicesql.sources.carried import Carry, parse_carried
from juicesql.sources.files import LocalFile, opened
from juicesql.sources.jsonl import SAMPLE_ROWS
from juicesql.sources.jsonparse import parse_values
from juicesql.sources.jsonvalues import DECODER, Misfit, Shape, Unfit, decode_line, schema_of, widen
from juicesql.sources.model import Bad, Parsed, Piece, too_long

_STEP = 1 << 20
_SPACE = " \t\r\n"
_ONE_LINE = {10: " ", 13: " "}
_MARKS = re.compile(r'["\\\[\]{},]')
_QUOTES = re.compile(r'["\\]')


@dataclass(frozen=True)
class JsonFile:
    """An array of objects, or one object, which is one row."""

    file: LocalFile
    carry: Carry | None = None

    @property
    def name(self) -> str:
        return self.file.name

    def schema(self, full_scan: bool) -> pa.Schema:
        return schema_of(self.shape({}, full_scan))

    def shape(self, shape: dict[str, Shape], full_scan: bool) -> dict[str, Shape]:
        """`shape` widened by the first elements, or by all."""
        with opened(self.file) as (stream, _):
            for value, _ in islice(elements(self.file, stream), None if full_scan else SAMPLE_ROWS):
                if isinstance(value, dict):
                    shape = widen(shape, value)
        return shape

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        values: list[Any] = []
        first_row = size = done = 0
        with opened(self.file) as (stream, raw):
            for value, text in elements(self.file, stream):
                values.append(text if self.carry and not isinstance(value, Unfit) else value)
                size += len(text)
                if len(values) >= max_rows or size >= max_bytes:
                    yield Piece(first_row, len(values), raw.position - done, partial(self._load, values, schema))
                    first_row, done, size, values = first_row + len(values), raw.position, 0, []
            if values:
                yield Piece(first_row, len(values), raw.position - done, partial(self._load, values, schema))

    def _load(self, values: list[Any], schema: pa.Schema) -> Parsed:
        if self.carry is None:
            return parse_values(values, 0, schema)
        lines = "\n".join("?" if isinstance(v, Unfit) else v.translate(_ONE_LINE) for v in values)
        parsed = parse_carried(lines.encode(errors="surrogateescape"), schema, self.carry)
        told = {i: Bad(i, v.message) for i, v in enumerate(values) if isinstance(v, Unfit)}
        return replace(parsed, bad=tuple(told.get(b.position, b) for b in parsed.bad))


def is_lines(file: LocalFile) -> bool:
    """Whether a .json file holds JSON lines: its first line is a whole object and more follows."""
    with opened(file) as (stream, _):
        head = stream.read(_STEP) or b""
    line, newline, rest = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    if not newline or not rest.strip():
        return False
    try:
        return isinstance(decode_line(line.strip()), dict)
    except Misfit:
        return False


def elements(file: LocalFile, stream: IO[bytes]) -> Iterator[tuple[Any, str]]:
    """(value, its text) of each element; invalid UTF-8 becomes lone surrogates, which fail only their own row."""
    text = _Text(stream)
    start = text.peek()
    if start == "":
        return
    if start != "[":
        yield text.value(file)
        if text.peek():
            raise text.broken(file, "more text after the first object")
        return
    text.skip()
    while text.peek() != "]":
        yield text.value(file)
        if text.peek() not in (",", "]"):
            raise text.broken(file, "Expecting ',' delimiter" if text.peek() else "the array is not closed")
        if text.peek() == ",":
            text.skip()
            if text.peek() == "]":
                raise text.broken(file, "a comma before the end of the array")
    text.skip()
    if text.peek():
        raise text.broken(file, "more text after the array")


class _Text:
    """A window that slides over the decoded text."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._window, self._at, self._before, self._ended = stream, "", 0, 0, False
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            while self._at < len(self._window) and self._window[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._more(_STEP):
                return ""

    def skip(self) -> None:
        self._at += 1

    def value(self, file: LocalFile) -> tuple[Any, str]:
        """The next value. One that touches the window's end may go on, so more is read first."""
        self.peek()
        step = _STEP
        while True:
            try:
                value, end = DECODER.raw_decode(self._window, self._at)
                if end < len(self._window) or self._ended:
                    text, self._at = self._window[self._at : end], end
                    return (value if len(text) <= file.most else Unfit(too_long(len(text), file.most))), text
            except json.JSONDecodeError as error:
                if self._ended:
                    self._at = error.pos
                    raise self.broken(file, error.msg) from None
            except (RecursionError, ValueError) as error:
                raise self.broken(file, str(error) or "nested too deeply") from None
            if len(self._window) - self._at > file.most and not self._ended:
                return Unfit(too_long(self._pass(file), file.most)), ""
            self._more(min(step, file.most))
            step *= 2

    def _pass(self, file: LocalFile) -> int:
        """Goes behind the next value without holding it; its bytes."""
        size = depth = 0
        inside = False
        while True:
            start = self._at
            while mark := (_QUOTES if inside else _MARKS).search(self._window, self._at):
                if mark[0] == "\\" and mark.end() == len(self._window):
                    break  # it waits for the character that it escapes
                self._at = mark.end() + (mark[0] == "\\")
                if mark[0] == '"':
                    inside = not inside
                elif mark[0] in "[{":
                    depth += 1
                elif mark[0] in ",]}" and not depth:
                    self._at = mark.start()
                    return size + _bytes(self._window[start : self._at])
                elif mark[0] in "]}":
                    depth -= 1
            self._at = len(self._window) if mark is None else mark.start()
            size += _bytes(self._window[start : self._at])
            if not self._more(_STEP):
                raise self.broken(file, "the value is not closed")

    def broken(self, file: LocalFile, why: str) -> SourceError:
        message = f"`{file.name}` is broken JSON at character {self._before + self._at}: {why}"
        return SourceError(Problem("broken-json", message, "mend the file; in jsonl a broken row costs only itself"))

    def _more(self, size: int) -> bool:
        if self._ended:
            return False
        data = self._stream.read(size) or b""
        self._ended = not data
        self._before += self._at
        self._window, self._at = self._window[self._at :] + self._decode(data, not data), 0
        return True


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
