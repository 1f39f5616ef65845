"""`juicesql refine`: moves the cuts of a recipe to where the bulk of the data ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from juicesql.cli import screen
from juicesql.cli.options import AsJson, ProjectFolder, RecipeName, Sources, VarPairs, VarsFile, variables
from juicesql.cli.out import print_json

from ..errors import SandboxError

if TYPE_CHECKING:
    from juicesql.running import Prepared

    from .refine import Rule, Sides

_SIDES: tuple[Sides, ...] = ("both", "low", "high")
Kind = Literal["sigma", "robust", "percentile"]


def refine(
    recipe: RecipeName,
    k: Annotated[float, typer.Option("--k", metavar="K", help="Spreads between the centre and a bound.")] = 3.0,
    method: Annotated[Kind, typer.Option(help="Mean and deviation, median and MAD, or two percentiles.")] = "sigma",
    stat_k: Annotated[
        list[str] | None, typer.Option("--stat-k", metavar="STAT=K", help="Another k for one stat.")
    ] = None,
    side: Annotated[
        list[str] | None,
        typer.Option("--side", metavar="[STAT=]SIDE", help="Bounds to move: both, low or high. [default: both]"),
    ] = None,
    low: Annotated[float, typer.Option(metavar="P", help="Percentile of lower bounds.")] = 1.0,
    high: Annotated[float, typer.Option(metavar="P", help="Percentile of upper bounds.")] = 99.0,
    leave: Annotated[
        list[str] | None, typer.Option("--leave", metavar="STAT", help="A stat whose bounds stay.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write the new recipe, *.sql.j2; the old one's path replaces it."),
    ] = None,
    source: Sources = None,
    project: ProjectFolder = None,
    var: VarPairs = None,
    vars_file: VarsFile = None,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="Threads. [default: all cores]")] = None,
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory to stay within, such as 8GB. [default: 60% of it]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Move the cuts of a recipe by the distribution of their stats, and show what it would keep."""
    from juicesql.analysis.analyze import analyze

    from . import hook
    from .refine import refine as refined

    rule = _rule(method, k, stat_k or [], side or [], low, high, leave or [])
    if write and (problem := hook.path_problem(str(write))):
        raise SandboxError(problem)
    read: list[Prepared] = []
    with screen.progress() as progress:
        analysis = analyze(
            recipe, source=source or (), project=project, variables=variables(var, vars_file), threads=threads,
            memory_limit=memory_limit, progress=progress, then=lambda _, prepared: read.append(prepared),
        )  # fmt: skip
    found = refined(read[0], hook.run_of(read[0], analysis), rule)
    if write:
        hook.write_recipe(write.absolute(), found.text)
    if as_json:
        written = {"written": str(write.absolute()) if write else None}
        print_json({**found.to_dict(), **written})
    else:
        print("\n".join(hook.draw(found)))
    screen.say(*([f"wrote {write}"] if write else []))


def _rule(
    method: Kind, k: float, stat_k: list[str], side: list[str], low: float, high: float, leave: list[str]
) -> Rule:
    from .refine import Rule

    own_k, sides, own_sides = {}, _SIDES[0], {}
    for pair in stat_k:
        name, _, value = pair.rpartition("=")
        try:
            own_k[name] = float(value)
        except ValueError:
            name = ""
        if not name:
            raise typer.BadParameter(f"{pair!r} is not STAT=K", param_hint="--stat-k")
    for given in side:
        name, _, value = given.rpartition("=")
        found = next((s for s in _SIDES if s == value), None)
        if found is None:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(_SIDES)}", param_hint="--side")
        if name:
            own_sides[name] = found
        else:
            sides = found
    rule = Rule(method, k, own_k, sides, own_sides, low, high, tuple(leave))
    if problems := rule.problems():
        raise SandboxError(problems)
    return rule
