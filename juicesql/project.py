"""The project folder: where the stats database stands, and the user's own functions, macros and recipes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from juicesql.errors import RecipeError, nearest
from juicesql.options import read_options, size_of
from juicesql.recipe import Config, Recipe
from juicesql.registry import Registry, recipe_roots
from juicesql.restricted import Bounds, bounds_of
from juicesql.settings import FILE, ProjectSettings, read_settings
from juicesql.sources.model import SourceSpec

LEAST_MEMORY = 256  # megabytes


@dataclass(frozen=True)
class Project:
    """A folder with a `juicesql.toml` (or any folder, with every setting at its default)."""

    root: Path
    settings: ProjectSettings = field(default_factory=ProjectSettings)

    @property
    def base(self) -> Path:
        """Where the relative paths of recipes begin: at the juicesql.toml, else here."""
        return self.root if (self.root / FILE).is_file() else Path.cwd()

    @property
    def bounds(self) -> Bounds | None:
        """Within which folders its recipes read and write; None: anywhere."""
        return bounds_of(self.root, self.settings.restricted, self.settings.allow)

    def within(self, spec: SourceSpec) -> SourceSpec:
        """A source that is read within those folders."""
        return replace(spec, within=self.bounds)

    def config(self, recipe: Recipe, options: Mapping[str, Any] | None = None) -> Config:
        """The options of a run: `options` that are not None go before those of the recipe, and these before the
        project's. RecipeError for an option that is none."""
        given = {name: value for name, value in (options or {}).items() if value is not None}
        defaults = {n: v for n, v in self.settings.defaults.items() if n not in recipe.given}
        return replace(recipe.config, **{**defaults, **read_options(Config, given, "the run")})

    def limits(self, threads: int | None, memory_limit: str | None) -> tuple[int, int]:
        """Threads, and megabytes of memory, of a run: those given, else those of the project, else of the machine."""
        asked = {n: v for n, v in (("threads", threads), ("memory_limit", memory_limit)) if v is not None}
        found = replace(self.settings, **read_options(ProjectSettings, asked, "the run"))
        if found.memory_limit:
            megabytes = max(size_of(found.memory_limit) >> 20, LEAST_MEMORY)
        else:
            megabytes = int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 0.6) >> 20
        return found.threads or os.cpu_count() or 1, megabytes

    def registry(self) -> Registry:
        """Every function; those of its own folders only where code of projects runs."""
        bounds = self.bounds
        return Registry(None if bounds else self.root, bounds)

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
        return Project(folder.resolve(), read_settings(folder / FILE))
    for start in [p for p in (near and near.resolve().parent, Path.cwd()) if p]:
        for place in [start, *start.parents]:
            if (place / FILE).is_file():
                return Project(place, read_settings(place / FILE))
    return Project(Path.cwd())
