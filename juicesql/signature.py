"""The declaration line of a function: `name(arg TYPE, option TYPE := default, ...) -> TYPE`.

An argument without a default is a column; one with a default is a parameter, which must be a constant in a recipe.
"""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from juicesql.errors import FunctionError

NAME = re.compile(r"[a-z_][a-z0-9_]*")
_HEAD = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*\((.*)\)\s*->\s*(.+?)\s*$", re.S)


@dataclass(frozen=True)
class Argument:
    """One argument; `default` is the SQL text of its default value, or None for a column."""

    name: str
    type: str
    default: str | None = None

    @property
    def is_column(self) -> bool:
        return self.default is None

    def value(self, sql: str) -> Any:
        """The Python value of a constant given for this parameter."""
        return self.fitted(constant(sql))

    def fitted(self, value: Any) -> Any:
        """A single value given for a list is a list of one.

        >>> Argument("kinds", "VARCHAR[]", "NULL").fitted("email")
        ['email']
        """
        if self.type.endswith("[]") and value is not None and not isinstance(value, list):
            return [value]
        return value


@dataclass(frozen=True)
class Signature:
    name: str
    arguments: tuple[Argument, ...]
    returns: str

    @property
    def columns(self) -> tuple[Argument, ...]:
        return tuple(a for a in self.arguments if a.is_column)

    @property
    def parameters(self) -> tuple[Argument, ...]:
        return tuple(a for a in self.arguments if not a.is_column)

    def __str__(self) -> str:
        inside = ", ".join(
            f"{a.name} {a.type}" + ("" if a.default is None else f" := {a.default}") for a in self.arguments
        )
        return f"{self.name}({inside}) -> {self.returns}"


def parse_signature(text: str) -> Signature:
    """Read a declaration line.

    >>> print(parse_signature("word_rep_ratio(text VARCHAR, rep_len INTEGER := 10) -> DOUBLE"))
    word_rep_ratio(text VARCHAR, rep_len INTEGER := 10) -> DOUBLE
    """
    head = _HEAD.match(text)
    if not head:
        raise FunctionError.of(
            "bad-signature", f"cannot read the declaration {text!r}", 'write "name(arg TYPE, option TYPE := 1) -> TYPE"'
        )
    name, inside, returns = head.groups()
    arguments = tuple(_argument(part, text) for part in split_top(inside))
    if any(not a.is_column and b.is_column for a, b in itertools.pairwise(arguments)):
        raise FunctionError.of("bad-signature", f"a column follows a parameter in {text!r}", "put the columns first")
    return Signature(name, arguments, returns)


def _argument(part: str, whole: str) -> Argument:
    declaration, found, default = part.partition(":=")
    name, _, type_ = declaration.strip().partition(" ")
    if not NAME.fullmatch(name) or not type_.strip():
        raise FunctionError.of("bad-signature", f"cannot read the argument {part!r} of {whole!r}", "write `name TYPE`")
    return Argument(name, type_.strip(), default.strip() if found else None)


def split_top(text: str) -> list[str]:
    """Split on the commas that stand outside brackets and quotes.

    >>> split_top("a VARCHAR, b STRUCT(x INT, y INT), c VARCHAR := ', '")
    ['a VARCHAR', 'b STRUCT(x INT, y INT)', "c VARCHAR := ', '"]
    """
    parts, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(text):
        if c == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    tail = text[start:].strip()
    return [*parts, tail] if tail or parts else []


@lru_cache(maxsize=512)
def constant(sql: str) -> Any:
    """The Python value of a constant in SQL text: numbers, strings, booleans, NULL and lists of them."""
    word = sql.strip()
    plain = {"null": None, "true": True, "false": False}
    if word.lower() in plain:
        return plain[word.lower()]
    if re.fullmatch(r"[+-]?\s*[\d.]+([eE][+-]?\d+)?", word):
        return ast.literal_eval(word.replace(" ", ""))
    if word.startswith("'") and word.endswith("'"):
        return word[1:-1].replace("''", "'")
    if word.startswith("[") and word.endswith("]"):
        return [constant(part) for part in split_top(word[1:-1])]
    raise FunctionError.of(
        "bad-constant", f"{sql!r} is not a constant", "give a number, 'text', true, false, null or [..]"
    )


@lru_cache(maxsize=256)
def arrow_type(sql_type: str) -> Any:
    """The Arrow type that DuckDB gives a column of this SQL type."""
    import duckdb

    with duckdb.connect() as con:
        return con.sql(f"select cast(null as {sql_type}) as v").to_arrow_table().schema.field("v").type
