"""What the stats database answers of its newest run in plain SQL: `latest_rows`, and `kept_if` for another threshold.

Both are written anew by each run, call no function of ours, and run in DuckDB 1.1 too.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import duckdb
import sqlglot
from sqlglot import exp

from juicesql.lift import to_sql
from juicesql.runs import RunRecord, read_run
from juicesql.sqltext import literal, quote
from juicesql.whatif.board import funnel_of, recorded, values_query
from juicesql.whatif.gates import Funnel, Gate, Value

_OWN = ("run_id", "source_id", "sample_id", "verdict", "cut", "duplicate_of", "fails", "unknown")
# Whether such a step keeps a row depends on the others, though it names no duplicates.
_RELATIVE = (exp.Limit, exp.Fetch, exp.Offset, exp.Window, exp.TableSample, exp.AggFunc)


def write_latest(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Make `latest_rows` and `kept_if` those of this run, in the open stats database."""
    run = read_run(con, run_id)
    funnel = _askable(con, run, funnel_of(con, run))
    con.execute(_view(con, run, funnel))
    con.execute(_text("latest_rows.sql"))
    con.execute(_macro(run, funnel))


def _askable(con: duckdb.DuckDBPyConnection, run: RunRecord, funnel: Funnel) -> Funnel:
    """The funnel; cuts whose SQL plain DuckDB cannot run are only known as the run recorded them."""
    values = f"select * from ({values_query(con, run, funnel)}) limit 0"
    con.execute(f"create or replace temp table no_values as {values}")
    gates = []
    for gate in funnel.gates:
        try:
            if gate.predicate is not None:
                con.execute(f"select {_passes(gate)} from no_values")
            gates.append(gate)
        except (duckdb.BinderException, duckdb.CatalogException, duckdb.ConversionException):
            gates.append(Gate(gate.id, gate.order, gate.stage, gate.sql, gate.line, gate.is_cut, gate.cheap))
    con.execute("drop table no_values")
    return Funnel(tuple(gates), funnel.values)


def _view(con: duckdb.DuckDBPyConnection, run: RunRecord, funnel: Funnel) -> str:
    columns = "".join(f", r.{quote(v.column)} as {quote(name)}" for name, v in _named(con, run, funnel))
    answers = [(g, _answer(g, funnel)) for g in funnel.gates]
    fails = [f"case when not ({says}) then {literal(g.id)} end" for g, says in answers]
    unknown = [f"case when ({says}) is null then {literal(g.id)} end" for g, says in answers]
    return (
        f"create or replace view latest_rows as select {literal(run.run_id)} as run_id, "
        f"{int(run.source_id or 0)}::integer as source_id, r.sample_id, w.verdict, w.cut, w.duplicate_of, "
        f"{_names(fails)} as fails, {_names(unknown)} as unknown{columns} "
        f"from ({values_query(con, run, funnel)}) r "
        f"join verdicts w on w.run_id = {literal(run.run_id)} and w.sample_id = r.sample_id"
    )


def _names(items: list[str]) -> str:
    """SQL for the list of those that are not NULL; an error has left the run, so nothing is asked of it."""
    listed = f"list_sort(list_distinct([{', '.join(items)}]::varchar[]))"
    return f"case when w.verdict = 'error' then []::varchar[] else {listed} end"


def _named(con: duckdb.DuckDBPyConnection, run: RunRecord, funnel: Funnel) -> Iterator[tuple[str, Value]]:
    """The values under their names in the view `stats`."""
    taken = set(_OWN)
    for value in funnel.values:
        row = con.execute(
            "select label from stat_columns join arguments using (argument_id) "
            "where source_id = ? and identity = ? and lineage = ?",
            [run.source_id, value.identity, value.lineage],
        ).fetchone()
        name = str(row[0]) if row else value.label
        name = f"{name}_stat" if name in _OWN else name
        if name.lower() not in taken:
            taken.add(name.lower())
            yield name, value


def _answer(gate: Gate, funnel: Funnel) -> str:
    """SQL for what a gate says of a row `r` of the run: true, false, or NULL where that is not known."""
    if gate.predicate is None:
        return recorded(gate, funnel).replace('"left"', 'r."left"')
    known = " and ".join([quote(f"{c}_known") for c in gate.columns])
    unseen = f"w.verdict = 'duplicate' and {gate.order} > r.\"left\""
    return f"case when {unseen} then null when {known} then {_passes(gate)} end"


def _passes(gate: Gate) -> str:
    assert gate.predicate is not None
    tested = f"coalesce(({to_sql(gate.predicate.transform(_plain))})::boolean, false)"
    return " and ".join([tested, *(f"not {quote(c + '_failed')}" for c in gate.columns)])


def _plain(node: exp.Expr) -> exp.Expr:
    """`any_between` and `all_between` as any DuckDB has them."""
    name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
    if name not in ("any_between", "all_between") or len(node.expressions) != 3:
        return node
    stat, low, high = (to_sql(e.transform(_plain)) for e in node.expressions)
    holds = f"coalesce(item between {low} and {high} and not isnan(item::double), false)"
    items = f"(select unnest({stat}) as item)"
    if name == "any_between":
        sql = f"({stat} is null or len({stat}) = 0 or coalesce((select bool_or({holds}) from {items}), false))"
    else:
        sql = f"({stat} is null or coalesce((select bool_and({holds}) from {items}), true))"
    return sqlglot.parse_one(sql, dialect="duckdb")


def _macro(run: RunRecord, funnel: Funnel) -> str:
    """`kept_if` with the movable cuts of the run, by their names and by what they compare."""
    stats = {c["id"]: [b["stat"] for b in c["bounds"]] for c in run.cuts}
    cuts = [g for g in funnel.gates if g.predicate is not None]
    movable = [
        f"({literal(g.id)}, {literal(name)}, {g.order})"
        for g in cuts
        for name in dict.fromkeys([g.id, *stats.get(g.id, ())])
    ]
    steps = {s["name"]: s for s in run.plan["steps"]}
    relative = [f"({literal(g.id)}, {g.order})" for g in funnel.gates if not g.is_cut and _is_relative(steps[g.id])]
    text = _text("kept_if.sql")
    dedups = [f"({literal(g.id)}, {g.order})" for g in funnel.gates if not g.is_cut and steps[g.id].get("deduplicates")]
    text = text.replace("{{dedups}}", ", ".join(dedups or ["(null::varchar, null::integer)"]))
    text = text.replace("{{relative}}", ", ".join(relative or ["(null::varchar, null::integer)"]))
    return text.replace("{{movable}}", ", ".join(movable or ["(null::varchar, null::varchar, null::integer)"]))


def _text(name: str) -> str:
    return files("juicesql").joinpath("sql", name).read_text("utf-8")


def _is_relative(step: dict[str, object]) -> bool:
    if step["kind"] != "global" or step["deduplicates"]:
        return False
    tree = sqlglot.parse_one(str(step["filter_sql"] or step["sql"]), dialect="duckdb")
    return tree.find(*_RELATIVE) is not None
