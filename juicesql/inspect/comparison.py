"""Two sets of measured samples side by side: how their stats are distributed, and what came through each step.

A set is the samples of a run, all that were measured or those that it kept. So two runs can be compared, two data sets
(by a run over each), or a data set with what one run left of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import duckdb

from juicesql.analysis.bins import Histogram, histogram, suitable_edges
from juicesql.analysis.distance import KsDistance, LabelShift, ks_distance, label_shifts
from juicesql.analysis.numbers import Numbers, numbers
from juicesql.inspect.columns import WHOLE, StatColumn, relation, stat_columns
from juicesql.overview import funnel_lines
from juicesql.runs import RunRecord
from juicesql.sqltext import quote

_CONSTANT = re.compile(r"-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|'(?:[^']|'')*'")
_SIDES = ("left_values", "right_values")  # temporary tables with a column v


@dataclass(frozen=True)
class Side:
    """One of the two sets. With `kept`, only the samples that the run kept."""

    run: RunRecord
    kept: bool = False


@dataclass(frozen=True)
class StatDifference:
    """One stat on both sides; of lists, every item is a value. `ks` is None where a side has no value."""

    label: str
    sql: str
    left: Numbers
    right: Numbers
    ks: KsDistance | None
    left_bins: Histogram | None
    right_bins: Histogram | None  # with the edges of the left one

    @property
    def shift(self) -> float | None:
        """Right mean less left mean, in standard deviations of the left side."""
        if self.left.mean is None or self.right.mean is None or not self.left.std:
            return None
        return (self.right.mean - self.left.mean) / self.left.std


@dataclass(frozen=True)
class LabelDifference:
    """`distance` is the total variation: 0 for equal shares, 1 for no label in common."""

    label: str
    sql: str
    distance: float | None
    shares: tuple[LabelShift, ...]


@dataclass(frozen=True)
class FunnelPair:
    """A step or cut of either run, or of both. `left` and `right` are the rows that were left after it."""

    step: str
    left_sql: str
    right_sql: str
    left: int | None
    right: int | None


def shared_stats(left: Side, right: Side) -> tuple[tuple[StatColumn, StatColumn], ...]:
    """The stats that both runs have, by their names."""
    there = {c.label: c for c in stat_columns(right.run)}
    mine = stat_columns(left.run)
    pairs = [(c, there[c.label]) for c in mine if c.label in there]
    return tuple((a, b) for a, b in pairs if a.is_number == b.is_number)


def stat_difference(
    con: duckdb.DuckDBPyConnection, left: Side, right: Side, pair: tuple[StatColumn, StatColumn]
) -> StatDifference | LabelDifference:
    """Both sides of one stat."""
    _collect(con, left, right, pair)
    one, other = (f"from {side}" for side in _SIDES)
    label, sql = pair[0].label, pair[0].sql
    if pair[0].is_label:
        return LabelDifference(label, sql, *label_shifts(con, one, other))
    facts = [numbers(con, side, "v") for side in _SIDES]
    whole = all(c.returns.removesuffix("[]") in WHOLE for c in pair)
    edges = suitable_edges(_together(*facts), whole)
    bins = [histogram(con, side, "v", edges) if edges else None for side in _SIDES]
    return StatDifference(label, sql, facts[0], facts[1], ks_distance(con, one, other), bins[0], bins[1])


def _together(left: Numbers, right: Numbers) -> Numbers:
    """What the edges of bins for both sides depend on."""
    if not left.count or not right.count:
        return left if left.count else right
    ends = [pick(getattr(side, name) for side in (left, right)) for name, pick in (("min", min), ("max", max))]
    places = ((1.0, min), (50.0, max), (99.0, max))
    percentiles = tuple((p, pick(left.percentile(p) or 0.0, right.percentile(p) or 0.0)) for p, pick in places)
    return Numbers(left.count + right.count, left.infinite + right.infinite, None, None, ends[0], ends[1], percentiles)


def funnel_pairs(con: duckdb.DuckDBPyConnection, left: RunRecord, right: RunRecord) -> tuple[FunnelPair, ...]:
    """The steps and cuts of both runs in the order of the recipes; cuts that differ in constants only are one line."""
    a, b = _funnel(con, left), _funnel(con, right)
    keys = [[(step, _CONSTANT.sub("?", sql)) for step, sql, _ in side] for side in (a, b)]
    out = []
    for i, j in _aligned(*keys):
        one, two = a[i] if i is not None else None, b[j] if j is not None else None
        step = (one or two or ("",))[0]
        out.append(FunnelPair(step, one[1] if one else "", two[1] if two else "", one and one[2], two and two[2]))
    return tuple(out)


def _collect(con: duckdb.DuckDBPyConnection, left: Side, right: Side, pair: tuple[StatColumn, StatColumn]) -> None:
    """The values of both sides as temporary tables, so that several questions join the stored values once."""
    for table, side, column in zip(_SIDES, (left, right), pair, strict=True):
        source, values = relation(con, side.run, [column])
        name = quote(column.label)
        value = f"unnest({name})" if column.is_list else name
        typed = f"{value}::double" if column.is_number else value
        kept = "where verdict = 'kept'" if side.kept else ""
        con.execute(f"create or replace temp table {table} as select {typed} as v from ({source}) {kept}", values)


def _funnel(con: duckdb.DuckDBPyConnection, run: RunRecord) -> list[tuple[str, str, int]]:
    """Step, SQL and rows left of what could change the number of rows."""
    lines = funnel_lines(con, run)
    return [(x.step, x.sql, x.rows_out) for x in lines if x.kind != "map" or x.rows_in != x.rows_out]


def _aligned(left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]]) -> list[tuple[int | None, int | None]]:
    """Places of both lists that have the same key, and what stands between, in order."""
    out: list[tuple[int | None, int | None]] = []
    i = j = 0
    for a, key in enumerate(left):
        if key in right[j:]:
            b = j + list(right[j:]).index(key)
            out += [*((k, None) for k in range(i, a)), *((None, k) for k in range(j, b)), (a, b)]
            i, j = a + 1, b + 1
    rest = zip_longest(range(i, len(left)), range(j, len(right)))
    return out + [pair for a, b in rest for pair in ((a, None), (None, b)) if pair != (None, None)]
