"""A DuckDB connection with every function registered, for notebooks, dbt models and the tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import Function
from juicesql.call import apply
from juicesql.errors import FunctionError
from juicesql.registry import Registry
from juicesql.signature import Argument, Signature
from juicesql.sqltext import quote

_CALLED = re.compile(r"\w+(?=\s*\()")


def connect(
    database: str = ":memory:",
    *,
    project: str | Path | None = None,
    functions: Iterable[str] | None = None,
    config: dict[str, Any] | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection on which every stat and mapper can be called, with defaults and named parameters.

    >>> with connect(functions=["text_len"]) as con:
    ...     con.execute("select text_len('four')").fetchone()
    (4,)

    Close it (or use `with`): an open connection prints notes when Python exits.
    """
    registry = Registry(Path(project) if project else None)
    con = duckdb.connect(database, config=config or {})
    try:
        register(con, registry, registry.names() if functions is None else functions)
    except BaseException:
        con.close()
        raise
    return con


def register(con: duckdb.DuckDBPyConnection, registry: Registry, functions: Iterable[str]) -> None:
    """Make functions callable on a connection, in its default database."""
    for macro in create_functions(con, registry, functions):
        con.execute(macro)


def create_functions(con: duckdb.DuckDBPyConnection, registry: Registry, functions: Iterable[str]) -> list[str]:
    """Create the Python functions on a connection; the macros by which all of `functions` are called, still to run."""
    macros: dict[str, str] = {}
    for name in functions:
        _create(con, registry, name, macros)
    return list(macros.values())


def called(sql: str, registry: Registry) -> list[str]:
    """The functions of the registry that a query may call: names before a bracket.

    >>> called("select Text_Len ('a'), count(*) from runs", Registry())
    ['text_len']
    """
    return sorted({word.lower() for word in _CALLED.findall(sql)} & set(registry.names()))


def _create(con: duckdb.DuckDBPyConnection, registry: Registry, name: str, macros: dict[str, str]) -> None:
    """Add the macro of one function, after those that it names."""
    if name in macros:
        return
    function = registry.get(name)
    if function.runs_on == "sql":
        for used in sorted(set(_CALLED.findall(function.sql)) - {name}):
            if used in registry:
                _create(con, registry, used, macros)
        macros[name] = function.sql
        return
    inner = f"__{name}"
    types = [a.type if a.is_column else "VARCHAR" for a in function.signature.arguments]
    con.create_function(  # type: ignore[call-overload]
        inner, _udf(function), types, function.signature.returns, type="arrow", null_handling="special"
    )
    macros[name] = _wrapper(function.signature, inner)


def _wrapper(signature: Signature, inner: str) -> str:
    """A macro that gives a DuckDB function default values and named parameters; these go over as JSON."""
    declared = ", ".join(
        quote(a.name) + (f" := {a.default}" if a.default is not None else "") for a in signature.arguments
    )
    passed = ", ".join(quote(a.name) if a.is_column else f"to_json({quote(a.name)})" for a in signature.arguments)
    return f"create or replace macro {quote(signature.name)}({declared}) as {quote(inner)}({passed})"


def _udf(function: Function) -> Any:
    columns, parameters = function.signature.columns, function.signature.parameters

    def call(*arrays: Any) -> pa.Array:
        flat = [a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a for a in arrays]
        flat = [a.chunk(0) if isinstance(a, pa.ChunkedArray) else a for a in flat]
        given = {p.name: _constant(function, p, a) for p, a in zip(parameters, flat[len(columns) :], strict=True)}
        return apply(function, flat[: len(columns)], given)

    # DuckDB counts the arguments of a Python function by its signature.
    names = ", ".join(f"a{i}" for i in range(len(columns) + len(parameters)))
    scope: dict[str, Any] = {"call": call}
    exec(f"def udf({names}): return call({names})", scope)
    return scope["udf"]


def _constant(function: Function, parameter: Argument, values: pa.Array) -> Any:
    if len(values) == 0:
        return None
    if len(values) > 1 and pc.count_distinct(values, mode="all").as_py() > 1:
        message = f"parameter `{parameter.name}` of `{function.name}` must be a constant"
        raise FunctionError.of("varying-parameter", message, "pass the same value for every row")
    given = values[0].as_py()
    return None if given is None else parameter.fitted(json.loads(given))
