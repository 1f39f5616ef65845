"""`juicesql explain`: draws the plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from juicesql.cli.options import AsJson, ProjectFolder, RecipeName, Sources, VarPairs, VarsFile, variables
from juicesql.cli.out import print_json
from juicesql.cli.text import plural, shorten, size_of, table

if TYPE_CHECKING:
    from juicesql.explain import CallFacts, CutFacts, Explanation, StepFacts

COLUMNS = 40  # of the source, that are named


def explain(
    recipe: RecipeName,
    source: Sources = None,
    project: ProjectFolder = None,
    var: VarPairs = None,
    vars_file: VarsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a run would do: steps, the order of the cuts with cost and pass rate, and what is measured already."""
    show(recipe, source or (), project, variables(var, vars_file), as_json)


def show(recipe: str, source: Sequence[str], project: Path | None, values: dict[str, Any], as_json: bool) -> None:
    from juicesql.explain import explain as look

    found = look(recipe, source=source, project=project, variables=values)
    if as_json:
        print_json(found.to_dict())
        return
    print("\n".join(draw(found)))


def draw(found: Explanation) -> list[str]:
    """The plan as text, a block for each step."""
    lines = [f"recipe  {found.plan.recipe}", f"source  {_source(found)}"]
    shown = [f"{name} {shorten(type_, 80)}" for name, type_ in found.columns[:COLUMNS]]
    more = len(found.columns) - len(shown)
    lines.append("        columns " + ", ".join(shown) + (f", and {more:,} more (--json has them)" if more else ""))
    lines += [f"export  {found.export or 'none'}"]
    inner = {s.name: s.inputs[0] for s in found.steps if s.name.endswith("__rows")}
    for step in found.steps:
        if step.name not in inner or step.calls or step.cuts:
            lines += ["", *_step(step, inner)]
    if found.rows is not None and any(c.pass_rate is None for s in found.steps for c in s.cuts):
        lines += ["", "No earlier run of this recipe knows the pass rates marked ?: rows after them are at most these."]
    if found.advice:
        lines += ["", *(f"warning: {line}" for line in found.advice)]
    return lines


def _source(found: Explanation) -> str:
    rows = "" if found.rows is None else f", {'' if found.rows_exact else 'about '}{plural(found.rows, 'row')}"
    size = f", {size_of(found.bytes)}" if found.bytes else ""
    return f"{found.source}   ({plural(found.files, 'file')}{size}{rows})"


def _step(step: StepFacts, inner: dict[str, str]) -> list[str]:
    """`inner` are the steps that the plan put in, with what they read."""
    head = f"{step.name.removesuffix('__rows')}  from {', '.join(inner.get(i, i) for i in step.inputs)}"
    if step.name in inner:
        head += ", row by row first"
    kind = "whole relation" + (", drops duplicates" if step.deduplicates else "") if step.kind == "global" else ""
    rows = f"{_rows(step.rows_in)} -> {_rows(step.rows_out)} rows"
    lines = [f"{head}   {rows}" + (f"   {kind}" if kind else "")]
    if step.kind == "global":
        lines.append("  " + shorten(step.sql, 110))
    if step.calls:
        lines += ["  " + line for line in _calls(step.calls)]
    if step.cuts:
        lines += ["  " + line for line in _cuts(step.cuts)]
    projected = _projection(step)
    if projected:
        lines.append("  " + projected)
    return lines


def _calls(calls: tuple[CallFacts, ...]) -> list[str]:
    head = ["measure", "class", "cost a row", "stored"]
    rows = [
        [shorten(c.sql, 60), c.runs_on, _seconds(c.seconds_per_row), f"{c.stored:,}" if _kept(c) else "not kept"]
        for c in calls
    ]
    return table(head, rows, "  rr")


def _kept(call: CallFacts) -> bool:
    return call.kind == "stat" or call.runs_on in ("process", "device")


def _cuts(cuts: tuple[CutFacts, ...]) -> list[str]:
    head = ["cut, in the order of work", "line", "class", "cost a row", "passes", "rows left"]
    rows = [
        [
            f"{i}. {shorten(c.sql, 60)}", str(c.line or ""), c.work, _seconds(c.seconds_per_row),
            "?" if c.pass_rate is None else f"{100 * c.pass_rate:.1f}%", _rows(c.rows_out),
        ]
        for i, c in enumerate(cuts, 1)
    ]  # fmt: skip
    return table(head, rows, " r rrr")


def _projection(step: StepFacts) -> str:
    from juicesql.cli.screen import describe_projection

    return describe_projection(step.sql) if step.kind == "map" else ""


def _rows(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


def _seconds(value: float | None) -> str:
    """
    >>> _seconds(2.5e-6), _seconds(None), _seconds(0.25)
    ('2.5 µs', '?', '250 ms')
    """
    if value is None:
        return "?"
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"
