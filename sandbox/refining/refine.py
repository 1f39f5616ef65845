"""Moves the cuts of a recipe to where the bulk of the data ends: mean and deviation, median and MAD, or percentiles.

A lower bound goes to centre - k * spread, an upper one to centre + k * spread, as in Data-Juicer's k-sigma tool. The
numbers are SQL aggregates over the values in the stats database; NULL, NaN and infinite values are left out, and every
item of a list counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, Literal

import duckdb

from juicesql.analysis.numbers import MEAN, STD
from juicesql.errors import Problem, nearest
from juicesql.running import Prepared
from juicesql.runs import RunRecord
from juicesql.sqltext import literal, quote
from juicesql.whatif import Board
from juicesql.whatif.gates import Number, Value

from ..errors import SandboxError
from .thresholds import Aim, Place, Refined, move_bounds

Kind = Literal["sigma", "robust", "percentile"]
Sides = Literal["both", "low", "high"]
DIGITS = 6  # of a bound that is not whole
MAD_TO_STD = 1.4826  # 1 / 0.6745, the MAD of a standard normal distribution


@dataclass(frozen=True)
class Rule:
    """Where bounds go. Stats are named by label, by function, or by the variable that their bound stands in."""

    method: Kind = "sigma"
    k: float = 3.0
    stat_k: Mapping[str, float] = field(default_factory=dict)  # stat -> its own k
    sides: Sides = "both"  # the bounds that may move
    stat_sides: Mapping[str, Sides] = field(default_factory=dict)  # stat -> its own sides
    low: float = 1.0  # percentile of lower bounds
    high: float = 99.0  # percentile of upper bounds
    leave: tuple[str, ...] = ()  # stats that stay as they are

    def problems(self) -> list[Problem]:
        """What is wrong with the numbers, whatever the recipe."""
        found = []
        for name, k in {"": self.k, **self.stat_k}.items():
            if not (math.isfinite(k) and k >= 0):
                found.append(Problem("bad-k", f"k{f' of {name}' if name else ''} is {k}", "give a number from 0 up"))
        if not 0 <= self.low < self.high <= 100:
            message = f"the percentiles are {self.low:g} and {self.high:g}"
            found.append(Problem("bad-percentiles", message, "give two from 0 to 100, the lower one first"))
        return found

    def pick(self, of: Mapping[str, Any], place: Place, default: Any) -> Any:
        """What a mapping says for a stat: the most special of its names counts."""
        return next((of[name] for name in place.names if name in of), default)


def refine(prepared: Prepared, run: RunRecord, rule: Rule | None = None) -> Refined:
    """Move the bounds of a recipe by the values that `run`, an analysis of it, measured.

    SandboxError for numbers or names that cannot be."""
    rule = rule or Rule()
    if problems := rule.problems():
        raise SandboxError(problems)

    def aims(board: Board, places: Sequence[Place]) -> list[Aim | str]:
        check_names((*rule.stat_k, *rule.stat_sides, *rule.leave), places)
        return [_aim(board, place, rule) for place in places]

    return move_bounds(prepared, run, rule.method, aims)


def check_names(given: Iterable[str], places: Sequence[Place]) -> None:
    """SandboxError for names that are those of no bound that may move."""
    known = list(dict.fromkeys(name for p in places for name in p.names if not name.isdigit()))
    problems = []
    for name in given:
        if not any(name in p.names for p in places):
            mend = nearest(name, known) or "bounds that may move: " + (", ".join(known) or "none")
            problems.append(Problem("unknown-stat", f"the recipe has no bound of `{name}` that may move", mend))
    if problems:
        raise SandboxError(problems)


def _aim(board: Board, place: Place, rule: Rule) -> Aim | str:
    if any(name in rule.leave for name in place.names):
        return "left out"
    if rule.pick(rule.stat_sides, place, rule.sides) not in ("both", place.side):
        return f"a bound on the {place.side} side"
    k = float(rule.pick(rule.stat_k, place, rule.k))
    facts = _facts(board, place, rule)
    if isinstance(facts, str):
        return facts
    if rule.method == "percentile":
        number = facts["percentile"]
        return _finite(number, place, {**facts, "at": rule.low if place.side == "low" else rule.high})
    centre, spread = (facts["mean"], facts["std"]) if rule.method == "sigma" else (facts["median"], facts["mad"])
    number = centre - k * spread if place.side == "low" else centre + k * spread
    return _finite(number, place, {**facts, "k": k})


def _finite(number: float, place: Place, facts: Mapping[str, Any]) -> Aim | str:
    return (
        Aim(outward(number, place.side, place.whole), facts) if math.isfinite(number) else "the numbers are too large"
    )


def _facts(board: Board, place: Place, rule: Rule) -> dict[str, Any] | str:
    """What the rule needs to know of a stat, or why it cannot be told."""
    share = literal((rule.low if place.side == "low" else rule.high) / 100)
    asked = {
        "sigma": {"mean": MEAN, "std": STD},
        "robust": {"median": "list_median(l)", "mad": f"{MAD_TO_STD} * list_mad(l)"},
        "percentile": {"percentile": f"list_aggregate(l, 'quantile_cont', {share})"},
    }[rule.method]
    summed = f"select count(v) as n, min(v) as a, max(v) as z, list(v order by v) as l from {_numbers(place.value)}"
    sql = f"select n, a, z, {', '.join(asked.values())} from ({summed})"
    try:
        count, least, greatest, *found = board.con.cursor().execute(sql).fetchone() or (0, None, None)
    except duckdb.OutOfRangeException:
        return "the numbers are too large"
    if count < 2:
        return f"has {'one value' if count else 'no values'}"
    if least == greatest:
        return f"all {count:,} values are the same"
    if rule.method == "robust" and found[1] == 0:
        return "more than half of the values are the same: the MAD is 0"
    return {"values": count, "least": least, "greatest": greatest, **dict(zip(asked, found, strict=True))}


def _numbers(value: Value) -> str:
    """SQL for a relation of the finite values `v`."""
    name = quote(value.column)
    items = f"unnest({name})" if value.returns.endswith("[]") else name
    return f"(select v from (select ({items})::double as v from board) where isfinite(v))"


def outward(number: float, side: Literal["low", "high"], whole: bool, digits: int = DIGITS) -> Number:
    """The number with few digits, rounded so that a bound on this side drops nothing more.

    >>> outward(12.3456789, "low", False), outward(12.3456789, "high", False), outward(-3.2, "low", True)
    (12.3456, 12.3457, -4)
    """
    if whole:
        return math.floor(number) if side == "low" else math.ceil(number)
    return cut_off(number, ROUND_FLOOR if side == "low" else ROUND_CEILING, digits)


def cut_off(number: float, rounding: str, digits: int) -> float:
    """A number with few digits, rounded as `decimal` names it; the number itself where that would be infinite."""
    short = float(Context(prec=digits, rounding=rounding).create_decimal(Decimal(repr(float(number))))) + 0.0
    return short if math.isfinite(short) else number
