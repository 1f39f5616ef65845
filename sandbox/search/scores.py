"""Metrics of rows that a recipe keeps: the mean of a stat, an aggregate in SQL, or the number of rows.

An expression may name stats and nothing else: it is parsed, held against a list of functions, and bound to columns on
a connection that reaches no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import sqlglot
from sqlglot import exp

from juicesql.analysis.values import kind_of, parts_of
from juicesql.closing import close_off
from juicesql.errors import nearest
from juicesql.lift import to_sql
from juicesql.sqltext import quote

from ..errors import SandboxError

COUNTS = ("kept", "kept_share")
# Scalars; aggregates are whatever sqlglot knows as such, and these of DuckDB.
_SCALARS = {
    *("abs", "and", "array_max", "array_min", "array_size", "array_sum", "between", "case", "cast", "ceil", "coalesce"),
    *("exp", "floor", "greatest", "if", "is_inf", "is_nan", "isfinite", "isinf", "isnan", "least", "len", "length"),
    *(
        "list_avg",
        "list_count",
        "list_max",
        "list_min",
        "list_sum",
        "ln",
        "log",
        "log10",
        "log2",
        "mod",
        "nullif",
        "or",
    ),
    *("pow", "power", "round", "sign", "sqrt", "try_cast", "xor"),
}
_AGGREGATES = {"entropy", "favg", "fsum", "geomean", "kurtosis", "mad", "mode", "product", "skewness"}


@dataclass(frozen=True)
class Score:
    """A metric as SQL over a relation with a column for each stat that it names."""

    name: str
    sql: str
    columns: tuple[str, ...]


def score(name: str, types: Mapping[str, str], aliases: Mapping[str, str] | None = None) -> Score:
    """The metric of this name. `types` are the columns there are, with their SQL types; `aliases` other names of them.
    SandboxError that says what is wrong."""
    if name == "kept":
        return Score(name, "count(*)", ())
    known = {**(aliases or {}), **{c: c for c in types}}
    if simple := _mean(name, types, known):
        return simple
    tree = _parsed(name, known)
    for node in tree.find_all(exp.Column):
        root = node.parts[0].name
        if root not in known:
            mend = nearest(root, known) or "measured: " + ", ".join(sorted(types)[:20])
            raise _error("unknown-metric", f"metric {name}: there is no stat {root}", mend)
        node.parts[0].replace(exp.to_identifier(known[root], quoted=True))
    used = tuple(dict.fromkeys(n.parts[0].name for n in tree.find_all(exp.Column)))
    found = Score(name, to_sql(tree), used)
    _bind(found, types)
    return found


def _mean(name: str, types: Mapping[str, str], known: Mapping[str, str]) -> Score | None:
    """A metric that is the name of a stat, or of a field of one. A list counts as the mean of its items."""
    label, _, field = name.partition(".")
    if label not in known:
        return None
    parts = {ending: (sql, type_) for ending, sql, type_ in parts_of(quote(known[label]), types[known[label]])}
    sql, type_ = parts.get(f".{field}" if field else "", ("", ""))
    if not sql or not (kind_of(type_) == "number" or type_ == "BOOLEAN"):
        fields = [f"{label}{ending}" for ending, (_, t) in parts.items() if ending and kind_of(t) == "number"]
        mend = f"give {' or '.join(fields)}" if fields else "give an aggregate, such as `avg(num_words)`"
        raise _error("bad-metric", f"metric {name}: {types[known[label]]} has no mean", mend)
    value = f"list_avg({sql})" if type_.endswith("[]") else f"({sql})::double"
    return Score(name, f"avg({value})", (known[label],))


def _parsed(name: str, known: Mapping[str, str]) -> exp.Expr:
    try:
        trees = sqlglot.parse(f"select {name}", dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        trees = []
    tree = trees[0] if len(trees) == 1 else None
    alone = isinstance(tree, exp.Select) and [k for k, v in tree.args.items() if v] == ["expressions"]
    if tree is None or not alone or len(tree.expressions) != 1:
        raise _error("bad-metric", f"metric {name!r} is neither a stat nor an aggregate", _mend(name, known))
    found: exp.Expr = tree.expressions[0].unalias()
    for problem in _refused(found):
        raise _error("bad-metric", f"metric {name}: {problem}", _mend(name, known))
    return found.copy()


def _mend(name: str, known: Mapping[str, str]) -> str:
    close = nearest(name, (*known, *COUNTS))
    return close or "give a stat, an aggregate such as `avg(num_words)`, kept, kept_share, or meta_name.key of a job"


def _refused(tree: exp.Expr) -> Iterator[str]:
    for node in tree.walk():
        if isinstance(node, (exp.Query, exp.Table, exp.Window, exp.Placeholder, exp.Parameter, exp.Lambda)):
            yield "only aggregates of stats are allowed"
        elif isinstance(node, exp.Anonymous) or (isinstance(node, exp.Func) and not isinstance(node, exp.AggFunc)):
            called = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            if called not in _SCALARS | _AGGREGATES:
                yield f"the function {called} is not allowed"


def _bind(score: Score, types: Mapping[str, str]) -> None:
    """Let DuckDB say whether it is one number whatever the rows."""
    with duckdb.connect() as con:
        columns = ", ".join(f"{quote(c)} {types[c]}" for c in score.columns) or "nothing integer"
        con.execute(f"create table rows ({columns})")
        close_off(con)
        try:
            described = con.execute(f"describe select ({score.sql})::double as x from rows").fetchall()
            rows = con.execute(f"select count(*) from (select {score.sql} as x from rows)").fetchone()
        except duckdb.Error as error:
            cause = str(error).splitlines()[0]
            raise _error("bad-metric", f"metric {score.name}: {cause}", "give an aggregate of stats") from error
    if not described or rows != (1,):
        raise _error("bad-metric", f"metric {score.name} is not one number", "wrap it: `avg(...)`")


def _error(code: str, message: str, mend: str) -> SandboxError:
    return SandboxError.of(code, f"hpo_config.{message}", mend)
