"""Writes the result in the formats that there are, in one file or in shards."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

from juicesql.errors import ExportError
from juicesql.flat import flat
from juicesql.jsonexport import Layout, write_json
from juicesql.options import size_of
from juicesql.plan import RID
from juicesql.sqltext import literal, quote

_FORMATS = {
    ".jsonl": "format json", ".ndjson": "format json", ".parquet": "format parquet, compression zstd",
    ".csv": "format csv, header true", ".tsv": "format csv, header true, delimiter '\t'",
}  # fmt: skip
_PACKED = {".zst": ", compression zstd", ".gz": ", compression gzip"}


@dataclass(frozen=True)
class ExportedFile:
    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Target:
    """Where the result goes. With shards, `path` is a folder of `part-00000` files."""

    path: Path
    suffix: str
    copy_options: str
    shard_rows: int = 0
    shard_bytes: int = 0

    @property
    def sharded(self) -> bool:
        return bool(self.shard_rows or self.shard_bytes)

    @property
    def manifest(self) -> Path:
        return self.path.with_name(self.path.name + ".manifest.json")


def parse_bytes(text: str | int) -> int:
    """Bytes of a size such as `8GB`, `1.5 GiB` or `200`; units are powers of 1024.

    >>> parse_bytes("1.5KB")
    1536
    """
    try:
        return size_of(text)
    except ValueError:
        raise ExportError.of("bad-size", f"{text!r} is not a size", "write 200MB, 1.5GB or a number of bytes") from None


def make_target(path: Path, shard_rows: int = 0, shard_bytes: str | int = "") -> Target:
    """Read the export's name. ExportError for a format that cannot be written."""
    packed = path.suffix if path.suffix in _PACKED else ""
    plain = Path(path.name.removesuffix(packed)).suffix
    if plain not in _FORMATS or (packed and plain == ".parquet"):
        mend = "end the name in .jsonl, .jsonl.zst, .jsonl.gz, .parquet, .csv or .tsv"
        raise ExportError.of("unknown-format", f"cannot write {path.name}", mend)
    options = _FORMATS[plain] + _PACKED.get(packed, "")
    size = parse_bytes(shard_bytes) if shard_bytes else 0
    folder = path.with_name(path.name.removesuffix(packed).removesuffix(plain)) if shard_rows or size else path
    return Target(folder, plain + packed, options, shard_rows, size)


def is_json(name: str) -> bool:
    """Whether an export of this name is JSON lines, or there is none."""
    plain = name.removesuffix(".zst").removesuffix(".gz")
    return not name or plain.endswith((".jsonl", ".ndjson"))


def write(
    con: duckdb.DuckDBPyConnection, target: Target, data: Path, layout: Layout, joined: str
) -> tuple[list[ExportedFile], int]:
    """Write the relation `result`, in the order of its RID, to the file `data`, or with shards into that new folder.

    `joined` is SQL that follows `from __full_result r` (for statistics), or empty. Also gives how many numbers became
    null, as JSON has none of them.
    """
    if target.sharded:
        data.mkdir()
    con.execute("set threads = 1")  # in order, a second thread costs twice the memory for a third of the time
    options = target.copy_options
    if "parquet" in options:
        options += f", row_group_size {_row_group(con)}"
    items = ", ".join(f"{c.sql} as {quote(c.name)}" for c in layout.columns)
    files, lost = [], 0
    for number, condition in enumerate(_shards(con, target)):
        name = f"part-{number:05d}{target.suffix}" if target.sharded else target.path.name
        path = data / name if target.sharded else data
        ordered = f"order by r.{RID}" if joined else ""
        source = f"{quote('__full_result')} r {joined} {condition} {ordered}"
        try:
            if "json" in options:
                count, nulled = write_json(con, layout, source, path)
            else:
                sql = f"select {items} from {source}"
                sql = flat(con, sql) if "csv" in options else sql
                row = con.execute(f"copy ({sql}) to {literal(str(path))} ({options})").fetchone()
                count, nulled = int(row[0]) if row else 0, 0
        except (duckdb.IOException, OSError) as error:
            raise ExportError.of(
                "cannot-write", f"cannot write {path}: {error}", "make room, or choose another --export"
            ) from error
        lost += nulled
        files.append(ExportedFile(name, count, path.stat().st_size, _sha256(path)))
    return files, lost


def _row_group(con: duckdb.DuckDBPyConnection) -> int:
    """Rows of about 32 MB, so that a writer never holds more; DuckDB's own default is the most."""
    row = con.execute(
        f"select avg(strlen(to_json(t)::varchar)) from (from {quote('__full_result')} order by {RID} limit 1000) t"
    ).fetchone()
    size = row[0] if row and row[0] else 1
    return int(min(max((32 << 20) / size, 2048), 122_880))


def _shards(con: duckdb.DuckDBPyConnection, target: Target) -> list[str]:
    """A WHERE for each shard; shards by bytes count the text of their rows, so files are near the size, not equal."""
    if not target.sharded:
        return [""]
    full = quote("__full_result")
    if target.shard_rows:
        numbered = (
            f"select {RID} as rid, (row_number() over (order by {RID}) - 1) // {target.shard_rows} as shard from {full}"
        )
    else:
        size = f"sum(strlen(to_json(t)::varchar)) over (order by t.{RID})"
        numbered = f"select t.{RID} as rid, ({size} - 1) // {target.shard_bytes} as shard from {full} t"
    rows = con.execute(f"select min(rid), max(rid) from ({numbered}) group by shard order by shard").fetchall()
    return [f"where r.{RID} between {low} and {high}" for low, high in rows] or [""]


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        os.fsync(handle.fileno())
    return digest
