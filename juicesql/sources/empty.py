"""Rows of NULLs, `empty:ROWS#column,column`: what a recipe starts from that generates its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from juicesql.errors import SourceError
from juicesql.sources.model import Parsed, Piece


@dataclass(frozen=True)
class Empty:
    """`rows` rows whose VARCHAR columns are NULL."""

    name: str
    rows: int
    columns: tuple[str, ...]

    @staticmethod
    def parse(text: str) -> Empty:
        """The source of an input string; without columns it has `text`.

        >>> Empty.parse("empty:10#question,answer").columns
        ('question', 'answer')
        """
        rows, _, listed = text.removeprefix("empty:").partition("#")
        columns = tuple(name.strip() for name in listed.split(",")) if listed else ("text",)
        if not (rows.isascii() and rows.isdigit() and int(rows)) or "" in columns:
            message = f"`{text}` does not say how many rows of which columns"
            raise SourceError.of("bad-empty-source", message, "write empty:1000 or empty:1000#question,answer")
        return Empty(text, int(rows), columns)

    def schema(self, full_scan: bool) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in self.columns])

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        own = self.schema(False)
        for first in range(0, self.rows, max_rows):
            rows = min(max_rows, self.rows - first)
            yield Piece(first, rows, 0, partial(_load, own, rows))


def _load(schema: pa.Schema, rows: int) -> Parsed:
    return Parsed(pa.table([pa.nulls(rows, pa.string()) for _ in schema], schema=schema))
