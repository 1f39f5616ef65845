"""Writes a finished run into the stats database: samples, keys, verdicts, cuts, steps, changes, errors, costs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from juicesql.engines.embedded import Execution
from juicesql.funnel import FunnelRow
from juicesql.measure import Cost
from juicesql.plan import Plan
from juicesql.sqltext import matching
from juicesql.store import Store, insert

if TYPE_CHECKING:
    from juicesql.gates.model import Check, Report


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def start_run(con: duckdb.DuckDBPyConnection, values: dict[str, Any]) -> None:
    """Note that a run began; runs that a kill left open are marked."""
    con.execute("update runs set status = 'interrupted' where status = 'running'")
    row = {**values, "started": now(), "status": "running"}
    names = ", ".join(row)
    con.execute(f"insert into runs ({names}) values ({', '.join('?' * len(row))})", list(row.values()))


def end_run(con: duckdb.DuckDBPyConnection, run_id: str, values: dict[str, Any]) -> None:
    row = {**values, "ended": now()}
    sets = ", ".join(f"{name} = ?" for name in row)
    con.execute(f"update runs set {sets} where run_id = ?", [*row.values(), run_id])


def record(
    store: Store,
    con: duckdb.DuckDBPyConnection,
    run_id: str,
    source: tuple[str, str],
    plan: Plan,
    execution: Execution,
    funnel: list[FunnelRow],
    costs: dict[str, Cost],
    scratch: Path,
    trace: int,
) -> int:
    """Everything but the row of `runs`. The temp table `verdict` is there already. Returns the source's number."""
    source_id, unchanged = store.source_id(con, *source)
    if not unchanged:
        _note_changes(con, run_id, source_id)
        con.execute("delete from sample_rows where source_id = ?", [source_id])
        con.execute("delete from sample_keys where source_id = ?", [source_id])
        _from_parquet(
            con, scratch / "samples", f'insert into sample_rows select {source_id}, sample_id, file, "row" from'
        )
        con.execute("update sources set fingerprint = ? where source_id = ?", [source[1], source_id])
    ids = store.argument_ids(con, sorted({c.lineage for c in plan.calls}))
    for number, lineage in enumerate(execution.lineages):
        _record_keys(con, scratch, run_id, source_id, ids[lineage], number)
    store.record_stat_columns(con, source_id, run_id, plan.calls, ids)
    con.execute("insert into verdicts select ?, sample_id, verdict, cut, value, duplicate_of from verdict", [run_id])
    con.execute(
        "insert into clusters with d as (from verdict where duplicate_of is not null) "
        "select ?, cut, sample_id, duplicate_of, false, similarity from d "
        "union all select distinct ?, cut, duplicate_of, duplicate_of, true, 1.0 from d",
        [run_id, run_id],
    )
    _record_counts(con, run_id, plan, execution, funnel, costs, trace)
    return source_id


def _note_changes(con: duckdb.DuckDBPyConnection, run_id: str, source_id: int, argument_id: int | None = None) -> None:
    """Note that keys of the source (all of them, or those of one argument) are no more what earlier runs found."""
    ours = "source_id = $1 and argument_id = coalesce($2, argument_id)"
    values = [source_id, argument_id, run_id, now()]
    con.execute(
        "insert into key_changes select distinct source_id, argument_id, $3, $4 from "
        f"(select source_id, argument_id from sample_keys union all select source_id, argument_id from key_changes) "
        f"where {ours}",
        values,
    )
    con.execute(f"delete from key_changes where {ours} and run_id <> $3", values[:3])


def _record_keys(
    con: duckdb.DuckDBPyConnection, scratch: Path, run_id: str, source_id: int, argument_id: int, number: int
) -> None:
    """Replace the keys of the samples that this run measured."""
    ours = [source_id, argument_id]
    con.execute(
        "create or replace temp table fresh_key as "
        "select sample_id, (any_value(high)::uhugeint << 64) | any_value(low)::uhugeint as key "
        "from read_parquet(?) group by sample_id",
        [matching(scratch / "keys", f"{number}-*.parquet")],
    )
    known = "from sample_keys where source_id = ? and argument_id = ?"
    same = con.execute(f"select count(*) from fresh_key join ({known}) using (sample_id, key)", ours).fetchone()
    if same == con.execute("select count(*) from fresh_key").fetchone():
        return
    other = con.execute(f"from fresh_key f join ({known}) k using (sample_id) where f.key <> k.key limit 1", ours)
    if other.fetchone():
        _note_changes(con, run_id, source_id, argument_id)
    con.execute(f"delete {known} and sample_id in (select sample_id from fresh_key)", ours)
    con.execute("insert into sample_keys select ?, ?, sample_id, key from fresh_key", ours)


def _from_parquet(con: duckdb.DuckDBPyConnection, folder: Path, sql: str) -> None:
    if any(folder.glob("*.parquet")):
        con.execute(f"{sql} read_parquet(?)", [matching(folder, "*.parquet")])


def _record_counts(
    con: duckdb.DuckDBPyConnection,
    run_id: str,
    plan: Plan,
    execution: Execution,
    funnel: list[FunnelRow],
    costs: dict[str, Cost],
    trace: int,
) -> None:
    bounds = {c.id: [asdict(b) for b in c.bounds] for c in plan.cuts}
    lines = {c.id: c.line for c in plan.cuts}
    insert(con, "cuts", [
        [run_id, r.cut, r.step, i, r.sql, r.stat, json.dumps(bounds[r.cut]), lines[r.cut], r.rows_in, r.dropped,
         r.dropped_null, r.dropped_alone]
        for i, r in enumerate(funnel) if r.kind == "cut"
    ])  # fmt: skip
    steps = [[run_id, r.step, i, r.kind, r.sql, r.rows_in, r.rows_out] for i, r in enumerate(funnel) if r.kind != "cut"]
    insert(con, "steps", steps)
    changes: dict[tuple[str, str], list[Any]] = {}
    for change in sorted(execution.changes, key=lambda c: c.sample_id):
        group = changes.setdefault((change.step, change.column), [])
        if len(group) < trace:
            group.append([run_id, change.step, change.sample_id, change.column, change.before, change.after])
    insert(con, "changes", [row for group in changes.values() for row in group])
    record_errors(con, run_id, execution)
    by_identity = {c.identity: c for c in plan.calls}
    insert(con, "costs", [
        [run_id, by_identity[i].function, i, by_identity[i].runs_on, c.rows, c.reused, c.calls, c.seconds, c.bytes,
         "cpu"]
        for i, c in costs.items()
    ])  # fmt: skip


def record_errors(con: duckdb.DuckDBPyConnection, run_id: str, execution: Execution) -> None:
    """The rows that failed, also of a run that they ended."""
    errors = [[run_id, e.sample_id, "source", e.file, e.row, e.message] for e in execution.source_errors]
    errors += [[run_id, f.sample_id, f.function, None, None, f.message] for f in execution.failures]
    errors += [[run_id, None, f.function, None, None, f.message] for f in execution.group_failures]
    insert(con, "errors", errors)


def record_checks(con: duckdb.DuckDBPyConnection, report: Report) -> None:
    """What a gate found, in the place of what it found before of the same run and suite."""
    con.execute("delete from checks where run_id = ? and suite = ?", [report.run_id, report.suite])
    rows = [[report.run_id, report.suite, i, *_check_row(c), now()] for i, c in enumerate(report.checks)]
    insert(con, "checks", rows)


def _check_row(check: Check) -> list[Any]:
    e = check.expectation
    observed = None if check.observed is None else str(check.observed)
    examples = [{"sample_id": x.sample_id, "values": dict(x.values)} for x in check.examples]
    return [
        e.relation, e.line, e.text, e.type, json.dumps(dict(e.kwargs), ensure_ascii=False, default=str), check.success,
        check.rows, check.failing, check.nulls, observed, json.dumps(examples, ensure_ascii=False, default=str),
        check.message or None,
    ]  # fmt: skip
