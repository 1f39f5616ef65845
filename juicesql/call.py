"""Calls one function on one batch of Arrow columns. Every engine, worker and connection goes through `apply`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import Function, Partly
from juicesql.errors import FunctionError, JuiceError
from juicesql.signature import arrow_type

Guard = Callable[[int], AbstractContextManager[Any]]  # entered around the work on so many rows


class RowFailed(Exception):
    """A row for which a function failed."""


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


def reason(error: BaseException) -> str:
    """What an error of a row says; errors of the engine say it without their name."""
    module = type(error).__module__
    ours = module.startswith("juicesql.") and not module.startswith("juicesql.udfs")
    return str(error) if ours else f"{type(error).__name__}: {error}"


def apply(function: Function, columns: Sequence[pa.Array], parameters: Mapping[str, Any]) -> pa.Array:
    """The values of `function` for a batch: NULL wherever a column is NULL. What the function raises goes through.

    `columns` are contiguous Arrow arrays of one length, in the order of the signature.
    """
    values, failures = _on_valid_rows(function, columns, parameters, None)
    for row in sorted(failures):
        raise RowFailed(failures[row])
    return values


def attempt(
    function: Function, columns: Sequence[pa.Array], parameters: Mapping[str, Any], guard: Guard = nullcontext
) -> tuple[pa.Array, dict[int, str]]:
    """As `apply`, but rows that fail on their own are NULL, and named with what was wrong.

    `guard(1)` is entered around each row of a function that takes row by row, `guard(rows)` around a batch of another.
    """
    return _on_valid_rows(function, columns, parameters, guard)


def _on_valid_rows(
    function: Function, columns: Sequence[pa.Array], parameters: Mapping[str, Any], guard: Guard | None
) -> tuple[pa.Array, dict[int, str]]:
    rows = len(columns[0])
    valid = _all_valid(columns)
    if valid is None:
        return _call(function, columns, parameters, rows, guard)
    positions = pc.indices_nonzero(valid)
    type_ = arrow_type(function.signature.returns)
    if len(positions) == 0:
        return pa.nulls(rows, type_), {}
    some, failures = _call(function, [c.filter(valid) for c in columns], parameters, len(positions), guard)
    place = pc.if_else(valid, pc.subtract(pc.cumulative_sum(valid.cast(pa.int64())), 1), None)
    return some.take(place), {positions[row].as_py(): message for row, message in failures.items()}


def _all_valid(columns: Sequence[pa.Array]) -> Any:
    """A mask of the rows without NULLs, or None when there is no NULL."""
    masks = [c.is_valid() for c in columns if c.null_count]
    if not masks:
        return None
    mask = masks[0]
    for other in masks[1:]:
        mask = pc.and_(mask, other)
    return mask


def _call(
    function: Function, columns: Sequence[pa.Array], parameters: Mapping[str, Any], rows: int, guard: Guard | None
) -> tuple[pa.Array, dict[int, str]]:
    type_ = arrow_type(function.signature.returns)
    if rows == 0:
        return pa.nulls(0, type_), {}
    target, rest = _callable(function, parameters)
    if function.rowwise:
        result: Any = _row_by_row(target, columns, rest, guard)
    else:
        with (guard or nullcontext)(rows):
            result = target(*columns, *rest)
    failures: dict[int, str] = {}
    if isinstance(result, Partly):
        result, failures = result.values, dict(result.failures)
    array = result if isinstance(result, pa.Array) else pa.array(result, type=type_)
    if len(array) != rows:
        message = f"`{function.name}` returned {len(array)} values for {rows} rows"
        raise FunctionError.of("wrong-length", message, "return one value a row", str(function.file))
    if failures:
        array = pc.if_else(pa.array([row not in failures for row in range(rows)]), array, pa.scalar(None, array.type))
    return array if array.type == type_ else array.cast(type_), failures


def _row_by_row(target: Any, columns: Sequence[pa.Array], rest: Sequence[Any], guard: Guard | None) -> Any:
    rows = zip(*(c.to_pylist() for c in columns), strict=True)
    if guard is None:
        return [target(*given, *rest) for given in rows]
    values: list[Any] = []
    failures: dict[int, str] = {}
    for row, given in enumerate(rows):
        try:
            with guard(1):
                values.append(target(*given, *rest))
        except JuiceError:
            raise
        except (Exception, SystemExit) as error:  # the row's own failure, which costs no other row
            values.append(None)
            failures[row] = reason(error)
    return Partly(values, failures)
