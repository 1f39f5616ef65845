"""JSON values into Arrow: which type holds all values seen, and whether a value fits a type without loss.

VARCHAR holds anything: strings as they are, every other value as its JSON text. It is the type of a column whose values
have no common type, whose integers leave BIGINT or would be rounded beside a DOUBLE, or whose objects have no or too
many different keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from juicesql.sources.model import EXACT

# Objects with more keys than this are dictionaries of the data, not structure.
MAX_KEYS = 200
# What lies deeper is kept as JSON text.
MAX_DEPTH = 32
_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
_SQL = {"int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN"}
_ARROW = {"BOOLEAN": pa.bool_(), "BIGINT": pa.int64(), "LONG": pa.int64(), "DOUBLE": pa.float64()}
_NUMBERS = {frozenset(["BIGINT", "LONG"]): "LONG", frozenset(["BIGINT", "DOUBLE"]): "DOUBLE"}
# Python reads 1e999 as infinity.
_INFINITE = (float("inf"), float("-inf"))

# A shape is None (only nulls so far), "BOOLEAN", "BIGINT", "LONG" (beyond what a DOUBLE holds exactly), "DOUBLE",
# "VARCHAR", "MIXED" (no common type: JSON text), [shape] or {key: shape}.
Shape = Any


class Misfit(Exception):
    """A value that cannot be held; the text says why."""


class Wider(Misfit):
    """A value that JSON allows and the columns found so far have no place for."""


@dataclass(frozen=True)
class Unfit:
    """Stands in a decoded document for something that JSON forbids or that would be lost."""

    message: str


def _object(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        return Unfit(f"the key `{twice}` stands twice in one object")
    return found


def _constant(token: str) -> Unfit:
    return Unfit(f"`{token}` is no JSON")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def decode_line(line: bytes) -> Any:
    """The value of one line; Misfit when it is not UTF-8 or not JSON."""
    try:
        return DECODER.decode(line.decode())
    except UnicodeDecodeError as error:
        raise Misfit(f"invalid UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Misfit(f"broken JSON at column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise Misfit("nested too deeply") from None
    except ValueError as error:
        raise Misfit(f"broken JSON: {error}") from None


def widen(shape: Shape, value: Any, depth: int = 0) -> Shape:
    """The shape that also holds the value. May change `shape` in place."""
    if value is None or isinstance(value, Unfit) or shape == "MIXED" or (shape == "VARCHAR" and type(value) is str):
        return shape
    if depth > MAX_DEPTH:
        return "MIXED"
    if isinstance(value, dict):
        return _widen_object(shape, value, depth)
    if isinstance(value, list):
        if shape is not None and not isinstance(shape, list):
            return "MIXED"
        inner = shape[0] if shape else None
        for item in value:
            inner = widen(inner, item, depth + 1)
        return [inner]
    return shape if value in _INFINITE else merge(shape, _scalar(value))


def merge(a: Shape, b: Shape) -> Shape:
    """The narrowest shape that holds both."""
    if a is None or a == b:
        return b
    if b is None:
        return a
    if isinstance(a, dict) and isinstance(b, dict):
        return {k: merge(a.get(k), b.get(k)) for k in a | b}
    if isinstance(a, list) and isinstance(b, list):
        return [merge(a[0], b[0])]
    return _NUMBERS.get(frozenset([a, b]), "MIXED") if isinstance(a, str) and isinstance(b, str) else "MIXED"


def has_long(shape: Shape) -> bool:
    """Whether an integer that a DOUBLE would round is among the values."""
    if isinstance(shape, dict):
        return any(map(has_long, shape.values()))
    return has_long(shape[0]) if isinstance(shape, list) else bool(shape == "LONG")


def arrow_type(shape: Shape, inside: bool = False) -> pa.DataType:
    """The Arrow type of a shape; columns that never had a value are VARCHAR."""
    if isinstance(shape, list):
        return pa.list_(arrow_type(shape[0], True))
    if isinstance(shape, dict):
        distinct = {k.casefold() for k in shape}
        if not shape or len(shape) > MAX_KEYS or len(distinct) != len(shape) or "" in shape:
            return pa.string()
        return pa.struct([(k, arrow_type(v, True)) for k, v in shape.items()])
    return _ARROW.get(shape, pa.string())


def schema_of(shape: dict[str, Shape]) -> pa.Schema:
    """The columns of rows of this shape."""
    return pa.schema([(k, arrow_type(v)) for k, v in shape.items()])


def fit(value: Any, kind: pa.DataType, path: str) -> Any:
    """The value as pyarrow must get it for this type; Misfit where something would be lost."""
    if value is None:
        return None
    if isinstance(value, Unfit):
        raise Misfit(value.message)
    if pa.types.is_string(kind):
        return text_of(value, path)
    if pa.types.is_struct(kind) and isinstance(value, dict):
        return fit_fields(value, kind, path + ".")
    if pa.types.is_list(kind) and isinstance(value, list):
        return [fit(item, kind.value_type, path + "[]") for item in value]
    if pa.types.is_boolean(kind) and isinstance(value, bool):
        return value
    if pa.types.is_int64(kind) and type(value) is int and -(2**63) <= value < 2**63:
        return value
    if pa.types.is_float64(kind) and (type(value) is float or (type(value) is int and -EXACT <= value <= EXACT)):
        return _double(value, path)
    shown = json.dumps(value, default=str)[:40]
    name = _SQL.get(str(kind), str(kind).partition("<")[0].upper())
    message = f"column `{path}` is {name} by the sample, {_NAMES[type(value)]} does not fit: {shown}"
    raise Wider(f"{message}; full_scan=True widens it")


def fit_fields(value: dict[str, Any], fields: Iterable[pa.Field], prefix: str = "") -> dict[str, Any]:
    """Every field of an object, None where it has none; Misfit for a key that the fields do not name."""
    fitted = {f.name: fit(value.get(f.name), f.type, prefix + f.name) for f in fields}
    for key in value:
        if key not in fitted:
            raise Wider(f"field `{prefix}{key}` is not in the sample of the columns; full_scan=True adds it")
    return fitted


def _widen_object(shape: Shape, value: dict[str, Any], depth: int) -> Shape:
    if shape is not None and not isinstance(shape, dict):
        return "MIXED"
    shape = {} if shape is None else shape
    for key, item in value.items():
        if not key.isascii() and any("\ud800" <= c <= "\udfff" for c in key):
            continue  # half a surrogate pair cannot name a column; the row fails by itself
        if key in shape or not (isinstance(item, Unfit) or item in _INFINITE):
            shape[key] = widen(shape.get(key), item, depth + 1)
    return shape


def _scalar(value: Any) -> Shape:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT" if -(2**53) <= value <= 2**53 else "LONG" if -(2**63) <= value < 2**63 else "MIXED"
    return "DOUBLE" if isinstance(value, float) else "VARCHAR"


def text_of(value: Any, path: str) -> str:
    """A string as it is, any other value as its JSON text; Misfit for what JSON forbids."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_refuse)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Misfit(f"column `{path}` holds invalid UTF-8 or half a surrogate pair") from None
    return text


def refuse_unfit(value: Any) -> None:
    """Misfit for what JSON forbids, however deep it lies."""
    try:
        json.dumps(value, default=_refuse)
    except RecursionError:
        raise Misfit("nested too deeply") from None


def _refuse(value: Any) -> Any:
    raise Misfit(value.message if isinstance(value, Unfit) else f"no JSON text for {type(value).__name__}")


def _double(value: float, path: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number in _INFINITE:
        raise Misfit(f"column `{path}`: the number is too big for DOUBLE")
    return number
