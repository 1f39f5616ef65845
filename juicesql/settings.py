"""What juicesql.toml may say: settings of the project, and options of `config` where its recipes give none."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from juicesql.errors import Problem, RecipeError, nearest
from juicesql.options import Allowed, at_least, is_name, is_size_or_none, read_options
from juicesql.recipe import Config

FILE = "juicesql.toml"
OF_ONE_RECIPE = frozenset({"source", "export", "format", "columns", "description"})
_KEY = re.compile(r"""^\s*\[*\s*["']?([\w-]+)["']?\s*[=\].]""", re.M)
_LINE = re.compile(r" ?\(at line (\d+), column \d+\)")


@dataclass(frozen=True)
class ProjectSettings:
    """Settings of a project. Paths are relative to its folder."""

    threads: Annotated[int, Allowed("a whole number, 1 or more", at_least(1))] = 0  # 0: all cores
    memory_limit: Annotated[str | int, Allowed('a size such as "8GB"', is_size_or_none)] = (
        ""  # empty: 60 % of the memory
    )
    restricted: bool = False
    allow: Annotated[tuple[str, ...], Allowed("folders in quotes", is_name)] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)  # options of `config`


def read_settings(path: Path) -> ProjectSettings:
    """The settings of a file; all defaults when there is none. RecipeError with everything that is wrong in it."""
    if not path.is_file():
        return ProjectSettings()
    try:
        text = path.read_text("utf-8")
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = _LINE.search(str(error))
        where = int(line[1]) if line else None
        raise RecipeError.of("bad-settings", _LINE.sub("", str(error)), "mend the file", str(path), where) from error
    return _settings(given, text, str(path))


def _settings(given: Mapping[str, Any], text: str, file: str) -> ProjectSettings:
    lines = {m[1]: text.count("\n", 0, m.start(1)) + 1 for m in reversed(list(_KEY.finditer(text)))}
    options = [f.name for f in dataclasses.fields(Config) if f.name not in OF_ONE_RECIPE]
    own = [f.name for f in dataclasses.fields(ProjectSettings) if f.name != "defaults"]
    problems = []
    for name in given:
        if name in OF_ONE_RECIPE:
            message = f"{FILE} has `{name}`, which is of one recipe"
            problems.append(Problem("unknown-option", message, "write it into config(...)", file, lines.get(name)))
        elif name not in {*own, *options}:
            mend = nearest(name, [*own, *options]) or "it may have " + ", ".join([*own, *options])
            message = f"{FILE} has no setting `{name}`"
            problems.append(Problem("unknown-option", message, mend, file, lines.get(name)))
    found: list[dict[str, Any]] = []
    for group, names in ((ProjectSettings, own), (Config, options)):
        try:
            found.append(read_options(group, {n: v for n, v in given.items() if n in names}, FILE, file, lines))
        except RecipeError as error:
            problems += error.problems
    if problems:
        raise RecipeError(sorted(problems, key=lambda p: p.line or 0))
    return ProjectSettings(**found[0], defaults=found[1])
