"""Which types a function's arguments take: what DuckDB would cast in silence is refused when a recipe is planned."""

from __future__ import annotations

import re
from dataclasses import dataclass

from juicesql.errors import Problem
from juicesql.signature import Argument, split_top

_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL|BIGNUM")
_NAME = re.compile(r'"(?:[^"]|"")*"|\w+')
_UNKNOWN = '"NULL"'  # the type of NULL, and of what an empty list holds


@dataclass(frozen=True)
class Given:
    """What a recipe gives for one argument of a function: SQL over the step's input, and the same as it was written."""

    function: str
    argument: Argument
    sql: str
    text: str
    line: int | None
    lifted: bool  # the call becomes a column; else it stays in the SQL of the step


def fits(given: str, wanted: str) -> bool:
    """Whether values of the SQL type `given` may stand where a function declares `wanted`.

    Any number is a number, lists fit by their items, and only text is text: nothing becomes text or is parsed from it.

    >>> fits("FLOAT[384]", "FLOAT[]"), fits("INTEGER", "VARCHAR"), fits("VARCHAR", "VARCHAR[]")
    (True, False, False)
    """
    if given in (wanted, _UNKNOWN):
        return True
    if wanted.endswith("]"):
        return given.endswith("]") and fits(_item(given), _item(wanted))
    if given.endswith("]"):
        return False
    if _NUMBER.fullmatch(_head(wanted)):
        return bool(_NUMBER.fullmatch(_head(given)))
    return _head(given) == _head(wanted) or (wanted == "VARCHAR" and _head(given) == "ENUM")


def refusal(given: Given, type_: str) -> Problem:
    """Says what an argument is, what the function takes, and how to get there."""
    wanted = given.argument.type
    message = f"`{given.function}` takes {_words(wanted)} as `{given.argument.name}`, and `{given.text}` is {type_}"
    return Problem("wrong-type", message, _mend(given.text, type_, wanted), line=given.line)


def _mend(sql: str, type_: str, wanted: str) -> str:
    if type_ == "JSON":
        return f"take a value out of it, such as {sql}->>'$.field', or cast({sql} as {wanted})"
    if wanted.endswith("]"):
        return _mend_list(sql, type_, wanted)
    if type_.endswith("]"):
        joined = f", or join its items: array_to_string({sql}, chr(10))" if _item(type_) == "VARCHAR" else ""
        return f"unnest it in a step of its own: select unnest({sql}) as item{joined}"
    if fields := _fields(type_):
        return f"name a field of it: {', '.join(f'{sql}.{f}' for f in fields[:5])}"
    return f"say so if it is meant: cast({sql} as {wanted})"


def _mend_list(sql: str, type_: str, wanted: str) -> str:
    if type_ == "VARCHAR":
        return f"put it into a list: [{sql}]; where it is a list written as text: cast({sql} as {wanted})"
    if fields := _fields(_item(type_)) if type_.endswith("]") else []:
        return f"take a field of each item: list_transform({sql}, lambda x: x.{fields[0]})"
    return f"say so if it is meant: cast({sql} as {wanted})"


def _words(type_: str) -> str:
    plain = {"VARCHAR": "text (VARCHAR)", "VARCHAR[]": "a list of text (VARCHAR[])"}
    return plain.get(type_, type_)


def _item(type_: str) -> str:
    return type_[: type_.rindex("[")]


def _head(type_: str) -> str:
    return type_.partition("(")[0]


def _fields(type_: str) -> list[str]:
    """The names of a STRUCT's fields, quoted where they must be."""
    if not (type_.startswith("STRUCT(") and type_.endswith(")")):
        return []
    found = [_NAME.match(part) for part in split_top(type_[len("STRUCT(") : -1])]
    return [name.group() for name in found if name]
