"""Refuses what a recipe may not do and names what it misspelt, before anything runs."""

from __future__ import annotations

import logging
import math
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from juicesql.binder import Binder
from juicesql.errors import Problem, RecipeError, nearest
from juicesql.lift import call_name
from juicesql.outside import NOT_REPEATABLE, TABLE_FUNCTIONS, is_outside
from juicesql.recipe import Recipe
from juicesql.registry import Registry
from juicesql.shape import inner_names

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings are errors of ours
Report = Callable[[Problem, exp.Expr | None], None]

MAX_RELATIONS = 1000  # CTEs, subqueries and members of unions: planning takes seconds for so many
MAX_MADE = 1_000_000_000  # rows that `range` and the like make in one query
MAX_LAMBDAS = 8  # inside each other: DuckDB's binder takes four times as long for each more


@contextmanager
def not_too_deep(file: str) -> Iterator[None]:
    """RecipeError where the work inside ends because expressions stand in each other by the hundred."""
    try:
        yield
    except (RecursionError, MemoryError) as error:
        mend = "take it apart into CTEs; brackets, CASE and calls may stand about 50 deep in each other"
        raise RecipeError.of("too-deep", "the SQL is nested too deeply", mend, file) from error


def parse_query(recipe: Recipe) -> exp.Query:
    """The one SELECT of the recipe. RecipeError for syntax errors, several statements, or anything but a SELECT."""
    file = recipe.path.name
    try:
        trees = [t for t in sqlglot.parse(recipe.sql, dialect="duckdb") if t is not None]
    except ParseError as error:
        found = error.errors[0] if error.errors else {}
        near = str(found.get("highlight") or "")
        message = f"cannot parse the SQL: {found.get('description') or error}" + (f" near `{near}`" if near else "")
        raise RecipeError.of("syntax", message, "mend the SQL", file, recipe.line(found.get("line"))) from error
    except TokenError as error:
        raise RecipeError.of(
            "syntax", f"cannot read the SQL: {error}", "close every quote and comment", file
        ) from error
    if not trees:
        raise RecipeError.of("empty", "the recipe has no SELECT", "end it with `select * from ...`", file)
    problems = []
    for tree in trees:
        if not isinstance(tree, exp.Query):
            word = tree.key.upper() if not isinstance(tree, exp.Command) else str(tree.this).upper()
            line = recipe.line(min((n.meta["line"] for n in tree.walk() if "line" in n.meta), default=None))
            problems.append(Problem("refused", f"a recipe may not run {word}", "a recipe is one SELECT", file, line))
    if len(trees) > 1 and not problems:
        problems.append(Problem("refused", f"a recipe is one SELECT, not {len(trees)} statements", "use CTEs", file))
    if problems:
        raise RecipeError(problems)
    tree = trees[0]
    while isinstance(tree, exp.Subquery):
        tree = tree.this
    assert isinstance(tree, exp.Query)
    return tree


def check_tables(queries: list[tuple[str, exp.Query]], known: set[str], report: Report) -> None:
    """Every relation is the source, an earlier step or a ref; files and table functions are refused."""
    known = set(known)
    for name, query in queries:
        own = inner_names(query)
        for table in query.find_all(exp.Table):
            if table.db != "recurring" or table.name not in own:  # what a recursive CTE has found so far
                _check_table(table, known | own, report)
        known.add(name)


def _check_table(table: exp.Table, known: set[str], report: Report) -> None:
    inside = table.this
    if isinstance(inside, exp.Func):
        name = call_name(inside)
        if name not in TABLE_FUNCTIONS:
            mend = "name files in config(source=...) or ref(...); a recipe reads nothing else"
            report(Problem("refused", f"a recipe may not call the table function `{name}`", mend), table)
    elif table.db or table.catalog:
        report(Problem("refused", f"a recipe may not read `{table.sql()}`", "read `source` or a CTE"), table)
    elif table.name not in known:
        if any(c in table.name for c in "/\\.:*?"):
            mend = "name it in config(source=...) and read `source`"
            report(Problem("refused", f"a recipe may not read the file '{table.name}' in SQL", mend), table)
        else:
            mend = nearest(table.name, known) or "a recipe reads `source`, its CTEs and ref(...)"
            report(Problem("unknown-relation", f"there is no relation `{table.name}`", mend), table)


def check_made(tree: exp.Expr, report: Report) -> None:
    """Refuse queries whose ranges, side by side, make more rows than any run ends with."""
    for query in tree.find_all(exp.Select):
        sources = [query.args.get("from_"), *query.args.get("joins", ())]
        made = math.prod(_made(call) for s in sources if s for call in _calls(s.this))
        if made > MAX_MADE:
            mend = "give a smaller range, or join it to fewer rows"
            message = f"`range` makes {made:,} rows here; a recipe may make {MAX_MADE:,}"
            report(Problem("too-many-rows", message, mend), query)


def _calls(source: exp.Expr) -> list[object]:
    return source.expressions if isinstance(source, exp.Unnest) else [source.this]


def _made(call: object) -> int:
    """Rows of a range whose ends are written as numbers; 1 of anything else."""
    if not isinstance(call, exp.GenerateSeries):
        return 1
    ends = [_number(call.args.get(name)) for name in ("start", "end", "step")]
    low, high, step = ends[0], ends[1], ends[2] or 1
    return max((high - low) // step, 1) if low is not None and high is not None else 1


_SUMS: dict[type, Callable[[int, int], int]] = {
    exp.Add: operator.add, exp.Sub: operator.sub, exp.Mul: operator.mul, exp.Pow: lambda a, b: a ** min(max(b, 0), 64),
}  # fmt: skip


def _number(node: object) -> int | None:
    """The value of a sum of numbers; None of anything else."""
    if isinstance(node, exp.Literal):
        return int(node.name) if node.is_int else None
    if isinstance(node, (exp.Paren, exp.Neg)):
        inner = _number(node.this)
        return -inner if inner is not None and isinstance(node, exp.Neg) else inner
    sides = [_number(node.this), _number(node.expression)] if isinstance(node, exp.Binary) else []
    if type(node) in _SUMS and None not in sides:
        return _SUMS[type(node)](*sides)  # type: ignore[arg-type]
    return None


def check_functions(tree: exp.Expr, registry: Registry, binder: Binder, report: Report) -> None:
    """Every function is ours or DuckDB's, and none reaches outside or changes from run to run."""
    _check_size(tree, report)
    for node in tree.find_all(exp.Func):
        name = call_name(node)
        if is_outside(name) and name not in registry:
            report(Problem("refused", f"a recipe may not call `{name}`", "remove it"), node)
        elif name in NOT_REPEATABLE:
            mend = "take `hash(sample_id)`: it gives every sample the same number in every run"
            report(Problem("not-repeatable", f"`{name}` changes from run to run", mend), node)
        elif isinstance(node, exp.Anonymous) and name not in registry and name not in binder.functions:
            mend = nearest(name, [*registry.names(), *binder.functions])
            message = f"`{name}` is not a stat, mapper, macro or DuckDB function"
            report(Problem("unknown-function", message, f"{mend}   juicesql functions lists all".strip()), node)


def _check_size(tree: exp.Expr, report: Report) -> None:
    """Refuse what takes minutes to plan."""
    relations = sum(1 for _ in tree.find_all(exp.Query, exp.CTE))
    if relations > MAX_RELATIONS:
        message = f"the recipe has {relations:,} CTEs and queries; {MAX_RELATIONS:,} is the limit"
        report(Problem("too-large", message, "take it apart into recipes that read each other with ref(...)"), tree)
    deepest = max((_lambdas_around(node) for node in tree.find_all(exp.Lambda)), default=0)
    if deepest > MAX_LAMBDAS:
        message = f"{deepest} lambdas stand in each other; {MAX_LAMBDAS} is the limit"
        report(Problem("too-deep", message, "take them apart into CTEs"), tree)


def _lambdas_around(node: exp.Expr) -> int:
    count, around = 1, node.parent
    while around is not None:
        count += isinstance(around, exp.Lambda)
        around = around.parent
    return count
