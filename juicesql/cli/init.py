"""`juicesql init`: makes a project folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from juicesql.cli import screen


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]) -> None:
    """Make a project folder with a recipe that runs at once."""
    from juicesql.scaffold import RECIPE, make_project

    for path in make_project(folder):
        print(path)
    screen.say("", f"next: cd {folder} && juicesql run {RECIPE}")
