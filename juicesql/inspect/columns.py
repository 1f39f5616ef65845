"""The stats of one run as columns: which stored table has each, and the relation that joins them to the samples.

A column holds what the run itself measured, while the view `stats` holds what the newest run on the source did. Only
the tables that a query names are joined, so a filter on one stat of a million rows joins one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from juicesql.analysis.values import parts_of
from juicesql.runs import RunRecord
from juicesql.sqltext import quote
from juicesql.store import table_of

WHOLE = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "BOOLEAN")
)
NUMBERS = WHOLE | {"FLOAT", "DOUBLE"}
VERDICT_COLUMNS = ("sample_id", "verdict", "cut", "value", "duplicate_of")


@dataclass(frozen=True)
class StatColumn:
    """A stat of a run, or one field of it where it gives a STRUCT.

    `label` is its name as a column, `sql` the call as the author wrote it, `value` SQL over the stored value.
    """

    label: str
    sql: str
    returns: str
    lineage: str
    table: str
    value: str = "value"

    @property
    def is_list(self) -> bool:
        return self.returns.endswith("[]")

    @property
    def is_number(self) -> bool:
        return self.returns.removesuffix("[]") in NUMBERS

    @property
    def is_label(self) -> bool:
        return self.returns.removesuffix("[]") == "VARCHAR"


def stat_columns(run: RunRecord) -> tuple[StatColumn, ...]:
    """The stats of a run whose values are numbers or labels, in the order of the recipe; not those of dedup steps."""
    found: dict[str, StatColumn] = {}
    for step in run.plan["steps"]:
        if "__" in step["name"].removesuffix("__rows"):
            continue
        for call in step.get("calls", ()):
            column = _column(call, found)
            if column:
                found[column.label] = column
    parts = (part for column in found.values() for part in _parts(column))
    return tuple(part for part in parts if part.is_number or part.is_label)


def _parts(column: StatColumn) -> Iterator[StatColumn]:
    for name, value, type_ in parts_of("value", column.returns):
        yield replace(column, label=column.label + name, sql=column.sql + name, returns=type_, value=value)


def _column(call: dict[str, Any], taken: dict[str, StatColumn]) -> StatColumn | None:
    """The column of a call, with a number behind its label where another stat has that label."""
    if call["kind"] != "stat":
        return None
    table, label, number = table_of(call["function"], call["identity"]), call["label"], 2
    while label in taken:
        if (taken[label].table, taken[label].lineage) == (table, call["lineage"]):
            return None
        label, number = f"{call['label']}_{number}", number + 1
    return StatColumn(label, call["sql"], call["returns"], call["lineage"], table)


def relation(con: duckdb.DuckDBPyConnection, run: RunRecord, columns: Sequence[StatColumn]) -> tuple[str, list[Any]]:
    """SQL with its values: a row for each sample of the run, with its verdict and these stats."""
    present = _tables(con)
    arguments = _arguments(con, columns)
    joins, shown, values = [], [f"v.{quote(name)}" for name in VERDICT_COLUMNS], []
    keys: dict[int, str] = {}
    for i, column in enumerate(columns):
        argument = arguments.get(column.lineage)
        if argument is None or column.table not in present:
            shown.append(f"null::{column.returns} as {quote(column.label)}")
            continue
        if argument not in keys:
            key = keys[argument] = f"k{len(keys)}"
            joins.append(
                f"left join (select sample_id, key from sample_keys where source_id = ? and argument_id = ?) {key} "
                f"on {key}.sample_id = v.sample_id"
            )
            values += [run.source_id, argument]
        joins.append(f"left join measured.{quote(column.table)} m{i} on m{i}.key = {keys[argument]}.key")
        shown.append(f"m{i}.{column.value} as {quote(column.label)}")
    sql = f"select {', '.join(shown)} from verdicts v {' '.join(joins)} where v.run_id = ?"
    return sql, [*values, run.run_id]


def named(columns: Iterable[StatColumn], names: Collection[str]) -> list[StatColumn]:
    """Those of the columns that bear one of these names."""
    return [c for c in columns if c.label in names]


def _tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    rows = con.execute("select table_name from duckdb_tables() where schema_name = 'measured'").fetchall()
    return {r[0] for r in rows}


def _arguments(con: duckdb.DuckDBPyConnection, columns: Sequence[StatColumn]) -> dict[str, int]:
    wanted = sorted({c.lineage for c in columns})
    sql = "select lineage, argument_id from arguments where lineage in (select unnest(?))"
    return dict(con.execute(sql, [wanted]).fetchall()) if wanted else {}
