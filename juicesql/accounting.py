"""Law L1: rows in = kept + dropped + duplicates + errors. Gives every sample its verdict and checks the sum."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from juicesql.engines.embedded import Execution
from juicesql.errors import AccountingError
from juicesql.plan import GlobalStep, MapStep, Plan
from juicesql.sqltext import matching
from juicesql.stages import mainline, stages_of
from juicesql.store import insert

_VERDICTS = """
create or replace temp table verdict as
with kept as (select distinct sample_id from kept_ids),
failed as (select sample_id, bool_or(fatal) as fatal, any_value(message) as message from failure group by sample_id),
lost as (
    select sample_id, arg_max(cut, place) as cut, arg_max(value, place) as value,
           arg_max(duplicate_of, place) as duplicate_of, arg_max(similarity, place) as similarity
    from drop_row join step_place using (cut) group by sample_id
)
select sample_id, 'kept' as verdict, null as cut, null as value, null::bigint as duplicate_of,
       null::double as similarity
from kept
union all
select sample_id, 'error', null, message, null, null from failed anti join kept using (sample_id)
where fatal or sample_id in (select sample_id from lost where value is null and duplicate_of is null)
union all
select sample_id, case when coalesce(duplicate_of, similarity) is null then 'dropped' else 'duplicate' end, cut, value,
       duplicate_of, similarity
from lost anti join kept using (sample_id)
where sample_id not in (select sample_id from failed where fatal)
  and not (value is null and duplicate_of is null and sample_id in (select sample_id from failed))
"""


@dataclass(frozen=True)
class Totals:
    rows_in: int
    kept: int
    dropped: int
    duplicates: int
    errors: int


def decide(con: duckdb.DuckDBPyConnection, plan: Plan, execution: Execution, scratch: Path) -> Totals:
    """Make the temp table `verdict`, one row a sample, from what the run left in `scratch`.

    Raises AccountingError when a row is lost or counted twice.
    """
    main = mainline(plan)
    con.execute("create or replace temp table step_place (cut varchar, place integer)")
    places = {step.name: i for i, step in enumerate(plan.steps) if step.name in main and step.traced}
    cuts = [(c.id, places[s.name]) for s in plan.steps if isinstance(s, MapStep) and s.name in places for c in s.cuts]
    insert(con, "step_place", [*places.items(), *cuts])
    con.execute("create or replace temp table kept_ids as from read_parquet(?)", [str(scratch / "kept.parquet")])
    con.execute(
        "create or replace temp table drop_row "
        "(sample_id bigint, cut varchar, value varchar, duplicate_of bigint, similarity double)"
    )
    for folder, extra in (("drops", "value, null, null"), ("lost", "value, duplicate_of, similarity")):
        if any((scratch / folder).glob("*.parquet")):
            paths = matching(scratch / folder, "*.parquet")
            con.execute(f"insert into drop_row select sample_id, cut, {extra} from read_parquet(?)", [paths])
    con.execute("create or replace temp table failure (sample_id bigint, message varchar, fatal boolean)")
    failures = [[f.sample_id, f"{f.function}: {f.message}", f.fatal] for f in execution.failures]
    failures += [[e.sample_id, e.message, True] for e in execution.source_errors]
    insert(con, "failure", failures)
    con.execute(_VERDICTS)
    counted = dict(con.execute("select verdict, count(*) from verdict group by verdict").fetchall())
    totals = Totals(execution.rows_in, *(counted.get(v, 0) for v in ("kept", "dropped", "duplicate", "error")))
    check(plan, execution, totals)
    return totals


def check(plan: Plan, execution: Execution, totals: Totals) -> None:
    """The sums of the run and of each step. A difference is a defect and stops the run before it publishes."""
    parts = totals.kept + totals.dropped + totals.duplicates + totals.errors
    if parts != totals.rows_in:
        message = f"{totals.rows_in:,} rows came in, but {parts:,} are accounted for: {totals}"
        raise AccountingError.of(
            "accounting", message, "this is a defect of juicesql: please report it with the recipe"
        )
    fatal = sum(f.fatal for f in [*execution.failures, *execution.group_failures])
    for stage in stages_of(plan):
        for step in () if isinstance(stage, GlobalStep) else stage.steps:
            rows_in, rows_out = execution.step_rows_in.get(step.name, 0), execution.step_rows_out.get(step.name, 0)
            dropped = sum(execution.cuts[c.id].dropped for c in step.cuts if c.id in execution.cuts)
            if not step.expands and not 0 <= rows_in - dropped - rows_out <= fatal:
                message = f"step `{step.name}`: {rows_in:,} rows in, {dropped:,} dropped, {rows_out:,} out"
                raise AccountingError.of("accounting", message, "this is a defect of juicesql: please report it")
