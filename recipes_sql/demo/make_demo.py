"""Builds the demo's input: real text that every machine with Python has, and planted rows that a recipe must handle.

    python -m juicesql.recipes_sql.demo.make_demo demo/docs.jsonl

The text is the documentation inside this Python (language topics, docstrings, the heads of modules) and the licences,
readmes and descriptions of the installed packages. The same Python and packages give the same bytes.
"""

from __future__ import annotations

import ast
import json
import random
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

DOCUMENTS = 4000  # of real text, at most
LONGEST = 60_000  # characters of one document
SKIPPED = {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3", "__pycache__"}
PAPERS = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS", "README", "CHANGES", "METADATA")
SHOUT = """Look at the {} best sexy nude xxx pictures of this week, and then go to our other pages for more.
You have to be of age to see them, and we do not ask for your name or for any of your cards before that."""


@dataclass(frozen=True)
class Document:
    """One row of the demo. `kind` says where it comes from; planted rows say so."""

    name: str
    kind: str
    text: str

    def line(self) -> bytes:
        row = {"id": self.name, "text": self.text, "meta": {"kind": self.kind}}
        return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")


def topics() -> Iterator[Document]:
    """The language reference that `help()` shows; some small builds of Python leave it out."""
    try:
        from pydoc_data.topics import topics as found
    except ImportError:
        return
    for name in sorted(found):
        yield Document(f"topic/{name}", "topic", found[name])


def standard_library() -> Iterator[Document]:
    """The head of each module as code, and its docstrings, read without importing it."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if SKIPPED.isdisjoint(inside.parts):
            yield from _module(inside.with_suffix("").as_posix(), path)


def _module(name: str, path: Path) -> Iterator[Document]:
    try:
        source = path.read_text("utf-8")
        tree = ast.parse(source)
    except (OSError, ValueError, SyntaxError):
        return
    if len(source) > 4000:
        yield Document(f"code/{name}", "code", source[:4000])
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        text = ast.get_docstring(node) if isinstance(node, documented) else None
        if text and len(text) > 120:
            inner = getattr(node, "name", "")
            yield Document(f"docstring/{name}:{inner}:{getattr(node, 'lineno', 0)}", "docstring", text)


def packages() -> Iterator[Document]:
    """Papers of the installed packages. Many packages carry the same licence: real exact duplicates."""
    for package in sorted(distributions(), key=lambda d: (d.name or "").lower()):
        for file in sorted(package.files or (), key=str):
            if file.name.upper().startswith(PAPERS) and "info" in file.parts[0]:
                try:
                    yield Document(f"package/{file.as_posix()}", "package", Path(str(file.locate())).read_text("utf-8"))
                except (OSError, ValueError):
                    continue


def planted(real: list[Document], chance: random.Random) -> Iterator[bytes]:
    """Rows with a known fate: copies, broken lines, and text that a cut should drop or a mapper should mend."""
    prose = [d for d in real if d.kind in ("topic", "docstring") and len(d.text) > 400]
    for i, document in enumerate(chance.sample(prose, min(120, len(prose)))):
        yield Document(f"planted/copy-{i}", "planted copy", document.text).line()
    for i, document in enumerate(chance.sample(prose, min(40, len(prose)))):
        text = document.text.replace("'", "\u2019").replace(" - ", " \u2014 ").replace('"', "\u201c")
        wrong = text.encode("utf-8").decode("cp1252", "replace")  # UTF-8 read as Windows-1252
        yield Document(f"planted/mojibake-{i}", "planted mojibake", wrong).line()
    for i, document in enumerate(chance.sample(prose, min(8, len(prose)))):
        yield document.line()[: 60 + 7 * i]  # a line cut short
    for i, document in enumerate(chance.sample(prose, min(6, len(prose)))):
        line = Document(f"planted/bytes-{i}", "planted bytes", document.text).line()
        yield line.replace(b'"text": "', b'"text": "\xff', 1)  # not UTF-8
    for i in range(30):
        yield Document(
            f"planted/short-{i}", "planted short", chance.choice(["ok", "TODO", "n/a", "", "see above"])
        ).line()
    for name, text in _poor(chance):
        yield Document(f"planted/{name}", "planted poor text", text).line()


def _poor(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Text that is long enough and still not worth learning from."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for i in range(12):
        yield f"echo-{i}", "This line is all that this page has to say about it.\n" * (20 + i)
        yield f"rule-{i}", "\n".join(["=" * 70, "-" * (40 + i)] * 12)
        yield f"shout-{i}", SHOUT.format(i)
        yield f"column-{i}", "\n".join(f"{chance.choice(letters)}{n * n}" for n in range(150))
        yield f"table-{i}", "\n".join(" | ".join(f"{chance.random():.3f}" for _ in range(8)) for _ in range(25))
        yield f"words-{i}", " ".join("".join(chance.choices(letters, k=chance.randint(3, 9))) for _ in range(150))
    foreign = (
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt "
        "und sollen einander im Geist der Brüderlichkeit begegnen.",
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de "
        "conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y "
        "conciencia, deben comportarse fraternalmente los unos con los otros.",
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    )
    for i, text in enumerate(foreign):  # article 1 of the Universal Declaration of Human Rights
        yield f"foreign-{i}", text


def documents() -> list[Document]:
    """The real documents, each cut to LONGEST characters, in a shuffled order that is always the same."""
    found = [
        Document(d.name, d.kind, d.text[:LONGEST]) for part in (topics, standard_library, packages) for d in part()
    ]
    random.Random(1).shuffle(found)
    return found[:DOCUMENTS]


def rows() -> Iterable[bytes]:
    """The lines of the demo: real and planted ones, mixed."""
    chance = random.Random(2)
    real = documents()
    lines = [d.line() for d in real]
    for line in planted(real, chance):
        lines.insert(chance.randrange(len(lines) + 1), line)
    return lines


def main(out: str = "demo/docs.jsonl") -> None:
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = list(rows())
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(b"\n".join(lines) + b"\n")
    unfinished.replace(path)
    print(f"{path}: {len(lines):,} lines, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
