"""How far apart two columns are: the two-sample Kolmogorov-Smirnov statistic, and for labels the total variation."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from juicesql.analysis.numbers import only_row


@dataclass(frozen=True)
class KsDistance:
    """`statistic` is the largest difference between the shares of values at or below some value; `at` is that value.

    `more_below`: the side of which more values lie at or below `at`, "old" or "new".
    """

    statistic: float
    at: float
    more_below: str


_KS = """
with v as (
    select v::double as v, 1 as old, 0 as new from ({old}) where v is not null and not isnan(v::double)
    union all
    select v::double, 0, 1 from ({new}) where v is not null and not isnan(v::double)
),
steps as (select v, sum(old) as old, sum(new) as new from v group by v),
total as (select sum(old) as old, sum(new) as new from steps),
gap as (
    select s.v, sum(s.old) over w / t.old - sum(s.new) over w / t.new as gap
    from steps s, total t where t.old > 0 and t.new > 0 window w as (order by s.v)
)
select max(abs(gap)), arg_max(v, abs(gap)), arg_max(gap, abs(gap)) from gap
"""


def ks_distance(con: duckdb.DuckDBPyConnection, old: str, new: str) -> KsDistance | None:
    """The exact statistic of two queries that give a column `v`; None where one has no values. Infinite ones count."""
    largest, at, gap = only_row(con, _KS.format(old=old, new=new))
    return None if largest is None else KsDistance(largest, at, "old" if gap > 0 else "new")


@dataclass(frozen=True)
class LabelShift:
    """The shares of one label on both sides."""

    label: str
    old: float
    new: float


_SHARES = """
with o as (
    select v::varchar as v, count(*) / sum(count(*)) over () as share from ({old}) where v is not null group by 1
),
n as (
    select v::varchar as v, count(*) / sum(count(*)) over () as share from ({new}) where v is not null group by 1
)
select coalesce(o.v, n.v) as v, coalesce(o.share, 0) as old, coalesce(n.share, 0) as new,
       sum(abs(old - new)) over () / 2
from o full join n on o.v = n.v order by abs(old - new) desc, v limit $most
"""


def label_shifts(
    con: duckdb.DuckDBPyConnection, old: str, new: str, most: int = 10
) -> tuple[float | None, tuple[LabelShift, ...]]:
    """Total variation (0: equal shares, 1: no label in common), and the labels whose shares moved most."""
    rows = con.execute(_SHARES.format(old=old, new=new), {"most": most}).fetchall()
    return (rows[0][3] if rows else None), tuple(LabelShift(v, a, b) for v, a, b, _ in rows)
