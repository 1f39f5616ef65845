"""`juicesql clean`: forgets old runs."""

from __future__ import annotations

from typing import Annotated

import typer

from juicesql.cli.options import ProjectFolder
from juicesql.cli.text import plural, size_of


def clean(
    project: ProjectFolder = None,
    runs_keep: Annotated[int, typer.Option("--runs-keep", min=0, metavar="N", help="Newest runs to keep.")] = 10,
    everything: Annotated[
        bool, typer.Option("--all", help="Remove the stats database: all runs and all measured values.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove the records of old runs and what killed runs left. Measured values and outputs stay."""
    from juicesql.project import open_project
    from juicesql.runs import forget_everything, forget_runs
    from juicesql.store import Store

    store = Store(open_project(project).root)
    if everything:
        if not yes:
            typer.confirm(f"Remove {store.path} with every measured value?", abort=True, err=True)
        print(f"removed {store.path}: {size_of(forget_everything(store).bytes)} freed")
        return
    done = forget_runs(store, runs_keep)
    left = plural(done.leftovers, "leftover folder")
    print(f"removed {plural(done.runs, 'run')} ({plural(done.rows, 'row')}) and {left}: {size_of(done.bytes)} freed")
