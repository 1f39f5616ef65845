"""What great_expectations wants to know of a whole relation, answered by DuckDB: it asks for metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from juicesql.gates.frames import SAMPLE_COLUMN, Rows
from juicesql.sqltext import quote

EXAMPLES = 20  # values that a metric shows
_ANY_MISSING = "any_value_is_missing"


class Aggregates:
    """The metrics of one relation. `columns` are the names that a user of it sees."""

    def __init__(self, rows: Rows, columns: Sequence[str]) -> None:
        self.rows, self.columns = rows, columns
        self.row_count = rows.count()

    def can(self, metrics: Sequence[str], kwargs: Mapping[str, Any]) -> bool:
        """Whether all of these are known here, and mean what great_expectations means."""
        if kwargs.get("ignore_row_if", _ANY_MISSING) != _ANY_MISSING or kwargs.get("allow_relative_error"):
            return False
        return all(m in _METRICS for m in metrics)

    def value(self, metric: str, kwargs: Mapping[str, Any]) -> Any:
        return _METRICS[metric](self, kwargs)

    def one(self, expression: str, names: Sequence[str]) -> Any:
        """One value over the columns of these names, which are `c0`, `c1` and so on; rows with a NULL are left out."""
        row = self.rows.con.execute(f"select {expression} from ({self._valid(names)})").fetchone()
        return row[0] if row else None

    def _valid(self, names: Sequence[str]) -> str:
        items = ", ".join(f"{quote(n)} as c{i}" for i, n in enumerate(names))
        present = " and ".join(f"{quote(n)} is not null" for n in names)
        return f"select {items}, {quote(SAMPLE_COLUMN)} as sample from ({self.rows.sql(names)}) where {present}"

    def repeated(self, names: Sequence[str]) -> tuple[int, int]:
        """Rows without NULL, and those of them that share their values with another row."""
        keys = ", ".join(f"c{i}" for i in range(len(names)))
        groups = f"select count(*) as n from ({self._valid(names)}) group by {keys}"
        row = self.rows.con.execute(f"select sum(n), sum(n) filter (n > 1) from ({groups})").fetchone()
        return (int(row[0] or 0), int(row[1] or 0)) if row else (0, 0)

    def repeating_rows(self, names: Sequence[str], limit: int) -> list[tuple[Any, ...]]:
        """The first rows that share their values with another one: what names the row, then the values."""
        keys = ", ".join(f"c{i}" for i in range(len(names)))
        valid = self._valid(names)
        groups = f"select {keys} from ({valid}) group by {keys} having count(*) > 1 order by min(sample) limit ?"
        rows = (
            f"select sample, {keys} from ({valid}) semi join ({groups}) using ({keys}) order by {keys}, sample limit ?"
        )
        return self.rows.con.execute(rows, [limit, limit]).fetchall()


def _simple(expression: str) -> Callable[[Aggregates, Mapping[str, Any]], Any]:
    return lambda a, k: _plain(a.one(expression, [k["column"]]))


def _plain(value: Any) -> Any:
    """Decimals as floats, dates as times: bounds are those."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value


def _quantiles(a: Aggregates, kwargs: Mapping[str, Any]) -> list[Any]:
    wanted = [float(q) for q in kwargs["quantile_ranges"]["quantiles"]]
    return [_plain(v) for v in a.one(f"quantile_cont(c0, {wanted})", [kwargs["column"]]) or [None] * len(wanted)]


def _missing(a: Aggregates, kwargs: Mapping[str, Any]) -> list[Any]:
    """The values of the set that stand in no row."""
    names = [kwargs["column"]]
    found = []
    for value in kwargs["value_set"]:
        row = a.rows.con.execute(f"select 1 from ({a._valid(names)}) where c0 = ? limit 1", [value]).fetchone()
        found += [value] if row is None else []
    return found


def _names(kwargs: Mapping[str, Any]) -> list[str]:
    return list(kwargs.get("column_list") or [kwargs["column"]])


def _repeated_values(a: Aggregates, kwargs: Mapping[str, Any]) -> list[Any]:
    names = _names(kwargs)
    rows = [r[1:] for r in a.repeating_rows(names, EXAMPLES)]
    return [dict(zip(names, r, strict=True)) for r in rows] if "column_list" in kwargs else [r[0] for r in rows]


_METRICS: dict[str, Callable[[Aggregates, Mapping[str, Any]], Any]] = {
    "table.row_count": lambda a, k: a.row_count,
    "table.columns": lambda a, k: list(a.columns),
    "table.column_count": lambda a, k: len(a.columns),
    "column.mean": _simple("avg(c0)"),
    "column.min": _simple("min(c0)"),
    "column.max": _simple("max(c0)"),
    "column.sum": _simple("sum(c0)"),
    "column.median": _simple("median(c0)"),
    "column.standard_deviation": _simple("stddev_samp(c0)"),
    "column.quantile_values": _quantiles,
    "column.distinct_values.count": _simple("count(distinct c0)"),
    "column.distinct_values.missing_from_column": _missing,
    "column.distinct_values.missing_from_column.count": lambda a, k: len(_missing(a, k)),
    "column.unique_proportion": lambda a, k: a.one("count(distinct c0) / nullif(count(*), 0)", [k["column"]]) or 0,
    "column.non_null_proportion": lambda a, k: a.one("count(*)", [k["column"]]) / a.row_count if a.row_count else 0,
    "column_values.nonnull.unexpected_count": lambda a, k: a.row_count - a.one("count(*)", [k["column"]]),
    "column_values.unique.unexpected_count": lambda a, k: a.repeated(_names(k))[1],
    "column_values.unique.unexpected_values": _repeated_values,
    "compound_columns.unique.unexpected_count": lambda a, k: a.repeated(_names(k))[1],
    "compound_columns.unique.filtered_row_count": lambda a, k: a.repeated(_names(k))[0],
    "compound_columns.unique.unexpected_values": _repeated_values,
}
