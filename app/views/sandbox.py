"""Page *Sandbox*: experiments with their trials, once the project has any."""

from __future__ import annotations

import altair as alt
import streamlit as st

from juicesql.inspect.experiments import Rows, experiment_relations

from .._project import FileState, opened
from .._shell import View
from .._words import Words


def show(view: View) -> None:
    t = view.words
    found = _relations(view.state) if view.state.exists else ()
    if not any(r.total for r in found):
        _nothing(t)
        return
    for relation in found:
        names = {"experiments": t("Experiments"), "trials": t("Trials")}
        st.subheader(names.get(relation.name, relation.name))
        if relation.name == "trials" and len(relation.numbers) > 1:
            _parallel(relation, t)
        st.dataframe(
            [dict(zip(relation.columns, map(_cell, row), strict=True)) for row in relation.rows],
            hide_index=True,
            alt=names.get(relation.name, relation.name),
        )
        if relation.total > len(relation.rows):
            st.caption(t("The first {n:,} of {all:,} rows.", n=len(relation.rows), all=relation.total))


def _nothing(t: Words) -> None:
    st.info(t("This project has no experiments yet."), icon=":material/science:")
    st.markdown(t("Experiments try thresholds and data against a score. Once some have run, this page has"))
    st.markdown(
        "\n".join(
            f"- {line}"
            for line in (
                t("the list of experiments, with their parameters and scores"),
                t("parallel coordinates of the trials: which thresholds give which score"),
                t("data and model before and after"),
            )
        )
    )
    st.markdown(t("Experiments are started by `juicesql sandbox run CONFIG`, in versions of juicesql that have it."))
    st.caption(t("They are read from the relations experiments and trials of the stats database."))


def _parallel(found: Rows, t: Words) -> None:
    """A line a trial across its numbers, each between its least and its greatest."""
    places = [found.columns.index(n) for n in found.numbers][:12]
    spans = {}
    for p in places:
        values = [float(r[p]) for r in found.rows if r[p] is not None]
        spans[p] = (min(values), max(values)) if values else (0.0, 0.0)
    lines = [
        {"trial": i, "name": found.columns[p], "value": float(row[p]), "height": _part(float(row[p]), *spans[p])}
        for i, row in enumerate(found.rows)
        for p in places
        if row[p] is not None
    ]
    chart = alt.Chart(alt.InlineData(values=lines)).mark_line(opacity=0.4, point=True).encode(
        x=alt.X("name:N", sort=[found.columns[p] for p in places], title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("height:Q", title=t("from the least to the greatest value"), axis=alt.Axis(labels=False)),
        detail="trial:N", tooltip=["trial:N", "name:N", "value:Q"],
    )  # fmt: skip
    st.altair_chart(chart.properties(height=320), alt=t("Parallel coordinates of the trials"))


def _part(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _cell(value: object) -> object:
    return value if value is None or isinstance(value, (int, float, str, bool)) else str(value)


@st.cache_data(show_spinner=False, max_entries=4)
def _relations(state: FileState) -> tuple[Rows, ...]:
    with opened(state.root) as con:
        return experiment_relations(con)
