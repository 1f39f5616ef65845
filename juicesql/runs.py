"""Recorded runs: finds one by id, `latest`, `latest~1` or recipe, and forgets old ones."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from juicesql.errors import JuiceError, StoreError, nearest
from juicesql.project import Project
from juicesql.sqltext import literal
from juicesql.store import NEW_FILE, Store

_LATEST = re.compile(r"latest(?:~(\d+))?")
_COLUMNS = """run_id, recipe, recipe_path, template, vars, source, source_id, source_fingerprint, plan, status, started,
seconds, rows_in, rows_out, samples_kept, samples_dropped, samples_duplicate, samples_error"""
_OF_A_RUN = ("cuts", "steps", "verdicts", "clusters", "changes", "errors", "costs", "checks", "runs")


@dataclass(frozen=True)
class RunRecord:
    """A row of `runs`, with its plan and variables as Python values."""

    run_id: str
    recipe: str
    recipe_path: str
    template: str
    variables: dict[str, Any]
    source: str
    source_id: int | None
    source_fingerprint: str
    plan: dict[str, Any]
    status: str
    started: datetime
    seconds: float | None
    rows_in: int
    rows_out: int
    kept: int
    dropped: int
    duplicates: int
    errors: int

    @property
    def cuts(self) -> list[dict[str, Any]]:
        """The cuts of the plan in the order of the recipe."""
        return [cut for step in self.plan["steps"] for cut in step.get("cuts", ())]

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [call for step in self.plan["steps"] for call in step.get("calls", ())]


def find_run(
    con: duckdb.DuckDBPyConnection, name: str, project: Project | None = None, analyses: bool = False
) -> RunRecord:
    """The finished run of this id (or the beginning of one), `latest`, `latest~N`; with a project also the newest run
    of a recipe by name or path. With `analyses` an id may be that of one. StoreError when there is none."""
    if found := _LATEST.fullmatch(name):
        return _latest(con, int(found.group(1) or 0))
    states = ["done", "analyzed"] if analyses else ["done"]
    known = con.execute("select run_id from runs where status in (select unnest(?)) order by started", [states])
    ids = [r[0] for r in known.fetchall()]
    same = [i for i in ids if i == name] or [i for i in ids if name and i.startswith(name)]
    if len(same) == 1:
        return _read(con, "run_id = ?", [same[0]])[0]
    if len(same) > 1:
        raise StoreError.of("ambiguous-run", f"{len(same)} runs begin with {name}", "give more of the id: " + same[-1])
    if project is not None and (of_recipe := _of_recipe(con, name, project)):
        return of_recipe
    recipes = [r[0] for r in con.execute("select distinct recipe from runs where status = 'done'").fetchall()]
    candidates = [*ids, "latest", *(recipes if project is not None else [])]
    newest = f"the newest run is {ids[-1]}; `latest` names it" if ids else "`juicesql run RECIPE` makes one"
    mend = nearest(name, candidates) or newest
    raise StoreError.of("no-run", f"no finished run {name} in this project", mend)


def read_run(con: duckdb.DuckDBPyConnection, run_id: str) -> RunRecord:
    """A run by its whole id, whatever became of it. StoreError when there is none."""
    found = _read(con, "run_id = ?", [run_id])
    if not found:
        raise StoreError.of("no-run", f"there is no run {run_id} in this project", "it may have been cleaned away")
    return found[0]


def _latest(con: duckdb.DuckDBPyConnection, back: int) -> RunRecord:
    found = _read(con, "status = 'done'", [])
    if back >= len(found):
        count = f"{len(found) or 'no'} finished run{'' if len(found) == 1 else 's'}"
        wanted = "latest" if not back else f"latest~{back}"
        message = f"{wanted}: the project has {count}" + (f", and needs {back + 1}" if found else "")
        again = f"`juicesql run {found[0].recipe}` makes another" if found else "`juicesql run RECIPE` makes one"
        raise StoreError.of("no-run", message + _newest_failure(con), again)
    return found[back]


def newest_failure(con: duckdb.DuckDBPyConnection, recipe_path: str = "") -> tuple[str, str, str, str] | None:
    """Id, recipe, status and the first line of the message of the newest run (of a recipe), where it did not finish."""
    row = con.execute(
        "select run_id, recipe, status, coalesce(split_part(message, chr(10), 1), '') from runs "
        "where status <> 'analyzed' and $1 in ('', recipe_path) order by started desc, run_id desc limit 1",
        [recipe_path],
    ).fetchone()
    return row if row and row[2] in ("failed", "interrupted") else None


def _newest_failure(con: duckdb.DuckDBPyConnection, recipe_path: str = "") -> str:
    found = newest_failure(con, recipe_path)
    return f"; its newest run {found[0]} {_ended(found[2])}: {found[3]}".rstrip(": ") if found else ""


def _ended(status: str) -> str:
    return "failed" if status == "failed" else "was interrupted"


def _of_recipe(con: duckdb.DuckDBPyConnection, name: str, project: Project) -> RunRecord | None:
    try:
        path = str(project.find_recipe(name))
    except JuiceError:
        path = ""
    plain = Path(name).name.removesuffix(".j2").removesuffix(".sql")
    found = _read(con, "status = 'done' and recipe_path = ?", [path]) if path else []
    if not path:
        found = _read(con, "status = 'done' and recipe = ?", [plain])
    if path and not found:
        mend = f"run `juicesql run {name}` first"
        raise StoreError.of("no-run", f"{name} has no finished run in this project{_newest_failure(con, path)}", mend)
    return found[0] if found else None


def _read(con: duckdb.DuckDBPyConnection, condition: str, values: list[Any]) -> list[RunRecord]:
    """Newest first."""
    sql = f"select {_COLUMNS} from runs where {condition} order by started desc, run_id desc"
    names = [f.name for f in fields(RunRecord)]
    found = [dict(zip(names, row, strict=True)) for row in con.execute(sql, values).fetchall()]
    return [
        RunRecord(**{**row, "variables": json.loads(row["variables"]), "plan": json.loads(row["plan"])})
        for row in found
    ]


@dataclass(frozen=True)
class Cleaned:
    """What `forget_runs` took away."""

    runs: int
    rows: int
    leftovers: int  # scratch folders of killed runs
    bytes: int


def forget_runs(store: Store, keep: int) -> Cleaned:
    """Remove the rows of all but the newest `keep` runs and what killed runs left. Measured values stay."""
    with store.lock():
        before = _disk(store)
        left = store.home.clear()
        runs, rows = 0, 0
        if store.path.exists():
            with store.open() as con:
                store.ingest_segments(con)
                runs, rows = _forget(con, keep)
            if runs:
                _compact(store)
        return Cleaned(runs, rows, left, max(before - _disk(store), 0))


def _forget(con: duckdb.DuckDBPyConnection, keep: int) -> tuple[int, int]:
    newest_first = (
        "select run_id from runs "
        "qualify row_number() over (partition by status = 'analyzed' order by started desc, run_id desc) > ?"
    )
    old = [r[0] for r in con.execute(newest_first, [keep]).fetchall()]
    rows = 0
    if old:
        con.execute("begin")
        for table in _OF_A_RUN:
            count = con.execute(f"delete from {table} where run_id in (select unnest(?))", [old]).fetchone()
            rows += int(count[0]) if count else 0
        con.execute("commit")
    return len(old), rows


def _compact(store: Store) -> None:
    """Write the database anew, since DuckDB keeps the room of deleted rows, and put it in the old one's place."""
    fresh = store.home.path / "compact.duckdb"
    fresh.unlink(missing_ok=True)
    with store.open(read_only=True, beside=store.home.path) as con:
        con.execute(f"attach {literal(str(fresh))} as fresh ({NEW_FILE})")
        con.execute("copy from database stats to fresh")
        con.execute("detach fresh")
    os.replace(fresh, store.path)


def forget_everything(store: Store) -> Cleaned:
    """Remove the stats database, measured values included."""
    with store.lock():
        before = _disk(store)
        if store.path.exists():
            with store.open():  # refuses a database that is not ours
                pass
        for path in (store.path, store.path.with_name(store.path.name + ".wal")):
            path.unlink(missing_ok=True)
        store.home.remove()
    return Cleaned(0, 0, 0, before - _disk(store))


def _disk(store: Store) -> int:
    files = [store.path, store.path.with_name(store.path.name + ".wal")]
    files += store.home.path.rglob("*")
    return sum(p.stat().st_size for p in files if p.is_file())
