"""What the experiments of a project did, read from its file `sandbox.duckdb`: experiments, jobs, series and trials.

The file is opened read-only for the moment of a query, so an experiment that runs goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from juicesql.closing import close_files
from juicesql.errors import StoreError, nearest

FILE = "sandbox.duckdb"
PATIENCE = 1.5  # seconds to wait for an experiment that writes
UNNAMED = "anonymous"  # the pipeline of job lists at the top of a file: it does not show in names
MOST_POINTS = 1_000  # of a series; longer ones are thinned evenly


@dataclass(frozen=True)
class Experiment:
    """An experiment, with how many jobs and trials it has by now. `started` and `ended` are UTC."""

    experiment_id: str
    project_name: str
    experiment_name: str
    file: str
    status: str
    started: datetime | None
    ended: datetime | None
    message: str
    jobs: int
    done: int
    trials: int

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return (self.ended - self.started).total_seconds() if self.started and self.ended else None


@dataclass(frozen=True)
class Job:
    """A job; `result` is what it gave to later jobs."""

    pipeline: str
    position: int
    list: str
    hook: str
    meta_name: str
    status: str
    started: datetime | None
    seconds: float | None
    result: Mapping[str, Any]
    log: str
    message: str

    @property
    def name(self) -> str:
        """What its metrics begin with: the pipeline, where it has a name, and meta_name."""
        return self.meta_name if self.pipeline == UNNAMED else f"{self.pipeline}.{self.meta_name}"


@dataclass(frozen=True)
class Series:
    """A number that was watched step by step, such as `loss` of the job `train`, or of `train.low` inside it."""

    line: str
    metric: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Trial:
    """A trial of a search. `values` are those of the objectives."""

    trial: int
    status: str
    parameters: Mapping[str, Any]
    values: Mapping[str, Any]
    kept: int | None
    measured: int | None
    seconds: float | None
    message: str


@contextmanager
def opened(root: Path, patience: float = PATIENCE) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file, read-only. StoreError `no-experiments` without one, `store-in-use` when somebody keeps it."""
    path = root / FILE
    none = StoreError.of("no-experiments", f"{root} has no experiments yet", "run one: juicesql sandbox run CONFIG")
    if not path.exists() or not path.stat().st_size:
        raise none
    con = _connect(path, time.monotonic() + patience)
    try:
        if not con.execute("from duckdb_tables()").fetchone():
            raise none
        yield con
    except duckdb.CatalogException as error:
        raise _damaged(path, error) from error
    finally:
        con.close()


def _connect(path: Path, until: float) -> duckdb.DuckDBPyConnection:
    while True:
        try:
            con = duckdb.connect(str(path), read_only=True)
            close_files(con)
            return con
        except duckdb.Error as error:
            if not is_busy(error):
                raise _damaged(path, error) from error
            if time.monotonic() > until:
                mend = "wait for the experiment that writes it, or close the program that holds it"
                raise StoreError.of("store-in-use", f"{path} is open elsewhere: {error}", mend) from error
            time.sleep(0.05)


def is_busy(error: duckdb.Error) -> bool:
    """Whether the file is open elsewhere: in another process, in another mode, or in a thread that is closing it."""
    return any(why in str(error).lower() for why in ("lock", "different configuration", "file handle conflict"))


def _damaged(path: Path, error: duckdb.Error) -> StoreError:
    return StoreError.of("store-damaged", f"cannot use {path}: {error}", "move the file away to start a new one")


def experiments_of(con: duckdb.DuckDBPyConnection) -> list[Experiment]:
    """All experiments, the newest first."""
    rows = con.execute(
        "select experiment_id, project_name, experiment_name, coalesce(file, ''), status, started, ended, "
        "coalesce(message, ''), coalesce(n, 0), coalesce(done, 0), coalesce(tried, 0) from experiments "
        "left join (select experiment_id, count(*) as n, count(*) filter (where status = 'done') as done "
        "from jobs group by all) using (experiment_id) "
        "left join (select experiment_id, count(*) as tried from trials group by all) using (experiment_id) "
        "order by started desc, experiment_id"
    ).fetchall()
    return [Experiment(*row) for row in rows]


def find_experiment(con: duckdb.DuckDBPyConnection, name: str) -> Experiment:
    """The experiment of this id or experiment_name (the newest of several), or `latest`. StoreError without one."""
    found = experiments_of(con)
    fitting = [e for e in found if name in (e.experiment_id, e.experiment_name)] or (found if name == "latest" else [])
    if fitting:
        return fitting[0]
    mend = nearest(name, [e.experiment_id for e in found]) or "`juicesql sandbox list` lists them"
    raise StoreError.of("unknown-experiment", f"there is no experiment `{name}`", mend)


def jobs_of(con: duckdb.DuckDBPyConnection, experiment: str) -> list[Job]:
    """The jobs of an experiment that have begun: pipelines in the order in which they did, jobs in that of work."""
    rows = con.execute(
        'select pipeline, "position", "list", hook, meta_name, status, started, seconds, result, coalesce(log, \'\'), '
        "coalesce(message, '') from jobs where experiment_id = ? "
        'order by min(started) over (partition by pipeline), pipeline, "position"',
        [experiment],
    ).fetchall()
    return [Job(*(*row[:8], _mapping(row[8]), *row[9:])) for row in rows]


def latest(con: duckdb.DuckDBPyConnection, experiment: str) -> dict[str, float | str]:
    """The newest value under every name."""
    rows = con.execute(
        "select name, value, text from metrics where experiment_id = ? "
        "qualify row_number() over (partition by name order by logged desc, rowid desc) = 1 order by name",
        [experiment],
    ).fetchall()
    return {name: text if value is None else value for name, value, text in rows}


def series_of(con: duckdb.DuckDBPyConnection, experiment: str, most: int = MOST_POINTS) -> list[Series]:
    """The numbers that have steps, in the order in which they began. Of the same step the newest counts."""
    rows = con.execute(
        "with points as (select name, step, value, rowid as place from metrics where experiment_id = $1 "
        "and step is not null and value is not null "
        "qualify row_number() over (partition by name, step order by rowid desc) = 1), "
        "counted as (select *, row_number() over (partition by name order by step) - 1 as n, "
        "count(*) over (partition by name) as points, min(place) over (partition by name) as began from points) "
        "select name, list(step order by step), list(value order by step) from counted "
        "where n = points - 1 or n % ceil(points / $2)::bigint = 0 group by name, began order by began",
        [experiment, most],
    ).fetchall()
    return [Series(*_split(name), tuple(steps), tuple(values)) for name, steps, values in rows]


def _split(name: str) -> tuple[str, str]:
    line, _, metric = name.rpartition(".")
    return line, metric


def trials_of(con: duckdb.DuckDBPyConnection, experiment: str) -> list[Trial]:
    """The trials of its search, in their order."""
    rows = con.execute(
        'select trial, status, parameters, "values", kept, measured, seconds, '
        "coalesce(message, '') from trials where experiment_id = ? order by trial",
        [experiment],
    ).fetchall()
    return [Trial(*(*row[:2], _mapping(row[2]), _mapping(row[3]), *row[4:])) for row in rows]


def goals_of(con: duckdb.DuckDBPyConnection, experiment: str) -> dict[str, bool]:
    """Objective -> whether more is better, as the configuration of the search says (`metric` or `metrics`, each with
    `name` and `goal`)."""
    rows = con.execute(
        "select config from configs where experiment_id = $1 union all "
        "select config -> 'hpo_config' from experiments where experiment_id = $1",
        [experiment],
    ).fetchall()
    goals: dict[str, bool] = {}
    for (text,) in rows:
        config = _mapping(text)
        stated = config.get("metrics", config.get("metric", ()))
        for metric in [stated] if isinstance(stated, Mapping) else stated if isinstance(stated, list) else ():
            if isinstance(metric, Mapping) and "name" in metric:
                goals[str(metric["name"])] = not str(metric.get("goal", "maximize")).startswith("min")
    return goals


def _mapping(text: str | None) -> dict[str, Any]:
    found = json.loads(text or "{}")
    return found if isinstance(found, dict) else {}
