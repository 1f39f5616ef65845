"""Asks DuckDB for facts about SQL without data: which functions exist, and which columns a query gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import TracebackType

import duckdb

from juicesql.closing import close_off
from juicesql.registry import Registry
from juicesql.sqltext import quote

_HUGE = re.compile(r'"[^"]*"|\bU?HUGEINT\b')
Columns = tuple[tuple[str, str], ...]


class Binder:
    """An empty, closed-off DuckDB in which steps are tried on empty tables."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.con = duckdb.connect(config={"threads": 1})
        self.installed: set[str] = set()
        close_off(self.con)

    def __enter__(self) -> Binder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.con.close()

    @cached_property
    def functions(self) -> dict[str, str]:
        """Name -> type (scalar, aggregate, macro, table ...) of every function DuckDB brings."""
        rows = self.con.execute("select distinct function_name, function_type from duckdb_functions()").fetchall()
        return dict(rows)

    def install(self, macros: Iterable[str]) -> None:
        for name in macros:
            if name not in self.installed:
                self.con.execute(self.registry.get(name).sql)
                self.installed.add(name)

    def describe(self, sql: str, tables: Mapping[str, Columns]) -> Columns:
        """Column names and SQL types of a query over empty tables. duckdb.Error when it does not bind.

        Integers of 128 bits are DECIMAL(38,0), which Arrow and Parquet hold exactly; as they are, Parquet has DOUBLE.
        """
        for name, columns in tables.items():
            inside = ", ".join(f"{quote(c)} {t}" for c, t in columns)
            self.con.execute(f"create or replace temp table {quote(name)} ({inside})")
        try:
            rows = self.con.execute(f"describe {sql}").fetchall()
        finally:
            for name in tables:
                self.con.execute(f"drop table if exists {quote(name)}")
        return tuple((str(r[0]), _storable(str(r[1]))) for r in rows)


def _storable(kind: str) -> str:
    return _HUGE.sub(lambda m: m[0] if m[0].startswith('"') else "DECIMAL(38,0)", kind)
