"""`juicesql dups`: the duplicates of a run, and two of them side by side."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from juicesql.cli import screen
from juicesql.cli.columns import BRACKETS, COLOURS, Marks, side_by_side, visible
from juicesql.cli.newest import mention_failure
from juicesql.cli.options import AsJson, ProjectFolder
from juicesql.cli.out import print_json
from juicesql.cli.text import plural, table

if TYPE_CHECKING:
    from juicesql.dups import Cluster, Duplicates, Pair
    from juicesql.trace import Place


def dups(
    name: Annotated[str, typer.Argument(metavar="RECIPE|RUN", help="A recipe (its newest run), run id, or `latest`.")],
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="ID", help="Compare this sample with what it duplicates.")
    ] = None,
    project: ProjectFolder = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Clusters, or pairs, to show.")] = 10,
    column: Annotated[
        str, typer.Option(metavar="NAME", help="The column of the source to show. [default: text, or the first one]")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List the largest clusters of duplicates of a run, or compare a sample with those it was taken for."""
    from juicesql.dups import duplicates

    found = duplicates(name, sample, project=project, limit=limit, column=column)
    mention_failure(project, name)
    if as_json:
        print_json(found.to_dict())
        return
    print("\n".join(draw(found, *_screen())))


def _screen() -> tuple[int, Marks]:
    """Characters in a line, and how changed words are marked."""
    if not sys.stdout.isatty():
        return screen.PLAIN_WIDTH, BRACKETS
    return screen.width(), BRACKETS if os.environ.get("NO_COLOR") else COLOURS


def draw(found: Duplicates, width: int, marks: Marks) -> list[str]:
    """The clusters as a table, or the pairs one below the other."""
    run = f"run {found.run_id} of {found.recipe_path}"
    if found.sample_id is None:
        here = found.duplicates - found.of_earlier_runs
        lines = [f"{plural(here, 'duplicate')} in {plural(found.found, 'cluster')} of {run}"]
        if found.of_earlier_runs:
            others = plural(found.of_earlier_runs, "duplicate")
            lines.append(f"and {others} of rows that earlier runs kept: `value` in the table `verdicts` names them")
        lines += ["", *_clusters(found.clusters, width)] if found.clusters else []
    else:
        lines = [f"sample {found.sample_id} in {run}"]
        if found.earlier:
            lines.append(f"It is a duplicate of {found.earlier}.")
        elif not found.pairs:
            lines.append("It is no duplicate, and no other sample is one of it.")
        for pair in found.pairs:
            lines += ["", *_pair(pair, width, marks)]
    shown = len(found.clusters) + len(found.pairs)
    more = [f"and {found.found - shown:,} more: --limit N"] if found.found > shown else []
    return [*lines, *([""] if more or found.note else []), *more, *([found.note] if found.note else [])]


def _clusters(clusters: tuple[Cluster, ...], width: int) -> list[str]:
    rows = [
        [c.step, f"{c.size:,}", str(c.representative), _similarity(c.least_similarity), _similarity(c.mean_similarity),
         visible(" ".join((c.text or "").split()))]
        for c in clusters
    ]  # fmt: skip
    return table(["step", "size", "kept", "least", "mean", "text of the one kept"], rows, " rrrrw", width)


def _pair(pair: Pair, width: int, marks: Marks) -> list[str]:
    kept, other = pair.kept, pair.duplicate
    lines = [f"{pair.step}: similarity {_similarity(pair.similarity) or 'not known'}"]
    lines += table([""] * 3, [["kept", *_place(kept)], ["duplicate", *_place(other)]])
    if pair.stretches is None:
        return lines
    changed = [s for s in pair.stretches if not s.same]
    if not changed:
        return [*lines, "no word differs"]
    gone, come = sum(len(s.left) for s in changed), sum(len(s.right) for s in changed)
    lines[0] += f", {plural(gone, 'word')} of the one kept against {plural(come, 'word')} of the duplicate"
    heads = (f"kept {kept.sample_id}", f"duplicate {other.sample_id}")
    return [*lines, "", *side_by_side(heads, pair.stretches, width, marks)]


def _similarity(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _place(place: Place) -> list[str]:
    where = f"{place.file}, row {place.row}" if place.file is not None else "an unknown place"
    return [f"sample {place.sample_id}", where]
