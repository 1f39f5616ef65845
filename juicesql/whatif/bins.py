"""Histograms of the measured values of a run, with what becomes of the rows in each bin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from juicesql.sqltext import literal, quote
from juicesql.whatif.board import Board
from juicesql.whatif.counts import fate_of, judged
from juicesql.whatif.gates import Moves, Value

COUNT = 48
_NUMERIC = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
}
LABELS = 12  # values of a label that have a bar of their own
_WIDEST, _NARROWEST = 1e300, 1e-290  # ends of a chart, and their distance: within these a bar has a finite width


@dataclass(frozen=True)
class Bins:
    """How a stat is cut into bars. `edges` for numbers, one more than bars; `labels` for texts, the rest in a last bar.

    Rows below the first and above the last edge are counted apart.
    """

    column: str
    edges: tuple[float, ...]
    bar_of: tuple[int, ...]  # the bar of each of the even parts that a value is put into
    labels: tuple[str, ...]
    logarithmic: bool
    whole: bool
    is_list: bool
    low: float | None
    high: float | None
    known: int  # rows whose value is known, NULL included
    null: int  # of these, rows whose value is NULL
    unmeasured: int  # rows that left the run before it was measured; those that an error took are not counted


@dataclass(frozen=True)
class Histogram:
    """Rows (or items of lists) in each bar by what becomes of them: `kept`, `open` (not known), `gone`."""

    bins: Bins
    kept: tuple[int, ...]
    open: tuple[int, ...]
    gone: tuple[int, ...]
    below: int
    above: int


def is_number(type_: str) -> bool:
    return type_.removesuffix("[]").split("(")[0].upper() in _NUMERIC


def find_bins(board: Board, value: Value) -> Bins | None:
    """The bars of one stat; None for a type that has none, and where nothing was measured."""
    name, is_list = quote(value.column), value.returns.endswith("[]")
    known = quote(f"{value.column}_known")
    facts = board.con.cursor().execute(
        f"select count(*) filter (where {known}), count(*) filter (where {known} and {name} is null), "
        f'count(*) filter (where not {known} and "left" >= 0) from board'
    ).fetchone() or (0, 0, 0)  # fmt: skip
    counts = (int(facts[0]), int(facts[1]), int(facts[2]))
    items = _items(value)
    if is_number(value.returns):
        return _of_numbers(board, value, items, is_list, counts)
    if value.returns.removesuffix("[]").upper() not in ("VARCHAR", "BOOLEAN"):
        return None
    top = board.con.cursor().execute(
        f"select v from (select {items}::varchar as v from board) where v is not null "
        f"group by v order by count(*) desc, v limit {LABELS}"
    ).fetchall()  # fmt: skip
    labels = tuple(r[0] for r in top)
    return Bins(value.column, (), (), labels, False, False, is_list, None, None, *counts) if labels else None


def _items(value: Value) -> str:
    return f"unnest({quote(value.column)})" if value.returns.endswith("[]") else quote(value.column)


def _of_numbers(board: Board, value: Value, items: str, is_list: bool, counts: tuple[int, int, int]) -> Bins | None:
    row = board.con.cursor().execute(
        "select min(v), max(v), approx_quantile(v, 0.005), approx_quantile(v, 0.5), approx_quantile(v, 0.995) "
        f"from (select ({items})::double as v from board) where isfinite(v)"
    ).fetchone()  # fmt: skip
    if row is None or row[0] is None:
        return None
    least, most, low, middle, high = (float(x) for x in row)
    whole = not value.returns.removesuffix("[]").upper().startswith(("DOUBLE", "FLOAT", "DECIMAL"))
    cuts = [float(b.number) for g in board.funnel.gates for b in g.bounds if b.column == value.column]
    logarithmic = least >= 0 and most > 100 and most > 20 * max(middle, 1)
    if logarithmic:
        low, high = least, most
    inside = [c for c in cuts if least <= c <= most]
    low, high = max(min([low, *inside]), -_WIDEST), min(max([high, *inside]), _WIDEST)
    edges, bar_of = _whole_bars(low, high, logarithmic) if whole else _bars(low, high, logarithmic)
    return Bins(value.column, edges, bar_of, (), logarithmic, whole, is_list, least, most, *counts)


def _bars(low: float, high: float, logarithmic: bool) -> tuple[tuple[float, ...], tuple[int, ...]]:
    if high - low < _NARROWEST:
        return (low - 0.5, low + 0.5), (1,)
    a, b = (math.log1p(low), math.log1p(high)) if logarithmic else (low, high)
    edges = [a + (b - a) * i / COUNT for i in range(1, COUNT)]
    return (low, *(math.expm1(e) if logarithmic else e for e in edges), high), tuple(range(1, COUNT + 1))


def _whole_bars(low: float, high: float, logarithmic: bool) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Bars around whole numbers: even parts without one belong to the bar before."""
    low, high = math.floor(low) - 0.5, math.ceil(high) + 0.5
    parts = COUNT if logarithmic else min(COUNT, round(high - low))
    a, b = (math.log1p(low), math.log1p(high)) if logarithmic else (low, high)
    places = [a + (b - a) * i / parts for i in range(parts + 1)]
    first = [math.ceil((math.expm1(p) if logarithmic else p) - 1e-9) for p in places]
    edges, bar_of = [low], []
    for i in range(parts):
        if first[i] < first[i + 1] and i:
            edges.append(first[i] - 0.5)
        bar_of.append(len(edges))
    return (*edges, high), tuple(bar_of)


def place_sql(bins: Bins, value: str) -> str:
    """SQL for the bar of a value: 0 is below the first edge (or a label without a bar), bars count from 1."""
    if bins.labels:
        return f"coalesce(list_position({literal(list(bins.labels))}, ({value})::varchar), 0)::utinyint"
    low, high, parts = bins.edges[0], bins.edges[-1], len(bins.bar_of)
    a, b, x = low, high, f"({value})::double"
    if bins.logarithmic:
        a, b, x = math.log1p(low), math.log1p(high), f"ln(1 + ({value})::double)"
    part = f"least(greatest(floor(({x} - {a!r}) * {parts / (b - a)!r}), 0), {parts - 1})::integer + 1"
    even = bins.bar_of == tuple(range(1, parts + 1))
    bar = part if even else f"{literal(list(bins.bar_of))}[{part}]"
    outside = f"when {value} < {low!r} then 0 when {value} > {high!r} then {len(bins.edges)}"
    return f"(case {outside} else {bar} end)::utinyint"


Counts = Mapping[tuple[str, int, int], int]  # column, bar, fate -> rows or items


@dataclass(frozen=True)
class Bars:
    """The bars of every stat of a board, and how many rows are in each under the run's own thresholds."""

    bins: Mapping[str, Bins]
    counts: Counts


def prepare(board: Board) -> Bars:
    """Find the bars of every stat, and note each row's bar and fate in the board, so that a move counts only the rows
    that it concerns."""
    found = {v.column: b for v in board.funnel.values if (b := find_bins(board, v)) is not None}
    noted = "".join(
        f", case when {quote(c)} is not null then {place_sql(b, quote(c))} end as {quote(c + '_bar')}"
        for c, b in found.items() if not b.is_list
    )  # fmt: skip
    board.con.execute(
        f"create or replace table board as select *, {fate_of(board, 'fails')} as fate0{noted} from board"
    )
    counts = {
        (name, bar, fate): n for name, bar, fate, _, n in _count(board, found, "select *, fate0 as fate from board")
    }
    return Bars(found, counts)


def histograms(board: Board, bars: Bars, moves: Moves) -> dict[str, Histogram]:
    """The bars of every stat under these moves."""
    counts = dict(bars.counts)
    changed = f"from ({judged(board, moves)}) where fate <> fate0" if moves else ""
    for name, bar, fate, before, n in _count(board, bars.bins, changed) if moves else ():
        counts[name, bar, fate] = counts.get((name, bar, fate), 0) + n
        counts[name, bar, before] -= n
    return {name: _histogram(b, counts) for name, b in bars.bins.items()}


def _count(board: Board, bins: Mapping[str, Bins], rows: str) -> list[tuple[str, int, int, int, int]]:
    """Column, bar, fate, fate without moves, number: of rows with `fate` and `fate0`."""
    names, counting = list(bins), []
    for number, (name, b) in enumerate(bins.items()):
        bar = place_sql(b, "item") if b.is_list else quote(f"{name}_bar")
        items = f"(select unnest({quote(name)}) as item, fate, fate0 from fated)" if b.is_list else "fated"
        seen = "item is not null" if b.is_list else f"{bar} is not null"
        counting.append(
            f"select {number}, {bar}::integer, fate, fate0, count(*) from {items} where {seen} group by all"
        )
    if not counting:
        return []
    needed = ", ".join(quote(n if b.is_list else f"{n}_bar") for n, b in bins.items())
    fated = f"with fated as materialized (select fate, fate0, {needed} from ({rows}))"
    found = board.con.cursor().execute(f"{fated} {' union all '.join(counting)}").fetchall()
    return [(names[r[0]], *r[1:]) for r in found]


def _histogram(bins: Bins, counts: Counts) -> Histogram:
    def of(bar: int, *fates: int) -> int:
        return sum(counts.get((bins.column, bar, fate), 0) for fate in fates)

    last = len(bins.labels) or len(bins.edges) - 1
    bars = range(1, last + 1)
    kept, undecided, gone = (tuple(of(bar, *fates) for bar in bars) for fates in ((0,), (1, 2), (3,)))
    return Histogram(bins, kept, undecided, gone, of(0, 0, 1, 2, 3), of(last + 1, 0, 1, 2, 3))


def numbers(board: Board, value: Value) -> dict[str, Any]:
    """Count, mean, deviation and quartiles of one stat, of the items where it is a list."""
    names = ("values", "mean", "deviation", "least", "quarter", "median", "three quarters", "most")
    row = board.con.cursor().execute(
        "select count(v), avg(v), stddev_samp(v), min(v), quantile_cont(v, 0.25), median(v), quantile_cont(v, 0.75), "
        f"max(v) from (select ({_items(value)})::double as v from board)"
    ).fetchone()  # fmt: skip
    return dict(zip(names, row or (None,) * len(names), strict=True))
