"""SQL that gives a value as JSON text: exact numbers, null for NaN and infinity, JSON as it was written."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from duckdb.sqltypes import DuckDBPyType

from juicesql.sqltext import literal, quote

_NUMBERS = frozenset({"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"})
_EXACT = _NUMBERS | {"hugeint", "uhugeint", "decimal", "boolean"}
_FLOATS = frozenset({"float", "double"})


def json_text(value: str, kind: DuckDBPyType) -> str:
    """SQL for the JSON text of the SQL `value` of this type; NULL where the value is."""
    return _text(value, kind, itertools.count())


def not_finite(value: str, kind: DuckDBPyType) -> str:
    """SQL for how many numbers in the value are NaN or infinite; an empty string where none can be."""
    return _lost(value, kind, itertools.count())


def _text(value: str, kind: DuckDBPyType, names: Iterator[int]) -> str:
    if str(kind) == "JSON":
        return f"({value})::varchar"
    if kind.id in _FLOATS:
        return f"case when isfinite({value}) then to_json({value})::varchar end"
    if kind.id in _EXACT:
        return f"({value})::varchar"
    if not _special(kind):
        return f"case when {value} is not null then to_json({value})::varchar end"
    if kind.id == "struct":
        return f"case when {value} is not null then {_struct(value, kind, names)} end"
    item = f"__e{next(names)}"
    if kind.id == "map":
        key = f"to_json(({item}).key::varchar)::varchar"
        pair = f"{key} || ':' || {_inside(f'({item}).value', _child(kind), names)}"
        return _joined(f"map_entries({value})", item, pair, "{}")
    items = f"({value})::{_child(kind)}[]" if kind.id == "array" else value
    return _joined(items, item, _inside(item, _child(kind), names), "[]")


def _inside(value: str, kind: DuckDBPyType, names: Iterator[int]) -> str:
    return f"coalesce({_text(value, kind, names)}, 'null')"


def _struct(value: str, kind: DuckDBPyType, names: Iterator[int]) -> str:
    parts = []
    for n, (name, child) in enumerate(_fields(kind)):
        key = ("," if n else "{") + json.dumps(name, ensure_ascii=False) + ":"
        parts.append(f"{literal(key)} || {_inside(f'({value}).{quote(name)}', child, names)}")
    return " || ".join(parts) + " || '}'"


def _joined(items: str, item: str, text: str, ends: str) -> str:
    listed = f"array_to_string(list_transform({items}, lambda {item}: {text}), ',')"
    return f"{literal(ends[0])} || coalesce({listed}, case when {items} is not null then '' end) || {literal(ends[1])}"


def _special(kind: DuckDBPyType) -> bool:
    """Whether to_json would lose something of it, or write what is no JSON."""
    if kind.id in ("list", "array", "map", "struct"):
        return any(_special(k) for _, k in _fields(kind))
    return str(kind) == "JSON" or kind.id in _FLOATS or kind.id in ("hugeint", "uhugeint", "decimal")


def _fields(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    return [(n, k) for n, k in kind.children if isinstance(k, DuckDBPyType) and n != "size"]


def _child(kind: DuckDBPyType) -> DuckDBPyType:
    """The type of the items of a list, or of the values of a map."""
    return _fields(kind)[-1][1]


def _lost(value: str, kind: DuckDBPyType, names: Iterator[int]) -> str:
    if kind.id in _FLOATS:
        return f"coalesce((not isfinite({value}))::int, 0)"
    if kind.id == "struct":
        parts = [_lost(f"({value}).{quote(n)}", k, names) for n, k in _fields(kind)]
        return " + ".join(p for p in parts if p)
    if kind.id not in ("list", "array", "map"):
        return ""
    child, item = _child(kind), f"__e{next(names)}"
    inner = _lost(f"({item}).value" if kind.id == "map" else item, child, names)
    items = {"map": f"map_entries({value})", "array": f"({value})::{child}[]"}.get(kind.id, value)
    return f"coalesce(list_sum(list_transform({items}, lambda {item}: {inner})), 0)" if inner else ""
