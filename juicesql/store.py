"""The stats database of a project: opens it, reads known values, takes in what a run left, and makes its views.

It is open only at the start and at the end of a run, so the duckdb CLI can attach it in between.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

import duckdb
import numpy as np
import pyarrow as pa

from juicesql import access, segments
from juicesql.closing import close_files, close_off
from juicesql.errors import StoreError
from juicesql.home import Home
from juicesql.known import KnownValues, share_keys
from juicesql.plan import Call
from juicesql.sqltext import literal, quote

SCHEMA_VERSION = "1"
FINGERPRINTS = "2"  # the kind of fingerprint under which values are kept; those of another kind are not found again
FILE = "stats.duckdb"
_LATER = """
create table if not exists key_changes (source_id integer, argument_id integer, run_id varchar, changed timestamp);
create table if not exists checks (
    run_id varchar, suite varchar, position integer, relation varchar, line integer, expectation varchar, type varchar,
    kwargs json, success boolean, "rows" bigint, failing bigint, nulls bigint, observed varchar, examples json,
    message varchar, checked timestamp
);
create view if not exists latest_run as
select * from runs where status = 'done' order by started desc, run_id desc limit 1;
"""  # not in the first files of this version
_STATS_COMMENTS = """
comment on view stats is 'one row a sample, one column a stat';
comment on column stats.source_id is 'its source';
comment on column stats.sample_id is 'the sample';
"""
NEW_FILE = "storage_version 'v1.0.0', block_size 16384"  # readable by DuckDB 1.1 and later; small files stay small


class Store:
    """The stats database of one project folder. `memory_mb` bounds what a connection to it may take; `say` hears what
    is waited for when another program has the file."""

    def __init__(self, project: Path, memory_mb: int | None = None, say: Callable[[str], None] | None = None) -> None:
        self.project, self.memory_mb, self.say = project, memory_mb, say
        self.path = project / FILE
        self.home = Home(project)
        self.segments = self.home.segments

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Only one run at a time writes a project. The lock ends with the process, however that ends."""
        with self.home.open_lock() as handle:
            _take(handle, self.project)
            self.home.make()
            yield

    @contextmanager
    def open(
        self,
        read_only: bool = False,
        patience: float | None = None,
        closed: bool | None = None,
        beside: Path | None = None,
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection whose default database is the stats database. Values written by DuckDB 2 open in DuckDB 1.

        Waits `patience` seconds for a program that has the file; readers keep it for moments only. StoreError when that
        takes longer, or the file cannot be used. `closed`: no SQL reaches another file, views of the database included,
        which may be somebody else's. Readers that say nothing of it reach those in the folder `beside` only.
        """
        con = duckdb.connect(config=self._limits())
        try:
            with self.attached(con, read_only, patience, bool(closed)):
                if read_only and closed is None:
                    close_files(con, [beside] if beside else [])
                yield con
        finally:
            con.close()

    @contextmanager
    def attached(
        self,
        con: duckdb.DuckDBPyConnection,
        read_only: bool = True,
        patience: float | None = None,
        closed: bool = False,
    ) -> Iterator[None]:
        """For a while, make the stats database the default of a connection that has tables of its own in memory.

        With `closed`, as in `open`, the connection stays so.
        """
        if read_only and not self.path.exists():
            mend = "run a recipe in this project first, `juicesql run RECIPE`, or name another one with --project DIR"
            raise StoreError.of("no-runs", f"no recipe was run in {self.project} yet: it has no {FILE}", mend)
        mode = "read_only" if read_only else "storage_version 'v1.0.0'" if self.path.exists() else NEW_FILE
        seconds = patience if patience is not None else access.READER_SECONDS if read_only else access.WRITER_SECONDS
        turn = access.Turn(self.path, self.home.path / "turn", not read_only, seconds, self.say)
        access.attach(con, f"attach {literal(str(self.path))} as stats ({mode})", turn)
        try:
            if closed:
                close_off(con)
            con.execute("use stats")
            if not read_only:
                self._ready(con)
            yield
            con.execute("use memory")
            con.execute("detach stats")
        except duckdb.Error as error:
            if (told := access.told_of(error, self.path)) is error:
                raise
            raise told from error

    def _limits(self) -> dict[str, Any]:
        if self.memory_mb is None:
            return {}
        return {"memory_limit": f"{self.memory_mb}MB", "temp_directory": str(self.home.temp)}

    def _ready(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make the schema of a new file; refuse a file of another version."""
        found = "select 1 from duckdb_tables() where database_name = 'stats' and table_name = 'meta'"
        new = con.execute(found).fetchone()
        if new is None:
            if con.execute("select 1 from duckdb_tables() where database_name = 'stats' limit 1").fetchone():
                mend = "move it away, or give another --project"
                raise StoreError.of("not-ours", f"{self.path} holds tables, and juicesql did not make it", mend)
            con.execute("begin")
            con.execute(files("juicesql").joinpath("sql/schema.sql").read_text("utf-8"))
            con.execute(_stats_view(con))
            con.execute(files("juicesql").joinpath("sql/latest_rows.sql").read_text("utf-8"))
            con.execute("insert into meta values ('schema_version', ?)", [SCHEMA_VERSION])
            con.execute("insert into meta values ('fingerprints', ?)", [FINGERPRINTS])
            con.execute("commit")
        row = con.execute("select value from meta where name = 'schema_version'").fetchone()
        if row is None or row[0] != SCHEMA_VERSION:
            message = f"{self.path} has schema version {row and row[0]}; this juicesql writes {SCHEMA_VERSION}"
            raise StoreError.of("store-version", message, "move it away, or use the juicesql that wrote it")
        con.execute(_LATER)

    def renew(self, con: duckdb.DuckDBPyConnection) -> bool:
        """Note the kind of fingerprint in use. Whether values are there that were kept under another one."""
        kept = con.execute("select value from meta where name = 'fingerprints'").fetchone()
        if kept and kept[0] == FINGERPRINTS:
            return False
        con.execute("insert or replace into meta values ('fingerprints', ?)", [FINGERPRINTS])
        measured = con.execute("select 1 from duckdb_tables() where schema_name = 'measured' limit 1").fetchone()
        return measured is not None

    def known(self, con: duckdb.DuckDBPyConnection, calls: Iterable[Call]) -> dict[str, KnownValues]:
        """Identity -> stored values, for the calls that have any."""
        have = {
            r[0]
            for r in con.execute("select table_name from duckdb_tables() where schema_name = 'measured'").fetchall()
        }
        loaded = {}
        for call in calls:
            name = table_of(call.function, call.identity)
            if call.stored and name in have and call.identity not in loaded:
                table = con.sql(
                    "select (key >> 64)::ubigint as high, (key & 18446744073709551615)::ubigint as low, value "
                    f"from measured.{quote(name)} order by key"
                ).to_arrow_table().combine_chunks()  # fmt: skip
                high, low, values = (table.column(i) for i in range(3))
                value = values.chunk(0) if values.num_chunks else values.type and values.combine_chunks()
                loaded[call.identity] = KnownValues(np.asarray(high), np.asarray(low), value)
        return share_keys(loaded)

    def ingest_segments(self, con: duckdb.DuckDBPyConnection) -> list[Path]:
        """Take finished segments into the database and remove them. Safe to repeat after a kill. Torn ones are set
        aside, so that their values are measured again; returns where those are now."""
        aside = []
        for folder, paths in segments.finished(self.segments):
            torn = [p for p in paths if not segments.is_whole(p)]
            aside += [segments.set_aside(p, self.home.torn) for p in torn]
            if whole := [str(p) for p in paths if p not in torn]:
                _ingest(con, folder.name, whole)
        segments.clear(self.segments)
        return aside

    def source_id(self, con: duckdb.DuckDBPyConnection, name: str, fingerprint: str) -> tuple[int, bool]:
        """The number of a source, and whether its rows are recorded already as they are now."""
        row = con.execute("select source_id, fingerprint from sources where name = ?", [name]).fetchone()
        if row:
            return int(row[0]), row[1] == fingerprint
        number = con.execute("select coalesce(max(source_id), 0) + 1 from sources").fetchone()
        con.execute("insert into sources values (?, ?, '')", [number[0] if number else 1, name])
        return int(number[0]) if number else 1, False

    def argument_ids(self, con: duckdb.DuckDBPyConnection, lineages: Sequence[str]) -> dict[str, int]:
        """Numbers of the lineages (how an argument comes from the source's columns)."""
        for lineage in lineages:
            con.execute(
                "insert into arguments select coalesce(max(argument_id), 0) + 1, $lineage from arguments "
                "having not exists (from arguments where lineage = $lineage)",
                {"lineage": lineage},
            )
        rows = con.execute("select lineage, argument_id from arguments").fetchall()
        return {lineage: int(number) for lineage, number in rows}

    def record_stat_columns(
        self, con: duckdb.DuckDBPyConnection, source_id: int, run_id: str, calls: Iterable[Call], ids: dict[str, int]
    ) -> None:
        """Say which stored table gives each column of the `stats` view for this source, and rebuild the view."""
        rows: list[list[Any]] = []
        taken: dict[str, str] = {}
        for call in calls:
            if call.kind != "stat":
                continue
            label, number = call.label, 2
            while taken.get(label, call.identity + call.lineage) != call.identity + call.lineage:
                label, number = f"{call.label}_{number}", number + 1
            if label not in taken:
                name = table_of(call.function, call.identity)
                parameters = json.dumps(dict(call.parameters))
                rows.append(
                    [source_id, label, call.function, parameters, call.returns, call.identity, ids[call.lineage], name]
                )
            taken[label] = call.identity + call.lineage
        known = con.execute("select * exclude (run_id) from stat_columns where source_id = ?", [source_id]).fetchall()
        fresh = [r for r in rows if tuple(r) not in set(known)]
        if not fresh:
            return
        for row in fresh:
            con.execute(_create(row[7], row[4]))
        con.execute(
            "delete from stat_columns where source_id = ? and label in (select unnest(?))",
            [source_id, [r[1] for r in fresh]],
        )
        insert(con, "stat_columns", [[*r, run_id] for r in fresh])
        con.execute(_stats_view(con))


def _take(handle: IO[str], project: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        mend = "wait for it to end, or give this run another --project"
        raise StoreError.of("project-in-use", f"another run is working in {project}", mend) from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()


def table_of(function: str, identity: str) -> str:
    return f"{function}@{identity[:16]}"


def _create(name: str, type_: str) -> str:
    return f"create table if not exists measured.{quote(name)} (key uhugeint, value {type_})"


def _ingest(con: duckdb.DuckDBPyConnection, name: str, paths: list[str]) -> int:
    row = con.execute("select typeof(value) from read_parquet($paths) limit 1", {"paths": paths}).fetchone()
    type_ = row[0] if row else "DOUBLE"
    table = f"measured.{quote(name)}"
    con.execute("begin")
    con.execute(_create(name, type_))
    con.execute(
        "create or replace temp table fresh_value as select key, max(value) as value from ("
        "  select (key_high::uhugeint << 64) | key_low::uhugeint as key, value from read_parquet($paths)"
        ") group by key",
        {"paths": paths},
    )
    con.execute(f"delete from {table} where key in (select key from fresh_value)")  # measured again by `--fresh`
    result = con.execute(f"insert into {table} from fresh_value").fetchone()
    con.execute("drop table fresh_value")
    con.execute("commit")
    return int(result[0]) if result else 0


def _stats_view(con: duckdb.DuckDBPyConnection) -> str:
    """The wide view: a row a sample, a column a stat, each joined by the content key of its own arguments."""
    rows = con.execute(
        "select label, source_id, argument_id, table_name from stat_columns order by label, source_id"
    ).fetchall()
    labels = sorted({r[0] for r in rows})
    keys: dict[tuple[int, int], str] = {}
    joins, values = [], {label: list[str]() for label in labels}
    for i, (label, source, argument, table) in enumerate(rows):
        if (source, argument) not in keys:
            key = keys[source, argument] = f"k{len(keys)}"
            joins.append(
                f"left join sample_keys {key} on {key}.source_id = r.source_id and {key}.sample_id = r.sample_id "
                f"and {key}.source_id = {source} and {key}.argument_id = {argument}"
            )
        joins.append(f"left join measured.{quote(table)} m{i} on m{i}.key = {keys[source, argument]}.key")
        values[label].append(f"m{i}.value")
    columns = "".join(f", coalesce({', '.join(v)}) as {quote(label)}" for label, v in values.items())
    query = f"select r.source_id, r.sample_id{columns} from sample_rows r {' '.join(joins)}"
    return f"create or replace view stats as {query};{_STATS_COMMENTS}"


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Append rows of Python values to a table."""
    if rows:
        columns = [pa.array(list(c)) for c in zip(*rows, strict=True)]
        con.register("new_rows", pa.table(columns, names=[f"c{i}" for i in range(len(columns))]))
        con.execute(f"insert into {quote(table)} from new_rows")
        con.unregister("new_rows")
