"""Nested columns as JSON text, for formats whose cells are text (csv, tsv)."""

from __future__ import annotations

from typing import Any

import duckdb

from juicesql.sqltext import quote

_NESTED = ("struct", "list", "array", "map", "union", "variant")
_FLOATS = ("double", "float")


def flat(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The SELECT with every nested column as its JSON text; NaN and infinity in it are null, as JSON has neither."""
    relation = con.sql(sql)
    items = []
    for name, kind in zip(relation.columns, relation.types, strict=True):
        column = quote(name)
        if kind.id in _NESTED:
            items.append(f"cast(to_json({_finite(column, kind, 0)}) as varchar) as {column}")
        else:
            items.append(column)
    return f"select {', '.join(items)} from ({sql})"


def _finite(value: str, kind: Any, depth: int) -> str:
    """The value with NULL where a number in it is not finite."""
    if kind.id in _FLOATS:
        return f"case when isfinite({value}) then {value} end"
    if not _has_floats(kind):
        return value
    inner = f"v{depth}"
    if kind.id in ("list", "array"):
        return f"list_transform({value}, lambda {inner}: {_finite(inner, kind.children[0][1], depth + 1)})"
    if kind.id == "map":
        item = _finite(f"{inner}.value", dict(kind.children)["value"], depth + 1)
        entries = f"list_transform(map_entries({value}), lambda {inner}: {{'k': {inner}.key, 'v': {item}}})"
        return f"case when {value} is not null then map_from_entries({entries}) end"
    fields = (f"{quote(n)} := {_finite(f'{value}.{quote(n)}', k, depth)}" for n, k in kind.children)
    return f"case when {value} is not null then struct_pack({', '.join(fields)}) end"


def _has_floats(kind: Any) -> bool:
    """Whether numbers that may be NaN stand in it; unions and variants are left as they are."""
    if kind.id in ("list", "array", "map", "struct"):
        return any(not isinstance(k, int) and _has_floats(k) for _, k in kind.children)
    return kind.id in _FLOATS
