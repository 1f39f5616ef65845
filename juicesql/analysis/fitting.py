"""Which stats fit some data, for `--auto`: those of its columns that read no model and are installed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from juicesql.api import MEDIA, Function
from juicesql.errors import JuiceError
from juicesql.registry import Registry
from juicesql.sqltext import quote

NAMES = frozenset(["content", "body", "document", "article", "raw_content", "raw_text", "page_content"])
_NUMBERS = re.compile(r"(DOUBLE|FLOAT|BOOLEAN|(TINY|SMALL|BIG|HUGE)?INT(EGER)?)(\[\])?")


@dataclass(frozen=True)
class Skipped:
    """A stat whose columns are there, and why it is not measured."""

    function: str
    why: str


@dataclass(frozen=True)
class Fitting:
    """`calls` are SQL, such as `alnum_ratio("text")`."""

    calls: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def fitting(registry: Registry, columns: Mapping[str, str], text: str = "") -> Fitting:
    """The stats that fit columns (name -> SQL type). `text` names the column of text."""
    there = _columns(columns, text)
    calls, skipped = [], []
    for function in _candidates(registry, there):
        if why := _unfit(function, registry):
            skipped.append(Skipped(function.name, why))
        else:
            calls.append(f"{function.name}({', '.join(quote(there[a.name]) for a in function.signature.columns)})")
    return Fitting(tuple(calls), tuple(skipped))


def text_column(columns: Mapping[str, str], asked: str = "", lengths: Mapping[str, float] | None = None) -> str:
    """The column that is the text of a row; an empty string when there is none.

    It is the one that was asked for, else `text`, else the one of the longest prose by `prose_lengths`.
    """
    texts = text_columns(columns)
    if asked or "text" in texts or not texts:
        return asked or ("text" if texts else "")
    found = lengths or {}
    return max(texts, key=lambda name: found.get(name, 0.0) * (2 if name.casefold() in NAMES else 1))


def text_columns(columns: Mapping[str, str]) -> list[str]:
    return [name for name, type_ in columns.items() if type_ == "VARCHAR"]


def prose_lengths(table: Any, columns: Mapping[str, str]) -> dict[str, float]:
    """Mean characters of the columns of text in these rows; a value of one ASCII word (an id, a URL) counts a tenth."""
    found = {}
    for name in text_columns(columns):
        values = [v for v in table[name].to_pylist() if isinstance(v, str)] if name in table.column_names else []
        lengths = [len(v) if any(c.isspace() for c in v) or not v.isascii() else len(v) / 10 for v in values]
        found[name] = sum(lengths) / len(lengths) if lengths else 0.0
    return found


def _columns(columns: Mapping[str, str], text: str) -> dict[str, str]:
    """Name of a column in the signatures -> its name in the data."""
    found = {name: name for name in MEDIA if columns.get(name) == "VARCHAR[]"}
    chosen = text_column(columns, text)
    return found | ({"text": chosen} if chosen else {})


def _candidates(registry: Registry, there: Mapping[str, str]) -> Iterator[Function]:
    """Stats of these columns that give numbers or labels of a row, or a number for each of its files."""
    for name in registry.names():
        try:
            function = registry.get(name)
        except JuiceError:  # needs what is not installed at all
            continue
        needs = [a.name for a in function.signature.columns]
        returns = function.signature.returns
        label = returns == "VARCHAR" and not function.media  # of a file it is a hash
        fits = label or (_NUMBERS.fullmatch(returns) and (function.media or not returns.endswith("[]")))
        if function.kind == "stat" and set(needs) <= set(there) and fits:
            yield function


def _unfit(function: Function, registry: Registry) -> str:
    """Why a stat is not measured; an empty string when it can be."""
    for used in _used(function, registry):
        slow = used.runs_on == "process" and used.assets and not function.media  # a parser of language
        if used.runs_on == "device" or used.extra == "models" or slow:
            return "reads a model: name it in a recipe"
        if absent := missing_of(used.extra):
            return f"needs {', '.join(absent)}: pip install 'juicesql[{used.extra}]'"
        try:
            parameters = {a.name: a.value(a.default or "null") for a in used.signature.parameters}
            list(used.assets(**parameters)) if used.assets else None
        except JuiceError as error:
            return error.problems[0].message
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return ""


def _used(function: Function, registry: Registry) -> list[Function]:
    """The function, and those that a SQL function calls."""
    words = re.findall(r"\w+(?=\s*\()", function.sql.partition(" as")[2]) if function.runs_on == "sql" else []
    inner = [registry.get(w) for w in dict.fromkeys(words) if w in registry and w != function.name]
    return [function, *(f for i in inner for f in _used(i, registry))]


def missing_of(extra: str) -> list[str]:
    """The packages of an extra of juicesql that are not installed."""
    if not extra:
        return []
    wanted = [r.partition(";") for r in metadata.requires("juicesql") or ()]
    names = [
        re.split(r"[^\w.-]", r.strip())[0] for r, _, marker in wanted if re.search(rf"extra == .{extra}\b", marker)
    ]
    return [name for name in names if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
