"""What DuckDB itself reads: a table or view of a database file, and URLs through httpfs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from juicesql.closing import REFUSED, close_off
from juicesql.errors import SourceError, nearest
from juicesql.sources.columns import plain_type
from juicesql.sources.formats import detect, override
from juicesql.sources.model import FileInfo, Parsed, Piece
from juicesql.sqltext import quote

_FUNCTIONS = {
    "jsonl": "read_json",
    "json": "read_json",
    "parquet": "read_parquet",
    "csv": "read_csv",
    "tsv": "read_csv",
    "txt": "read_text",
}
_TABLES = "select table_schema, table_name, table_type from information_schema.tables order by all"


@dataclass(frozen=True)
class Relation:
    """`sql` over `database` (a file that is opened read-only, or none), streamed in order."""

    name: str
    sql: str
    parameters: tuple[str, ...] = ()
    database: str = ""
    size: int = 0
    memory_limit: str | None = None
    ordered: bool = True

    def schema(self, full_scan: bool) -> pa.Schema:
        with self._stream(1) as reader:
            return pa.schema([(f.name, plain_type(f.type)) for f in reader.schema])

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        first = 0
        with self._stream(max_rows) as reader:
            for batch in reader:
                step = max(1, min(max_rows, max_bytes * batch.num_rows // max(batch.nbytes, 1)))
                for start in range(0, batch.num_rows, step):
                    part = pa.table(batch.slice(start, step))
                    yield Piece(first, part.num_rows, 0, partial(_load, part))
                    first += part.num_rows

    @contextmanager
    def _stream(self, rows: int) -> Iterator[pa.RecordBatchReader]:
        with connection(self.database, self.memory_limit, self.ordered) as con, _named(self.name):
            if not self.database:
                load_httpfs(con, self.name)
            yield con.sql(self.sql, params=list(self.parameters)).to_arrow_reader(rows)


@contextmanager
def connection(
    database: str = "", memory_limit: str | None = None, ordered: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that installs nothing by itself."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if not ordered:
        config["threads"] = 1
    if memory_limit:
        config["memory_limit"] = memory_limit
    with duckdb.connect(database or ":memory:", read_only=bool(database), config=config) as con:
        if database:  # whose views may be a stranger's
            close_off(con)
        yield con


def load_httpfs(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Makes URLs readable, or says how to."""
    try:
        con.execute("load httpfs")
    except duckdb.Error:
        mend = "duckdb -c 'install httpfs'   or download the file and name its path"
        message = f"`{name}` needs DuckDB's httpfs extension, which is not installed"
        raise SourceError.of("missing-extension", message, mend) from None


def remote(url: str, asked: str | None, memory_limit: str | None) -> Relation:
    """A URL or remote glob."""
    found = override(asked, url) if asked else detect(url.split("?")[0])
    if found is None:
        message = f"`{url}` has no suffix that juicesql reads"
        raise SourceError.of("unknown-format", message, f"give a format: {', '.join(_FUNCTIONS)}")
    if found.name not in _FUNCTIONS:
        message = f"`{url}`: {found.name} files are read from the disk only"
        raise SourceError.of("unknown-format", message, "download the file and name its path")
    columns = "content as text, filename as path" if found.name == "txt" else "*"
    return Relation(url, f"select {columns} from {_FUNCTIONS[found.name]}(?)", (url,), memory_limit=memory_limit)


def table(text: str, base: Path, weight: float, memory_limit: str | None) -> tuple[Relation, FileInfo]:
    """`duckdb:FILE#schema.table`; the schema may be left out."""
    file, _, name = text.removeprefix("duckdb:").partition("#")
    path = base / file
    if not path.is_file():
        message = f"the database `{file}` does not exist"
        raise SourceError.of("missing-file", message, "write duckdb:FILE.duckdb#schema.table")
    s = path.stat()
    info = FileInfo(os.path.abspath(path), s.st_size, s.st_mtime_ns, weight, s.st_ino)
    with _named(text), connection(str(path), memory_limit) as con:
        listed = con.execute(_TABLES).fetchall()
    names = {f"{schema}.{table}": (schema, table, kind) for schema, table, kind in listed}
    hit = names.get(name) or names.get(f"main.{name}")
    if hit is None:
        mend = nearest(name, [t for _, t, _ in listed]) or f"it has {', '.join(names) or 'none'}"
        raise SourceError.of("missing-table", f"`{file}` has no table or view `{name}`", mend)
    sql = f"select * from {quote(hit[0])}.{quote(hit[1])}"
    return Relation(text, sql, (), str(path), s.st_size, memory_limit, ordered=hit[2] != "VIEW"), info


def _load(rows: pa.Table) -> Parsed:
    return Parsed(rows.cast(pa.schema([(f.name, plain_type(f.type)) for f in rows.schema])))


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        if REFUSED in str(error):
            message = f"`{name}` is a view that opens files or settings: {str(error).splitlines()[0]}"
            mend = "make a table of it with the duckdb CLI, if you trust it, and read that"
            raise SourceError.of("refused", message, mend) from None
        message = f"DuckDB cannot read `{name}`: {str(error).splitlines()[0]}"
        raise SourceError.of("unreadable-source", message, "check that no other process writes to it") from None
