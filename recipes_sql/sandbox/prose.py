"""English prose out of the Python that runs this: the documents of the sandbox's demo, before anything is planted.

Paragraphs of the language reference, of docstrings and of long comments, joined line by line. What belongs to one
package stays together, so that documents can be kept apart by where they come from.
"""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..demo.make_demo import SKIPPED, standard_library, topics

SHORTEST, LONGEST = 350, 900  # characters of a document; one long paragraph may go beyond
FEWEST_WORDS = 12
SHINGLE = 8  # words
ALIKE = 0.2  # share of shingles that two documents may share
_COMMENT = re.compile(r"(?:^[ \t]*#[^\n]*\n){2,}", re.MULTILINE)


@dataclass(frozen=True)
class Prose:
    """A document. `place` is the topic or package that it comes from."""

    place: str
    text: str

    def shingles(self) -> set[str]:
        """Every run of SHINGLE words, in lower case."""
        words = re.findall(r"\w+", self.text.lower())
        return {" ".join(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)}


def documents() -> list[Prose]:
    """All documents, sorted by place. A paragraph that several places have is in the first of them only."""
    places: dict[str, list[str]] = {}
    seen: set[str] = set()
    for place, text in _texts():
        for paragraph in _paragraphs(text):
            if paragraph not in seen and _is_prose(paragraph):
                seen.add(paragraph)
                places.setdefault(place, []).append(paragraph)
    return [Prose(place, text) for place in sorted(places) for text in _joined(places[place])]


def unlike(wanted: Iterable[Prose], others: Iterable[Prose]) -> list[Prose]:
    """The wanted documents of which at most ALIKE of the shingles are in any of the others."""
    taken = set().union(*(other.shingles() for other in others))
    return [d for d in wanted if (own := d.shingles()) and len(own & taken) <= ALIKE * len(own)]


def _texts() -> Iterator[tuple[str, str]]:
    for document in topics():
        yield document.name, document.text
    for document in standard_library():
        if document.kind == "docstring":
            module = document.name.removeprefix("docstring/").split(":")[0]
            yield module.split("/")[0], document.text
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root).with_suffix("")
        if SKIPPED.isdisjoint(inside.parts):
            yield from ((inside.parts[0], text) for text in _comments(path))


def _comments(path: Path) -> Iterator[str]:
    try:
        source = path.read_text("utf-8")
    except (OSError, ValueError):
        return
    for found in _COMMENT.finditer(source):
        yield re.sub(r"^[ \t]*#+ ?", "", found.group(), flags=re.MULTILINE)


def _paragraphs(text: str) -> Iterator[str]:
    """The paragraphs whose lines stand about equally far in, each as one line."""
    for block in re.split(r"\n\s*\n", text):
        deep = [len(line) - len(line.lstrip()) for line in block.splitlines() if line.strip()]
        if deep and max(deep) - min(deep) <= 3:
            yield " ".join(block.split())


def _is_prose(paragraph: str) -> bool:
    """Sentences, not code, tables or lists of names."""
    words = paragraph.split()
    if len(words) < FEWEST_WORDS or not paragraph[0].isupper() or paragraph[-1] not in ".!?:":
        return False
    if any(mark in paragraph for mark in (">>>", "::", "__", "--", "==")):
        return False
    return sum(word.strip(".,;:'\"()`*").isalpha() for word in words) >= 0.78 * len(words)


def _joined(paragraphs: list[str]) -> Iterator[str]:
    """Paragraphs in their order, put together to documents of SHORTEST to LONGEST characters."""
    held = ""
    for paragraph in paragraphs:
        if len(held) >= SHORTEST and len(held) + len(paragraph) > LONGEST:
            yield held
            held = ""
        held = f"{held}\n{paragraph}" if held else paragraph
    if len(held) >= SHORTEST:
        yield held
