"""Histograms: which bins suit a column, and how many of its values fall into each."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import duckdb

from juicesql.analysis.numbers import Numbers

BINS = 40
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Edges:
    """`count` bins of equal width from `low` to `high`; on a log scale, of equal width in log(1 + value)."""

    low: float
    high: float
    count: int
    scale: Scale = "linear"

    def value(self, part: float) -> float:
        """The value at a part (0 to 1) of the way.

        >>> Edges(0, 99, 2, "log").value(0.5)
        9.0
        """
        if self.scale == "linear":
            return self.low + part * (self.high - self.low)
        low, high = math.log1p(self.low), math.log1p(self.high)
        return round(math.expm1(low + part * (high - low)), 12)

    def part(self, value: float) -> float:
        """How far along the way a value is; below 0 or above 1 outside.

        >>> Edges(0, 10, 5).part(2.5)
        0.25
        """
        if self.scale == "linear":
            return (value - self.low) / (self.high - self.low)
        low, high = math.log1p(self.low), math.log1p(self.high)
        return (math.log1p(max(value, -0.999999)) - low) / (high - low)


@dataclass(frozen=True)
class Histogram:
    """`below` and `above` are values outside of the edges: a few that lie far from the others."""

    edges: Edges
    counts: tuple[int, ...]
    below: int
    above: int


def suitable_edges(
    found: Numbers, whole: bool = False, thresholds: Collection[float] = (), bins: int = BINS
) -> Edges | None:
    """Edges for a column with these numbers (its percentiles 1 and 99 must be among them); None without values.

    `whole` numbers of a small range get a bin each. Non-negative ones that reach far above their median get a log
    scale. Otherwise the bins leave out tails that would squeeze the rest, but no threshold among the values.
    """
    if found.min is None or found.max is None:
        return None
    low, high = found.min, found.max
    if low == high:
        wide = abs(low) * 0.01 or 0.5
        return Edges(low - wide, high + wide, 1)
    if whole and high - low < bins:
        return Edges(low - 0.5, high + 0.5, int(high - low) + 1)
    if not math.isfinite(high - low):
        return Edges(low / 2, high / 2, bins)
    median = found.percentile(50) or 0.0
    if low >= 0 and high > 100 and high > 20 * median:
        return Edges(low, high, bins, "log")
    first, last = found.percentile(1), found.percentile(99)
    if first is not None and last is not None and first < last:
        room = 2 * (last - first)
        inside = [t for t in thresholds if low <= t <= high]
        low, high = max(low, min([first - room, *inside])), min(high, max([last + room, *inside]))
    return Edges(low, high, bins)


def histogram(con: duckdb.DuckDBPyConnection, relation: str, value: str, edges: Edges) -> Histogram:
    """Count the finite values of a SQL expression in each bin; a value on an edge belongs to the bin above it."""
    ends = (math.log1p(edges.low), math.log1p(edges.high)) if edges.scale == "log" else (edges.low, edges.high)
    place = "ln(1 + v)" if edges.scale == "log" else "v"
    bin_of = f"greatest(0, least(floor(({place} - $start) / ($end - $start) * $bins), $bins - 1))"
    rows = con.execute(
        f"select case when v < $low then -1 when v > $high then $bins else {bin_of} end::integer as bin, count(*) "
        f"from (select ({value})::double as v from {relation}) where isfinite(v) group by bin",
        {"low": edges.low, "high": edges.high, "bins": edges.count, "start": ends[0], "end": ends[1]},
    ).fetchall()
    counts = dict(rows)
    inside = tuple(counts.get(i, 0) for i in range(edges.count))
    return Histogram(edges, inside, counts.get(-1, 0), counts.get(edges.count, 0))
