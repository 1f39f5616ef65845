"""Line charts on two logarithmic axes, as SVG that follows the reader's light or dark mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 430, 300  # of one chart, in pixels
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 44, 74
# Colours of light mode are attributes, which every viewer knows; dark mode replaces them by the class.
PAPER = 'class="paper" fill="#ffffff" stroke="#d0d7de"'
INK = 'class="ink" fill="#1f2328"'
QUIET = 'class="quiet" fill="#59636e"'
GRID = 'class="grid" stroke="#d0d7de"'
COLOURS = {"a": "#0969da", "b": "#bc4c00", "c": "#59636e"}
DARK = """
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117; stroke: #3d444d } .ink { fill: #f0f6fc } .quiet { fill: #9198a1 } .grid { stroke: #3d444d }
.a { stroke: #4493f8; fill: #4493f8 } .b { stroke: #f0883e; fill: #f0883e } .c { stroke: #9198a1; fill: #9198a1 }
.line { fill: none }
}"""


@dataclass(frozen=True)
class Series:
    """Points of one line; `look` is one of COLOURS, `dashed` without dots."""

    name: str
    points: Sequence[tuple[float, float]]
    look: str
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """What stands above the chart, below it, and in it."""

    title: str
    below: str
    series: Sequence[Series]


def short(value: float) -> str:
    """100000 as 100k, 2000000 as 2M, 0.1 as 0.1."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def svg(heading: str, charts: Sequence[Chart]) -> str:
    """The charts side by side below a heading."""
    width, height = WIDTH * len(charts), HEIGHT + 40
    font = "ui-sans-serif, system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="12" font-family="{font}">',
        f"<title>{escape(heading)}</title>",
        f"<style>{DARK}\n</style>",
        f'<rect {PAPER} x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        f'<text {INK} x="20" y="28" font-size="14" font-weight="600">{escape(heading)}</text>',
        *(
            f'<g transform="translate({i * WIDTH} 40)">\n' + "\n".join(_marks(chart)) + "\n</g>"
            for i, chart in enumerate(charts)
        ),
        "</svg>",
        "",
    ])  # fmt: skip


def _marks(chart: Chart) -> list[str]:
    """Everything inside one chart."""
    points = [point for series in chart.series for point in series.points]
    across, up = _axis([x for x, _ in points]), _axis([y for _, y in points])
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return _between(x, across, LEFT, right), _between(y, up, bottom, TOP)

    marks = [f'<text {INK} x="{LEFT}" y="{TOP - 16}" font-weight="600">{escape(chart.title)}</text>']
    for value in _ticks(across):
        x, _ = place(value, up[0])
        marks.append(f'<line {GRID} x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        marks.append(f'<text {QUIET} x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{short(value)}</text>')
    for value in _ticks(up):
        _, y = place(across[0], value)
        marks.append(f'<line {GRID} x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        marks.append(f'<text {QUIET} x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>')
    middle = (LEFT + right) / 2
    marks.append(f'<text {QUIET} x="{middle}" y="{bottom + 35}" text-anchor="middle">{escape(chart.below)}</text>')
    for number, series in enumerate(chart.series):
        marks += _line(series, [place(x, y) for x, y in series.points])
        at = LEFT + number * (right - LEFT) / len(chart.series)
        ends = f'x1="{at:.1f}" x2="{at + 18:.1f}" y1="{bottom + 54}" y2="{bottom + 54}"'
        marks.append(f"<line {_stroke(series)} {ends}/>")
        marks.append(f'<text {INK} x="{at + 24:.1f}" y="{bottom + 58}">{escape(series.name)}</text>')
    return marks


def _line(series: Series, places: Sequence[tuple[float, float]]) -> list[str]:
    through = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dot = f'<circle class="{series.look}" fill="{COLOURS[series.look]}" r="3.5"'
    dots = [] if series.dashed else [f'{dot} cx="{x:.1f}" cy="{y:.1f}"/>' for x, y in places]
    return [f'<polyline {_stroke(series)} points="{through}"/>', *dots]


def _stroke(series: Series) -> str:
    dashes = ' stroke-dasharray="5 4"' if series.dashed else ""
    return f'class="{series.look} line" stroke="{COLOURS[series.look]}" fill="none" stroke-width="2"{dashes}'


def _axis(values: Sequence[float]) -> tuple[float, float]:
    """From the power of ten below the least value to the first of 1, 2, 5 times a power of ten above the greatest."""
    low = 10.0 ** math.floor(math.log10(min(values)))
    power = 10.0 ** math.floor(math.log10(max(values)))
    high = next(power * step for step in (1, 2, 5, 10) if power * step >= max(values))
    return low, max(high, low * 10)


def _ticks(axis: tuple[float, float]) -> list[float]:
    """Powers of ten, and the end of the axis."""
    first, last = math.log10(axis[0]), math.floor(math.log10(axis[1]) + 1e-9)
    powers = [10.0**power for power in range(round(first), last + 1)]
    return powers if powers[-1] * 1.5 > axis[1] else [*powers, axis[1]]


def _between(value: float, axis: tuple[float, float], start: float, stop: float) -> float:
    low, high = map(math.log10, axis)
    return start + (math.log10(value) - low) / (high - low) * (stop - start)
