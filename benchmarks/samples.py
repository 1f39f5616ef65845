"""The texts that functions.py measures on, about as many bytes of each kind, the same on every run.

`prose` is the benchmark's corpus of real documents. `tex` and `html` are those documents put into LaTeX and HTML;
`short` is the first 400 characters of each, for models that read no more than 512 tokens;
`chinese` is what of the corpus is Chinese, over again when there is too little of it.
"""

from __future__ import annotations

import html
import itertools
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import corpus
import peer

HAN = re.compile(r"[\u4e00-\u9fff]")
MACROS = r"""\newcommand{\eps}{\varepsilon}
\newcommand*{\R}{\mathbb{R}}
\newcommand{\norm}[1]{\lVert #1 \rVert}
\def\half{\frac{1}{2}}"""


def prose(work: Path) -> Iterator[str]:
    source = work / "corpus-100000.jsonl"
    corpus.build(source, 100_000, work, peer.code_folders(work))
    with source.open() as lines:
        for line in lines:
            yield json.loads(line)["text"]


def tex(work: Path) -> Iterator[str]:
    return (_as_tex(text, random.Random(i)) for i, text in enumerate(prose(work)))


def page(work: Path) -> Iterator[str]:
    return (_as_html(text, random.Random(i)) for i, text in enumerate(prose(work)))


def short(work: Path) -> Iterator[str]:
    return (text[:400] for text in prose(work))


def chinese(work: Path) -> Iterator[str]:
    return itertools.cycle([text for text in prose(work) if 3 * len(HAN.findall(text)) > len(text)])


KINDS: dict[str, Callable[[Path], Iterator[str]]] = {
    "prose": prose,
    "tex": tex,
    "html": page,
    "chinese": chinese,
    "short": short,
}


def samples(work: Path, size: int, names: Iterable[str]) -> dict[str, list[str]]:
    """Texts by name, each together just above `size` bytes."""
    return {name: _first(KINDS[name](work), size) for name in sorted(names)}


def _first(texts: Iterator[str], size: int) -> list[str]:
    found, left = [], size
    for text in texts:
        found.append(text)
        left -= len(text.encode())
        if left <= 0:
            break
    return found


def _as_tex(text: str, rng: random.Random) -> str:
    """An article with its macros, a section for some of the paragraphs, comments, a table and a bibliography."""
    parts = [r"\documentclass{article}", MACROS, r"\begin{document}", "% the abstract"]
    for paragraph in text.replace("\\", "").split("\n\n"):
        if rng.random() < 0.3:
            parts.append(rf"\section{{{paragraph[:30].splitlines()[0] if paragraph.strip() else 'Untitled'}}}")
        if rng.random() < 0.3:
            paragraph += r" with $\norm{x} < \eps$ in $\R$ and $\half$. % see below"
        parts.append(paragraph)
    words = text.split()[:12] or ["empty"]
    parts += [f"{a} {b} {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False)]
    parts += [r"\begin{thebibliography}{9}", *(rf"\bibitem{{k{i}}} {w}." for i, w in enumerate(words))]
    return "\n".join([*parts, r"\end{thebibliography}", r"\end{document}", ""])


def _as_html(text: str, rng: random.Random) -> str:
    """A page with a heading, paragraphs, a list and sometimes a table."""
    lines = [html.escape(line) for line in text.splitlines() if line.strip()] or ["empty"]
    parts = [f"<html><head><title>{lines[0]}</title></head><body><h1>{lines[0]}</h1>"]
    for i in range(0, len(lines), 5):
        group = lines[i : i + 5]
        if rng.random() < 0.2:
            rows = "".join(f"<tr><th>{n}</th><td>{line}</td></tr>\n" for n, line in enumerate(group))
            parts.append(f'<table class="data">\n{rows}</table>')
        elif rng.random() < 0.2:
            parts.append("<ul>" + "".join(f"<li>{line}</li>" for line in group) + "</ul>")
        else:
            parts.append(f"<p>{' '.join(group)}<br><a href='/p{i}'>more</a></p>")
    return "\n".join([*parts, "</body></html>"])
