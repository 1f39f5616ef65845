"""What a run would do: the plan with what the stats database knows of its cost. Runs nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from juicesql.history import History, read_history
from juicesql.plan import COST_CLASSES, GlobalStep, MapStep, Plan, rounds
from juicesql.running import Prepared, prepare
from juicesql.sources import Source
from juicesql.sqltext import quote
from juicesql.store import Store, table_of


@dataclass(frozen=True)
class CallFacts:
    """A call and what earlier runs know of it. `stored`: values in the stats database under its identity."""

    column: str
    sql: str
    function: str
    kind: str
    runs_on: str
    line: int | None
    seconds_per_row: float | None
    stored: int


@dataclass(frozen=True)
class CutFacts:
    """A cut at its place in the order of work. Rows are estimates; None where nothing is known of them."""

    cut: str
    sql: str
    line: int | None
    work: str  # class of the dearest call that it waits for
    seconds_per_row: float | None
    pass_rate: float | None
    rows_in: int | None
    rows_out: int | None


@dataclass(frozen=True)
class StepFacts:
    name: str
    kind: str
    inputs: tuple[str, ...]
    sql: str  # the projection of a map step, or what the author wrote of a global one
    deduplicates: bool
    calls: tuple[CallFacts, ...]
    cuts: tuple[CutFacts, ...]  # in the order in which they run
    rows_in: int | None
    rows_out: int | None


@dataclass(frozen=True)
class Explanation:
    plan: Plan
    source: str
    files: int
    bytes: int
    columns: tuple[tuple[str, str], ...]
    rows: int | None  # of the source, estimated
    rows_exact: bool  # counted by an earlier run over the same files
    export: str
    steps: tuple[StepFacts, ...]
    advice: tuple[str, ...] = ()  # comparisons that decide nothing

    def to_dict(self) -> dict[str, Any]:
        """The plan as data, with what is known of it under `explained`."""
        facts = {k: v for k, v in asdict(self).items() if k != "plan"}
        return {**self.plan.to_dict(), "explained": facts}


@dataclass(frozen=True)
class _Known:
    history: History = field(default_factory=History)
    step_rates: Mapping[str, float] = field(default_factory=dict)  # rows out / rows in of a global step
    stored: Mapping[str, int] = field(default_factory=dict)
    rows: int | None = None


def explain(
    recipe: str | Path,
    *,
    source: Sequence[str] = (),
    project: str | Path | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Explanation:
    """Plan a recipe and look up what earlier runs know of it. Same errors as `juicesql.run`."""
    prepared = prepare(recipe, source=source, project=project, variables=variables)
    known = _look_up(prepared)
    rows = known.rows if known.rows is not None else estimated_rows(prepared.source)
    steps, left = [], {"source": rows}
    rank = known.history.rank(prepared.plan)
    for step in prepared.plan.steps:
        facts = _map(step, known, rank, left) if isinstance(step, MapStep) else _global(step, known, left)
        left[step.name] = facts.rows_out
        steps.append(facts)
    export = str((prepared.base / prepared.config.export).absolute()) if prepared.config.export else ""
    opened = prepared.source
    return Explanation(
        prepared.plan, " ".join(prepared.inputs), len(opened.files), opened.total_bytes, prepared.plan.source_columns,
        rows, known.rows is not None, export, tuple(steps), prepared.advice,
    )  # fmt: skip


def _look_up(prepared: Prepared) -> _Known:
    store = Store(prepared.project.root)
    if not store.path.exists():
        return _Known()
    with store.open(read_only=True) as con:
        path = str(prepared.recipe.path)
        rates = con.execute(
            "select step, rows_out / rows_in from steps where kind in ('global', 'group') and rows_in > 0 and run_id = "
            "(select arg_max(run_id, started) from runs where recipe_path = ? and status = 'done')",
            [path],
        ).fetchall()
        rows = con.execute(
            "select arg_max(rows_in, started) from runs where source_fingerprint = ? and status = 'done'",
            [prepared.source.fingerprint],
        ).fetchone()
        stored = {c.identity: _stored(con, table_of(c.function, c.identity)) for c in prepared.plan.calls if c.stored}
        return _Known(read_history(con, path), dict(rates), stored, rows[0] if rows else None)


def _stored(con: duckdb.DuckDBPyConnection, table: str) -> int:
    try:
        row = con.execute(f"select count(*) from measured.{quote(table)}").fetchone()
    except duckdb.CatalogException:
        return 0
    return int(row[0]) if row else 0


def estimated_rows(source: Source) -> int | None:
    """Rows of the source by the bytes of its first ones; None for a source whose size is unknown."""
    first = next(source.morsels(1 << 20, 1000), None)
    if first is None:
        return 0
    if not first.bytes or not source.total_bytes:
        return None
    return max(first.rows, round(source.total_bytes * first.rows / first.bytes))


def _map(step: MapStep, known: _Known, rank: Mapping[str, float], left: Mapping[str, int | None]) -> StepFacts:
    history, calls = known.history, {c.column: c for c in step.calls}
    rows_in = rows = left.get(step.input)
    cuts = []
    for cut in [c for part in rounds(step.cuts, rank) for c in part]:
        costs = [history.seconds_per_row.get(calls[c].identity) for c in cut.calls]
        cost = sum(c for c in costs if c is not None) if any(c is not None for c in costs) else None
        drop = history.drop_rate.get(cut.sql)
        rate = None if drop is None else 1 - drop
        out = rows if rows is None or rate is None else round(rows * rate)
        cuts.append(CutFacts(cut.id, cut.sql, cut.line, COST_CLASSES[cut.phase], cost, rate, rows, out))
        rows = out
    facts = tuple(
        CallFacts(
            c.column, c.sql, c.function, c.kind, c.runs_on, c.line, history.seconds_per_row.get(c.identity),
            known.stored.get(c.identity, 0),
        )
        for c in step.calls
    )  # fmt: skip
    return StepFacts(step.name, "map", (step.input,), step.select, False, facts, tuple(cuts), rows_in, rows)


def _global(step: GlobalStep, known: _Known, left: Mapping[str, int | None]) -> StepFacts:
    rows_in = left.get(step.inputs[0]) if step.inputs else None
    rate = known.step_rates.get(step.name)
    rows_out = rows_in if rows_in is None or rate is None else round(rows_in * rate)
    return StepFacts(step.name, "global", step.inputs, step.text, step.deduplicates, (), (), rows_in, rows_out)
