"""parquet: streamed in steps that follow from the row groups' sizes, so that one giant row group never loads whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from juicesql.errors import SourceError
from juicesql.sources.columns import plain_type
from juicesql.sources.files import LocalFile, changed, check_unchanged, damaged
from juicesql.sources.model import EXACT, Bad, Parsed, Piece, too_long


@dataclass(frozen=True)
class Parquet:
    """A parquet file."""

    file: LocalFile

    @property
    def name(self) -> str:
        return self.file.name

    def schema(self, full_scan: bool) -> pa.Schema:
        with self._opened() as parquet:
            names = parquet.schema_arrow.names
            twice = next((n for n in names if names.count(n) > 1), None)
            if twice is not None:
                message = f"`{self.name}` has two columns named `{twice}`"
                raise SourceError.of("duplicate-column", message, "write it again with other names")
            return pa.schema([(f.name, plain_type(f.type)) for f in parquet.schema_arrow])

    def rounds(self, column: str, kind: pa.DataType) -> bool:
        """Whether an integer of the column cannot be cast to `kind`, which has DOUBLE for it."""
        with self._opened() as parquet:
            if _small(parquet.metadata, column):
                return False
            for batch in parquet.iter_batches(columns=[column], use_threads=False):
                try:
                    batch.column(0).cast(kind)
                except pa.ArrowInvalid:
                    return True
        return False

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        check_unchanged([self.file.info])
        first = 0
        with self._opened() as parquet:
            total = max(parquet.metadata.num_rows, 1)
            for group in range(parquet.num_row_groups):
                meta = parquet.metadata.row_group(group)
                step = max(1, min(max_rows, max_bytes * meta.num_rows // max(meta.total_byte_size, 1)))
                for batch in parquet.iter_batches(step, row_groups=[group], use_threads=False):
                    table = pa.table(batch)
                    for part in _parts(table, max_bytes):
                        last = first + part.num_rows
                        size = self.file.info.size * last // total - self.file.info.size * first // total
                        yield Piece(first, part.num_rows, size, partial(_load, part, self.file.most))
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


def _small(metadata: pq.FileMetaData, column: str) -> bool:
    """Whether the statistics say that no integer of the column is one that a DOUBLE would round."""
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for i in range(row_group.num_columns):
            chunk = row_group.column(i)
            if chunk.path_in_schema.split(".")[0] != column.split(".")[0] or chunk.physical_type != "INT64":
                continue
            told = chunk.statistics
            if told is None or not told.has_min_max or not isinstance(told.min, int) or not isinstance(told.max, int):
                return False
            if told.min < -EXACT or told.max > EXACT:
                return False
    return True


def _parts(table: pa.Table, max_bytes: int) -> Iterator[pa.Table]:
    """The table in slices of about `max_bytes` after dictionaries, which hold a value once for many rows."""
    size = sum(_resolved(column) for column in table.columns)
    step = max(1, table.num_rows * max_bytes // size) if size > max_bytes else table.num_rows
    for start in range(0, table.num_rows, step):
        yield table.slice(start, step)


def _resolved(column: pa.ChunkedArray) -> int:
    """Bytes of the texts that a column of dictionary codes stands for; 0 for another column."""
    kind = column.type
    if not pa.types.is_dictionary(kind) or str(plain_type(kind)) not in ("string", "binary"):
        return 0
    return sum(pc.sum(pc.binary_length(c.dictionary).take(c.indices)).as_py() or 0 for c in column.chunks)


def _load(table: pa.Table, most: int) -> Parsed:
    plain = pa.schema([(f.name, plain_type(f.type)) for f in table.schema])
    bad: dict[int, str] = {}
    try:
        table.validate(full=True)
        table = table.cast(plain)
    except pa.ArrowInvalid:
        bad = {i: f"invalid UTF-8 in column {_where(table, i)}" for i in _invalid(table, list(range(table.num_rows)))}
        good = _others(table, bad)
        table = table.take(good).cast(plain)
    else:
        if table.nbytes <= most:
            return Parsed(table)
        good = _others(table, bad)
    if table.nbytes > most:
        rows = good.to_pylist()
        sizes = [table.slice(i, 1).nbytes for i in range(table.num_rows)]
        bad |= {rows[i]: too_long(size, most) for i, size in enumerate(sizes) if size > most}
        table = table.take(pa.array([i for i, size in enumerate(sizes) if size <= most], pa.int64()))
        good = pa.array([rows[i] for i, size in enumerate(sizes) if size <= most], pa.int64())
    return Parsed(table, good, tuple(Bad(i, bad[i]) for i in sorted(bad)))


def _others(table: pa.Table, bad: dict[int, str]) -> pa.Int64Array:
    return pa.array([i for i in range(table.num_rows) if i not in bad], pa.int64())


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
