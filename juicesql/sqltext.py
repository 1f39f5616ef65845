"""The only helpers that turn Python values into SQL text: everything else is bound or built as a tree."""

from __future__ import annotations

from pathlib import Path

_ESCAPES = str.maketrans({c: f"[{c}]" for c in "*?["})


def quote(identifier: str) -> str:
    """A quoted SQL identifier.

    >>> print(quote('a"; drop table x--'))
    "a""; drop table x--"
    """
    return '"' + identifier.replace('"', '""') + '"'


def matching(folder: Path, pattern: str) -> str:
    """A glob for DuckDB of files in a folder, whatever the folder is called.

    >>> matching(Path("/a[1] *"), "*.parquet")
    '/a[[]1] [*]/*.parquet'
    """
    return str(folder / "x")[:-1].translate(_ESCAPES) + pattern


def literal(value: object) -> str:
    """A SQL constant for None, bool, int, float, str or a list of them.

    >>> literal(["it's", 2, None])
    "['it''s', 2, NULL]"
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    raise TypeError(f"no SQL constant for {type(value).__name__}")
