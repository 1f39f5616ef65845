"""Histograms of stats for Streamlit: bars by what becomes of their rows, with the cuts drawn on them.

The drawing of a chart never changes, only its data: so a moved threshold is redrawn without building the chart again.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import streamlit as st

from juicesql.whatif import Bins, Histogram

from ._text import pretty
from ._words import Words

KEPT, OPEN, GONE = "#0d9488", "#d97706", "#9ca3af"
HEIGHT = 150
_LABEL = "abs(datum.value) >= 1000 ? format(datum.value, '.3~s') : format(datum.value, '~g')"


def table(histogram: Histogram, cuts: list[tuple[float, float | None]], t: Words) -> pa.Table:
    """Bars, and a line for each cut: where it is now, and where the run had it."""
    rows: list[dict[str, Any]] = []
    bins = histogram.bins
    parts = ((t("kept"), histogram.kept), (t("not decided"), histogram.open), (t("gone"), histogram.gone))
    for number in range(len(histogram.kept)):
        base = 0
        for fate, counts in parts:
            n = counts[number]
            if n:
                place = {"label": bins.labels[number]} if bins.labels else _edges(histogram, number)
                rows.append({"kind": "bar", "fate": fate, "rows": n, "y0": base, "y1": base + n, **place})
                base += n
    for now, before in cuts:
        rows.append({"kind": "now", "x0": now, "says": _pointed(now, bins)})
        if before is not None:
            rows.append({"kind": "before", "x0": before, "says": pretty(before)})
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _pointed(number: float, bins: Bins) -> str:
    """The number of a cut, with an arrow where it stands beyond the chart."""
    if not bins.edges or bins.edges[0] <= number <= bins.edges[-1]:
        return pretty(number)
    return f"{pretty(number)} →" if number > bins.edges[-1] else f"← {pretty(number)}"


_SCHEMA = pa.schema(
    [(n, pa.string()) for n in ("kind", "fate", "label", "says", "range")]
    + [(n, pa.float64()) for n in ("x0", "x1")]
    + [(n, pa.int64()) for n in ("rows", "y0", "y1")]
)


def _edges(histogram: Histogram, number: int) -> dict[str, Any]:
    low, high = histogram.bins.edges[number : number + 2]
    if not histogram.bins.whole:
        return {"x0": low, "x1": high, "range": f"{low:.4g} – {high:.4g}"}
    first, last = round(low + 0.5), round(high - 0.5)
    return {"x0": low, "x1": high, "range": f"{first:,}" if first == last else f"{first:,} – {last:,}"}


def is_dark() -> bool:
    return bool(st.context.theme.type == "dark")


def ink() -> str:
    """The colour of text in charts."""
    return "#e5e7eb" if is_dark() else "#1f2937"


def spec(histogram: Histogram, title: str, t: Words) -> dict[str, Any]:
    """The drawing. Colours also differ in lightness, and the tips say the same in words."""
    dark, strong = is_dark(), ink()
    soft = "#b6bdc9" if dark else "#4b5563"
    domain = [t("kept"), t("not decided"), t("gone")]
    color = {
        "field": "fate", "type": "nominal", "legend": None,
        "scale": {"domain": domain, "range": [KEPT, OPEN, "#6b7280" if dark else "#c3c8d0"]},
    }  # fmt: skip
    tips = [
        {"field": "label" if histogram.bins.labels else "range", "type": "nominal", "title": t("values")},
        {"field": "fate", "type": "nominal", "title": " "},
        {"field": "rows", "type": "quantitative", "title": t("rows"), "format": ","},
    ]
    is_bar = {"filter": "datum.kind === 'bar'"}
    axis = {"labelColor": soft, "tickCount": 6, "grid": False, "domainColor": soft, "tickColor": soft, "title": None}
    common = {"config": {"view": {"stroke": None}}, "description": title, "width": "container", "height": HEIGHT,
              "padding": {"left": 2, "right": 8, "top": 16, "bottom": 2}}  # fmt: skip
    if histogram.bins.labels:
        y = {"field": "label", "type": "nominal", "sort": None, "axis": {**axis, "labelLimit": 120}}
        x = {"field": "y0", "type": "quantitative", "axis": {**axis, "labelExpr": _LABEL}}
        bar = {"y": y, "x": x, "x2": {"field": "y1"}, "color": color, "tooltip": tips}
        return {**common, "layer": [{"transform": [is_bar], "mark": {"type": "bar"}, "encoding": bar}]}
    low, high = histogram.bins.edges[0], histogram.bins.edges[-1]
    scale = {"domain": [low, high], "nice": False, "clamp": True}
    scale |= {"type": "symlog"} if histogram.bins.logarithmic else {}
    x_axis = {**axis, "labelOverlap": "greedy", "labelExpr": _LABEL}
    x = {"field": "x0", "type": "quantitative", "scale": scale, "axis": x_axis}
    if histogram.bins.logarithmic:
        x_axis["values"] = [v for e in range(7) for v in (10**e,) if v <= high] + ([0] if low <= 0 else [])
    y = {"field": "y0", "type": "quantitative", "axis": {**axis, "labelExpr": _LABEL, "tickCount": 3}, "stack": None}
    bar = {"x": x, "x2": {"field": "x1"}, "y": y, "y2": {"field": "y1"}, "color": color, "tooltip": tips}
    line = {"x": x}
    return {
        **common,
        "layer": [
            {"transform": [is_bar], "mark": {"type": "rect", "stroke": None}, "encoding": bar},
            {
                "transform": [{"filter": "datum.kind === 'before'"}],
                "mark": {"type": "rule", "color": soft, "strokeDash": [4, 3], "strokeWidth": 1.5},
                "encoding": line,
            },
            {
                "transform": [{"filter": "datum.kind === 'now'"}],
                "mark": {"type": "rule", "color": strong, "strokeWidth": 2},
                "encoding": line,
            },
            {
                "transform": [{"filter": "datum.kind === 'now'"}],
                "mark": {
                    "type": "text",
                    "color": strong,
                    "dy": -8,
                    "baseline": "bottom",
                    "fontWeight": "bold",
                    "fontSize": 12,
                },
                "encoding": {**line, "y": {"value": 6}, "text": {"field": "says"}},
            },
        ],
    }
