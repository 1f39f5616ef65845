"""`juicesql diff`: compares two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from juicesql.cli.newest import mention_failure
from juicesql.cli.options import AsJson, ProjectFolder
from juicesql.cli.out import print_json
from juicesql.cli.text import shorten, table, value_text

if TYPE_CHECKING:
    from juicesql.diff import Changes, CutChange, Difference, MovedSample, Reason, RunSide, StepChange

_RUN = "A run id, `latest`, `latest~1` (the one before), or a recipe (its newest run)."


def diff(
    old: Annotated[str, typer.Argument(metavar="RUN", help=_RUN)],
    new: Annotated[str, typer.Argument(metavar="RUN", help="The run to compare it with.")],
    project: ProjectFolder = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Samples to list for each reason.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Compare two runs: what moved in the recipe, and which samples were gained and lost, and why."""
    from juicesql.diff import compare

    found = compare(old, new, project=project, limit=limit)
    mention_failure(project, old, new)
    if as_json:
        print_json(found.to_dict())
        return
    print("\n".join(draw(found)))


def draw(found: Difference) -> list[str]:
    """The difference as text."""
    a, b = found.old, found.new
    lines = draw_sides(a, b)
    if not found.same_source:
        lines += ["", f"The source differs ({a.source} -> {b.source}): equal sample_ids may be different samples."]
    lines += draw_changes(found)
    for title, reasons in (("gained", found.gained), ("lost", found.lost)):
        lines += ["", f"{title} {sum(r.count for r in reasons):,}"]
        lines += [line for r in reasons for line in _reason(r, title)]
    return lines


def draw_sides(*sides: RunSide) -> list[str]:
    """A line for each run."""
    rows = [[r.run_id, r.recipe, r.started, f"{r.rows_in:,}", f"{r.kept:,}", f"{r.rows_out:,}"] for r in sides]
    return table(["run", "recipe", "started (UTC)", "rows in", "kept", "rows out"], rows, "   rrr")


def draw_changes(found: Difference | Changes) -> list[str]:
    """What was changed in the recipe."""
    lines = _block("variables", [[v.name, f"{_value(v.old)} -> {_value(v.new)}"] for v in found.variables])
    lines += _block("cuts", [_cut(c) for c in found.cuts])
    lines += _block("steps", [_step(s) for s in found.steps])
    return lines + _block("functions whose code changed", [[name] for name in found.functions])


def _block(title: str, rows: list[list[str]]) -> list[str]:
    return ["", title, *("  " + line for line in table([""] * len(rows[0]), rows))] if rows else []


def _value(value: object) -> str:
    return "its default" if value is None else repr(value)


def _step(step: StepChange) -> list[str]:
    arrow = f"-> {shorten(step.new, 60)}" if step.old and step.new else ""
    return [step.kind, step.step, shorten(step.old or step.new, 60), arrow]


def _cut(cut: CutChange) -> list[str]:
    text = f"{cut.old} -> {cut.new}" if cut.kind == "moved" else cut.new or cut.old
    lines = [str(n) for n in dict.fromkeys((cut.old_line, cut.new_line)) if n]
    return [cut.kind, cut.step, text, f"line {' -> '.join(lines)}" if lines else ""]


def _reason(reason: Reason, title: str) -> list[str]:
    verb = {"dropped": "dropped by", "duplicate": "duplicate in", "error": "error"}.get(reason.verdict, reason.verdict)
    line = f" (line {reason.line})" if reason.line else ""
    when = " before" if title == "gained" else " now"
    what = f": {shorten(reason.sql, 80)}{line}" if reason.sql else ""
    head = f"  {reason.count:,}  {verb} {reason.by}".rstrip() + when + what
    rows = [[f"sample {s.sample_id}", _why(s, reason.verdict), _where(s)] for s in reason.samples]
    more = [f"      and {reason.count - len(rows):,} more"] if rows and reason.count > len(rows) else []
    return [head, *("      " + text for text in table(["", "", ""], rows)), *more]


def _why(sample: MovedSample, verdict: str) -> str:
    if sample.duplicate_of is not None:
        return f"of sample {sample.duplicate_of}"
    if verdict == "duplicate":
        return f"of {sample.value}"  # a row of an earlier run
    return "" if sample.value is None else f"value {value_text(sample.value)}"


def _where(sample: MovedSample) -> str:
    return f"{sample.file} row {sample.row}" if sample.file is not None else ""
