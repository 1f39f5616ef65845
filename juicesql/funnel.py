"""The funnel of a run: a line for each cut and step, with the rows that it took away."""

from __future__ import annotations

from dataclasses import dataclass

from juicesql.engines.embedded import Execution
from juicesql.plan import GlobalStep, Plan
from juicesql.stages import mainline


@dataclass(frozen=True)
class FunnelRow:
    """One line. `kind` is `source`, `cut`, `map`, `global`, or `group` where rows came together and none was cut.

    `dropped` is rows_in - rows_out. `dropped_alone`: failed this cut only, None where not measured.
    """

    step: str
    kind: str
    cut: str
    sql: str
    stat: str
    rows_in: int
    rows_out: int
    dropped: int
    dropped_null: int = 0
    dropped_alone: int | None = None


def make_funnel(plan: Plan, execution: Execution) -> list[FunnelRow]:
    """The funnel along the way from the source to the result, in the order of the recipe."""
    errors = len(execution.source_errors)
    rows = [FunnelRow("source", "source", "", "", "", execution.rows_in, execution.rows_in - errors, errors)]
    main = mainline(plan)
    for step in plan.steps:
        if step.name not in main or step.name not in execution.step_rows_out:
            continue
        rows_in, rows_out = execution.step_rows_in.get(step.name, 0), execution.step_rows_out[step.name]
        if isinstance(step, GlobalStep):
            text = "duplicates" if step.deduplicates else step.text
            kind = "group" if step.groups else "global"
            rows.append(FunnelRow(step.name, kind, "", text, "", rows_in, rows_out, rows_in - rows_out))
            continue
        dropped = 0
        for cut in step.cuts:
            count = execution.cuts.get(cut.id)
            if count is None:
                continue
            alone = count.dropped_alone if count.alone_known else None
            stat = ", ".join(dict.fromkeys(b.stat for b in cut.bounds))
            out = count.rows_in - count.dropped
            rows.append(
                FunnelRow(
                    cut.step, "cut", cut.id, cut.sql, stat, count.rows_in, out, count.dropped, count.dropped_null, alone
                )
            )
            dropped += count.dropped
        if step.select or not step.cuts:
            rows.append(
                FunnelRow(
                    step.name, "map", "", step.select, "", rows_in - dropped, rows_out, rows_in - dropped - rows_out
                )
            )
    return rows
