"""What `dj_configs` may say: the path or listed name of a recipe, or a mapping with it and the options of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juicesql.errors import JuiceError, Problem
from juicesql.project import open_project
from juicesql.recipe import Recipe, load_recipe
from juicesql.running import Prepared, prepare

from . import settings
from .base import Ahead, Job
from .errors import SandboxError

INLINE = "inline.sql.j2"


@dataclass(frozen=True)
class RecipeSettings:
    """dj_configs as a mapping. `recipe` is a path or name, or `sql` the recipe itself."""

    recipe: str = ""
    sql: str = ""
    source: str | tuple[str, ...] = ()
    export: str = ""
    vars: Mapping[str, Any] = field(default_factory=dict)
    threads: int | None = None
    memory_limit: str | None = None
    fresh: bool = False
    gate: bool = False
    on_error: str | None = None
    max_error_rate: float | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if isinstance(self.source, str) else tuple(self.source)

    def file(self, folder: Path) -> str:
        """The path or name of the recipe; one that stands in the configuration is written into the folder."""
        if self.recipe:
            return self.recipe
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / INLINE
        path.write_text(self.sql, "utf-8")
        return str(path)

    def loaded(self, folder: Path, project: Path | None) -> Recipe:
        """The recipe, rendered: its source is not opened, its functions are not looked up."""
        found = open_project(project)
        return load_recipe(found.find_recipe(self.file(folder)), found.registry(), self.vars)

    def prepared(self, folder: Path, project: Path | None) -> Prepared:
        """The recipe, planned. Raises a RecipeError or SourceError that says where it is wrong."""
        return prepare(
            self.file(folder), source=self.sources, project=project, variables=self.vars, on_error=self.on_error,
            max_error_rate=self.max_error_rate, export=str(Path(self.export).resolve()) if self.export else None,
        )  # fmt: skip


def recipe_settings(job: Job) -> RecipeSettings:
    """dj_configs of a job. SandboxError when it is neither a recipe nor options with one."""
    given = job.recipe
    if isinstance(given, str):
        found = RecipeSettings(recipe=given)
    elif isinstance(given, Mapping):
        found = settings.read(RecipeSettings, given, "dj_configs")
    else:
        raise SandboxError.of("missing-recipe", "dj_configs is empty", "give the path or name of a recipe")
    if bool(found.recipe) == bool(found.sql):
        raise SandboxError.of("missing-recipe", "dj_configs names no recipe", "give either `recipe` or `sql`")
    if found.recipe.endswith((".yaml", ".yml", ".json")):
        mend = "write it as a recipe, *.sql.j2: docs/from-data-juicer.md has every operator"
        raise SandboxError.of("not-a-recipe", f"{found.recipe} is a list of operators", mend)
    return found


def recipe_facts(job: Job, project: Path) -> str:
    """What decides what a recipe gives: its SQL and options, the code of its functions, the content of its source."""
    with tempfile.TemporaryDirectory() as folder:
        found = recipe_settings(job).prepared(Path(folder), project)
    return "\n".join([found.recipe.plain_sql, repr(found.config), found.plan.fingerprint, found.source.fingerprint])


def recipe_problems(job: Job, ahead: Ahead) -> Iterator[Problem]:
    """What is wrong with the recipe of a job; one that an earlier job will write is taken on trust."""
    try:
        found = recipe_settings(job)
        if found.recipe and Path(found.recipe).absolute() in ahead.files:
            return
        with tempfile.TemporaryDirectory() as folder:
            if _awaits(found, Path(folder), ahead):
                return
            prepared = found.prepared(Path(folder), ahead.project)
        if prepared.config.export:
            ahead.exports[Path(found.recipe).absolute()] = (prepared.base / prepared.config.export).absolute()
    except JuiceError as error:
        for p in error.problems:
            place = f" ({p.file}{f':{p.line}' if p.line else ''})" if p.file else ""
            yield job.problem(p.code, p.message + place, p.mend)


def _awaits(asked: RecipeSettings, folder: Path, ahead: Ahead) -> bool:
    """Whether a recipe reads what an earlier job will write; it is rendered then, and planned when it runs."""
    sources = asked.sources or asked.loaded(folder, ahead.project).config.sources
    return any(Path(s).absolute() in ahead.files for s in sources)
