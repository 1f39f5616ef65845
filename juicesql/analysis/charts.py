"""Charts as inline SVG: pure functions from numbers to markup, coloured by the classes of the page's style sheet.

Texts are escaped here, so every result is safe to put into a page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from juicesql.analysis.bins import Edges, Histogram
from juicesql.analysis.correlation import Correlation
from juicesql.analysis.numbers import Numbers

WIDTH, LEFT, RIGHT, TOP, PLOT, BOX = 760, 52, 14, 26, 170, 34
_LOWER = (">=", ">")  # operators that cut away what is below


@dataclass(frozen=True)
class Line:
    """A number that a cut compares with."""

    operator: str
    value: float

    @property
    def text(self) -> str:
        return f"{self.operator.replace('>=', '≥').replace('<=', '≤')} {short(self.value)}"

    def drops(self, value: float) -> bool:
        below, above = self.operator in _LOWER, self.operator in ("<=", "<")
        return (below and value < self.value) or (above and value > self.value)


def short(value: float | None) -> str:
    """A number for an axis or a table.

    >>> short(0.25), short(1500000), short(12345.6), short(1068.7), short(1e-7), short(None)
    ('0.25', '1.5M', '12.3k', '1,069', '1e-07', '–')
    """
    if value is None:
        return "–"
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= abs(value) < 1e13:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 or float(value).is_integer() else f"{value:.3g}"


def ticks(edges: Edges, most: int = 7) -> list[float]:
    """Round numbers along an axis.

    >>> ticks(Edges(0, 1, 40)), ticks(Edges(0, 50000, 40, "log"))
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 10.0, 100.0, 1000.0, 10000.0])
    """
    if edges.scale == "log":
        found = [0.0] if edges.low <= 0 else []
        return found + [10.0**e for e in range(16) if edges.low <= 10**e <= edges.high and (e or edges.low > 0)]
    span = edges.high - edges.low
    step = 10 ** math.floor(math.log10(span / most))
    step *= next((m for m in (1, 2, 5) if span / (step * m) <= most), 10)
    first = math.ceil(edges.low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(edges.high / step + 1e-9) + 1)]


def histogram_chart(found: Histogram, numbers: Numbers, lines: Sequence[Line], label: str) -> Markup:
    """Bars with the lines of the cuts, what they drop in another colour, and a box plot below on the same axis."""
    edges, top = found.edges, max([*found.counts, 1])
    height = TOP + PLOT + 22 + BOX + 8
    parts = list(_grid(top))
    width = (WIDTH - LEFT - RIGHT) / edges.count
    for i, count in enumerate(found.counts):
        if count:
            middle = edges.value((i + 0.5) / edges.count)
            tall = max(PLOT * count / top, 1.5)
            kind = "lost" if any(line.drops(middle) for line in lines) else "bar"
            span = f"{short(edges.value(i / edges.count))} to {short(edges.value((i + 1) / edges.count))}: {count:,}"
            parts.append(
                f'<rect class="{kind}" x="{LEFT + i * width + 0.5:.2f}" y="{TOP + PLOT - tall:.2f}" '
                f'width="{max(width - 1, 0.8):.2f}" height="{tall:.2f}"><title>{escape(span)}</title></rect>'
            )
    parts += _axis(edges)
    parts += _beyond(found)
    parts += _cut_lines(edges, lines)
    parts += _box(edges, numbers)
    return _svg(parts, WIDTH, height, f"Histogram and box plot of {label}", "chart")


def _x(edges: Edges, value: float) -> float:
    return LEFT + min(max(edges.part(value), 0.0), 1.0) * (WIDTH - LEFT - RIGHT)


def _grid(top: int) -> Iterable[str]:
    for part in (0, 0.5, 1):
        y = TOP + PLOT * (1 - part)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        if part != 0.5 or top > 1:
            text = short(round(top * part))
            yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'


def _axis(edges: Edges) -> Iterable[str]:
    y = TOP + PLOT
    for tick in ticks(edges):
        x = _x(edges, tick)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 4}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{y + 17}" text-anchor="middle">{escape(short(tick))}</text>'


def _beyond(found: Histogram) -> Iterable[str]:
    """How many values lie outside of the bins."""
    if found.below:
        yield f'<text class="tick" x="{LEFT + 4}" y="{TOP + 12}">← {found.below:,} below</text>'
    if found.above:
        x = WIDTH - RIGHT - 4
        yield f'<text class="tick" x="{x}" y="{TOP + 12}" text-anchor="end">{found.above:,} above →</text>'


def _cut_lines(edges: Edges, lines: Sequence[Line]) -> Iterable[str]:
    for line in lines:
        part, x = edges.part(line.value), _x(edges, line.value)
        outside = part < 0 or part > 1
        anchor = "start" if part < 0.12 else "end" if part > 0.88 else "middle"
        text = f"{line.text} →" if part > 1 else f"← {line.text}" if part < 0 else line.text
        if not outside:
            yield f'<line class="cut" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{TOP + PLOT}"/>'
        yield f'<text class="cut-text" x="{x:.1f}" y="{TOP - 12}" text-anchor="{anchor}">{escape(text)}</text>'


def _box(edges: Edges, numbers: Numbers) -> Iterable[str]:
    """Box from quartile to quartile with the median, whiskers to the percentiles 1 and 99, and the mean as a dot."""
    at = dict(numbers.percentiles)
    if any(at.get(p) is None for p in (1, 25, 50, 75, 99)):
        return
    low, first, median, third, high = (_x(edges, at[p] or 0.0) for p in (1, 25, 50, 75, 99))
    y, tall = TOP + PLOT + 22 + BOX / 2, 16
    yield f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>'
    for x in (low, high):
        yield f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 5}" y2="{y + 5}"/>'
    yield (
        f'<rect class="box" x="{first:.1f}" y="{y - tall / 2}" width="{max(third - first, 2):.1f}" height="{tall}" '
        f'rx="2"><title>q1 {short(at[25])}, median {short(at[50])}, q3 {short(at[75])}</title></rect>'
    )
    yield f'<line class="median" x1="{median:.1f}" x2="{median:.1f}" y1="{y - tall / 2}" y2="{y + tall / 2}"/>'
    if numbers.mean is not None:
        yield f'<circle class="mean" cx="{_x(edges, numbers.mean):.1f}" cy="{y}" r="3.5"/>'


def spark(found: Histogram | None) -> Markup:
    """A histogram the size of a word."""
    if found is None:
        return Markup("")
    top, width = max([*found.counts, 1]), 100 / found.edges.count
    bars = "".join(
        f'<rect class="bar" x="{i * width:.2f}" y="{24 - 24 * n / top:.2f}" width="{max(width - 0.4, 0.6):.2f}" '
        f'height="{24 * n / top:.2f}"/>'
        for i, n in enumerate(found.counts)
        if n
    )
    return Markup(f'<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">{bars}</svg>')


def label_chart(top: Sequence[tuple[str, int]], count: int, label: str) -> Markup:
    """A bar for each of the most frequent labels, and one for the others."""
    others = count - sum(n for _, n in top)
    rows = [*((t, n, "bar") for t, n in top), *([("others", others, "other")] if others else [])]
    most, parts = max([n for _, n, _ in rows] or [1]), []
    for i, (text, n, kind) in enumerate(rows):
        y = 6 + i * 26
        name = text if len(text) <= 24 else text[:23] + "…"
        parts.append(f'<text class="name" x="180" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect class="{kind}" x="190" y="{y}" width="{440 * n / most:.1f}" height="20" rx="2"/>')
        share = f"{n:,} ({n / count:.1%})" if count else f"{n:,}"
        parts.append(f'<text class="tick" x="{196 + 440 * n / most:.1f}" y="{y + 14}">{share}</text>')
    return _svg(parts, WIDTH, 12 + 26 * len(rows), f"Most frequent values of {label}", "chart")


def correlation_chart(found: Correlation) -> Markup:
    """A square for each pair: blue where both grow together, orange where one falls."""
    count = len(found.columns)
    size = 46 if count <= 16 else 34 if count <= 26 else 26
    left, top = 190, 136
    parts = []
    for i, name in enumerate(found.columns):
        shown = escape(name if len(name) <= 26 else name[:25] + "…")
        y, x = top + i * size + size / 2, left + i * size + size / 2
        parts.append(f'<text class="name" x="{left - 8}" y="{y + 4}" text-anchor="end">{shown}</text>')
        parts.append(f'<text class="name" transform="translate({x + 4} {top - 8}) rotate(-45)">{shown}</text>')
        for j in range(count):
            parts.append(_square(found, i, j, left + j * size, top + i * size, size))
    width = left + count * size + 96
    return _svg(parts, width, top + count * size + 6, f"{found.method} correlation of the stats", "chart matrix")


def _square(found: Correlation, i: int, j: int, x: float, y: float, size: int) -> str:
    value = found.matrix[i][j]
    title = f"{found.columns[i]} and {found.columns[j]}: {'not defined' if value is None else f'{value:.3f}'}"
    kind = "none" if value is None else "up" if value >= 0 else "down"
    strength = 1 if value is None else abs(value)
    text = ""
    if value is not None and size > 30:
        strong = " strong" if strength > 0.6 else ""
        text = (
            f'<text class="cell{strong}" x="{x + size / 2 - 0.5}" y="{y + size / 2 + 3.5}" text-anchor="middle">'
            f"{value:.2f}</text>"
        )
    return (
        f'<g><title>{escape(title)}</title><rect class="{kind}" fill-opacity="{strength:.3f}" x="{x}" y="{y}" '
        f'width="{size - 1}" height="{size - 1}"/>{text}</g>'
    )


@dataclass(frozen=True)
class Slice:
    """A part of the inner ring of a sunburst with its own parts."""

    name: str
    count: int
    parts: tuple[tuple[str, int], ...]


def sunburst(slices: Sequence[Slice]) -> Markup:
    """Two rings: names inside, their parts outside; what `parts` leave of a name stays empty."""
    total = sum(s.count for s in slices) or 1
    at, out = -0.25, []
    for number, one in enumerate(slices):
        colour, share = f"hue-{number % 10}", one.count / total
        out.append(_arc(one.name, one.count, at, share, 88, 190, colour, 1))
        inner = at
        for k, (name, count) in enumerate(one.parts):
            out.append(_arc(name, count, inner, count / total, 192, 300, colour, 0.72 - 0.1 * (k % 3), one.name))
            inner += count / total
        at += share
    middle = f'<g transform="translate(320 320)">{"".join(out)}</g>'
    return _svg([middle], 640, 640, "Verbs and the nouns that they act on", "chart sunburst")


def _arc(
    name: str, count: int, start: float, share: float, inner: float, outer: float, colour: str, opacity: float,
    parent: str = "",
) -> str:  # fmt: skip
    share = min(share, 0.9999)
    points = [
        (r * math.cos(2 * math.pi * a), r * math.sin(2 * math.pi * a))
        for r, a in ((inner, start), (outer, start), (outer, start + share), (inner, start + share))
    ]
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    large = int(share > 0.5)
    path = (
        f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}A{outer} {outer} 0 {large} 1 {x2:.1f} {y2:.1f}"
        f"L{x3:.1f} {y3:.1f}A{inner} {inner} 0 {large} 0 {x0:.1f} {y0:.1f}Z"
    )
    title = f"{parent + ' ' if parent else ''}{name}: {count:,}"
    text = ""
    if share * 2 * math.pi * (inner + outer) / 2 > 13:
        middle, angle = start + share / 2, (start + share / 2) * 360
        r, turn = (inner + outer) / 2, angle + (180 if 90 < angle % 360 < 270 else 0)
        x, y = r * math.cos(2 * math.pi * middle), r * math.sin(2 * math.pi * middle)
        shown = name if len(name) <= 13 else name[:12] + "…"
        text = f'<text transform="translate({x:.1f} {y:.1f}) rotate({turn:.1f})" dy="4">{escape(shown)}</text>'
    return (
        f'<g><title>{escape(title)}</title><path class="{colour}" fill-opacity="{opacity:.2f}" d="{path}"/>{text}</g>'
    )


def _svg(parts: Iterable[str], width: float, height: float, label: str, kind: str) -> Markup:
    return Markup(
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
