"""Remembers experiments: `sandbox.duckdb` in the project folder, beside the stats database, for the plain duckdb CLI.

It is open for moments only, so that a dashboard or the CLI can look while an experiment runs.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from juicesql.errors import StoreError
from juicesql.inspect.experiments import is_busy

from .base import ANONYMOUS

FILE = "sandbox.duckdb"
PATIENCE = 10.0  # seconds to wait for a reader
_making = threading.Lock()  # threads of one process share a database, and two that make it at once conflict
_SCHEMA = """
create table if not exists experiments (
    experiment_id varchar primary key, project_name varchar, experiment_name varchar, file varchar, config json,
    status varchar, started timestamp, ended timestamp, message varchar
);
create table if not exists jobs (
    experiment_id varchar, pipeline varchar, "position" integer, "list" varchar, hook varchar, meta_name varchar,
    status varchar, fingerprint varchar, started timestamp, seconds double, result json, log varchar, message varchar,
    primary key (experiment_id, pipeline, "position")
);
create table if not exists metrics (
    experiment_id varchar, name varchar, step bigint, value double, text varchar, logged timestamp
);
create table if not exists configs (
    experiment_id varchar, name varchar, config json, primary key (experiment_id, name)
);
create table if not exists trials (
    experiment_id varchar, trial integer, status varchar, parameters json, "values" json, kept bigint, measured bigint,
    seconds double, started timestamp, message varchar, primary key (experiment_id, trial)
);
comment on table experiments is 'one row an experiment';
comment on column experiments.experiment_id is 'project_name/experiment_name; the key of the relations here';
comment on column experiments.status is '`running`, `done`, `failed`, `interrupted`';
comment on column experiments.config is 'the file as it was read';
comment on table jobs is 'one row a job';
comment on column jobs."position" is 'its place in its pipeline, from 0';
comment on column jobs.fingerprint is 'digest of its settings, the files that they name and the results before it';
comment on column jobs.status is '`running`, `done`, `failed`';
comment on column jobs.result is 'what it gave to later jobs';
comment on table metrics is 'one row a number that was watched';
comment on column metrics.name is 'meta_name and metric, such as `train.loss`';
comment on column metrics.step is 'of a series, such as the training step; NULL for a single number';
comment on column metrics.value is 'the number; NULL for what is none, which is in `text`';
comment on table configs is 'one row a configuration';
comment on table trials is 'one row a trial of a search';
comment on column trials."values" is 'objective -> value';
comment on column trials.kept is 'rows that the recipe kept with these parameters, where that is known';
comment on column trials.measured is 'values of stats that had to be measured for it';
comment on column trials.status is '`running`, `complete`, `pruned`, `failed`';
"""


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class JobRecord:
    """A row of `jobs`."""

    pipeline: str
    position: int
    list: str
    hook: str
    meta_name: str
    status: str
    fingerprint: str
    seconds: float | None
    result: dict[str, Any]
    log: str
    message: str


class SandboxStore:
    """The experiments of a project."""

    def __init__(self, project: Path) -> None:
        self.path = project / FILE

    @contextmanager
    def open(self, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for a moment. Waits for other programs that have it open; StoreError when they keep it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        con = _connect(self.path, read_only)
        try:
            if not read_only:
                _ready(con)
            yield con
        finally:
            con.close()

    def begin(self, project_name: str, experiment_name: str, file: str, config: Mapping[str, Any]) -> str:
        """Note that an experiment runs (again). Returns its id."""
        key = f"{project_name}/{experiment_name}"
        with self.open() as con:
            con.execute(
                "insert or replace into experiments values (?, ?, ?, ?, ?, 'running', ?, null, null)",
                [key, project_name, experiment_name, file, to_json(config), now()],
            )
        return key

    def end(self, experiment: str, status: str, message: str = "") -> None:
        with self.open() as con:
            con.execute(
                "update experiments set status = ?, ended = ?, message = ? where experiment_id = ?",
                [status, now(), message, experiment],
            )

    def forget(self, experiment: str) -> None:
        """Remove everything about an experiment."""
        with self.open() as con:
            for table in ("jobs", "metrics", "configs", "trials", "experiments"):
                con.execute(f"delete from {table} where experiment_id = ?", [experiment])

    def jobs(self, experiment: str) -> list[JobRecord]:
        """The jobs of an experiment, in the order of work within each pipeline."""
        with self.open() as con:
            rows = con.execute(
                'select pipeline, "position", "list", hook, meta_name, status, fingerprint, seconds, result, log, '
                'message from jobs where experiment_id = ? order by pipeline, "position"',
                [experiment],
            ).fetchall()
        return [
            JobRecord(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], json.loads(r[8] or "{}"), r[9] or "", r[10] or "")
            for r in rows
        ]

    def record_job(self, experiment: str, job: JobRecord, started: datetime, goes_on: bool = False) -> None:
        """Insert or replace a job. Its series are forgotten when it begins (again), unless it goes on."""
        with self.open() as con:
            con.execute("begin")
            if job.status == "running" and not goes_on:
                con.execute(
                    "delete from metrics where experiment_id = ? and starts_with(name, ?) and step is not null",
                    [experiment, metric_name(job.pipeline, job.meta_name) + "."],
                )
            con.execute(
                "insert or replace into jobs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [experiment, job.pipeline, job.position, job.list, job.hook, job.meta_name, job.status, job.fingerprint,
                 started, job.seconds, to_json(job.result), job.log, job.message],
            )  # fmt: skip
            con.execute("commit")

    def add_metrics(self, experiment: str, rows: Sequence[tuple[str, int | None, float | None, str | None]]) -> None:
        """Append (name, step, value, text) rows."""
        with self.open() as con:
            con.execute(
                "insert into metrics select ?, unnest(?::varchar[]), unnest(?::bigint[]), unnest(?::double[]), "
                "unnest(?::varchar[]), ?",
                [experiment, *([row[i] for row in rows] for i in range(4)), now()],
            )

    def record_trial(self, experiment: str, trial: int, facts: Mapping[str, Any]) -> None:
        """Insert or replace a trial; `facts` are columns of `trials`."""
        names = ["status", "parameters", "values", "kept", "measured", "seconds", "started", "message"]
        given = [to_json(facts[n]) if n in ("parameters", "values") and n in facts else facts.get(n) for n in names]
        with self.open() as con:
            con.execute(f"insert or replace into trials values ({', '.join('?' * 10)})", [experiment, trial, *given])


def metric_name(pipeline: str, meta_name: str) -> str:
    """How the metrics of a job are named: pipelines without a name of their own do not show."""
    return meta_name if pipeline == ANONYMOUS else f"{pipeline}.{meta_name}"


def to_json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, allow_nan=True)


def _ready(con: duckdb.DuckDBPyConnection) -> None:
    """Make what a new file lacks. A file that has it is left alone: changing comments conflicts with other threads."""
    with _making:
        if not con.execute("select 1 from duckdb_tables() where table_name = 'trials'").fetchone():
            con.execute("begin")
            con.execute(_SCHEMA)
            con.execute("commit")


def _connect(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            if not is_busy(error):
                raise StoreError.of("store-damaged", f"cannot use {path}: {error}", "move the file away") from error
            if time.monotonic() > until:
                mend = "close the program that holds it, or attach it READ_ONLY there"
                raise StoreError.of("store-in-use", f"{path} is open elsewhere: {error}", mend) from error
            time.sleep(0.05)
