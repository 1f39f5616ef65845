"""`juicesql recipes`: lists recipes."""

from __future__ import annotations

from pathlib import Path

from juicesql.cli import screen
from juicesql.cli.options import AsJson, ProjectFolder
from juicesql.cli.out import print_json
from juicesql.cli.text import shorten, table


def recipes(project: ProjectFolder = None, as_json: AsJson = False) -> None:
    """List the recipes of the project and those that are installed."""
    from juicesql.project import open_project

    found = open_project(project)
    listed = [{"name": n, "path": str(p), "description": describe(p)} for n, p in found.recipes()]
    if as_json:
        print_json(listed)
        return
    rows = [[r["name"], shorten(r["description"], 90), _near(Path(r["path"]), found.root)] for r in listed]
    if rows:
        print("\n".join(table(["name", "description", "path"], rows)))
    else:
        screen.say("no recipes here: `juicesql init DIR` makes a project with one")


def describe(path: Path) -> str:
    """What the recipe says of itself: `config(description=...)`, or its first SQL comment."""
    import re

    try:
        template = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return f"cannot be read: {error}"
    # Rendering would need the values of its variables.
    head = re.search(r"\{\{-?\s*config\(.*?\)\s*-?\}\}", template, re.S)
    said = re.search(r"""\bdescription\s*=\s*(["'])(.*?)\1""", head.group() if head else "", re.S)
    if said:
        return " ".join(said.group(2).split())
    comment = re.search(r"(?:^[ \t]*--.*(?:\n|\Z))+", template, re.M)
    lines = [line.strip().removeprefix("--").strip() for line in comment.group().splitlines()] if comment else []
    return " ".join(lines)


def _near(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
