"""`juicesql run`: cleans the source by a recipe."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from juicesql.cli import screen
from juicesql.cli.options import AsJson, ProjectFolder, RecipeName, Sources, VarPairs, VarsFile, variables
from juicesql.cli.out import print_json
from juicesql.errors import ExportError, GateError


class OnError(StrEnum):
    """What a row that raises does."""

    null = "null"
    stop = "stop"


class Engine(StrEnum):
    """Where a run executes."""

    duckdb = "duckdb"


def run(
    recipe: RecipeName,
    source: Sources = None,
    export: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where the output goes: .jsonl(.zst|.gz), .parquet, .csv, .tsv.")
    ] = None,
    project: ProjectFolder = None,
    var: VarPairs = None,
    vars_file: VarsFile = None,
    engine: Annotated[Engine, typer.Option(help="Where the run executes.")] = Engine.duckdb,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="Threads. [default: all cores]")] = None,
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory to stay within, such as 8GB. [default: 60% of it]")
    ] = None,
    trace: Annotated[
        int, typer.Option(min=0, metavar="N", help="Changed samples to record for each step and column.")
    ] = 10,
    on_error: Annotated[
        OnError | None,
        typer.Option(help="A row that raises gets NULL and is reported, or stops the run. [default: the recipe's]"),
    ] = None,
    max_error_rate: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="R", help="Share of rows that may fail.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure everything again.")] = False,
    gate: Annotated[
        bool, typer.Option("--gate", help="Publish only what meets the expectations beside the recipe.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Publish also over the output of another recipe.")
    ] = False,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Publish also where no row is left.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan as `explain` does; run nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Clean the source by a recipe and publish the output."""
    values = variables(var, vars_file)
    if dry_run:
        from juicesql.cli.explain import show

        show(recipe, source or (), project, values, as_json)
        return
    from juicesql.running import run as execute

    told: list[str] = []
    try:
        with screen.progress() as progress:
            result = execute(
                recipe, source=source or (), export=export, project=project, variables=values, engine=engine.value,
                threads=threads, memory_limit=memory_limit, trace=trace, on_error=on_error.value if on_error else None,
                max_error_rate=max_error_rate, fresh=fresh, gate=gate, overwrite=overwrite,
                allow_empty=allow_empty, progress=progress, tell=screen.teller(told),
            )  # fmt: skip
    except GateError as error:
        screen.show_checks(error.report.checks)
        raise
    screen.show_run(result, told)
    if result.checks:
        screen.show_checks(result.checks)
    told_of = result.to_dict()
    if result.unpublished:
        mend = "loosen the cuts that the funnel shows, or give --allow-empty"
        empty = ExportError.of("empty-result", f"no row is left: {result.unpublished} is as it was", mend)
        screen.show_error(empty)
        told_of["error"] = [asdict(p) for p in empty.problems]
    if as_json:
        print_json(told_of)
    if result.unpublished:
        raise typer.Exit(int(ExportError.exit_code))
