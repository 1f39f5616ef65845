"""The functions of DuckDB that reach outside a recipe are all known."""

from __future__ import annotations

import re

import duckdb

from juicesql.outside import NOT_REPEATABLE, TABLE_FUNCTIONS, is_outside

HARMLESS = {"error"}  # raises, which costs a row


def test_every_volatile_function_of_duckdb_is_refused() -> None:
    """A new one of a later DuckDB fails here, to be judged."""
    names = duckdb.sql("select distinct function_name from duckdb_functions() where stability = 'VOLATILE'").fetchall()
    assert len(names) > 10
    assert [n for (n,) in names if not is_outside(n) and n not in NOT_REPEATABLE | HARMLESS] == []


def test_every_function_that_reads_is_refused() -> None:
    """Whatever names a file, a setting, a session or a catalog; as a table function nothing but four is allowed."""
    words = re.compile(
        "^read_|_scan$|^glob$|getenv|setting|variable|sleep|^pg_(?!typeof|size_pretty)|^has_.*priv|^inet_"
        "|^current_(?!date|local|time)"
    )
    kinds = "function_type in ('scalar', 'macro', 'aggregate')"
    found = duckdb.sql(f"select distinct function_name from duckdb_functions() where {kinds}").fetchall()
    names = [name for (name,) in found if words.search(name)]
    assert len(names) > 30
    assert [n for n in names if not is_outside(n)] == []
    assert sorted(TABLE_FUNCTIONS) == ["explode", "generate_series", "range", "unnest"]
