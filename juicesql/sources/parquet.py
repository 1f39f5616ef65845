"""parquet: streamed in steps that follow from the row groups' sizes, so that one giant row group never loads whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from juicesql.sources.columns import plain_type
from juicesql.sources.files import LocalFile, changed, check_unchanged, damaged
from juicesql.sources.model import Bad, Parsed, Piece


@dataclass(frozen=True)
class Parquet:
    """A parquet file."""

    file: LocalFile

    @property
    def name(self) -> str:
        return self.file.name

    def schema(self, full_scan: bool) -> pa.Schema:
        with self._opened() as parquet:
            return pa.schema([(f.name, plain_type(f.type)) for f in parquet.schema_arrow])

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        check_unchanged([self.file.info])
        first = 0
        with self._opened() as parquet:
            total = max(parquet.metadata.num_rows, 1)
            for group in range(parquet.num_row_groups):
                meta = parquet.metadata.row_group(group)
                step = max(1, min(max_rows, max_bytes * meta.num_rows // max(meta.total_byte_size, 1)))
                for batch in parquet.iter_batches(step, row_groups=[group], use_threads=False):
                    last = first + batch.num_rows
                    size = self.file.info.size * last // total - self.file.info.size * first // total
                    yield Piece(first, batch.num_rows, size, partial(_load, pa.table(batch)))
                    first = last

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        try:
            # A buffered stream reads page by page; without it pyarrow fetches whole column chunks.
            with pq.ParquetFile(self.file.info.path, buffer_size=1 << 20, pre_buffer=False) as parquet:
                yield parquet
        except FileNotFoundError:
            raise changed(self.file) from None
        except (pa.ArrowException, OSError) as error:
            raise damaged(self.file, str(error).splitlines()[0]) from None


def _load(table: pa.Table) -> Parsed:
    plain = pa.schema([(f.name, plain_type(f.type)) for f in table.schema])
    try:
        table.validate(full=True)
        return Parsed(table.cast(plain))
    except pa.ArrowInvalid:
        invalid = set(_invalid(table, list(range(table.num_rows))))
    good = pa.array([i for i in range(table.num_rows) if i not in invalid], pa.int64())
    bad = tuple(Bad(i, f"invalid UTF-8 in column {_where(table, i)}") for i in sorted(invalid))
    return Parsed(table.take(good).cast(plain), good, bad)


def _invalid(table: pa.Table, rows: list[int]) -> Iterator[int]:
    """The rows that do not validate, found by halving."""
    if not rows or _valid(table.take(rows)):
        return
    if len(rows) == 1:
        yield rows[0]
        return
    yield from _invalid(table, rows[: len(rows) // 2])
    yield from _invalid(table, rows[len(rows) // 2 :])


def _valid(table: pa.Table) -> bool:
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _where(table: pa.Table, row: int) -> str:
    return ", ".join(f"`{name}`" for name in table.column_names if not _valid(table.select([name]).take([row])))
