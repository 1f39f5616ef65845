"""Writes docs/reference/ from the registry and the schema in docs/stats-database.md; `--check` says what differs.

python docs/generate.py [--check]
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from juicesql.cli.functions import facts, jinja_facts
from juicesql.gates.grammar import table
from juicesql.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
HOW = {
    "sql": "SQL macro: part of the query",
    "kernel": "compiled kernel: called in the engine's threads, without the GIL",
    "process": "plain Python: called in worker processes",
    "device": "model: one owner for each device, large batches",
    "jinja": "Jinja macro: written into the recipe before it is parsed",
}
KINDS = {"stat": "Stats", "mapper": "Mappers", "macro": "Macros", "jinja macro": "Jinja macros"}
MADE = "<!-- Written by `make docs` from the docstrings; edit those. -->\n"


def described() -> list[dict[str, Any]]:
    """Every function that this checkout ships, with its theme (the folder of its file)."""
    registry = Registry()
    found = [facts(function) for function in registry.all()]
    found += [jinja_facts(name, path) for name, path in registry.jinja_macros.items()]
    ours = [f for f in found if Path(f["file"]).resolve().is_relative_to(ROOT)]
    for f in ours:
        f["file"] = Path(f["file"]).resolve().relative_to(ROOT).as_posix()
        f["theme"] = Path(f["file"]).parent.name
    return sorted(ours, key=lambda f: (f["theme"], list(KINDS).index(f["kind"]), f["name"]))


def pages() -> dict[str, str]:
    """Path in docs/ -> text of every page."""
    out, index = {}, [MADE, "# Functions\n", "`juicesql functions NAME` shows the same in a terminal.\n"]
    for theme, group in groupby(described(), key=lambda f: f["theme"]):
        functions = list(group)
        out[f"reference/{theme}.md"] = "\n".join([MADE, f"# Functions: {theme}\n", *map(_entry, functions)])
        index += [
            f"## [{theme}]({theme}.md)\n",
            "| function | kind | runs as | what it gives |",
            "| --- | --- | --- | --- |",
        ]
        index += [*map(_row, functions), ""]
    stats, gates = DOCS / "stats-database.md", DOCS / "expectations.md"
    out[gates.name] = _grammar(gates.read_text("utf-8"))
    out["reference/sandbox.md"] = runpy.run_path(str(DOCS / "sandbox_reference.py"))["page"](MADE)
    return {"reference/README.md": "\n".join(index), **out, stats.name: _schema(stats.read_text("utf-8"))}


def _grammar(text: str) -> str:
    """The page of expectations with the table of their forms."""
    head, begin, rest = text.partition("<!-- Written by `make docs` from juicesql/gates/grammar.py; edit that. -->\n")
    _, end, rest = rest.partition("<!-- Here ends what `make docs` writes. -->\n")
    return head + begin + table() + end + rest


def _schema(text: str) -> str:
    return runpy.run_path(str(DOCS / "schema.py"))["page"](text)  # type: ignore[no-any-return]


def _row(f: dict[str, Any]) -> str:
    first = f["manual"].split("\n")[0].replace("|", "\\|")
    return f"| [`{f['name']}`]({f['theme']}.md#{f['name']}) | {f['kind']} | {f['class']} | {first} |"


def _entry(f: dict[str, Any]) -> str:
    return "\n".join([f"## {f['name']}\n", "```sql", f["signature"], "```", "", f["manual"], "", *_notes(f)])


def _notes(f: dict[str, Any]) -> Iterator[str]:
    yield f"- {f['kind']}; {HOW[f['class']]}"
    if f.get("extra"):
        yield f"- needs `juicesql[{f['extra']}]`"
    if f["kind"] != "jinja macro":
        yield f"- example: `{f['example']}`"
    cases = f"tests/cases/{f['theme']}/{f['name']}.yml"
    tested = f", cases [`{cases}`](../../{cases})" if (ROOT / cases).is_file() else ""
    yield f"- file [`{f['file']}`](../../{f['file']}){tested}\n"


def differing() -> list[str]:
    """Pages that are missing, that differ, or that belong to no theme."""
    wanted = pages()
    paths = [*DOCS.glob("reference/*.md"), DOCS / "stats-database.md", DOCS / "expectations.md"]
    written = {p.relative_to(DOCS).as_posix(): p.read_text("utf-8") for p in paths}
    return sorted(name for name in wanted.keys() | written.keys() if wanted.get(name) != written.get(name))


def main(check: bool) -> int:
    names = differing()
    if check:
        print("\n".join(f"docs/{n} is not up to date: run `make docs`" for n in names) or "up to date")
        return bool(names)
    (DOCS / "reference").mkdir(exist_ok=True)
    wanted = pages()
    for name in names:
        if name in wanted:
            (DOCS / name).write_text(wanted[name], "utf-8")
        else:
            (DOCS / name).unlink()
    print(f"{len(wanted)} pages, {len(names)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
