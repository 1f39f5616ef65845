"""What a plan says before a row is read: comparisons that are true or false of every value a function can give.

A manual declares the range of its function: what begins with "Share" or "Probability" is between 0 and 1, what begins
with "Number of" and gives an integer is not below 0, and `Range: -1 to 1.` says it in words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from juicesql.api import Function
from juicesql.plan import Bound, Call, Cut, MapStep, Plan
from juicesql.registry import Registry

_SAID = re.compile(r"\bRange:\s+(-?[\d.]+)\s+to\s+(-?[\d.]+|infinity)(?:\.\s|\.?$)", re.M)


def declared_range(function: Function) -> tuple[float, float] | None:
    """The least and greatest value that a function says it gives; None where it does not say.

    >>> from juicesql.api import stat
    >>> @stat("halves(text VARCHAR) -> DOUBLE")
    ... def halves(text):
    ...     '''Share of halves.'''
    >>> declared_range(halves.__juicesql__)
    (0.0, 1.0)
    """
    if said := _SAID.search(function.doc):
        return float(said.group(1)), math.inf if said.group(2) == "infinity" else float(said.group(2))
    first = function.doc.split(maxsplit=2)
    if first[:1] in (["Share"], ["Probability"], ["Probability,"]):
        return 0.0, 1.0
    if first[:2] == ["Number", "of"] and "INT" in function.signature.returns:
        return 0.0, math.inf
    return None


def advise(plan: Plan, registry: Registry) -> tuple[str, ...]:
    """A line for each comparison of the recipe that decides nothing, with its place and the range."""
    file = plan.recipe.rpartition("/")[2]
    names: dict[str, dict[str, Call]] = {}
    lines: list[str] = []
    for step in plan.steps:
        if not isinstance(step, MapStep):
            names[step.name] = names.get(step.inputs[0], {}) if step.inputs and step.filter_sql else {}
            continue
        stats = {c.label: c for c in step.calls if c.kind == "stat"} | names.get(step.input, {})
        lines += [line for cut in step.cuts for line in _of_cut(cut, stats, registry, file)]
        names[step.name] = _named(step, names.get(step.input, {}))
    return tuple(dict.fromkeys(lines))


def _named(step: MapStep, before: dict[str, Call]) -> dict[str, Call]:
    """The columns of a step that are a stat, under the names that its projection gives them."""
    if not step.select:
        return before
    calls = {c.column: c for c in step.calls if c.kind == "stat"}
    found = {o.name: calls.get(o.column) or before.get(o.column) for o in step.outputs if o.column}
    return {name: call for name, call in found.items() if call}


def _of_cut(cut: Cut, stats: dict[str, Call], registry: Registry, file: str) -> Iterator[str]:
    for bound in cut.bounds:
        call = stats.get(bound.stat)
        if call is None or isinstance(bound.value, str):
            continue
        limits = declared_range(registry.get(call.function))
        always = None if limits is None else always_says(bound, *limits)
        if limits is None or always is None:
            continue
        said = "true of every value" if always else "true of no value"
        upper = "no end" if limits[1] == math.inf else f"{limits[1]:g}"
        where = f"{file}:{cut.line}" if cut.line else file
        yield (
            f"{where}: `{bound.stat} {bound.operator} {bound.value}` in `{cut.sql}` is {said}: "
            f"`{call.function}` gives {limits[0]:g} to {upper}"
        )


def always_says(bound: Bound, low: float, high: float) -> bool | None:
    """What a comparison says of all numbers between `low` and `high`; None where it depends on the number.

    A bound at the end of the range is no mistake: `>= 0` says where values begin.

    >>> always_says(Bound("share", ">=", 25, None), 0, 1), always_says(Bound("share", "<=", 25, None), 0, 1)
    (False, True)
    """
    value = float(bound.value)
    outside = value > high or value < low
    if bound.operator in ("=", "<>"):
        return bound.operator == "<>" if outside else None
    if bound.operator in (">=", ">"):
        never = value > high or (bound.operator == ">" and value == high)
        return False if never else True if value < low else None
    never = value < low or (bound.operator == "<" and value == low)
    return False if never else True if value > high else None
