"""Writes moved thresholds into the template of a run, each at its own place, and shows the difference."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

from juicesql.provenance import Span, rewrite, tag
from juicesql.runs import RunRecord
from juicesql.whatif.gates import Funnel, Handle, Moves, Number


@dataclass(frozen=True)
class Rewritten:
    """The recipe with new numbers. `unwritten` are handles whose number stands nowhere in the template by itself;
    `overridden` are variables that the run was given on its command line, which go before their default."""

    text: str
    diff: str
    unwritten: tuple[str, ...]
    overridden: tuple[str, ...]


def rewritten(run: RunRecord, funnel: Funnel, moves: Moves) -> Rewritten:
    """The template of the run with the moved numbers in it; comments, spacing and Jinja stay as they are."""
    tagged = tag(run.template, run.recipe)
    values: dict[Span, float | int | str] = {}
    unwritten, overridden = [], []
    for handle in funnel.handles:
        if handle.key not in moves or moves[handle.key] == handle.number:
            continue
        name = (handle.target or "").removeprefix("var:")
        is_variable = (handle.target or "").startswith("var:")
        spans = tagged.every_default.get(name, ()) if is_variable else _literal(tagged.literals, handle.target)
        number = moves[handle.key]
        turned = _is_turned(run.template, name) if is_variable else False
        if not spans or turned is None or (turned and number > 0):  # two minus signs begin a comment
            unwritten.append(handle.key)
            continue
        if is_variable:
            values.update((span, shorten(-number if turned and number else number)) for span in spans)
        else:
            values.update(_text(run.template, span, handle, number) for span in spans)
        if is_variable and name in run.variables:
            overridden.append(name)
    text = rewrite(run.template, values)
    name = run.recipe.rsplit("/", 1)[-1] + ".sql.j2"
    lines = difflib.unified_diff(
        run.template.splitlines(keepends=True), text.splitlines(keepends=True), f"a/{name}", f"b/{name}", n=1
    )
    diff = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
    return Rewritten(text, diff, tuple(unwritten), tuple(overridden))


def _literal(literals: tuple[Span, ...], target: str | None) -> tuple[Span, ...]:
    return (literals[int(target)],) if target is not None and int(target) < len(literals) else ()


def _is_turned(template: str, name: str) -> bool | None:
    """Whether a minus sign stands before `{{ var(name, ..) }}`; None where it does before some of them only."""
    uses = re.findall(rf"(-?)\s*\{{\{{[-+]?\s*var\(\s*['\"]{re.escape(name)}['\"]", template)
    return any(uses) if all(uses) or not any(uses) else None


def _text(template: str, span: Span, handle: Handle, number: Number) -> tuple[Span, str]:
    """Where the number stands in the template, and what to write there. A minus sign before the literal stays for a
    number below 0 and goes for another; where that would join two words, what follows it is turned instead."""
    if template[span.start] == "-":
        return span, shorten(number)
    written = float(template[span.start : span.end].replace("_", ""))
    before = template[: span.start].rstrip()
    negated = handle.number < 0 or (written == 0 and before.endswith("-"))
    shown = -number if negated else number
    text = shorten(abs(shown))
    if shown >= 0 or not negated:
        return span, text if shown >= 0 else f"-{text}"
    sign = len(before) - 1
    if before.endswith("-") and not (before[:sign][-1:].isalnum() or before[:sign].endswith("_")):
        return replace(span, start=sign), text
    return span, f"(-{text})"


def shorten(number: Number) -> str:
    """A number without the noise of binary fractions.

    >>> [shorten(n) for n in (0.30000000000000004, 50000, 2.0, 1e-9)]
    ['0.3', '50000', '2.0', '1e-09']
    """
    if isinstance(number, int):
        return str(number)
    text = f"{number:.12g}"
    return text if any(c in text for c in ".e") else f"{text}.0"
