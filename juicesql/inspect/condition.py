"""A condition that a person typed into a filter: one SQL expression over known columns that can do nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from juicesql.errors import StoreError, nearest

MOST_CHARACTERS = 2_000
FUNCTIONS = frozenset((
    "abs", "ceil", "ceiling", "coalesce", "concat", "contains", "ends_with", "exp", "floor", "greatest", "if",
    "ifnull", "instr", "isfinite", "isnan", "least", "left", "length", "len", "list_any_value", "list_avg",
    "list_contains", "list_count", "list_max", "list_mean", "list_median", "list_min", "list_product",
    "list_sum", "ln", "log", "log10", "log2", "lower", "ltrim", "mod", "nullif", "pow", "power", "prefix",
    "regexp_full_match", "regexp_matches", "replace", "reverse", "right", "round", "rtrim", "sign", "sqrt",
    "starts_with", "strlen", "strpos", "substr", "substring", "suffix", "trim", "trunc", "upper",
))  # fmt: skip
_SPELLED = (  # functions with a spelling of their own, and what has no name at all
    exp.And, exp.Or, exp.Not, exp.Paren, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Neg,
    exp.Binary, exp.Between, exp.In, exp.Case, exp.If, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Array,
    exp.Tuple, exp.Bracket,
)  # fmt: skip
_TYPES = frozenset(
    getattr(exp.DataType.Type, name) for name in ("INT", "BIGINT", "DOUBLE", "FLOAT", "VARCHAR", "TEXT", "BOOLEAN")
)


@dataclass(frozen=True)
class Condition:
    """`sql` is written anew from the parsed tree; `columns` are those that it names."""

    sql: str
    columns: frozenset[str]


def read_condition(text: str, columns: Collection[str]) -> Condition:
    """The condition that `text` is. StoreError `bad-condition` for anything but one expression over `columns`.

    >>> read_condition("TEXT_LEN > 10 and verdict = 'kept'", ["text_len", "verdict"]).sql
    '"text_len" > 10 AND "verdict" = \\'kept\\''
    """
    tree = _parsed(text)
    by_name = {c.lower(): c for c in columns}
    problem = next((p for node in tree.walk() if (p := _problem(node, by_name))), None)
    if problem:
        raise _bad(*problem)
    names = set()
    for column in list(tree.find_all(exp.Column)):
        name = by_name[_name(column)]
        column.set("this", exp.to_identifier(name, quoted=True))
        column.set("table", None)
        names.add(name)
    return Condition(tree.sql(dialect="duckdb", comments=False), frozenset(names))


def _parsed(text: str) -> exp.Expr:
    if len(text) > MOST_CHARACTERS:
        raise _bad(f"it has more than {MOST_CHARACTERS:,} characters", "make it shorter")
    try:
        trees = sqlglot.parse(text, dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        message = str(error).splitlines()[0] if str(error) else "it is nested too deeply"
        raise _bad(message.split(". Line")[0], "write a comparison, such as text_len > 100") from error
    if len(trees) != 1 or trees[0] is None:
        raise _bad("it is not one expression", "join several with AND or OR")
    return trees[0]


def _problem(node: exp.Expr, columns: dict[str, str]) -> tuple[str, str] | None:
    """What is wrong with a node of the tree, and its mend."""
    if isinstance(node, exp.Column):
        if isinstance(node.this, exp.Star) or _name(node) not in columns:
            return f"there is no column `{_name(node)}`", _known(_name(node), columns.values())
        return None
    if isinstance(node, exp.In) and node.args.get("query"):
        return "it has a query inside", "compare columns with constants"
    if isinstance(node, exp.DataType):
        return None if node.this in _TYPES else (f"no casts to {node.sql(dialect='duckdb')}", "cast to DOUBLE, BIGINT")
    if isinstance(node, _SPELLED) and not isinstance(node, exp.Dot):
        return None
    if isinstance(node, exp.Func):
        names = [node.name] if isinstance(node, exp.Anonymous) else type(node).sql_names()
        if {n.lower() for n in names} & FUNCTIONS or _written(node) in FUNCTIONS:
            return None
        return f"the function `{_written(node)}` may not be used here", nearest(_written(node), FUNCTIONS)
    return f"`{node.sql(dialect='duckdb')[:60]}` is not a condition", "compare columns with constants"


def _name(column: exp.Column) -> str:
    """The name of a column in lower case. That of a field of a stat has a dot: `lang_id.score`."""
    return ".".join(part.name for part in column.parts).lower()


def _written(node: exp.Func) -> str:
    return node.sql(dialect="duckdb").partition("(")[0].strip().lower()


def _known(name: str, columns: Iterable[str]) -> str:
    return nearest(name, columns) or "the columns are " + ", ".join(columns)


def _bad(message: str, mend: str) -> StoreError:
    return StoreError.of("bad-condition", message, mend)
