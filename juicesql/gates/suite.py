"""Reads an expectation suite, `name.expectations.yml`, and reports every mistake in it at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.errors import Problem, SuiteError, nearest
from juicesql.gates.grammar import parse
from juicesql.gates.model import OUTPUT, SOURCE, Expectation, Suite
from juicesql.gates.words import GrammarError

SUFFIX = ".expectations.yml"
LARGEST = 1 << 20
_COLUMNS = ("column", "column_A", "column_B")
_PATTERNS = ("regex", "regex_list")
_REFUSED = {  # what would run code or SQL of the suite, or what only GX itself can set
    "row_condition": "cut the rows in a step of the recipe, and name that step",
    "condition_parser": "cut the rows in a step of the recipe, and name that step",
    **dict.fromkeys(
        ("batch_id", "catch_exceptions", "id", "rendered_content", "result_format", "windows"), "leave it out"
    ),
}


def suite_path(recipe: Path) -> Path:
    """Where the suite of a recipe stands."""
    return recipe.with_name(recipe.name.removesuffix(".j2").removesuffix(".sql") + SUFFIX)


def load_suite(path: Path) -> tuple[Suite, list[Problem]]:
    """The suite as far as it can be read, and everything that is wrong with it. SuiteError when nothing can be read."""
    if not path.is_file():
        mend = "write one: docs/expectations.md shows how, or name a file with --suite"
        raise SuiteError.of("no-suite", f"there are no expectations at {path}", mend)
    if path.stat().st_size > LARGEST:
        raise SuiteError.of("large-suite", f"{path.name} is larger than 1 MB", "a line for each expectation is enough")
    reader = _Reader(path)
    return Suite(str(path), tuple(reader.read())), reader.problems


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise missing_extra("pyyaml") from None
    return yaml


def missing_extra(library: str) -> SuiteError:
    return SuiteError(
        Problem(
            "missing-extra", f"expectations need {library}, which is not installed", "pip install 'juicesql[gates]'"
        )
    )


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path, self.yaml = path, _yaml()
        self.problems: list[Problem] = []

    def read(self) -> Iterator[Expectation]:
        root = self._root()
        if root is None:
            return
        if root.id != "mapping":
            self._problem(
                root, "a suite begins with `source:`, a step's name or `output:`", "put expectations below one"
            )
            return
        seen: set[str] = set()
        for key, value in root.value:
            if key.value in seen:
                self._problem(key, f"`{key.value}` stands here twice", "put its expectations together")
            seen.add(key.value)
            yield from self._section(str(key.value), value)
        if not seen:
            self._problem(root, "the suite is empty", "write `output:` and below it `- at least 1 rows`")

    def _root(self) -> Any:
        try:
            text = self.path.read_text("utf-8")
            if any(isinstance(e, self.yaml.AliasEvent) for e in self.yaml.parse(text, self.yaml.SafeLoader)):
                self._add("YAML aliases (`*name`) are not read", "write the line again", None)
                return None
            root: Any = self.yaml.compose(text, self.yaml.SafeLoader)
        except UnicodeDecodeError as error:
            self._add(f"it is not UTF-8: {error}", "save it as UTF-8", None)
            return None
        except (self.yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            cause = getattr(error, "problem", None) or str(error) or "it is too deep"
            mend = "put a line with `: `, ` #` or a leading quote or bracket into quotes as a whole"
            self._add(f"this is not YAML: {cause}", mend, mark.line + 1 if mark else None)
            return None
        if root is None:
            self._add("the suite is empty", "write `output:` and below it `- at least 1 rows`", None)
        return root

    def _section(self, relation: str, node: Any) -> Iterator[Expectation]:
        if node.id != "sequence":
            self._problem(node, f"`{relation}` is no list", "write each expectation on a line that begins with `- `")
            return
        for item in node.value:
            found = self._line(relation, item) if item.id == "scalar" else self._long(relation, item)
            if found:
                yield found

    def _line(self, relation: str, node: Any) -> Expectation | None:
        text = str(node.value).strip()
        try:
            found = parse(text)
        except GrammarError as error:
            self._problem(node, f"`{_short(text)}`: {error.cause}", error.mend)
            return None
        if not self._check_patterns(node, found.kwargs):
            return None
        return Expectation(relation, _at(node), text, found.type, found.kwargs, found.names, found.ranged)

    def _long(self, relation: str, node: Any) -> Expectation | None:
        """`expect_...: {column: text, ...}`, straight to great_expectations."""
        pairs = node.value if node.id == "mapping" else []
        if len(pairs) != 1 or not str(pairs[0][0].value).startswith("expect_"):
            mend = (
                "quote a line that has `: ` in it; the long form is `expect_column_values_to_be_between: {column: n}`"
            )
            self._problem(node, "this is neither a line of words nor a long form", mend)
            return None
        key, value = pairs[0]
        kwargs = self._plain(value)
        if not isinstance(kwargs, dict) or not all(isinstance(k, str) for k in kwargs):
            self._problem(value, f"`{key.value}` needs names with values", f"write `{key.value}: {{column: text}}`")
            return None
        for name in [n for n in kwargs if n in _REFUSED]:
            self._problem(value, f"`{name}` cannot be set in a suite", _REFUSED[name])
        if _has_parameter(kwargs):
            self._problem(value, "`$PARAMETER` is not read", "write the value")
        if not self._check_patterns(node, kwargs):
            return None
        names = [str(kwargs[c]) for c in _COLUMNS if c in kwargs and key.value != "expect_column_to_exist"]
        names += [] if str(key.value).startswith("expect_table_") else map(str, kwargs.get("column_list") or [])
        shown = ", ".join(f"{k}: {v}" for k, v in kwargs.items())
        return Expectation(
            relation, _at(node), _short(f"{key.value}: {{{shown}}}"), str(key.value), kwargs, tuple(names)
        )

    def _plain(self, node: Any) -> Any:
        loader = self.yaml.SafeLoader("")
        try:
            return loader.construct_object(node, deep=True)
        except (self.yaml.YAMLError, ValueError) as error:
            self._problem(
                node, f"this cannot be read: {getattr(error, 'problem', None) or error}", "write plain values"
            )
            return {}

    def _check_patterns(self, node: Any, kwargs: Any) -> bool:
        given = [p for name in _PATTERNS for p in _listed(kwargs.get(name))]
        for pattern in given:
            try:
                pc.match_substring_regex(pa.array([""]), str(pattern))
            except pa.ArrowInvalid as error:
                cause = str(error).removeprefix("Invalid regular expression: ")
                mend = "write it for RE2, as for regexp_matches of DuckDB: without look-around and backreferences"
                self._problem(node, f"`{_short(str(pattern))}` is no regular expression: {cause}", mend)
                return False
        return True

    def _problem(self, node: Any, message: str, mend: str) -> None:
        self._add(message, mend, _at(node))

    def _add(self, message: str, mend: str, line: int | None) -> None:
        self.problems.append(Problem("bad-expectation", message, mend, self.path.name, line))


def unknown_relation(suite: Suite, relation: str, steps: list[str]) -> list[Problem]:
    """A problem at the first line of a section that names nothing of the recipe."""
    first = next(e for e in suite.expectations if e.relation == relation)
    known = [SOURCE, *steps, OUTPUT]
    mend = nearest(relation, known) or "it has " + ", ".join(known)
    message = f"the recipe has no step `{relation}`"
    return [Problem("unknown-step", message, mend, Path(suite.path).name, max(first.line - 1, 1))]


def _at(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _has_parameter(value: Any) -> bool:
    if isinstance(value, dict):
        return "$PARAMETER" in value or any(map(_has_parameter, value.values()))
    return isinstance(value, list) and any(map(_has_parameter, value))
