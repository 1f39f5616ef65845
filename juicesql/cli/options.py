"""Arguments and options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A recipe file, or a name that `juicesql recipes` lists.")
]
ProjectFolder = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="The project folder. [default: the nearest one with a juicesql.toml, else here]",
    ),
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source", metavar="PATH", help="What to read instead of the recipe's source: a file, folder, glob or URL."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
VarPairs = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="A variable of the recipe; goes before --vars."),
]
VarsFile = Annotated[Path | None, typer.Option("--vars", metavar="FILE", help="Variables from a .json or .toml file.")]

_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_FLOAT = re.compile(r"-?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?")


def variables(pairs: list[str] | None, file: Path | None) -> dict[str, Any]:
    """The variables of `--vars` and `--var` together."""
    found = _from_file(file) if file else {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise typer.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--var")
        found[name] = parse_value(value)
    return found


def parse_value(text: str) -> Any:
    """Numbers and true/false are read as such, anything else is text.

    >>> [parse_value(t) for t in ("3", "-0.5", "1e-3", "true", "007", "en")]
    [3, -0.5, 0.001, True, '007', 'en']
    """
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


def _from_file(file: Path) -> dict[str, Any]:
    import json
    import tomllib

    readers = {".json": json.loads, ".toml": tomllib.loads}
    if file.suffix not in readers:
        raise typer.BadParameter(f"{file} is neither .json nor .toml", param_hint="--vars")
    try:
        found = readers[file.suffix](file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"cannot read {file}: {error}", param_hint="--vars") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{file} holds no names with values", param_hint="--vars")
    return found
