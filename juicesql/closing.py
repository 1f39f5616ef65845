"""Closes DuckDB connections off: SQL of strangers, in recipes, views and macros of databases, opens no file there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from juicesql.sqltext import literal

REFUSED = "disabled by configuration"  # in what DuckDB says when SQL reaches for a file on such a connection


def close_files(con: duckdb.DuckDBPyConnection, allowed: Iterable[Path] = ()) -> None:
    """From here on a connection opens no files but those of attached databases, and those in `allowed` folders."""
    con.execute("set python_enable_replacements = false")
    if con.execute("select current_setting('enable_external_access')").fetchone() == (False,):
        return
    con.execute(f"set allowed_directories = {literal([str(p) for p in allowed])}")
    con.execute("set enable_external_access = false")


def close_off(con: duckdb.DuckDBPyConnection) -> None:
    """From here on the connection reads and writes no file, loads no extension, and its settings are locked."""
    close_files(con)
    con.execute("set lock_configuration = true")
