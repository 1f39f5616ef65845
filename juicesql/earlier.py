"""Fingerprints of the rows that earlier runs kept, found in stats databases: a new source is compared with them.

No text is read again. A run holds the content key of each argument that a stat had for a sample, and the stats database
the value for each key; `verdicts` says which samples were kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from juicesql.errors import JuiceError, Problem, RecipeError, StoreError, nearest
from juicesql.lift import Lifter, call_name
from juicesql.plan import Call
from juicesql.project import Project, open_project
from juicesql.recipe import Fingerprints, Recipe
from juicesql.registry import Registry
from juicesql.runs import RunRecord, find_run
from juicesql.sqltext import literal, quote
from juicesql.store import Store, table_of


@dataclass(frozen=True)
class EarlierRun:
    """Where the fingerprints of one run stand. Without a `table` they are the content keys themselves."""

    run_id: str
    recipe: str
    source_id: int
    argument_id: int
    table: str

    def sql(self, database: str, kept_only: bool = False) -> str:
        """The rows (run_id, earlier_id, fingerprint); with `kept_only` the kept samples that have a key."""
        value = "k.key::varchar" if not self.table else "m.value"
        join = (
            "" if kept_only or not self.table else f" join {database}.measured.{quote(self.table)} m on m.key = k.key"
        )
        return (
            f"select v.run_id, v.sample_id as earlier_id{'' if kept_only else f', {value} as fingerprint'} "
            f"from {database}.verdicts v join {database}.sample_keys k on k.source_id = {self.source_id} "
            f"and k.argument_id = {self.argument_id} and k.sample_id = v.sample_id{join} "
            f"where v.run_id = {literal(self.run_id)} and v.verdict = 'kept'"
        )


@dataclass(frozen=True)
class Earlier:
    """One relation of fingerprints, and the runs of a project that fill it."""

    relation: str
    project: Path
    runs: tuple[EarlierRun, ...]

    def write(self, folder: Path, memory_mb: int) -> Path:
        """Leave the rows as Parquet; returns the glob of the files. StoreError when values are gone."""
        place = folder / "earlier" / self.relation
        place.mkdir(parents=True)
        with Store(self.project, memory_mb).open(read_only=True, beside=place) as con:
            for number, run in enumerate(self.runs):
                _write(con, run, place / f"{number}.parquet")
        return place / "*.parquet"


def fingerprint_columns(asked: Fingerprints, registry: Registry) -> tuple[tuple[str, str], ...]:
    """The columns of a relation of fingerprints, known before any run is looked at."""
    call = _call(asked, registry)
    return (("run_id", "VARCHAR"), ("earlier_id", "BIGINT"), ("fingerprint", call.returns if call else "VARCHAR"))


def find_earlier(
    recipe: Recipe, registry: Registry, project: Project, base: Path, source_fingerprint: str | None = None
) -> tuple[Earlier, ...]:
    """The runs that a recipe names. Errors say which run lacks what; one over the very same source is refused."""
    found = []
    for asked in recipe.fingerprints:
        if asked.project and project.bounds:
            project.bounds.check(base / asked.project, "the project")
        other = open_project(base / asked.project) if asked.project else project
        call = _call(asked, registry)
        with Store(other.root).open(read_only=True) as con:
            runs = [find_run(con, name, other) for name in asked.runs]
            for run in runs:
                if run.source_fingerprint == source_fingerprint:
                    message = f"run {run.run_id} of {run.recipe} read this very source: every row is one that it saw"
                    raise _error("same-source", message, "name a run over another source")
            found.append(Earlier(asked.relation, other.root, tuple(_find(con, run, asked, call) for run in runs)))
    return tuple(found)


def _call(asked: Fingerprints, registry: Registry) -> Call | None:
    """The call of a stat that is asked for; None for a column, which stands for its content keys."""
    try:
        tree = sqlglot.parse_one(asked.of, dialect="duckdb")
    except SqlglotError as error:
        raise _error("bad-fingerprints", f"cannot read `{asked.of}`", "write a call of a stat, or a column") from error
    if isinstance(tree, exp.Column):
        return None
    problems: list[Problem] = []
    lifter = Lifter(registry, {}, itertools.count(), lambda node: None, problems.append)
    lifted = lifter.lift(tree)
    if problems:
        raise RecipeError(problems)
    call = lifter.calls.get(lifted.name) if isinstance(lifted, exp.Column) else None
    if call is None or call.kind != "stat":
        mend = nearest(call_name(tree), registry.names()) or "write one, such as minhash_bands(text)"
        raise _error("bad-fingerprints", f"`{asked.of}` is no call of a stat", mend)
    return call


def _find(con: duckdb.DuckDBPyConnection, run: RunRecord, asked: Fingerprints, call: Call | None) -> EarlierRun:
    measured = [c for c in traced_calls(run.plan["steps"]) if call or _is_text(c)]
    fitting = [c for c in measured if call is None or c["identity"] == call.identity]
    if not fitting:
        raise _unlike(run, asked, call, [c for c in measured if call and c["function"] == call.function])
    lineages = list(dict.fromkeys(c["lineage"] for c in fitting))
    wanted = asked.argument or (call.lineage if call else sqlglot.parse_one(asked.of, dialect="duckdb").name)
    if wanted not in lineages and (asked.argument or len(lineages) > 1 or call is None):
        message = f"run {run.run_id} of {run.recipe} measured nothing that fits on `{wanted}`"
        mend = "give argument=... of: " + ", ".join(f"'{name}'" for name in lineages)
        raise _error("no-fingerprints", message, mend)
    lineage = wanted if wanted in lineages else lineages[0]
    argument_id = _argument(con, run, lineage)
    table = table_of(call.function, call.identity) if call else ""
    return EarlierRun(run.run_id, run.recipe, run.source_id or 0, argument_id, table)


def traced_calls(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The stats that a run measured once for each sample: not of groups, nor of the rows that an UNNEST made."""
    many = {"source": False}  # relation -> whether it has several rows of one sample
    for step in steps:
        before = step["input"] if step["kind"] == "map" else (step["inputs"] or ["source"])[0]
        parts = many.get(before, False)
        many[step["name"]] = parts or bool(step.get("expands"))
        if step["kind"] == "map" and step["traced"] == "rows" and not parts:
            yield from (c for c in step["calls"] if c["kind"] == "stat")


def _is_text(call: Mapping[str, Any]) -> bool:
    """Whether the content key of a call is the MD5 of one text."""
    return len(call["arguments"]) == 1 and str(call["arguments"][0]).endswith(" as VARCHAR)")


def _argument(con: duckdb.DuckDBPyConnection, run: RunRecord, lineage: str) -> int:
    """The number of an argument whose keys are still those of the run."""
    row = con.execute("select argument_id from arguments where lineage = ?", [lineage]).fetchone()
    now = con.execute("select fingerprint from sources where source_id = ?", [run.source_id]).fetchone()
    number = int(row[0]) if row else 0
    if now == (run.source_fingerprint,) and not was_replaced(con, run, number):
        return number
    message = f"another run has read the source of run {run.run_id} since, and found other texts"
    raise StoreError.of("stale-fingerprints", message, f"run `juicesql run {run.recipe}` again")


def was_replaced(con: duckdb.DuckDBPyConnection, run: RunRecord, argument_id: int) -> bool:
    """Whether a later run found other contents for an argument of this one."""
    if not con.execute("from duckdb_tables() where table_name = 'key_changes'").fetchone():
        return False  # a file of an earlier version, which no run has written since
    found = con.execute(
        "from key_changes where source_id = ? and argument_id = ? and run_id <> ? and changed > ?",
        [run.source_id, argument_id, run.run_id, run.started],
    )
    return found.fetchone() is not None


def _unlike(run: RunRecord, asked: Fingerprints, call: Call | None, others: list[dict[str, Any]]) -> JuiceError:
    """Why no call of the run fits."""
    where = f"run {run.run_id} of {run.recipe}"
    if call is None:
        mend = f"measure a stat of {asked.of} in that recipe, such as text_len({asked.of}), and run it again"
        return _error("no-fingerprints", f"{where} measured no stat of a text, so it kept no content keys", mend)
    if not others:
        mend = "a recipe has it after a step that measures it on whole samples; near_dedup does for minhash_bands"
        return _error("no-fingerprints", f"{where} did not measure `{call.function}`", mend)
    parameters = dict(call.parameters)
    differing = min(
        ({n: v for n, v in c["parameters"] if _plain(parameters.get(n)) != _plain(v)} for c in others), key=len
    )
    if differing:
        named = ", ".join(f"{n} := {v!r} there, {parameters.get(n)!r} here" for n, v in differing.items())
        mend = "use the same parameters in both recipes; earlier fingerprints are compared as they are"
        return _error("other-fingerprints", f"{where} measured `{call.function}` otherwise: {named}", mend)
    message = f"the code or the model of `{call.function}` has changed since {where}"
    return _error("other-fingerprints", message, f"run `juicesql run {run.recipe}` again")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _error(code: str, message: str, mend: str) -> JuiceError:
    return RecipeError.of(code, f"fingerprints: {message}", mend)


def _write(con: duckdb.DuckDBPyConnection, run: EarlierRun, path: Path) -> None:
    mend = f"run `juicesql run {run.recipe}` again"
    try:
        copy = f"copy ({run.sql('stats')} order by earlier_id) to {literal(str(path))} (format parquet)"
        written = con.execute(copy).fetchone()
    except duckdb.CatalogException as error:
        raise StoreError.of("lost-fingerprints", f"the values of run {run.run_id} are gone", mend) from error
    kept = con.execute(f"select count(*) from ({run.sql('stats', kept_only=True)})").fetchone()
    if written != kept:
        message = f"only {written and written[0]} of {kept and kept[0]} rows that run {run.run_id} kept have values"
        raise StoreError.of("lost-fingerprints", message, mend)


def compiled_views(found: Iterable[Earlier]) -> list[str]:
    """SQL for the duckdb CLI that makes the relations."""
    out: list[str] = []
    attached: dict[Path, str] = {}  # DuckDB opens a file once
    for earlier in found:
        path = Store(earlier.project).path
        if path not in attached:
            attached[path] = f"earlier_{len(attached) + 1}"
            out.append(f"attach if not exists {literal(str(path))} as {attached[path]} (read_only);")
        rows = "\nunion all\n".join(run.sql(attached[path]) for run in earlier.runs)
        out.append(f"create or replace view {quote(earlier.relation)} as\n{rows};")
    return out
