"""Reads a recipe: its `config(...)` head, its Jinja in a sandbox, and the SQL that comes out with its provenance."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from jinja2 import Environment, StrictUndefined, Template
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range

from juicesql.bounded import SECONDS, Exceeded, ask
from juicesql.errors import Problem, RecipeError, nearest
from juicesql.media import MAX_PIXELS
from juicesql.options import (
    LARGEST,
    Allowed,
    above,
    at_least,
    is_name,
    is_size,
    is_size_or_none,
    one_of,
    read_options,
    size_of,
)
from juicesql.provenance import Span, line_map, tag, untag
from juicesql.registry import Registry
from juicesql.sources.formats import FORMATS, is_format
from juicesql.sqltext import literal, quote
from juicesql.templates import is_plain, option_lines

if TYPE_CHECKING:
    from juicesql.sources.model import SourceSpec

MAX_TEMPLATE_CHARS = 1_000_000
MAX_SQL_CHARS = 4_000_000
_TOO_MUCH = Problem("too-large", f"the recipe renders to more than {MAX_SQL_CHARS:,} characters", "mend its loops")


@dataclass(frozen=True)
class Config:
    """What `{{ config(...) }}` may say. Command-line options go before it."""

    source: Annotated[str | tuple[str, ...], Allowed("a path, or a list of paths", is_name)] = ()
    export: Annotated[str, Allowed("a path in quotes", is_name)] = ""
    # of the source, when its suffix does not say
    format: Annotated[str, Allowed("one of " + ", ".join(FORMATS), is_format, FORMATS)] = ""
    # new name -> column or path in the source
    columns: Annotated[Mapping[str, str], Allowed('names with columns, such as {"text": "body"}')] = field(
        default_factory=dict
    )
    seed: Annotated[int, Allowed("a whole number", at_least(-LARGEST))] = 42
    full_scan: bool = False  # infer the columns of text formats from every row instead of a sample
    # a longer row of the source is an error row, and is never held whole
    max_row_bytes: Annotated[int | str, Allowed('a size such as "64MB"', is_size)] = "64MB"
    on_error: Annotated[str, one_of("null", "stop")] = "null"
    # a share of the source's rows
    max_error_rate: Annotated[float, Allowed("a number from 0 to 1", at_least(0, 1))] = 0.1
    keep_stats: bool = False
    keep_sample_id: bool = False
    shard_rows: Annotated[int, Allowed("a whole number, 0 or more", at_least(0))] = 0
    shard_bytes: Annotated[str | int, Allowed('a size such as "200MB"', is_size_or_none)] = ""
    # media outside this folder are not opened; relative paths begin here, else at the source
    media_root: Annotated[str, Allowed("a folder in quotes", is_name)] = ""
    # the most that a function may take for the media of one row
    row_seconds: Annotated[float, Allowed("a number of seconds above 0", above(0))] = 300.0
    # of a picture or a frame of a video that is decoded
    max_pixels: Annotated[int, Allowed("a whole number, 1 or more", at_least(1))] = MAX_PIXELS
    description: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if isinstance(self.source, str) else tuple(self.source)

    def source_spec(self, inputs: tuple[str, ...], base: Path) -> SourceSpec:
        """What to read, with these inputs relative to `base`."""
        from juicesql.sources.model import SourceSpec

        most = size_of(self.max_row_bytes)
        return SourceSpec(inputs, self.columns, self.format or None, self.seed, base, self.full_scan, most)


@dataclass(frozen=True)
class Fingerprints:
    """What `{{ fingerprints(runs, of) }}` asks for: the relation of the values that earlier runs hold of kept rows."""

    relation: str
    runs: tuple[str, ...]  # ids, `latest`, or recipes
    of: str  # SQL: a call of a stat, or a column
    project: str = ""  # folder of another project
    argument: str = ""  # what the earlier runs measured it on, where that is in doubt


@dataclass(frozen=True)
class Recipe:
    """A rendered recipe. `sql` keeps its literal tags; `lines[i]` is the template line of SQL line i + 1."""

    path: Path
    template: str
    sql: str
    config: Config
    variables: Mapping[str, Any]
    literals: tuple[Span, ...]
    defaults: Mapping[str, Span]
    lines: tuple[int, ...]
    refs: tuple[str, ...] = ()
    fingerprints: tuple[Fingerprints, ...] = ()
    given: frozenset[str] = frozenset()  # the options that the recipe gives

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".j2").removesuffix(".sql")

    @property
    def plain_sql(self) -> str:
        """The SQL as the author would have written it without Jinja."""
        return untag(self.sql).strip() + "\n"

    def line(self, sql_line: int | None) -> int | None:
        """The template line of a line of the SQL."""
        return self.lines[sql_line - 1] if sql_line and sql_line <= len(self.lines) else None


def load_recipe(path: Path, registry: Registry, variables: Mapping[str, Any] | None = None) -> Recipe:
    """Read and render a recipe file. RecipeError when it cannot be read, or asks for what a recipe may not do."""
    try:
        template = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        beside = [p.name for p in path.parent.glob("*.j2")] if path.parent.is_dir() else []
        mend = nearest(path.name, beside) or "`juicesql recipes` lists the recipes that can be run"
        raise RecipeError.of("no-recipe", f"cannot read {path}: {error}", mend) from error
    return render(template, path, registry, variables or {})


def render(template: str, path: Path, registry: Registry, variables: Mapping[str, Any]) -> Recipe:
    """Render a template text as the recipe at `path`."""
    file = path.name
    if len(template) > MAX_TEMPLATE_CHARS:
        raise RecipeError.of(
            "too-large", f"the recipe has {len(template):,} characters", "a million is the limit", file
        )
    tagged = tag(template, file)
    variables = {name: _plain(name, value) for name, value in variables.items()}
    said = _said(tagged.text, file, registry, variables)
    if len(said.sql) > MAX_SQL_CHARS:
        raise RecipeError(dataclasses.replace(_TOO_MUCH, file=file))
    sql, lines = line_map(said.sql)
    unused = set(variables) - set(said.asked)
    if unused:
        mend = "the recipe asks for " + (", ".join(sorted(said.asked)) or "no variables")
        raise RecipeError.of("unknown-variable", f"no var({sorted(unused)[0]!r}) in the recipe", mend, file)
    return Recipe(
        path, template, sql, Config(**said.options), variables, tagged.literals, tagged.defaults, lines, said.refs,
        said.fingerprints, frozenset(said.options),
    )  # fmt: skip


@dataclass(frozen=True)
class _Said:
    """What came of rendering a template: its SQL, and what the functions of its head were told."""

    sql: str
    options: Mapping[str, Any]
    refs: tuple[str, ...]
    fingerprints: tuple[Fingerprints, ...]
    asked: tuple[str, ...]  # variables


def _said(text: str, file: str, registry: Registry, variables: Mapping[str, Any]) -> _Said:
    """Render here what cannot grow, and all else in a child process with limits."""
    macros = registry.jinja_macros
    shipped = {n for n, path in macros.items() if registry.is_shipped(path)}
    try:
        if is_plain(Environment(optimized=False).parse(text), shipped):
            return _render(text, file, macros, variables)
    except TemplateSyntaxError as error:
        raise RecipeError(_template_problem(error, file)) from error
    except RecursionError as error:
        raise RecipeError.of("too-deep", "the template is nested too deeply", "take it apart", file) from error
    request = {"text": text, "file": file, "macros": {n: str(p) for n, p in macros.items()}, "variables": variables}
    try:
        answer = ask(__name__, request)
    except Exceeded as error:
        mend = f"mend its loops and repetitions: a recipe is rendered within {SECONDS} seconds of work"
        raise RecipeError.of("too-large", f"the recipe cannot be rendered: {error}", mend, file) from error
    if answer["problems"]:
        raise RecipeError([Problem(**p) for p in answer["problems"]])
    options = read_options(Config, answer["options"], "config", file)
    found = tuple(Fingerprints(**{**f, "runs": tuple(f["runs"])}) for f in answer["fingerprints"])
    return _Said(answer["sql"], options, tuple(answer["refs"]), found, tuple(answer["asked"]))


def main(request: Mapping[str, Any]) -> dict[str, Any]:
    """The child's part of rendering: what it answers, as JSON has it."""
    macros = {n: Path(p) for n, p in request["macros"].items()}
    try:
        said = _render(request["text"], request["file"], macros, request["variables"])
    except RecipeError as error:
        return {"problems": [dataclasses.asdict(p) for p in error.problems]}
    if len(said.sql) > MAX_SQL_CHARS:
        return {"problems": [dataclasses.asdict(dataclasses.replace(_TOO_MUCH, file=request["file"]))]}
    return {"problems": [], **dataclasses.asdict(said)}


def _render(text: str, file: str, macros: Mapping[str, Path], variables: Mapping[str, Any]) -> _Said:
    head = _Head(variables, file)
    environment = _environment(macros, head, text)
    try:
        tree = environment.parse(text)
        head.lines = option_lines(tree, file)
        sql = environment.from_string(tree).render()
    except RecipeError as error:
        line = _template_line(error)
        raise RecipeError(
            [dataclasses.replace(p, file=p.file or file, line=p.line or line) for p in error.problems]
        ) from error
    except Exception as error:  # what runs here is the recipe's
        raise RecipeError(_template_problem(error, file)) from error
    return _Said(sql, head.options, tuple(head.refs), tuple(head.asked_fingerprints), tuple(sorted(head.asked)))


def _plain(name: str, value: Any) -> Any:
    """The value of a variable, paths as text. RecipeError for what the record of a run cannot hold."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, (list, tuple)):
        value = [_plain(name, item) for item in value]
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        mend = "give text, a number, true or false, or a list or dict of these"
        raise RecipeError.of("bad-variable", f"the variable `{name}` is no JSON: {error}", mend) from error
    return value


def _template_problem(error: Exception, file: str) -> Problem:
    line = _template_line(error)
    if isinstance(error, (MemoryError, RecursionError)):
        mend = "mend its loops, macros and brackets"
        return Problem("too-large", f"the recipe cannot be rendered: {type(error).__name__}", mend, file, line)
    if isinstance(error, SecurityError):
        return Problem("refused", f"the recipe asks for what a recipe may not do: {error}", "remove it", file, line)
    if isinstance(error, UndefinedError):
        mend = "a recipe knows config, var, ref, source, fingerprints and the Jinja macros of macros/"
        return Problem("undefined-name", str(error), mend, file, line)
    return Problem("jinja", str(error) or type(error).__name__, "mend the block", file, line)


def _template_line(error: Exception) -> int | None:
    if isinstance(line := getattr(error, "lineno", None), int):
        return line
    trace, line = error.__traceback__, None
    while trace:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


class _Head:
    """What the template says while it is rendered."""

    def __init__(self, variables: Mapping[str, Any], file: str) -> None:
        self.variables, self.file = variables, file
        self.lines: Mapping[str, int] = {}
        self.asked: set[str] = set()
        self.options: dict[str, Any] = {}
        self.refs: list[str] = []
        self.asked_fingerprints: list[Fingerprints] = []

    def set_config(self, *unnamed: Any, **options: Any) -> str:
        if unnamed:
            raise RecipeError.of("bad-option", f"config has {unnamed[0]!r} without a name", 'write source="..."')
        self.options |= read_options(Config, options, "config", self.file, self.lines)
        return ""

    def var(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        if name in self.variables:
            value = self.variables[name]
        elif default is None:
            raise RecipeError.of("missing-variable", f"the recipe needs var {name!r}", f"give --var {name}=...")
        else:
            value = default
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        kind = _TaggedInt if isinstance(value, int) else _TaggedFloat
        tagged = kind(value)
        tagged.tag = f"/*@var:{name}*/"
        return tagged

    def ref(self, recipe: str) -> str:
        _need_text("ref", recipe)
        self.refs.append(recipe)
        return quote(f"ref_{recipe}")

    def fingerprints(self, runs: str | list[str], of: str, project: str = "", argument: str = "") -> str:
        named = (runs,) if isinstance(runs, str) else tuple(runs)
        _need_text("fingerprints", *named, of, project, argument)
        number = len(self.asked_fingerprints) + 1
        asked = Fingerprints(f"fingerprints_{number}", named, untag(of), project, argument)
        same = [a for a in self.asked_fingerprints if dataclasses.replace(a, relation=asked.relation) == asked]
        if not same:
            self.asked_fingerprints.append(asked)
        return quote((same or [asked])[0].relation)

    def refuse(self, message: str, mend: str) -> str:
        raise RecipeError.of("macro", message, mend)

    def source(self, *inputs: str) -> str:
        if inputs:
            self.set_config(source=inputs)
        return "source"


def _need_text(name: str, *values: Any) -> None:
    wrong = [v for v in values if not isinstance(v, str) or "\0" in v]
    if wrong:
        raise RecipeError.of("bad-option", f"{name}(...) has {wrong[0]!r}", "give text in quotes")


class _TaggedInt(int):
    tag = ""

    def __str__(self) -> str:
        return int.__repr__(self) + self.tag


class _TaggedFloat(float):
    tag = ""

    def __str__(self) -> str:
        return float.__repr__(self) + self.tag


def _environment(macros: Mapping[str, Path], head: _Head, text: str) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, optimized=False)
    environment.globals.clear()
    environment.globals.update(range=safe_range, config=head.set_config, var=head.var, ref=head.ref, source=head.source)
    environment.globals["fingerprints"] = head.fingerprints
    environment.globals["refuse"] = head.refuse  # for macros: stop with a message and its mend
    environment.filters["sql"] = literal
    environment.filters["identifier"] = quote
    _add_macros(environment, macros, text)
    return environment


def _add_macros(environment: ImmutableSandboxedEnvironment, macros: Mapping[str, Path], text: str) -> None:
    """Make the macros known that a text names, after those that they name: a macro sees what was there before it."""
    for name, path in macros.items():
        if name in text and name not in environment.globals:
            others = {n: p for n, p in macros.items() if n != name}
            _add_macros(environment, others, path.read_text("utf-8"))
            environment.globals[name] = _macro(environment, name, path)


def _macro(environment: ImmutableSandboxedEnvironment, name: str, path: Path) -> Callable[..., str]:
    code = environment.compile(path.read_text("utf-8"), filename=str(path))  # so that its lines are not the recipe's
    module: Any = Template.from_code(environment, code, environment.make_globals(None)).make_module()
    macro = getattr(module, name, None)
    if macro is None:
        raise RecipeError.of(
            "broken-macro", f"{path} defines no macro `{name}`", f"begin it with {{% macro {name}(...) %}}"
        )
    return macro  # type: ignore[no-any-return]
