"""Measures every stat of a recipe, or every stat that fits some data, and says how its values are distributed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from juicesql.analysis.correlation import Correlation
from juicesql.analysis.fitting import Skipped, fitting, prose_lengths, text_column, text_columns
from juicesql.analysis.measuring import LeftOut, Measuring, measuring_plan
from juicesql.analysis.numbers import PERCENTILES
from juicesql.analysis.sampling import sampled
from juicesql.analysis.values import CutFacts, StatFacts, Values
from juicesql.binder import Columns
from juicesql.engines.watch import Progress
from juicesql.errors import RecipeError
from juicesql.home import Home
from juicesql.plan import MapStep, Plan
from juicesql.planner import make_plan
from juicesql.project import Project, open_project
from juicesql.recipe import Config, Recipe, load_recipe, render
from juicesql.running import Observed, Prepared, observe, prepare, sql_columns
from juicesql.sources import Source, open_source

RECIPES = (".sql.j2", ".j2", ".sql")
SEEN_ROWS = 200  # by which a column of text is chosen


@dataclass(frozen=True)
class Analysis:
    """`rows` are the samples that were read, `errors` those of them that could not be read or changed by a mapper."""

    run_id: str
    recipe: str
    source: str
    sampled: int | None
    rows: int
    errors: int
    measured: int
    reused: int
    seconds: float
    stats: tuple[StatFacts, ...]
    cuts: tuple[CutFacts, ...]
    kept: int  # samples that pass all cuts
    correlations: tuple[Correlation, ...]
    left_out: tuple[LeftOut, ...]
    skipped: tuple[Skipped, ...]
    text: str = ""  # the column of text
    others: tuple[str, ...] = ()  # columns of text that `auto` did not take
    template: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Chosen:
    """The column of text, the other ones that hold text, and the stats that are not measured."""

    text: str
    others: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is asked of the numbers, besides the data."""

    percentiles: tuple[float, ...] = PERCENTILES
    extremes: int = 3
    spearman: bool = False


def analyze(
    name: str | Path,
    *,
    auto: bool = False,
    sample: int | None = None,
    source: Sequence[str] = (),
    project: str | Path | None = None,
    variables: Mapping[str, Any] | None = None,
    also: Sequence[str] = (),
    text: str = "",
    request: Request | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
    then: Callable[[Analysis, Prepared], None] | None = None,
) -> Analysis:
    """Measure and describe. `name` is a recipe, or data (a file, folder or glob), for which `auto` goes without saying.

    `auto` takes every stat that fits the source's columns instead of the recipe's steps; `also` adds calls in SQL.
    `sample` rows are measured instead of all. Values are kept as those of a run are. RecipeError when nothing can be
    measured. `then` gets the result and what was read.
    """
    request = request or Request()
    prepared, chosen = _prepared(str(name), auto, source, project, variables, also, text)
    whole = prepared
    measuring = measuring_plan(prepared.plan)
    prepared = _measuring(prepared, measuring, sample)
    found: list[Values] = []

    def look(observed: Observed) -> None:
        if progress:
            progress.stage("describing")
        with duckdb.connect(config=_limits(prepared, threads, memory_limit)) as con:
            found.append(Values.of(con, measuring, observed.files, request))

    run = observe(
        prepared, frozenset(s.name for s in measuring.observed), look, threads=threads, memory_limit=memory_limit,
        fresh=fresh, progress=progress,
    )  # fmt: skip
    values = found[0]
    result = Analysis(
        run.run_id, run.recipe, " ".join(whole.inputs), sample, run.rows_in, run.errors, run.measured, run.reused,
        run.seconds, values.stats, values.cuts, values.kept, values.correlations, measuring.left_out,
        chosen.skipped, chosen.text, chosen.others, prepared.recipe.template,
    )  # fmt: skip
    if then:
        then(result, whole)
    return result


def is_data(name: str) -> bool:
    """Whether a name stands for data rather than for a recipe."""
    path = Path(name)
    return not name.endswith(RECIPES) and (path.exists() or any(c in name for c in "*?[") or "://" in name)


def _prepared(
    name: str,
    auto: bool,
    source: Sequence[str],
    project: str | Path | None,
    variables: Mapping[str, Any] | None,
    also: Sequence[str],
    text: str,
) -> tuple[Prepared, Chosen]:
    if is_data(name):
        near = Path(name) if Path(name).exists() else None
        found = open_project(Path(project) if project else None, near=near)
        config = replace(Config(), **found.settings.defaults)
        return _automatic(found, config, (name, *source), Path.cwd(), Path(name), also, text)
    if not auto and not also:
        prepared = prepare(name, source=source, project=project, variables=variables, export="")
        return prepared, Chosen(text_column(dict(prepared.plan.source_columns), text))
    if not auto:
        raise RecipeError.of("also-without-auto", "--stat adds to the stats of --auto", "write it into the recipe")
    found = open_project(Path(project) if project else None, near=Path(name) if Path(name).exists() else None)
    recipe = load_recipe(found.find_recipe(name), found.registry(), variables)
    base = found.base
    inputs = tuple(source) or recipe.config.sources
    if not inputs:
        raise RecipeError.of("no-source", f"{recipe.path.name} has no source", "give --source PATH")
    return _automatic(found, found.config(recipe), inputs, Path.cwd() if source else base, recipe.path, also, text)


def _automatic(
    project: Project, config: Config, inputs: tuple[str, ...], base: Path, path: Path, also: Sequence[str], text: str
) -> tuple[Prepared, Chosen]:
    """A recipe made of every stat that fits the data."""
    registry = project.registry()
    spec = project.within(config.source_spec(inputs, base))
    opened = open_source(spec)
    columns = sql_columns(opened.schema)
    if text and text not in dict(columns):
        raise RecipeError.of("missing-column", f"the source has no column {text}", "its columns: " + _names(columns))
    text = text_column(dict(columns), text, _lengths(opened, columns))
    found = fitting(registry, dict(columns), text)
    calls = (*found.calls, *also)
    if not calls:
        raise RecipeError.of("no-stats", "no stat fits the columns of the data", "its columns: " + _names(columns))
    items = ",\n".join(f"    {call} as s{number}" for number, call in enumerate(calls))
    recipe: Recipe = render(f"select\n{items}\nfrom source\n", path, registry, {})
    recipe = replace(recipe, config=replace(config, export=""))
    plan = make_plan(recipe, registry, columns, {})
    skipped = tuple(s for s in found.skipped if not any(re.match(rf"{s.function}\s*\(", call) for call in also))
    others = tuple(name for name in text_columns(dict(columns)) if name != text)
    prepared = Prepared(project, registry, recipe, recipe.config, opened, inputs, _lineless(plan), {}, base)
    return prepared, Chosen(text, others, skipped)


def _lengths(source: Source, columns: Columns) -> dict[str, float]:
    """How long the texts of each column are in the first rows; not asked where the name decides."""
    if len(text_columns(dict(columns))) < 2 or "text" in dict(columns):
        return {}
    first = next(iter(source.morsels(max_rows=SEEN_ROWS)), None)
    return prose_lengths(first.load().table, dict(columns)) if first else {}


def _lineless(plan: Plan) -> Plan:
    """The plan of a recipe that nobody wrote: its lines would mean nothing."""
    steps = [
        replace(s, calls=tuple(replace(c, line=None) for c in s.calls)) if isinstance(s, MapStep) else s
        for s in plan.steps
    ]
    return replace(plan, steps=tuple(steps))


def _names(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {type_}" for name, type_ in columns)


def _measuring(prepared: Prepared, measuring: Measuring, sample: int | None) -> Prepared:
    """What the engine is given: the derived plan, and the rows of the sample under a name of their own."""
    read = {i for s in measuring.plan.steps if s.kind == "global" for i in s.inputs}
    earlier = tuple(e for e in prepared.earlier if e.relation in read)
    # Rows that fail are part of what is to be seen, so they do not stop it.
    config = replace(prepared.config, export="", keep_stats=False, on_error="null", max_error_rate=math.inf)
    out = replace(prepared, plan=measuring.plan, earlier=earlier, config=config)
    if sample is None:
        return out
    named = (*out.inputs, f"({sample} rows sampled)")
    return replace(out, source=sampled(out.source, sample), inputs=named)


def _limits(prepared: Prepared, threads: int | None, memory_limit: str | None) -> dict[str, Any]:
    cores, megabytes = prepared.project.limits(threads, memory_limit)
    temp = str(Home(prepared.project.root).temp)
    return {"temp_directory": temp, "threads": cores, "memory_limit": f"{megabytes}MB"}
