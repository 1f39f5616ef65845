"""`juicesql compare`: how the numbers of two runs or two data sets differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from juicesql.cli import screen
from juicesql.cli.analyze import short
from juicesql.cli.columns import visible
from juicesql.cli.diff import draw_changes, draw_sides
from juicesql.cli.newest import mention_failure
from juicesql.cli.options import AsJson, ProjectFolder
from juicesql.cli.out import print_json
from juicesql.cli.text import percent, shorten, table

if TYPE_CHECKING:
    from juicesql.analysis.compare import Comparison, StatChange

_SIDE = "A run id, `latest`, `latest~1`, a recipe (its newest run), or data: a file, folder or glob."


def compare(
    old: Annotated[str, typer.Argument(metavar="RUN|DATA", help=_SIDE)],
    new: Annotated[str, typer.Argument(metavar="RUN|DATA", help="What to compare it with.")],
    everything: Annotated[
        bool, typer.Option("--all", help="All rows that were measured, not only those kept.")
    ] = False,
    recipe: Annotated[
        str,
        typer.Option("--recipe", metavar="RECIPE", help="Of data: the stats of this recipe. [default: all that fit]"),
    ] = "",
    sample: Annotated[int | None, typer.Option(min=1, metavar="N", help="Of data: measure N rows.")] = None,
    project: ProjectFolder = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs or two data sets: means, spread and distance of every stat, rows kept, and what changed."""
    from juicesql.analysis.compare import compare as look

    with screen.progress() as progress:
        found = look(old, new, everything=everything, recipe=recipe, sample=sample, project=project, progress=progress)
    mention_failure(project, old, new)
    if as_json:
        print_json(found.to_dict())
        return
    print("\n".join(draw(found)))


def draw(found: Comparison) -> list[str]:
    """The comparison as text."""
    lines = [*draw_sides(found.old, found.new), *(["", *found.notes] if found.notes else [])]
    lines += draw_changes(found.changes)
    which = "rows that each kept" if found.rows == "kept" else "all rows that each measured"
    lines += ["", f"over the {which}, largest distance first"]
    numbers = [s for s in found.stats if s.kind == "number"]
    if numbers:
        head = ["stat", "count", "new", "mean", "new", "std", "new", "moved", "KS", "at", "null", "new"]
        lines += table(head, [_numbers(s) for s in numbers], " " + "r" * 11)
    for stat in (s for s in found.stats if s.kind == "label"):
        lines += ["", *_labels(stat)]
    for side, names in (("old", found.only_old), ("new", found.only_new)):
        lines += ["", f"measured on the {side} side only: {', '.join(names)}"] if names else []
    return lines


def _numbers(stat: StatChange) -> list[str]:
    a, b = stat.old, stat.new
    cells = [stat.label]
    for name in ("count", "mean", "std"):
        values = [getattr(side.numbers, name) if side.numbers else None for side in (a, b)]
        cells += [f"{v:,}" if isinstance(v, int) else short(v) for v in values]
    moved = "" if stat.moved is None else f"{stat.moved:+.2f}"
    ks = [f"{stat.ks.statistic:.3f}", short(stat.ks.at)] if stat.ks else ["", ""]
    return [*cells, moved, *ks, percent(a.nulls, a.rows), percent(b.nulls, b.rows)]


def _labels(stat: StatChange) -> list[str]:
    variation = "" if stat.variation is None else f"   total variation {stat.variation:.3f}"
    rows = [
        [shorten(visible(s.label), 40), f"{s.old:.1%}", f"{s.new:.1%}", f"{s.new - s.old:+.1%}"] for s in stat.shifts
    ]
    return [stat.label + variation, *("  " + line for line in table(["", "old", "new", ""], rows, " rrr"))]
