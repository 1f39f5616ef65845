"""The project folder: where the stats database stands, and the user's own functions, macros and recipes."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juicesql.errors import RecipeError, nearest
from juicesql.registry import Registry, recipe_roots

FILE = "juicesql.toml"


@dataclass(frozen=True)
class Project:
    """A folder with a `juicesql.toml` (or any folder, with every setting at its default)."""

    root: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def registry(self) -> Registry:
        return Registry(self.root)

    def recipes(self) -> Iterator[tuple[str, Path]]:
        """Name and path of the project's recipes, then of those that packages ship."""
        roots = [self.root / "recipes_sql", *(r.path for r in recipe_roots())]
        for root in dict.fromkeys(r.resolve() for r in roots):
            for path in sorted(root.rglob("*.sql.j2")) if root.is_dir() else ():
                yield path.relative_to(root).as_posix().removesuffix(".sql.j2"), path

    def find_recipe(self, name: str) -> Path:
        """A recipe by path, or by the name that `juicesql recipes` lists. RecipeError with the nearest name."""
        if Path(name).is_file():
            return Path(name).resolve()
        known = dict(reversed(list(self.recipes())))
        by_name = name.removesuffix(".sql.j2").removeprefix("recipes_sql/")
        if by_name in known:
            return known[by_name].resolve()
        mend = nearest(by_name, known) or "`juicesql recipes` lists the recipes that can be run"
        raise RecipeError.of("no-recipe", f"there is no recipe {name}", mend)


def open_project(folder: Path | None = None, near: Path | None = None) -> Project:
    """The project at `folder`; without one, the nearest folder above `near` or here with a juicesql.toml, else here."""
    if folder is not None:
        return Project(folder.resolve(), _settings(folder / FILE))
    for start in [p for p in (near and near.resolve().parent, Path.cwd()) if p]:
        for place in [start, *start.parents]:
            if (place / FILE).is_file():
                return Project(place, _settings(place / FILE))
    return Project(Path.cwd())


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError.of("bad-settings", str(error), "mend the file", os.fspath(path)) from error
