"""Reads a mapping from a file into a dataclass: every wrong key and value is found at once, with the nearest name."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from juicesql.errors import Problem, nearest

from .errors import SandboxError

S = TypeVar("S")


def read(cls: type[S], given: Mapping[str, Any], where: str = "") -> S:
    """An instance of the dataclass. Raises a SandboxError that carries every problem; `where` begins their messages.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Lamp:
    ...     watts: float
    ...     colour: str = "white"
    >>> read(Lamp, {"watts": 40})
    Lamp(watts=40.0, colour='white')
    """
    problems: list[Problem] = []
    values = _values(cls, given, where, problems)
    if problems:
        raise SandboxError(problems)
    return cls(**values)


def _values(cls: type[Any], given: Mapping[str, Any], where: str, problems: list[Problem]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    known = {f.name: f for f in fields(cls) if f.init}
    head = f"{where}." if where else ""
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            mend = nearest(key, known) or f"known settings: {', '.join(known)}"
            problems.append(Problem("unknown-setting", f"{head}{key} is no setting", mend))
            continue
        try:
            values[key] = _fitted(hints[key], value, f"{head}{key}", problems)
        except (TypeError, ValueError):
            expected = describe(hints[key])
            problems.append(Problem("bad-setting", f"{head}{key} is {value!r}", f"give {expected}"))
    for name, f in known.items():
        if name not in given and f.default is MISSING and f.default_factory is MISSING:
            problems.append(Problem("missing-setting", f"{head}{name} is missing", f"give {describe(hints[name])}"))
    return values


def _fitted(hint: Any, value: Any, where: str, problems: list[Problem]) -> Any:
    """The value as the hint has it; ValueError when it does not fit."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        for choice in arguments:
            try:
                return _fitted(choice, value, where, problems)
            except (TypeError, ValueError):
                continue
        raise ValueError
    if origin is Literal:
        if value in arguments:
            return value
        raise ValueError
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise TypeError
        found = _values(hint, value, where, problems)
        return None if problems else hint(**found)
    if origin is tuple and not isinstance(value, str):
        return tuple(_fitted(arguments[0], v, where, problems) for v in _sequence(value))
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            raise TypeError
        return {str(k): _fitted(arguments[1], v, where, problems) for k, v in value.items()}
    return _plain(hint, value)


def _sequence(value: Any) -> Sequence[Any]:
    if not isinstance(value, Sequence):
        raise TypeError
    return value


def _plain(hint: Any, value: Any) -> Any:
    if hint is type(None) and value is None:
        return None
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str):
        return float(value)  # YAML reads 1e-4 as a string
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in (str, bool) and isinstance(value, hint):
        return value
    raise TypeError


def describe(hint: Any) -> str:
    """A few words for a type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(a) for a in arguments)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is tuple:
        return f"a list: each {describe(arguments[0])}"
    if is_dataclass(hint) or origin is not None:
        return "a mapping"
    names = {float: "a number", int: "a whole number", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(hint, "a value")
