"""The numbers of one column as SQL aggregates: equal to those of numpy and pandas over the same values.

NULL and NaN are no values. Infinite values are counted, and left out of every other number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from juicesql.sqltext import literal

PERCENTILES = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
QUARTILES = (25.0, 50.0, 75.0)
# Of the sorted list `l` of some values: the last digits of a sum depend on its order, which threads change.
MEAN, STD = "list_aggregate(l, 'favg')", "list_aggregate(l, 'stddev_samp')"
_HUGE = 1e150  # whose square is not a number of DuckDB


@dataclass(frozen=True)
class Numbers:
    """`std` is that of a sample (n - 1), as in pandas; numpy calls it ddof=1. Percentiles interpolate linearly.

    `count` are the finite values; the others are None when there are none (`std`: fewer than two).
    """

    count: int
    infinite: int
    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    percentiles: tuple[tuple[float, float | None], ...]

    def percentile(self, percent: float) -> float | None:
        return dict(self.percentiles)[percent]


def numbers(
    con: duckdb.DuckDBPyConnection, relation: str, value: str, percentiles: Sequence[float] = PERCENTILES
) -> Numbers:
    """The numbers of the SQL expression `value` over a relation (a table, or a query in parentheses)."""
    asked = sorted({*percentiles, *QUARTILES})
    values = f"(select ({value})::double as v from {relation}) where not isnan(v)"
    count, infinite, low, high, at = only_row(
        con,
        f"select count(*) filter (isfinite(v)), count(*) filter (isinf(v)), min(v) filter (isfinite(v)), "
        f"max(v) filter (isfinite(v)), quantile_cont(v, {literal([p / 100 for p in asked])}) filter (isfinite(v)) "
        f"from {values}",
    )
    scale = max(abs(low), abs(high)) if low is not None and max(abs(low), abs(high)) > _HUGE else 1.0
    spread = only_row(
        con, f"select {MEAN}, {STD} from (select list(v / $1 order by v) as l from {values} and isfinite(v))", [scale]
    )
    mean, std = (None if x is None else _finite(x * scale) for x in spread)
    if mean is not None and low is not None:
        mean = min(max(mean, low), high)  # rounding does not leave the range
    return Numbers(count, infinite, mean, std, low, high, tuple(zip(asked, at or [None] * len(asked), strict=True)))


def only_row(con: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The row of an aggregate, fetched to the end: a pending result would block the connection."""
    found: tuple[Any, ...] = con.execute(sql, list(values)).fetchall()[0]
    return found


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Labels:
    """`top` are the most frequent values with their counts, equal ones in alphabetical order."""

    count: int
    distinct: int
    top: tuple[tuple[str, int], ...]


def labels(con: duckdb.DuckDBPyConnection, relation: str, value: str, most: int = 10) -> Labels:
    """The labels of the SQL expression `value` over a relation."""
    rows = con.execute(
        f"with c as (select ({value})::varchar as v, count(*) as n from {relation} where ({value}) is not null "
        "group by 1) "
        "select sum(n) over (), count(*) over (), v, n from c order by n desc, v limit $1",
        [most],
    ).fetchall()
    return Labels(int(rows[0][0]), rows[0][1], tuple((r[2], r[3]) for r in rows)) if rows else Labels(0, 0, ())
