"""Data pools: files of rows that an experiment compares, and the place on disk where DuckDB cuts and joins them.

A pool is a jsonl file. Its rows are read once into tables on disk and written from there, so no table is ever whole in
Python, and what does not fit the memory limit is spilled. The same input gives the same bytes.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from juicesql.export import parse_bytes
from juicesql.plan import SAMPLE
from juicesql.sources import Source, SourceSpec, open_source
from juicesql.sqltext import literal, quote

from ..errors import SandboxError

MEMORY = "1GB"
PARTS = {2: ("low", "high"), 3: ("low", "middle", "high")}


@dataclass(frozen=True)
class Pool:
    """A file of rows. `part` counts from 0, the lowest values of `stat`; its values go from `low` to `high`."""

    path: str
    rows: int
    name: str
    stat: str = ""
    part: int | None = None
    low: float | None = None
    high: float | None = None
    control: bool = False  # drawn at random: what the others are compared with

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_pool(given: Mapping[str, Any]) -> Pool:
    """A pool from the result of a job; what a later job added to it is left out."""
    return Pool(**{f.name: given[f.name] for f in fields(Pool) if f.name in given})


def safe(name: str) -> str:
    """A name that can be a file's.

    >>> safe("lang('en').score")
    'lang_en_.score'
    """
    return re.sub(r"[^\w.-]+", "_", name).strip("_.") or "pool"


def common_prefix(paths: Sequence[str]) -> str:
    """The words that the names of the files begin with, `pools` when there are none.

    >>> common_prefix(["a/web_len_0.jsonl", "b/web_lang_2.jsonl"])
    'web'
    """
    words = [stem(p).split("_") for p in paths]
    shared = takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))
    return "_".join(column[0] for column in shared) or "pools"


def stem(path: str) -> str:
    """The name of a file up to its first suffix that says how it is written."""
    return re.sub(r"(\.(jsonl|json|ndjson|parquet|csv|tsv|txt))?(\.(gz|zst))?$", "", Path(path).name)


@dataclass(frozen=True)
class Rows:
    """A table of the workshop: `columns` in order, for each pool in it the first `sample_id` and the one behind its
    last, and about how many bytes a row has."""

    table: str
    columns: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    row_bytes: int

    def shown(self, alias: str = "r") -> str:
        return ", ".join(f"{alias}.{quote(c)}" for c in self.columns)


class Workshop:
    """A DuckDB whose tables stand in a folder that goes away with it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, memory: int) -> None:
        self.con, self.memory = con, memory
        self._tables = 0

    def load(self, paths: Sequence[str]) -> Rows:
        """The rows of these files, one after another, under columns that hold them all."""
        names = [os.path.abspath(p) for p in paths]
        if len(set(names)) < len(names):
            raise SandboxError.of("same-pool-twice", "one file is named twice as a pool", "name each once")
        for path in paths:
            if not Path(path).is_file():
                raise SandboxError.of("missing-pool", f"there is no pool {path}", "an earlier job should write it")
        source = open_source(SourceSpec(tuple(names), full_scan=True))
        ends = [0] * len(names)
        rows = self.fill(source, names, ends)
        starts = [0, *ends]
        for i, end in enumerate(ends):  # a pool without rows ends where the one before it does
            starts[i + 1] = end or starts[i]
        return replace(rows, spans=tuple(pairwise(starts)))

    def fill(self, source: Source, names: Sequence[str] = (), ends: list[int] | None = None) -> Rows:
        """A table of the rows of a source. `ends` gets the id behind the last row of each file."""
        schema = pa.schema([pa.field(SAMPLE, pa.int64()), *source.schema])
        end = size = count = 0

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal end, size, count
            for morsel in source.morsels():
                end = morsel.first_id + morsel.rows
                if ends is not None:
                    ends[names.index(os.path.abspath(morsel.file))] = end
                table = morsel.load().table.cast(schema)
                size, count = size + table.nbytes, count + table.num_rows
                yield from table.to_batches()

        table = self.new_table()
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        self.con.register("incoming", reader)
        self.con.execute(f"create table {table} as from incoming")
        self.con.unregister("incoming")
        return Rows(table, tuple(source.schema.names), ((0, end),), size // max(count, 1) + 1)

    def new_table(self) -> str:
        """A name that no table has yet."""
        self._tables += 1
        return f"work.main.t{self._tables}"

    def drop(self, rows: Rows) -> None:
        """Forget rows that are not needed any more."""
        self.con.execute(f"drop table {rows.table}")

    def number(self, sql: str, values: Sequence[Any] = ()) -> int:
        """The whole number that a query gives."""
        rows = self.con.execute(sql, list(values)).fetchall()  # fetchone would leave the query open
        return int(rows[0][0] or 0)

    def write(self, path: Path, rows: Rows, chosen: str) -> int:
        """Write the rows that `chosen` names, a query for `sample_id` and `place`, in the order of `place`."""
        table = self.new_table()
        order = f"row_number() over (order by place, {SAMPLE}) - 1"
        self.con.execute(f"create table {table} as select {SAMPLE}, {order} as number from ({chosen})")
        step = self.step(rows.row_bytes)
        total = self.number(f"select count(*) from {table}")
        queries = []
        for first in range(0, total, step):
            part = f"select * from {table} where number >= {first} and number < {first + step}"
            bounds = f"select min({SAMPLE}), max({SAMPLE}) from ({part})"
            low, high = self.con.execute(bounds).fetchall()[0]  # so that only these blocks of the rows are read
            queries.append(
                f"select {rows.shown()} from {rows.table} r join ({part}) c using ({SAMPLE}) "
                f"where r.{SAMPLE} between {low} and {high} order by c.number"
            )
        count = self.copy(path, queries)
        self.con.execute(f"drop table {table}")
        return count

    def step(self, row_bytes: int) -> int:
        """How many rows are sorted at a time."""
        return max(1, self.memory // (16 * row_bytes))

    def copy(self, path: Path, queries: Iterable[str]) -> int:
        """Write what queries give, one after another, as jsonl: whole or not at all. Returns how many rows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished, piece = (path.with_name(f".{path.name}.{word}") for word in ("partial", "piece"))
        count = 0
        try:
            with open(unfinished, "wb") as whole:
                for sql in queries:
                    done = self.con.execute(f"copy ({sql}) to {literal(str(piece))} (format json)").fetchall()
                    count += int(done[0][0])
                    with open(piece, "rb") as part:
                        shutil.copyfileobj(part, whole)
            unfinished.replace(path)
        except (OSError, duckdb.IOException) as error:
            mend = "make room, or choose another export_path"
            raise SandboxError.of("cannot-write", f"cannot write {path}: {error}", mend) from error
        except duckdb.OutOfMemoryException as error:
            message = f"{path.name} needs more memory: {str(error).splitlines()[0]}"
            raise SandboxError.of("out-of-memory", message, "give a larger memory_limit") from error
        finally:
            piece.unlink(missing_ok=True)
            unfinished.unlink(missing_ok=True)
        return count


@contextmanager
def workshop(folder: Path, threads: int | None = None, memory: str = MEMORY) -> Iterator[Workshop]:
    """A workshop whose files stand in `folder` while it is used."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".pools-*"):  # of an attempt that was killed
        shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=".pools-", dir=folder) as temporary:
        config: dict[str, Any] = {"memory_limit": memory, "temp_directory": f"{temporary}/spill"}
        if threads:
            config["threads"] = threads
        con = duckdb.connect(config=config)
        try:
            con.execute(f"attach {literal(f'{temporary}/work.duckdb')} as work")
            yield Workshop(con, parse_bytes(memory))
        finally:
            con.close()


def random_order(seed: int, *columns: str) -> str:
    """SQL that gives rows a random order: the same for a seed on every machine and in every version of DuckDB.

    >>> random_order(7, "sample_id")
    "md5_number(concat_ws(':', 7, sample_id))"
    """
    return f"md5_number(concat_ws(':', {int(seed)}, {', '.join(columns)}))"
