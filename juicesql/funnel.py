"""The funnel of a run: a line for each cut and step, with the rows that it took away, in the order of the work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from juicesql.engines.embedded import Execution
from juicesql.plan import Cut, GlobalStep, MapStep, Plan, rounds
from juicesql.stages import mainline


@dataclass(frozen=True)
class FunnelRow:
    """One line. `kind` is `source`, `cut`, `map`, `global`, `group` where rows came together and none was cut, or
    `failed`: rows that raised between two cuts.

    `dropped` is rows_in - rows_out. `dropped_alone`: fail this cut and no other of its step, None where not known.
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


def make_funnel(plan: Plan, execution: Execution, rank: Mapping[str, float]) -> list[FunnelRow]:
    """The funnel along the way from the source to the result, step after step.

    The cuts of a step stand in the order in which they ran, by the `rank` that the run had: a line gets the rows that
    the one before it left, so the rows left never rise inside a step.
    """
    errors = len(execution.source_errors)
    rows = [_line("source", "source", "", execution.rows_in, execution.rows_in - errors)]
    main = mainline(plan)
    for step in plan.steps:
        if step.name not in main or step.name not in execution.step_rows_out:
            continue
        rows_in, rows_out = execution.step_rows_in.get(step.name, 0), execution.step_rows_out[step.name]
        if isinstance(step, GlobalStep):
            text = "duplicates" if step.deduplicates else step.text
            rows.append(_line(step.name, "group" if step.groups else "global", text, rows_in, rows_out))
        else:
            rows += _of_map(step, execution, rank, rows_in, rows_out)
    return rows


def _of_map(
    step: MapStep, execution: Execution, rank: Mapping[str, float], rows_in: int, rows_out: int
) -> Iterator[FunnelRow]:
    left = rows_in
    for cut in [c for part in rounds(step.cuts, rank) for c in part]:
        if (count := execution.cuts.get(cut.id)) is None:
            continue
        if count.rows_in < left:
            yield _line(step.name, "failed", "", left, count.rows_in)
        left = count.rows_in - count.dropped
        alone = count.dropped_alone if count.alone_known else None
        yield FunnelRow(
            step.name, "cut", cut.id, cut.sql, _stat(cut), count.rows_in, left, count.dropped, count.dropped_null, alone
        )
    if step.select or not step.cuts:
        yield _line(step.name, "map", step.select, left, rows_out)
    elif rows_out < left:
        yield _line(step.name, "failed", "", left, rows_out)


def _line(step: str, kind: str, sql: str, rows_in: int, rows_out: int) -> FunnelRow:
    return FunnelRow(step, kind, "", sql, "", rows_in, rows_out, rows_in - rows_out)


def _stat(cut: Cut) -> str:
    return ", ".join(dict.fromkeys(b.stat for b in cut.bounds))
