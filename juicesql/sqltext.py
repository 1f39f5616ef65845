"""The only helpers that turn Python values into SQL text: everything else is bound or built as a tree."""

from __future__ import annotations

import re
from pathlib import Path

# Columns that juicesql adds to relations; no other column may be called so.
_OWN = re.compile(r"__(?:rid|line|none|not_finite|[vkce]\d+)", re.IGNORECASE)
_ESCAPES = str.maketrans({c: f"[{c}]" for c in "*?["})


def is_own(column: str) -> bool:
    """Whether a column has a name that only juicesql gives.

    >>> is_own("__v0"), is_own("__RID"), is_own("__dj__stats__")
    (True, True, False)
    """
    return _OWN.fullmatch(column) is not None


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
