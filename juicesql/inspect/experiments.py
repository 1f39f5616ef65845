"""The experiments of the sandbox, as far as the stats database has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from juicesql.sqltext import quote

RELATIONS = ("experiments", "trials")
MOST_ROWS = 1_000
_NUMERIC = ("INT", "DOUBLE", "FLOAT", "DECIMAL")


@dataclass(frozen=True)
class Rows:
    """The rows of a relation: `numbers` are the columns whose values are numbers."""

    name: str
    columns: tuple[str, ...]
    numbers: tuple[str, ...]
    total: int
    rows: tuple[tuple[Any, ...], ...]


def experiment_relations(con: duckdb.DuckDBPyConnection) -> tuple[Rows, ...]:
    """Those of `experiments` and `trials` that the database has, with their first 1,000 rows."""
    found = con.execute(
        "select table_name from information_schema.tables where table_schema = 'main' and table_name in "
        "(select unnest(?)) order by table_name",
        [list(RELATIONS)],
    ).fetchall()
    return tuple(_rows(con, name) for (name,) in found)


def _rows(con: duckdb.DuckDBPyConnection, name: str) -> Rows:
    described = con.execute(f"describe {quote(name)}").fetchall()
    numbers = tuple(r[0] for r in described if any(kind in str(r[1]) for kind in _NUMERIC))
    total = con.execute(f"select count(*) from {quote(name)}").fetchone()
    rows = con.execute(f"from {quote(name)} limit {MOST_ROWS}").fetchall()
    return Rows(name, tuple(r[0] for r in described), numbers, int(total[0]) if total else 0, tuple(rows))
