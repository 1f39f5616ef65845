"""Calls one function on one batch of Arrow columns. Every engine, worker and connection goes through `apply`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import Function
from juicesql.errors import FunctionError
from juicesql.signature import arrow_type


@lru_cache(maxsize=32)
def _instance(implementation: type, settings: tuple[Any, ...]) -> Any:
    return implementation(*settings)


def _callable(function: Function, parameters: Mapping[str, Any]) -> tuple[Any, list[Any]]:
    """The callable and the parameters that it still takes: a class gets those that its `__init__` names."""
    implementation = function.implementation
    given = {a.name: parameters[a.name] for a in function.signature.parameters}
    if not isinstance(implementation, type):
        return implementation, list(given.values())
    wanted = implementation.__init__.__code__.co_varnames[1 : implementation.__init__.__code__.co_argcount]  # type: ignore[misc]
    settings = tuple(_hashable(given.pop(name)) for name in wanted)
    return _instance(implementation, settings), list(given.values())


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def apply(function: Function, columns: Sequence[pa.Array], parameters: Mapping[str, Any]) -> pa.Array:
    """The values of `function` for a batch: NULL wherever a column is NULL. What the function raises goes through.

    `columns` are contiguous Arrow arrays of one length, in the order of the signature.
    """
    rows = len(columns[0])
    valid = _all_valid(columns)
    if valid is None:
        return _call(function, columns, parameters, rows)
    positions = pc.indices_nonzero(valid)
    type_ = arrow_type(function.signature.returns)
    if len(positions) == 0:
        return pa.nulls(rows, type_)
    some = _call(function, [c.filter(valid) for c in columns], parameters, len(positions))
    place = pc.if_else(valid, pc.subtract(pc.cumulative_sum(valid.cast(pa.int64())), 1), None)
    return some.take(place)


def _all_valid(columns: Sequence[pa.Array]) -> Any:
    """A mask of the rows without NULLs, or None when there is no NULL."""
    masks = [c.is_valid() for c in columns if c.null_count]
    if not masks:
        return None
    mask = masks[0]
    for other in masks[1:]:
        mask = pc.and_(mask, other)
    return mask


def _call(function: Function, columns: Sequence[pa.Array], parameters: Mapping[str, Any], rows: int) -> pa.Array:
    type_ = arrow_type(function.signature.returns)
    if rows == 0:
        return pa.nulls(0, type_)
    target, rest = _callable(function, parameters)
    if function.rowwise:
        python = [c.to_pylist() for c in columns]
        result: Any = [target(*values, *rest) for values in zip(*python, strict=True)]
    else:
        result = target(*columns, *rest)
    array = result if isinstance(result, pa.Array) else pa.array(result, type=type_)
    if len(array) != rows:
        message = f"`{function.name}` returned {len(array)} values for {rows} rows"
        raise FunctionError.of("wrong-length", message, "return one value a row", str(function.file))
    return array if array.type == type_ else array.cast(type_)
