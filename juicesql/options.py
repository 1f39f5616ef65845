"""Typed options: those of `config(...)`, of a run, and of juicesql.toml are read here, every problem at once.

A group of options is a frozen dataclass; a field's annotation says what is allowed:
`shard_rows: Annotated[int, Allowed("a whole number, 0 or more", at_least(0))] = 0`.
"""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, get_args, get_type_hints

from juicesql.errors import Problem, RecipeError, nearest
from juicesql.provenance import untag

_PLAIN = {int: "a whole number", float: "a number", bool: "true or false", str: "text in quotes"}
_UNITS = {"": 1, "b": 1, "kb": 1 << 10, "kib": 1 << 10, "mb": 1 << 20, "mib": 1 << 20, "gb": 1 << 30, "gib": 1 << 30}
_SHOWN = 60
LARGEST = (1 << 63) - 1  # what a BIGINT of SQL holds


@dataclass(frozen=True)
class Allowed:
    """What an option may be, in words, and what else is asked of a value of its type: ValueError when it is not so."""

    words: str
    check: Callable[[Any], None] = lambda value: None
    choices: tuple[str, ...] = ()  # for the nearest name


def at_least(low: float, high: float = LARGEST) -> Callable[[float], None]:
    """A check of a number: between two bounds, so neither infinite nor NaN."""

    def check(value: float) -> None:
        if not low <= value <= high:
            raise ValueError

    return check


def above(low: float, high: float = LARGEST) -> Callable[[float], None]:
    """A check of a number: above a bound, and neither infinite nor NaN."""

    def check(value: float) -> None:
        if not low < value <= high:
            raise ValueError

    return check


def one_of(*choices: str) -> Allowed:
    """A word out of a few."""

    def check(value: str) -> None:
        if value not in choices:
            raise ValueError

    return Allowed(" or ".join(f'"{c}"' for c in choices), check, choices)


def is_name(value: str | Iterable[str]) -> None:
    """A check of paths and names: no control characters, which no file is called by on purpose."""
    for text in [value] if isinstance(value, str) else value:
        if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
            raise ValueError


def is_size(value: str | int) -> None:
    """A check of a size such as `200MB`."""
    size_of(value)


def is_size_or_none(value: str | int) -> None:
    """A check of a size, which may be left empty."""
    if value not in ("", 0):
        size_of(value)


def size_of(value: str | int) -> int:
    """Bytes of a size such as `8GB`, `1.5 GiB` or `200`; units are powers of 1024. ValueError when it is none.

    >>> size_of("1.5KB")
    1536
    """
    word = str(value).strip().lower()
    number = word.rstrip("bikmg ")
    size = float(number) * _UNITS.get(word[len(number) :].strip(), math.nan)
    if not (math.isfinite(size) and size >= 1):
        raise ValueError(f"{value!r} is not a size")
    return int(size)


def read_options(
    group: type,
    given: Mapping[str, Any],
    where: str,
    file: str = "",
    lines: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The options of a group with values of their types. RecipeError with every name and value that is wrong.

    `where` names the place for people, such as `config`; `lines` says where in `file` an option stands.
    """
    readers, lines = _readers(group), lines or {}
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        if name not in readers:
            mend = nearest(name, readers) or "options: " + ", ".join(readers)
            problem = Problem("unknown-option", f"{where} has no option `{name}`", mend, file, lines.get(name))
            problems.append(problem)
            continue
        try:
            values[name] = readers[name](_plain(value))
        except (ValueError, ArithmeticError):
            problems.append(_wrong(group, name, value, where, file, lines.get(name)))
    if problems:
        raise RecipeError(problems)
    return values


def allowed_of(group: type, name: str) -> Allowed:
    """What an option may be."""
    hint = get_type_hints(group, include_extras=True)[name]
    said = [a for a in getattr(hint, "__metadata__", ()) if isinstance(a, Allowed)]
    return said[0] if said else Allowed(_PLAIN.get(hint, str(hint)))


def _wrong(group: type, name: str, value: Any, where: str, file: str, line: int | None) -> Problem:
    allowed = allowed_of(group, name)
    close = nearest(value, allowed.choices) if isinstance(value, str) else ""
    message = f"{where} has {name}={_shown(value)}; {name} is {allowed.words}"
    return Problem("bad-option", message, close or f"give {allowed.words}", file, line)


def _shown(value: Any) -> str:
    try:
        text = repr(_plain(value))
    except ValueError:  # of thousands of digits
        return "a very large number"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _plain(value: Any) -> Any:
    """A value without the tags of variables; lists as tuples, paths as text."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        return untag(str(value))
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    return {_plain(k): _plain(v) for k, v in value.items()} if isinstance(value, dict) else value


@lru_cache(maxsize=8)
def _readers(group: type) -> dict[str, Callable[[Any], Any]]:
    """A reader for each option; each raises ValueError."""
    from pydantic import ConfigDict, TypeAdapter  # 40 ms, which `juicesql --help` does not pay

    def reader(adapter: TypeAdapter[Any], allowed: Allowed) -> Callable[[Any], Any]:
        def read(value: Any) -> Any:
            found = adapter.validate_python(value)  # its ValidationError is a ValueError
            allowed.check(found)
            return found

        return read

    hints = get_type_hints(group, include_extras=True)
    found = {}
    for name in (f.name for f in fields(group)):
        bare = get_args(hints[name])[0] if hasattr(hints[name], "__metadata__") else hints[name]
        found[name] = reader(TypeAdapter(bare, config=ConfigDict(strict=True)), allowed_of(group, name))
    return found
