"""The restricted mode, for recipes and projects of others: files are read and written within folders that were allowed,
and no code of a project or a model runs.

Who starts the program says so, by `--restricted` and `--allow DIR`, or by the variables JUICESQL_RESTRICTED=1 and
JUICESQL_ALLOW=DIR:DIR of a service. A project may restrict itself in juicesql.toml; what the starter said, it cannot
loosen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from juicesql.errors import RecipeError

VARIABLE, ALLOWED, TRUST = "JUICESQL_RESTRICTED", "JUICESQL_ALLOW", "JUICESQL_TRUST_REMOTE_CODE"
CODE = ("udfs", "macros", "recipes_sql")  # folders of a project in which no output stands


@dataclass(frozen=True)
class Bounds:
    """The folders within which a recipe reads and writes, links resolved."""

    folders: tuple[Path, ...]

    def check(self, path: str | Path, what: str) -> None:
        """RecipeError for a path that leads elsewhere."""
        found = Path(path).resolve()
        if not any(found.is_relative_to(folder) for folder in self.folders):
            listed = ", ".join(map(str, self.folders))
            message = f"{what} {path} is outside of the folders that are allowed: {listed}"
            raise RecipeError.of("restricted", message, f"give --allow {found.parent}, or put it into the project")

    def check_url(self, url: str) -> None:
        """RecipeError: nothing is fetched."""
        raise RecipeError.of("restricted", f"the source {url} is of another machine", "fetch it, and name the file")


def restrict(allow: Sequence[str | Path] = ()) -> None:
    """Restrict this process and those that it starts."""
    os.environ[VARIABLE] = "1"
    allow_folders(allow)


def allow_folders(folders: Iterable[str | Path]) -> None:
    """Let a restricted process read and write in these folders too."""
    had = [f for f in os.environ.get(ALLOWED, "").split(os.pathsep) if f]
    os.environ[ALLOWED] = os.pathsep.join([*had, *(str(Path(f).resolve()) for f in folders)])


def bounds_of(root: Path, restricted: bool, allow: Sequence[str]) -> Bounds | None:
    """Those of a project that says so of itself, or of a process that was told to; None for neither."""
    told = bool(os.environ.get(VARIABLE))
    if not (told or restricted):
        return None
    given = [Path(f) for f in os.environ.get(ALLOWED, "").split(os.pathsep) if f]
    own = [] if told else [root / f for f in allow]
    return Bounds(tuple(f.resolve() for f in [root, *given, *own]))


def check_parameters(function: str, parameters: Mapping[str, Any], bounds: Bounds | None) -> None:
    """RecipeError where a parameter lets a model bring code, or in restricted mode names a file out of reach."""
    if parameters.get("trust_remote_code") and not os.environ.get(TRUST):
        message = f"`{function}` would run code that comes with the model {parameters}"
        mend = "leave trust_remote_code out; or look at that code, and give --trust-remote-code on the command line"
        raise RecipeError.of("remote-code", message, mend)
    for name, value in parameters.items() if bounds else ():
        if isinstance(value, str) and value and (os.path.isabs(value) or ".." in value or os.path.exists(value)):
            bounds.check(value, f"`{function}`: {name}")  # type: ignore[union-attr]


def check_export(path: Path, root: Path, bounds: Bounds | None) -> None:
    """RecipeError for an output among the code of its project, or out of reach."""
    found = path.resolve()
    for name in CODE:
        if found.is_relative_to((root / name).resolve()):
            message = f"the output {path} would stand among the code of the project, in {name}/"
            raise RecipeError.of("export-is-code", message, "choose another --export")
    if bounds:
        bounds.check(path, "the output")
