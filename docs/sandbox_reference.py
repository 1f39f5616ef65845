"""Hooks, factories and their components with every setting, for docs/reference/sandbox.md."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from juicesql.sandbox.base import Component, Hook
from juicesql.sandbox.registry import FACTORIES, components, hooks, job_lists
from juicesql.sandbox.settings import describe

HEAD = """# Hooks and components of the sandbox

`juicesql sandbox hooks` lists them in a terminal; [the sandbox](../sandbox.md) shows how they go together.
`extra_configs` of a job are the settings below; where a hook has a factory, `type` chooses the component whose settings
they are.
"""
_COMMENT = re.compile(r"#\s*(.*)$")


def page(made: str) -> str:
    """The text of the page."""
    return "\n".join([made, HEAD, "## Hooks\n", *_hooks(), "## Components\n", *_components()])


def _hooks() -> Iterator[str]:
    keys = {name: key for key, name in job_lists().items()}
    for found in filter(_ships, hooks()):
        yield f"### {found.__name__}\n\n{inspect.getdoc(found)}\n"
        yield f"- job lists: {', '.join(f'`{keys[n]}`' for n in found.lists)}"
        if found.factory:
            default = f"; `{found.default_type}` without a `type`" if found.default_type else ""
            yield f"- components of [{found.factory}](#{found.factory.lower()}){default}"
        if found.gives:
            yield f"- gives {', '.join(f'`{g}`' for g in found.gives)}"
        yield ""
        yield from () if found.factory else _settings(found)


def _ships(found: type) -> bool:
    """Whether it is ours: other packages and tests register theirs in the same place."""
    return found.__module__.startswith("juicesql.sandbox.")


def _components() -> Iterator[str]:
    ordered = sorted((c for c in components() if _ships(c[2])), key=lambda c: (FACTORIES.index(c[0]), c[1]))
    for factory, group in groupby(ordered, key=itemgetter(0)):
        yield f"### {factory}\n"
        for cls, same in groupby(sorted(group, key=lambda c: c[2].__qualname__), key=itemgetter(2)):
            types = " or ".join(f"`{type_}`" for _, type_, _ in same)
            needs = f" Needs `juicesql[{cls.extra}]`." if cls.extra else ""
            yield f"#### {types}\n\n{inspect.getdoc(cls)}{needs}\n"
            yield from _settings(cls)


def _settings(owner: type[Hook] | type[Component]) -> Iterator[str]:
    if not fields(owner.Settings):
        return
    yield "| setting | type | without it | |\n| --- | --- | --- | --- |"
    yield from _rows(owner.Settings, "")
    yield ""


def _rows(settings: type, above: str) -> Iterator[str]:
    hints, told = typing.get_type_hints(settings), _comments(settings)
    for f in fields(settings):
        comment = told.get(f.name, "").replace("|", "\\|")
        yield f"| `{above}{f.name}` | {describe(hints[f.name])} | {_default(f)} | {comment} |"
        for inner in (hints[f.name], *typing.get_args(hints[f.name])):
            if is_dataclass(inner):
                yield from _rows(typing.cast(type, inner), f"{above}{f.name}.")


def _default(f: Field[Any]) -> str:
    if f.default is not MISSING:
        return "" if f.default in ("", None, ()) else f"`{f.default!r}`"
    return "" if f.default_factory is not MISSING else "**must be given**"


def _comments(settings: type) -> dict[str, str]:
    """What the comments beside or above each field say, base classes included."""
    found: dict[str, str] = {}
    for cls in reversed(settings.__mro__[:-1]):
        held: list[str] = []
        for line in inspect.getsource(cls).splitlines():
            said = _COMMENT.search(line)
            if line.lstrip().startswith("#") and said:
                held.append(said.group(1))
                continue
            if field := re.match(r"\s+(\w+)\s*:", line):
                found[field.group(1)] = " ".join([*held, said.group(1)] if said else held)
            held = []
    return found
