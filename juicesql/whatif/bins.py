"""Histograms of the measured values of a run, with what becomes of the rows in each bin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from juicesql.sqltext import literal, quote
from juicesql.whatif.board import Board
from juicesql.whatif.counts import judged
from juicesql.whatif.gates import Moves, Value

COUNT = 48
_NUMERIC = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
}
LABELS = 12  # values of a label that have a bar of their own


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
    unmeasured: int


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
    facts = board.con.cursor().execute(
        f"select count(*) filter (where {quote(value.column + '_known')}), "
        f"count(*) filter (where {quote(value.column + '_known')} and {name} is null) from board"
    ).fetchone() or (0, 0)  # fmt: skip
    counts = (int(facts[0]), int(facts[1]), board.rows - int(facts[0]))
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
    low, high = min([low, *inside]), max([high, *inside])
    edges, bar_of = _whole_bars(low, high, logarithmic) if whole else _bars(low, high, logarithmic)
    return Bins(value.column, edges, bar_of, (), logarithmic, whole, is_list, least, most, *counts)


def _bars(low: float, high: float, logarithmic: bool) -> tuple[tuple[float, ...], tuple[int, ...]]:
    if low == high:
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


def prepare(board: Board) -> dict[str, Bins]:
    """Find the bars of every stat, and note each row's bar in the board, so that counting them again is cheap."""
    found = {v.column: b for v in board.funnel.values if (b := find_bins(board, v)) is not None}
    noted = [
        f"case when {quote(c)} is not null then {place_sql(b, quote(c))} end as {quote(c + '_bar')}"
        for c, b in found.items() if not b.is_list
    ]  # fmt: skip
    if noted:
        board.con.execute(f"create or replace table board as select *, {', '.join(noted)} from board")
    return found


def histograms(board: Board, bins: dict[str, Bins], moves: Moves) -> dict[str, Histogram]:
    """The bars of every stat of `bins` under these moves, by one pass over the board."""
    if not bins:
        return {}
    names, counting = list(bins), []
    for number, (name, b) in enumerate(bins.items()):
        bar = place_sql(b, "item") if b.is_list else quote(f"{name}_bar")
        rows = f"(select unnest({quote(name)}) as item, fate from fated)" if b.is_list else "fated"
        seen = "item is not null" if b.is_list else f"{bar} is not null"
        counting.append(f"select {number}, {bar} as bar, fate, count(*) from {rows} where {seen} group by all")
    needed = ", ".join(quote(n if b.is_list else f"{n}_bar") for n, b in bins.items())
    fated = f"with fated as materialized (select fate, {needed} from ({judged(board, moves)}))"
    counts: dict[str, dict[tuple[int, int], int]] = {name: {} for name in names}
    for number, place, fate, n in board.con.cursor().execute(f"{fated} {' union all '.join(counting)}").fetchall():
        counts[names[number]][place, fate] = n
    return {name: _histogram(b, counts[name]) for name, b in bins.items()}


def _histogram(bins: Bins, counts: dict[tuple[int, int], int]) -> Histogram:
    bars = range(1, (len(bins.labels) or len(bins.edges) - 1) + 1)

    def of(fates: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sum(counts.get((bar, fate), 0) for fate in fates) for bar in bars)

    outside = [sum(n for (bar, _), n in counts.items() if bar == edge) for edge in (0, len(bars) + 1)]
    return Histogram(bins, of((0,)), of((1, 2)), of((3,)), *outside)


def numbers(board: Board, value: Value) -> dict[str, Any]:
    """Count, mean, deviation and quartiles of one stat, of the items where it is a list."""
    names = ("values", "mean", "deviation", "least", "quarter", "median", "three quarters", "most")
    row = board.con.cursor().execute(
        "select count(v), avg(v), stddev_samp(v), min(v), quantile_cont(v, 0.25), median(v), quantile_cont(v, 0.75), "
        f"max(v) from (select ({_items(value)})::double as v from board)"
    ).fetchone()  # fmt: skip
    return dict(zip(names, row or (None,) * len(names), strict=True))
