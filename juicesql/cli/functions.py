"""`juicesql functions`: lists or documents stats, mappers and macros."""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from juicesql.cli import screen
from juicesql.cli.options import AsJson, ProjectFolder
from juicesql.cli.out import print_json
from juicesql.cli.text import table
from juicesql.errors import FunctionError

if TYPE_CHECKING:
    from juicesql.api import Function
    from juicesql.registry import Registry

_KINDS = ("stat", "mapper", "macro", "jinja macro")
_CLASSES = {
    "sql": "SQL macro", "kernel": "compiled kernel, in threads", "process": "Python, in worker processes",
    "device": "model, one owner for each device", "jinja": "written into the recipe before it is parsed",
}  # fmt: skip


def functions(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show the manual of this function.")] = None,
    project: ProjectFolder = None,
    as_json: AsJson = False,
) -> None:
    """List the functions that a recipe may call, or show the manual of one."""
    from juicesql.project import open_project

    registry = open_project(project).registry()
    if not name:
        _list(registry, as_json)
        return
    if name in registry.jinja_macros:
        described = jinja_facts(name, registry.jinja_macros[name])
    else:
        described = facts(registry.get(name.lower()))
    _document(described, as_json)


def _list(registry: Registry, as_json: bool) -> None:
    found = []
    for name in registry.names():
        try:
            found.append(facts(registry.get(name)))
        except FunctionError as error:
            screen.show_error(error)
    found += [jinja_facts(name, path) for name, path in registry.jinja_macros.items()]
    found.sort(key=lambda f: (_KINDS.index(f["kind"]), f["name"]))
    if as_json:
        print_json(found)
        return
    rows = [
        [f"  {short(f['signature'])}", f["class"], clip(f.get("usual_cut", "")), f["manual"].split("\n")[0]]
        for f in found
    ]
    columns = shutil.get_terminal_size((140, 24)).columns if sys.stdout.isatty() else 10_000  # a pipe gets it whole
    lines = table([""] * 4, rows, "   w", columns)
    for kind, group in groupby(zip(found, lines, strict=True), key=lambda pair: pair[0]["kind"]):
        print("\n".join([f"{kind}s", *(line for _, line in group), ""]))
    print("`juicesql functions NAME` shows the manual of one")


def short(signature: str) -> str:
    """The signature without types and defaults, and with its first argument only.

    >>> short("f(text VARCHAR, n INTEGER := 10) -> DOUBLE")
    'f(text, ...)'
    """
    from juicesql.signature import split_top

    name, _, rest = signature.partition("(")
    names = [a.split()[0].split("=")[0] for a in split_top(rest.rpartition(" -> ")[0].rpartition(")")[0] or rest[:-1])]
    return f"{name}({', '.join(names[:1])}{', ...' if names[1:] else ''})"


def clip(text: str, width: int = 22) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _document(described: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(described)
        return
    extra = f"; needs juicesql[{described['extra']}]" if described.get("extra") else ""
    print(f"{described['signature']}\n{described['kind']}, {_CLASSES[described['class']]}{extra}\n")
    print(described["manual"] + "\n")
    print(f"example  {described['example']}\nfile     {described['file']}")


def facts(function: Function) -> dict[str, Any]:
    """What is known of a function, as plain data."""
    return {
        "name": function.name,
        "kind": function.kind,
        "class": function.runs_on,
        "signature": str(function.signature),
        "parameters": {a.name: a.default for a in function.signature.parameters},
        "returns": function.signature.returns,
        "version": function.version,
        "extra": function.extra,
        "file": str(function.file),
        "example": example(function),
        "usual_cut": told(function.doc, "Usual cut"),
        "source": told(function.doc, "Source"),
        "manual": inspect.cleandoc(function.doc),
    }


def told(manual: str, field: str) -> str:
    """What the sentence that begins with `field:` says in a manual; '' when there is none.

    >>> told("Share of letters.\\n\\nUsual cut: >= 0.25. Source: Rae et al. 2021,\\n table A1.", "Usual cut")
    '>= 0.25'
    """
    found = re.search(rf"(?:^|\s){field}:\s+(.+?)\.(?:\s|$)", manual, re.S)
    return " ".join(found.group(1).split()) if found else ""


def jinja_facts(name: str, path: Path) -> dict[str, Any]:
    """What is known of a Jinja macro, from the text of its file: its head and its `{# comment #}`."""
    text = path.read_text("utf-8")
    head = re.search(rf"\{{%-?\s*macro\s+({name}\s*\(.*?\))\s*-?%\}}", text, re.S)
    comment = re.search(r"\{#-?(.*?)-?#\}", text, re.S)
    signature = " ".join(head.group(1).split()) if head else f"{name}()"
    manual = inspect.cleandoc(comment.group(1)) if comment else ""
    return {
        "name": name, "kind": "jinja macro", "class": "jinja", "signature": signature, "file": str(path),
        "example": f"({{{{ {signature} }}}})", "source": told(manual, "Source"), "manual": manual,
    }  # fmt: skip


def example(function: Function) -> str:
    """A call as it may stand in a recipe, with the parameters by name."""
    columns = [a.name for a in function.signature.columns]
    parameters = [f"{a.name} := {a.default}" for a in function.signature.parameters if a.default.lower() != "null"]  # type: ignore[union-attr]
    call = f"{function.name}({', '.join([*columns, *parameters[:1]])})"
    if function.kind == "stat":
        return f"select {call} as {function.name} from source"
    return f"select * replace ({call} as {columns[0]}) from source" if columns else f"select {call} from source"
