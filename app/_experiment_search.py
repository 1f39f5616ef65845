"""The search of an experiment: its best trial, how it went on, what it trades, and which values give which score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import streamlit as st

from juicesql.inspect.experiments import Trial
from juicesql.inspect.outcomes import best, frontier, objectives, value_of

from . import _html as html
from ._charts import ink, is_dark
from ._experiment_data import Story
from ._experiment_jobs import number
from ._text import plain
from ._words import Words

KEPT = "kept"
HEIGHT = 320
_MOST_AXES = 12
_GOOD, _OTHER = "#d97706", "#0d9488"


def search(story: Story, t: Words) -> None:
    """Everything about the trials of an experiment; nothing where it has none."""
    if not story.trials:
        return
    st.subheader(t("Search"))
    _totals(story, t)
    names = objectives(story.trials)
    if not names:
        st.caption(t("No trial is complete yet."))
    else:
        chosen, other = _choose(story, names, t)
        more = story.goals.get(chosen, True)
        winner = best(story.trials, chosen, more)
        if winner:
            _best(winner, chosen, t)
        columns = st.columns(2 if other else 1)
        with columns[0]:
            _history(story.trials, chosen, more, t)
        if other:
            with columns[1]:
                _trade(story, chosen, other, t)
        _parallel(story.trials, chosen, more, winner, t)
    _table(story.trials, names, t)


def _choose(story: Story, names: Sequence[str], t: Words) -> tuple[str, str | None]:
    """The objective to look at, and what it is traded against: another one, or the rows that stay."""
    left, right = st.columns(2)
    chosen, key = names[0], story.experiment.experiment_id
    if len(names) > 1:
        with left:
            chosen = st.segmented_control(t("Objective"), names, default=chosen, key=f"objective {key}") or chosen
    rows_known = KEPT not in names and any(trial.kept is not None for trial in story.trials)
    others = [n for n in names if n != chosen] + ([KEPT] if rows_known else [])
    other = others[0] if others else None
    if len(others) > 1:
        with right:
            asked = st.segmented_control(
                t("Against"), others, default=other, key=f"against {key} {chosen}", format_func=_name(t)
            )
            other = asked or other
    return chosen, other


def _totals(story: Story, t: Words) -> None:
    done = [trial for trial in story.trials if trial.status == "complete"]
    spent = [trial.seconds for trial in story.trials if trial.seconds is not None]
    measured = [trial.measured for trial in story.trials if trial.measured is not None]
    facts = [
        (t("Trials"), f"{len(story.trials):,}", None),
        (t("Complete"), f"{len(done):,}", None),
        (t("Seconds a trial"), f"{sum(spent) / len(spent):.2f}" if spent else "–", None),
        (t("Values measured"), f"{sum(measured):,}" if measured else "–", t("by all trials; the rest was known")),
    ]
    for column, (label, value, tip) in zip(st.columns(4), facts, strict=True):
        column.metric(label, value, help=tip)


def _best(winner: Trial, objective: str, t: Words) -> None:
    reached = number(float(winner.values[objective]))
    kept = "" if winner.kept is None else " · " + t("{n:,} rows kept", n=winner.kept)
    place = t("Best trial: {n}", n=winner.trial)
    st.markdown(f"**{place}** · {plain(objective)} {plain(reached)}{kept}")
    rows = [html.row(html.code(name), [_cell(value)]) for name, value in winner.parameters.items()]
    st.html(html.table((t("Parameter"), t("Value")), rows))


def _cell(value: object) -> str:
    return number(float(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _history(trials: Sequence[Trial], objective: str, more: bool, t: Words) -> None:
    """Every trial as a point, and the best by then as a line."""
    points, line, top = [], [], None
    for trial in trials:
        value = value_of(trial, objective)
        if value is None:
            continue
        top = value if top is None else max(top, value) if more else min(top, value)
        points.append({"trial": trial.trial, "value": value})
        line.append({"trial": trial.trial, "value": top})
    x = alt.X("trial:Q", title=t("trial"), axis=alt.Axis(tickMinStep=1, format="d", grid=False))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5, format="~g"))
    tips = [alt.Tooltip("trial:Q", title=t("trial")), alt.Tooltip("value:Q", title=objective, format=".5~g")]
    dots = alt.Chart(alt.InlineData(values=points)).mark_circle(size=46, color=_OTHER, opacity=0.75)
    steps = alt.Chart(alt.InlineData(values=line)).mark_line(interpolate="step-after", color=_GOOD, strokeWidth=2)
    chart = alt.layer(dots.encode(x=x, y=y, tooltip=tips), steps.encode(x=x, y=y))
    title = t("{name}: every trial, and the best by then", name=objective)
    st.altair_chart(chart.properties(height=HEIGHT, title=title), alt=title)


def _trade(story: Story, objective: str, other: str, t: Words) -> None:
    """Two things that cannot both be best: the trials that no other one beats stand out."""
    more = (story.goals.get(other, True), story.goals.get(objective, True))
    points = [
        {"trial": trial.trial, "x": x, "y": y}
        for trial in story.trials
        if (x := value_of(trial, other)) is not None and (y := value_of(trial, objective)) is not None
    ]
    front = set(frontier([(p["x"], p["y"]) for p in points], more))
    beaten, unbeaten = t("beaten by another"), t("beaten by none")
    rows: list[dict[str, Any]] = [{**p, "kind": unbeaten if i in front else beaten} for i, p in enumerate(points)]
    scale = alt.Scale(domain=[unbeaten, beaten], range=[_GOOD, "#8b94a3"])
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("x:Q", title=_name(t)(other), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6, format="~s")),
        y=alt.Y("y:Q", title=objective, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5, format="~g")),
    )
    tips = [alt.Tooltip("trial:Q", title=t("trial")), alt.Tooltip("x:Q", title=_name(t)(other), format=".5~g"),
            alt.Tooltip("y:Q", title=objective, format=".5~g")]  # fmt: skip
    colour = alt.Color("kind:N", scale=scale, legend=alt.Legend(orient="top", title=None))
    dots = base.mark_circle(size=64, opacity=0.9).encode(color=colour, tooltip=tips)
    line = base.transform_filter(alt.FieldEqualPredicate(field="kind", equal=unbeaten)).mark_line(
        color=_GOOD, strokeWidth=1.5, interpolate="linear"
    )
    title = t("{name} against {other}", name=objective, other=_name(t)(other))
    st.altair_chart(alt.layer(line, dots).properties(height=HEIGHT, title=title), alt=title)


def _name(t: Words) -> Callable[[str], str]:
    return lambda name: t("rows kept") if name == KEPT else name


def _parallel(trials: Sequence[Trial], objective: str, more: bool, winner: Trial | None, t: Words) -> None:
    """A line a trial across its parameters to the score, each between its least and its greatest."""
    scored = [(trial, value) for trial in trials if (value := value_of(trial, objective)) is not None]
    names = list(dict.fromkeys(n for trial, _ in scored for n in trial.parameters))[: _MOST_AXES - 1]
    if not names or len(scored) < 2:
        return
    axes = [*names, objective]
    values = {n: [trial.parameters.get(n) for trial, _ in scored] for n in names} | {objective: [v for _, v in scored]}
    heights = {n: _heights(found) for n, found in values.items()}
    lines = [
        {"trial": trial.trial, "axis": n, "value": _cell(values[n][i]), "height": heights[n][i], "score": score,
         "best": trial is winner}
        for i, (trial, score) in enumerate(scored)
        for n in axes
        if heights[n][i] is not None
    ]  # fmt: skip
    ends = [{"axis": n, "height": h, "says": said} for n in axes for h, said in _ends(values[n])]
    x = alt.X("axis:N", sort=axes, title=None, axis=alt.Axis(labelAngle=0, labelLimit=180, domain=False, grid=True))
    y = alt.Y("height:Q", title=None, axis=None, scale=alt.Scale(domain=[-0.08, 1.08]))
    shades = ["#33415a", "#5eead4"] if is_dark() else ["#d5dbe3", "#0f766e"]
    scale = alt.Scale(range=shades if more else shades[::-1])
    tips = [alt.Tooltip("trial:Q", title=t("trial")), alt.Tooltip("axis:N", title=t("Parameter")),
            alt.Tooltip("value:N", title=t("Value")), alt.Tooltip("score:Q", title=objective)]  # fmt: skip
    base = alt.Chart(alt.InlineData(values=lines)).encode(x=x, y=y, detail="trial:N", tooltip=tips)
    is_best = alt.FieldEqualPredicate(field="best", equal=True)
    colour = alt.Color("score:Q", scale=scale, legend=alt.Legend(orient="top", title=objective, gradientLength=180))
    chart = alt.layer(
        base.mark_line(opacity=0.85, strokeWidth=1.5).encode(color=colour),
        base.transform_filter(is_best).mark_line(color=_GOOD, strokeWidth=3.5, point=alt.OverlayMarkDef(color=_GOOD)),
        alt.Chart(alt.InlineData(values=ends)).mark_text(color=ink(), fontSize=11).encode(x=x, y=y, text="says:N"),
    )
    st.altair_chart(chart.properties(height=380), alt=t("Parallel coordinates of the trials"))
    st.caption(t("A line a trial; the thick one is the best. Each axis goes from its least to its greatest value."))


def _heights(values: Sequence[Any]) -> list[float | None]:
    """Places between 0 and 1: by size for numbers, in order for words."""
    known = [v for v in values if v is not None]
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known):
        low, high = min(known, default=0), max(known, default=0)
        return [None if v is None else (v - low) / (high - low) if high > low else 0.5 for v in values]
    places = {v: i for i, v in enumerate(sorted({str(v) for v in known}))}
    return [None if v is None else places[str(v)] / (len(places) - 1) if len(places) > 1 else 0.5 for v in values]


def _ends(values: Sequence[Any]) -> list[tuple[float, str]]:
    """The least and the greatest value, just beyond the ends of an axis."""
    known = [v for v in values if v is not None]
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known):
        words = sorted({str(v) for v in known})
        return [(-0.06, words[0]), *([(1.06, words[-1])] if len(words) > 1 else [])]
    return [
        (-0.06, number(float(min(known)))),
        *([(1.06, number(float(max(known))))] if max(known) > min(known) else []),
    ]


def _table(trials: Sequence[Trial], names: Sequence[str], t: Words) -> None:
    parameters = list(dict.fromkeys(n for trial in trials for n in trial.parameters))
    rows = [
        {t("trial"): trial.trial, t("Status"): t(trial.status), **{n: _plain(trial.values, n) for n in names},
         t("rows kept"): trial.kept, **{n: _plain(trial.parameters, n) for n in parameters},
         t("Seconds"): trial.seconds, t("Message"): trial.message or None}
        for trial in trials
    ]  # fmt: skip
    with st.expander(t("All trials")):
        st.dataframe(rows, hide_index=True, alt=t("All trials"))


def _plain(found: Mapping[str, Any], name: str) -> Any:
    value = found.get(name)
    return value if value is None or isinstance(value, (int, float, str, bool)) else str(value)
