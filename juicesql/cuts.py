"""Reads the cuts out of a WHERE: its AND terms, and the comparisons with constants inside each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from juicesql.lift import to_sql
from juicesql.plan import Bound

_FLIPPED = {">=": "<=", ">": "<", "<=": ">=", "<": ">", "=": "=", "<>": "<>"}
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
    return tuple(_bounds(term, labels))


def _bounds(term: exp.Expr, labels: Mapping[str, str]) -> Iterator[Bound]:
    for node in term.walk():
        if isinstance(node, exp.Between):
            yield from _bound(node.this, ">=", node.args["low"], labels)
            yield from _bound(node.this, "<=", node.args["high"], labels)
        elif isinstance(node, exp.Anonymous) and str(node.this).lower() in ("any_between", "all_between"):
            if len(node.expressions) == 3:
                yield from _bound(node.expressions[0], ">=", node.expressions[1], labels)
                yield from _bound(node.expressions[0], "<=", node.expressions[2], labels)
        elif operator := _OPERATORS.get(type(node)):
            yield from _bound(node.this, operator, node.expression, labels)
            yield from _bound(node.expression, _FLIPPED[operator], node.this, labels)


def _bound(measured: exp.Expr, operator: str, constant: exp.Expr, labels: Mapping[str, str]) -> Iterator[Bound]:
    negative = isinstance(constant, exp.Neg)
    literal = constant.this if negative else constant
    if not isinstance(literal, exp.Literal) or isinstance(measured, (exp.Literal, exp.Neg)):
        return
    name = measured.name if isinstance(measured, exp.Column) else to_sql(measured)
    value: float | int | str = literal.this
    if not literal.is_string:
        value = float(literal.this) if any(c in literal.this for c in ".eE") else int(literal.this)
        value = -value if negative else value
    tags = [c.strip()[1:] for c in literal.comments or [] if c.strip().startswith("@")]
    yield Bound(labels.get(name, name), operator, value, tags[0] if tags else None)
