"""The harness for case files, shipped so that plugins test their functions the same way.

stat: alnum_ratio                       # or mapper:
all_letters: {in: ["abc"], out: 1.0}    # `in` has one value per column
other:       {in: ["abc"], with: {rep_len: 2}, out: 0.0}
missing:     {in: [null], out: null}
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from juicesql.api import Function
from juicesql.sqltext import literal, quote


@dataclass(frozen=True)
class Case:
    function: str
    name: str
    columns: list[Any]
    out: Any
    parameters: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.function}-{self.name}"


def load_cases(path: Path) -> Iterator[Case]:
    """The cases of one YAML file."""
    import yaml

    content = yaml.safe_load(path.read_text("utf-8"))
    function = content.pop("stat", None) or content.pop("mapper")
    for name, case in content.items():
        yield Case(function, name, case["in"], case["out"], case.get("with", {}))


def run_case(con: Any, case: Case, types: list[str]) -> Any:
    """What DuckDB answers for the case, called as a recipe calls it. `types` are the SQL types of the columns."""
    values = [f"cast($c{i} as {t})" for i, t in enumerate(types)]
    named = [f"{quote(k)} := {literal(v)}" for k, v in case.parameters.items()]
    bound = {f"c{i}": v for i, v in enumerate(case.columns)}
    return con.execute(f"select {quote(case.function)}({', '.join(values + named)})", bound).fetchone()[0]


def missing_packages(function: Function, distribution: str = "juicesql") -> list[str]:
    """The packages of the function's optional dependency group (`extra`) that are not installed."""
    wanted = []
    for line in requires(distribution) or ():
        name = re.match(r"[\w.-]+", line)
        if name and re.search(rf"extra\s*==\s*['\"]{re.escape(function.extra)}['\"]", line):
            wanted.append(name.group())
    return [name for name in wanted if not _installed(name)] if function.extra else []


def _installed(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def same(got: Any, expected: Any) -> bool:
    """Equal, with 1e-9 of room for floats, inside lists and structs too."""
    if isinstance(expected, float) and isinstance(got, (int, float)):
        return math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(expected, list) and isinstance(got, list):
        return len(got) == len(expected) and all(map(same, got, expected))
    if isinstance(expected, dict) and isinstance(got, dict):
        return got.keys() == expected.keys() and all(same(got[k], v) for k, v in expected.items())
    return bool(got == expected)
