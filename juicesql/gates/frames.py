"""The rows of a relation for great_expectations: the columns that it needs, in pieces that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from juicesql.sqltext import quote

FRAME_BYTES = 64 << 20
FRAME_ROWS = 1 << 18
SAMPLE_COLUMN = "__sample"  # what names a row in a frame


@dataclass(frozen=True)
class Rows:
    """A relation of `con`. `values` is SQL for each name, `sample` for what names a row, `order` for its place."""

    con: duckdb.DuckDBPyConnection
    origin: str  # what follows FROM
    values: Mapping[str, str]
    sample: str
    order: str = ""
    first: str = ""  # a name without joins, for counting

    def sql(self, names: Sequence[str]) -> str:
        items = [f"{self.values[n]} as {quote(n)}" for n in names]
        return f"select {', '.join([*items, f'{self.sample} as {quote(SAMPLE_COLUMN)}'])} from {self.origin}"

    def count(self) -> int:
        row = self.con.execute(f"select count(*) from {self.first or self.origin}").fetchone()
        return int(row[0]) if row else 0

    def frames(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Tables of these columns, one after the other in the order of the rows; an empty one without rows."""
        ordered = f" order by {self.order}" if self.order else ""
        reader = self.con.cursor().sql(self.sql(names) + ordered).to_arrow_reader(8192)
        waiting: list[pa.RecordBatch] = []
        rows = size = frames = 0
        for batch in reader:
            waiting.append(batch)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if rows >= FRAME_ROWS or size >= FRAME_BYTES:
                yield pa.Table.from_batches(waiting)
                waiting, rows, size, frames = [], 0, 0, frames + 1
        if waiting or not frames:
            yield pa.Table.from_batches(waiting, reader.schema)
