"""A recipe as SQL that runs by itself: its macros, its source as a view, and the author's text as it was written."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from juicesql.api import Function
from juicesql.binder import Binder
from juicesql.checks import check_functions, parse_query
from juicesql.earlier import compiled_views, find_earlier
from juicesql.errors import Problem, RecipeError, SourceError
from juicesql.lift import call_name
from juicesql.project import open_project
from juicesql.recipe import Config, Recipe, load_recipe
from juicesql.registry import Registry
from juicesql.sources import inputs as source_inputs
from juicesql.sources import open_source
from juicesql.sources.empty import Empty
from juicesql.sources.formats import EXTRACTED, Format, detect, override
from juicesql.sources.opening import check_within
from juicesql.sqltext import literal, quote

_CALLED = re.compile(r"\w+(?=\s*\()")
_GLOB = re.compile(r"[*?\[]")


def compile_recipe(
    recipe: str | Path,
    *,
    source: Sequence[str] = (),
    project: str | Path | None = None,
    variables: Mapping[str, Any] | None = None,
) -> str:
    """SQL for the duckdb CLI. The source need not exist; when it does, the view reads it with the types of a run.

    RecipeError when the recipe does not parse or calls a function that nobody knows.
    """
    found = open_project(Path(project) if project else None, near=Path(recipe) if Path(recipe).exists() else None)
    registry = found.registry()
    loaded = load_recipe(found.find_recipe(str(recipe)), registry, variables)
    base = found.base
    macros, python = _functions(loaded, registry)
    views = [_ref(name, found.find_recipe(name), registry, base) for name in dict.fromkeys(loaded.refs)]
    views += compiled_views(find_earlier(loaded, registry, found, base))
    inputs, input_base = (tuple(source), Path.cwd()) if source else (loaded.config.sources, base)
    if inputs:
        check_within(found.within(loaded.config.source_spec(inputs, input_base)))
        views = [_source(inputs, input_base, loaded.config), *views]
    elif not views:
        mend = "give --source PATH, or config(source=...) in the recipe"
        raise RecipeError.of("no-source", f"{loaded.path.name} has no source", mend)
    parts = [_head(loaded, python), *(_macro(f) for f in macros), *views, loaded.plain_sql.rstrip().rstrip(";") + ";"]
    return "\n\n".join(p for p in parts if p) + "\n"


def _functions(recipe: Recipe, registry: Registry) -> tuple[list[Function], list[Function]]:
    """The SQL macros that the recipe needs, each after those it calls, and the Python functions."""
    tree = parse_query(recipe)
    problems: list[Problem] = []

    def report(problem: Problem, node: exp.Expr | None) -> None:
        lines = [n.meta["line"] for n in node.walk() if "line" in n.meta] if node is not None else []
        line = recipe.line(min(lines)) if lines else None
        problems.append(Problem(problem.code, problem.message, problem.mend, recipe.path.name, line))

    with Binder(registry) as binder:
        check_functions(tree, registry, binder, report)
    if problems:
        raise RecipeError(dict.fromkeys(problems))
    ordered: dict[str, Function] = {}

    def add(name: str) -> None:
        if name in ordered or name not in registry:
            return
        function = registry.get(name)
        if function.runs_on == "sql":
            for used in sorted(set(_CALLED.findall(function.sql)) - {name}):
                add(used)
        ordered[name] = function

    for node in tree.find_all(exp.Func):
        add(call_name(node))
    found = ordered.values()
    return [f for f in found if f.runs_on == "sql"], [f for f in found if f.runs_on != "sql"]


def _head(recipe: Recipe, python: Iterable[Function]) -> str:
    lines = [f"-- {recipe.path.name}, compiled by juicesql."]
    if recipe.variables:
        lines.append("-- variables: " + ", ".join(f"{k} = {v!r}" for k, v in recipe.variables.items()))
    names = sorted(f"{f.name} ({f.runs_on})" for f in python)
    if names:
        listed = textwrap.wrap(", ".join(names), 100, initial_indent="--   ", subsequent_indent="--   ")
        lines += [
            "-- It calls Python functions, which the duckdb CLI does not have:",
            *listed,
            "-- Run it on juicesql.connect(), a DuckDB connection on which they are registered.",
        ]
    return "\n".join(lines)


def _macro(function: Function) -> str:
    return function.sql.strip().rstrip(";") + ";"


def _ref(name: str, path: Path, registry: Registry, base: Path) -> str:
    export = load_recipe(path, registry).config.export
    if not export:
        message = f"ref({name!r}): that recipe has no export"
        raise RecipeError.of("missing-ref", message, "give it config(export=...)")
    return f"create or replace view {quote('ref_' + name)} as\nfrom {literal(_shown(export, base))};"


def _source(inputs: Sequence[str], base: Path, config: Config) -> str:
    """The view `source` over the inputs, with the columns that the recipe maps."""
    raw = _schema(inputs, base, config)
    items = [item for text in inputs for item in source_inputs.parse(text, base)]
    before, scans = list[str](), list[str]()
    if any(i.weight != 1 for i in items):
        before.append("-- The weights of the inputs are not applied here: every row is read once.")
    for number, item in enumerate(items):
        if item.scheme == "duckdb":
            file, _, table = item.path.removeprefix("duckdb:").partition("#")
            database = f"source_{number + 1}"
            before.append(f"attach if not exists {literal(_shown(file, base))} as {database} (read_only);")
            scans.append(f"select * from {database}." + ".".join(map(quote, table.split("."))))
        elif item.scheme == "empty":
            empty = Empty.parse(item.path)
            columns = ", ".join(f"cast(null as varchar) as {quote(name)}" for name in empty.columns)
            scans.append(f"select {columns} from range({empty.rows})")
        else:
            scans += _scans(item, base, config)
    if any("ignore_errors" in s for s in scans):
        before.append("-- A line that is not JSON is a row of NULLs here; a run reports it in `errors`.")
    if any("read_blob" in s for s in scans):
        before.append("-- The text of docx and pdf files is NULL here; a run takes it out of them.")
    joined = "\n    union all by name ".join(scans)
    plain = len(scans) == 1 and scans[0].startswith("select * from ")
    rows = scans[0].removeprefix("select * from ") if plain else f"(\n    {joined}\n)"
    columns = _columns(config.columns, raw)
    view = f"create or replace view source as\nselect row_number() over () - 1 as sample_id, {columns}\nfrom {rows};"
    return "\n".join([*before, view])


def _schema(inputs: Sequence[str], base: Path, config: Config) -> list[tuple[str, str]]:
    """Columns and SQL types before the mapping, where the source is there to be asked."""
    try:
        opened = open_source(replace(config, columns={}).source_spec(tuple(inputs), base))
    except SourceError:
        return []
    with duckdb.connect() as con:
        con.register("t", opened.schema.empty_table())
        return [(str(r[0]), str(r[1])) for r in con.execute("describe from t").fetchall()]


def _scans(item: source_inputs.Input, base: Path, config: Config) -> list[str]:
    """A SELECT for each run of files of one format behind an input."""
    if item.scheme == "remote":
        return [_scan([item.path], _guess(item.path.split("?")[0], config), [])]
    try:
        listed = [(name, form) for name, _, form in source_inputs.files(item, base, config.format or None)]
    except SourceError:
        listed = [(item.path, _guess(item.path, config))]
    if len(listed) > 1 and _GLOB.search(item.path) and len({f.name for _, f in listed}) == 1:
        listed = [(item.path, listed[0][1])]
    out = []
    for _, group in groupby(listed, key=lambda pair: pair[1].name):
        files = list(group)
        types = _schema([name for name, _ in files], base, config)
        out.append(_scan([_shown(name, base) for name, _ in files], files[0][1], types))
    return out


def _guess(path: str, config: Config) -> Format:
    """The format of an input that is not there: by its option, its suffix, or JSON lines in a folder."""
    return (override(config.format, path) if config.format else detect(path)) or Format("jsonl")


def _scan(paths: list[str], form: Format, columns: list[tuple[str, str]]) -> str:
    where = literal(paths[0] if len(paths) == 1 else paths)
    types = "{" + ", ".join(f"{literal(n)}: {literal(t)}" for n, t in columns) + "}" if columns else ""
    if form.name == "txt":
        return f"select content as text, filename as path from read_text({where})"
    if form.name in EXTRACTED:
        return f"select cast(null as varchar) as text, filename as path from read_blob({where})"
    if form.name == "parquet":
        return f"select * from read_parquet({where}, union_by_name = true)"
    if form.name in ("csv", "tsv"):
        given = f", types = {types}" if types else ", auto_type_candidates = ['BOOLEAN', 'BIGINT', 'DOUBLE', 'VARCHAR']"
        tab = ", delim = '\\t'" if form.name == "tsv" else ""
        return f"select * from read_csv({where}, header = true{tab}{given})"
    given = f", columns = {types}" if types else ", union_by_name = true"
    if form.name == "jsonl":
        given = f", format = 'newline_delimited', ignore_errors = true{given}"
    return f"select * from read_json({where}{given})"


def _columns(mapping: Mapping[str, str], raw: list[tuple[str, str]]) -> str:
    """The projection of a column mapping: a plain column is renamed in its place, a nested one is added."""
    names = {n for n, _ in raw}
    renamed, added, gone = list[str](), list[str](), list[str]()
    plain = [p for p in mapping.values() if p in names or "." not in p]
    for new, path in mapping.items():
        if path in plain and plain.count(path) == 1:
            renamed.append(f"{quote(path)} as {quote(new)}")
        elif path in plain:
            gone.append(quote(path))
            added.append(f"{quote(path)} as {quote(new)}")
        else:
            added.append(".".join(map(quote, path.split("."))) + f" as {quote(new)}")
    star = "*" + (f" exclude ({', '.join(dict.fromkeys(gone))})" if gone else "")
    star += f" rename ({', '.join(renamed)})" if renamed else ""
    return ", ".join([star, *added])


def _shown(path: str, base: Path) -> str:
    """The path as the author wrote it where the SQL is likely to run; else one that holds anywhere."""
    return path if base.resolve() == Path.cwd() or Path(path).is_absolute() else str((base / path).resolve())
