"""`juicesql show`: a sheet of samples to look at, as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from juicesql.cli import screen
from juicesql.cli.newest import mention_failure
from juicesql.cli.options import AsJson, ProjectFolder
from juicesql.cli.out import print_json


def show(
    name: Annotated[
        str, typer.Argument(metavar="RECIPE|RUN", help="A recipe (its newest run), run id, or `latest`.")
    ] = "latest",
    sample: Annotated[
        list[int] | None, typer.Option("--sample", metavar="ID", help="A sample_id; repeat it for more.")
    ] = None,
    first: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="Without --sample: N that stayed, and N that went.")
    ] = 3,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="[default: sheets/RECIPE-IDS.html in the project]")
    ] = None,
    media: Annotated[int, typer.Option(min=0, metavar="N", help="Images, videos and sounds of a sample to show.")] = 12,
    project: ProjectFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write a page that shows samples: text, pictures, stats, what changed them, and why they stayed or went."""
    from juicesql.project import open_project
    from juicesql.sheet import file_name, write
    from juicesql.show import show as gather

    sheet = gather(name, sample or (), project=project, first=first, most_media=media)
    near = Path(name) if Path(name).exists() else None
    path = write(sheet, output or open_project(project, near=near).root / "sheets" / file_name(sheet))
    mention_failure(project, name)
    screen.say(*sheet.notes)
    if as_json:
        print_json({"path": str(path), **sheet.to_dict()})
        return
    print(path)
