"""Charts of an experiment: numbers that were watched step by step, and pools by their scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import streamlit as st

from juicesql.inspect.experiments import Experiment, Series
from juicesql.inspect.outcomes import PARTS, Ranking, rankings

from . import _html as html
from ._charts import ink
from ._experiment_data import COLOURS, Story, series
from ._experiment_jobs import number
from ._project import FileState
from ._text import plain
from ._words import Words

_DASHES = ([1, 0], [5, 3], [2, 2])
_PART_COLOURS = ("#94a3b8", "#38a89d", "#0f5f8a")


def curves(story: Story, others: Sequence[Experiment], state: FileState, t: Words) -> None:
    """A chart for each number that has steps, with a line for each job or pool, and for those of other experiments."""
    if not story.series:
        return
    st.subheader(t("Curves"))
    by_name = {e.experiment_id: e for e in others if e.experiment_id != story.experiment.experiment_id}
    lines: list[tuple[str, Series]] = [(s.line, s) for s in story.series]
    if by_name:
        chosen = st.multiselect(
            t("Beside curves of"), list(by_name), key=f"beside {story.experiment.experiment_id}",
            placeholder=t("other experiments"),
        )  # fmt: skip
        lines += [(f"{e} · {s.line}", s) for e in chosen for s in series(state, e)]
    names = list(dict.fromkeys(name for name, _ in lines))
    metrics = sorted(dict.fromkeys(s.metric for s in story.series), key=lambda m: "loss" not in m)
    wide = len(metrics) == 1
    for start in range(0, len(metrics), 2):
        row = metrics[start : start + 2]
        for column, metric in zip(st.columns(1 if wide else 2), row, strict=False):
            with column:
                _curve(metric, [(n, s) for n, s in lines if s.metric == metric], names, t)


def _curve(metric: str, lines: Sequence[tuple[str, Series]], names: Sequence[str], t: Words) -> None:
    points = [
        {"line": name, "step": step, "value": value}
        for name, s in lines
        for step, value in zip(s.steps, s.values, strict=True)
        if math.isfinite(value)
    ]
    gone = sum(len(s.steps) for _, s in lines) - len(points)
    shown = [n for n in names if any(p["line"] == n for p in points)]
    colours = [COLOURS[names.index(n) % len(COLOURS)] for n in shown]
    dashes = [_DASHES[names.index(n) // len(COLOURS) % len(_DASHES)] for n in shown]  # once the colours are used up
    legend = alt.Legend(orient="top", title=None, labelLimit=400, columns=2) if len(shown) > 1 else None
    base = alt.Chart(alt.InlineData(values=points)).encode(
        x=alt.X("step:Q", title=t("step of training"), axis=alt.Axis(tickCount=6, format="~s", grid=False)),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5, format="~g")),
        color=alt.Color("line:N", scale=alt.Scale(domain=shown, range=colours), legend=legend),
        strokeDash=alt.StrokeDash("line:N", scale=alt.Scale(domain=shown, range=dashes), legend=None),
        tooltip=[alt.Tooltip("line:N", title=t("Job")), alt.Tooltip("step:Q", title=t("step of training")),
                 alt.Tooltip("value:Q", title=metric, format=".5~g")],
    )  # fmt: skip
    many = len(points) > 80
    chart = base.mark_line(strokeWidth=2, interpolate="linear", point=not many)
    if many:
        chart = alt.layer(chart, base.mark_point(opacity=0, size=60))  # for the tips
    st.altair_chart(
        chart.properties(height=280 + 12 * len(shown), title=metric), alt=t("{metric} by step", metric=metric)
    )
    if gone:
        st.caption(t("Values that are no finite numbers and are not drawn: {n:,}", n=gone))


def pools(story: Story, t: Words) -> None:
    """The pools that a job ranked: their scores as bars, then the ranking itself."""
    for ranking in rankings(story.jobs):
        st.subheader(t("Pools ranked by {name}", name=plain(ranking.job.name)))
        metric = ranking.metrics[0]
        if len(ranking.metrics) > 1:
            key = f"pools {story.experiment.experiment_id} {ranking.job.name}"
            metric = st.segmented_control(t("Score"), ranking.metrics, default=metric, key=key) or metric
        st.altair_chart(_bars(ranking, metric, t), alt=t("{metric} of each pool", metric=metric))
        if metric == ranking.metrics[0] and ranking.more_is_better is not None:
            st.caption(t("More is better.") if ranking.more_is_better else t("Less is better."))
        with st.expander(t("The ranking as a table")):
            st.html(_ranked(ranking, t))


def _bars(ranking: Ranking, metric: str, t: Words) -> alt.LayerChart | alt.FacetChart:
    """Bars by stat and part; random pools, which others are compared with, are lines across them."""
    rows: list[dict[str, Any]] = [
        {"stat": str(p.get("stat") or p.get("pool", "")), "part": _part(p, t), "pool": str(p.get("pool", "")),
         "value": p[metric], "says": number(float(p[metric])), "control": bool(p.get("control"))}
        for p in ranking.pools
        if isinstance(p.get(metric), (int, float)) and math.isfinite(p[metric])
    ]  # fmt: skip
    random = [{**r, "says": f"{t('random')} {r['says']}"} for r in rows if r["control"]]
    rows = [r for r in rows if not r["control"]] or rows
    stats = list(dict.fromkeys(r["stat"] for r in rows))
    first = [t(part) for part in PARTS]
    parts = sorted({r["part"] for r in rows}, key=lambda p: (first.index(p) if p in first else len(first), p))
    y = alt.Y("stat:N", sort=stats, title=None, axis=alt.Axis(labelLimit=260), scale=alt.Scale(paddingInner=0.25))
    x = alt.X("value:Q", title=metric, axis=alt.Axis(tickCount=6, format="~g"))
    tips = [alt.Tooltip("pool:N", title=t("Pool")), alt.Tooltip("value:Q", title=metric, format=".5~g")]
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, y=y, tooltip=tips)
    bars, labels = base.mark_bar(color=COLOURS[0]), base.mark_text(align="left", dx=4, color=ink())
    if grouped := len(stats) < len(rows):
        bars = bars.encode(yOffset=alt.YOffset("part:N", sort=parts))
        labels = labels.encode(yOffset=alt.YOffset("part:N", sort=parts, bandPosition=0.5))
    if len(parts) > 1:
        shades = [*_PART_COLOURS, *COLOURS[1:]]
        colours = [shades[first.index(p) if p in first else (3 + i) % len(shades)] for i, p in enumerate(parts)]
        scale, legend = alt.Scale(domain=parts, range=colours), alt.Legend(orient="top", title=None)
        bars = bars.encode(color=alt.Color("part:N", scale=scale, sort=parts, legend=legend))
    layers = [bars, labels.encode(text="says:N")]
    if len(random) < len(ranking.pools):
        line = alt.Chart(alt.InlineData(values=random)).encode(x=x, tooltip=tips)
        layers.append(line.mark_rule(color=ink(), strokeDash=[5, 4], strokeWidth=1.5))
        layers.append(line.mark_text(color=ink(), align="left", dx=4, dy=-5).encode(y=alt.value(0), text="says:N"))
    return alt.layer(*layers).properties(height=120 + (22 * len(parts) + 14 if grouped else 32) * len(stats))


def _part(pool: Mapping[str, Any], t: Words) -> str:
    """The third of a pool, by its name or its number (0 to 2)."""
    part = pool.get("part")
    if isinstance(part, int) and 0 <= part < len(PARTS):
        part = PARTS[part]
    return t(part) if part in PARTS else t("other") if part is None else str(part)


def _ranked(ranking: Ranking, t: Words) -> str:
    rows = []
    for place, pool in enumerate(ranking.pools, 1):
        name = f"{place}. {pool.get('pool', '')}"
        cells = [number(float(pool[m])) if isinstance(pool.get(m), (int, float)) else "–" for m in ranking.metrics]
        rows.append(html.row(name, cells, kind="number"))
    return html.table((t("Pool"), *ranking.metrics), rows, "number")
