"""Reads the cuts out of a WHERE: its AND terms, and the comparisons with constants inside each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from juicesql.errors import Problem
from juicesql.lift import to_sql
from juicesql.plan import Bound

_FLIPPED = {">=": "<=", ">": "<", "<=": ">=", "<": ">", "=": "=", "<>": "<>"}
_NUMBERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "DECIMAL",
}  # fmt: skip
_OPERATORS: dict[type[exp.Expr], str] = {
    exp.GTE: ">=", exp.GT: ">", exp.LTE: "<=", exp.LT: "<", exp.EQ: "=", exp.NEQ: "<>",
}  # fmt: skip


def and_terms(condition: exp.Expr) -> list[exp.Expr]:
    """The terms of a condition that must all hold, in the author's order."""
    while isinstance(condition, exp.Paren) and isinstance(condition.this, exp.And):
        condition = condition.this
    if isinstance(condition, exp.And):
        return [*and_terms(condition.this), *and_terms(condition.expression)]
    return [condition]


def bounds_of(term: exp.Expr, labels: Mapping[str, str]) -> tuple[Bound, ...]:
    """The comparisons of a stat (or column) with a constant in one term; `labels` names the columns of calls."""
    return tuple(_bound(c, labels) for c in comparisons(term))


@dataclass(frozen=True)
class Comparison:
    """A comparison of something measured with a constant: `constant` is a literal, or the negative of one."""

    measured: exp.Expr
    operator: str
    constant: exp.Expr


def comparisons(term: exp.Expr) -> tuple[Comparison, ...]:
    """The comparisons with constants in one term, always in the same order."""
    found = _comparisons(term)
    return tuple(c for c in found if _is_constant(c.constant) and not isinstance(c.measured, (exp.Literal, exp.Neg)))


def _comparisons(term: exp.Expr) -> Iterator[Comparison]:
    for node in term.walk():
        if isinstance(node, exp.Between):
            yield Comparison(node.this, ">=", node.args["low"])
            yield Comparison(node.this, "<=", node.args["high"])
        elif isinstance(node, exp.Anonymous) and str(node.this).lower() in ("any_between", "all_between"):
            if len(node.expressions) == 3:
                yield Comparison(node.expressions[0], ">=", node.expressions[1])
                yield Comparison(node.expressions[0], "<=", node.expressions[2])
        elif operator := _OPERATORS.get(type(node)):
            yield Comparison(node.this, operator, node.expression)
            yield Comparison(node.expression, _FLIPPED[operator], node.this)


def _is_constant(node: exp.Expr) -> bool:
    return isinstance(node.this if isinstance(node, exp.Neg) else node, exp.Literal)


def _bound(comparison: Comparison, labels: Mapping[str, str]) -> Bound:
    measured, constant = comparison.measured, comparison.constant
    literal = constant.this if isinstance(constant, exp.Neg) else constant
    name = (
        _named(measured, labels) if not isinstance(measured, exp.Column) else labels.get(measured.name, measured.name)
    )
    tags = [c.strip()[1:] for c in literal.comments or [] if c.strip().startswith("@")]
    return Bound(labels.get(name, name), comparison.operator, value_of(constant), tags[0] if tags else None)


def _named(measured: exp.Expr, labels: Mapping[str, str]) -> str:
    """The SQL of what is compared, with the labels of calls in place of the plan's columns."""

    def put(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Identifier) and part.name in labels:
            return exp.to_identifier(labels[part.name])
        return part

    return to_sql(measured.copy().transform(put))


def mismatch(measured: str, type_: str, value: float | int | str, stat: bool) -> Problem | None:
    """The problem of comparing something of this SQL type with this constant, which no row can survive.

    A column of text may hold numbers, so only a `stat` that gives text is not compared with one.
    """
    plain = type_.removesuffix("[]").split("(")[0]
    if isinstance(value, str):
        if plain not in _NUMBERS or _is_number(value):
            return None
        message = f"`{measured}` is a number ({type_}) and is compared with the text {value!r}"
        return Problem("wrong-comparison", message, "compare it with a number")
    if stat and plain == "VARCHAR":
        message = f"`{measured}` is text and is compared with the number {value}"
        return Problem("wrong-comparison", message, f"compare it with text: '{value}'")
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def value_of(constant: exp.Expr) -> float | int | str:
    """The value of a literal, or of the negative of one."""
    if isinstance(constant, exp.Neg):
        value = value_of(constant.this)
        return value if isinstance(value, str) else -value
    text = str(constant.this)
    if constant.is_string:
        return text
    return float(text) if any(c in text for c in ".eE") else int(text)
