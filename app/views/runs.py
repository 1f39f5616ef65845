"""Page *Runs*: what ran, what it kept, which cut took the most, and what it cost."""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from juicesql.overview import FunnelLine

from .. import _charts as charts
from .._data import RunStory, run_story
from .._project import RunInfo
from .._shell import View
from .._text import plain, seconds, share, short
from .._words import Words

KEPT, DROPPED = "#0d9488", "#dc2626"


def show(view: View) -> None:
    t = view.words
    if view.run is None:
        empty(t)
        return
    _facts(view.run, t)
    if not view.run.done and view.run.status != "analyzed":
        _unfinished(view.run, t)
    else:
        story = run_story(view.state, view.run.run_id)
        _funnel(story, t)
        _costs(story, t)
        _errors(story, t)
    _all_runs(view)


def empty(t: Words) -> None:
    """What to do in a project without runs."""
    st.info(t("Nothing has run in this project yet. Run a recipe, and this page shows what became of every row:"))
    st.code("juicesql run RECIPE", language="shell")


def _unfinished(run: RunInfo, t: Words) -> None:
    says = {
        "running": t("This run has not finished. Its numbers come when it has."),
        "interrupted": t("This run was interrupted. What it measured is kept, so the next one goes on from there."),
    }
    st.warning(says.get(run.status, t("This run failed:")))
    if run.message:
        st.code(run.message, language=None, wrap_lines=True)


def _facts(run: RunInfo, t: Words) -> None:
    rows = run.rows_in or 0
    facts = [
        (t("Rows in"), run.rows_in, ""),
        (t("Kept"), run.kept, share(run.kept or 0, rows)),
        (t("Dropped by cuts"), run.dropped, share(run.dropped or 0, rows)),
        (t("Duplicates"), run.duplicates, share(run.duplicates or 0, rows)),
        (t("Errors"), run.errors, share(run.errors or 0, rows)),
    ]
    columns = st.columns(len(facts) + 1)
    for column, (label, number, part) in zip(columns, facts, strict=False):
        column.metric(label, "–" if number is None else f"{number:,}", part or None, "off", delta_arrow="off")
    columns[-1].metric(t("Time"), seconds(run.seconds))
    st.caption(plain(run.run_id))


def _funnel(story: RunStory, t: Words) -> None:
    lines = [line for line in story.funnel if line.kind != "map" or line.dropped]
    st.subheader(t("Funnel"))
    cuts = [line for line in lines if line.kind != "source" and line.dropped]
    if cuts:
        worst = max(cuts, key=lambda line: line.dropped)
        part = share(worst.dropped, worst.rows_in)
        st.write(t("Most rows go here: {n:,}, which is {part} of those that come to it.", n=worst.dropped, part=part))
        st.code(worst.sql if worst.kind == "cut" else worst.step, language=None, wrap_lines=True)
    names = [_name(i, line, t) for i, line in enumerate(lines)]
    data = pa.table({
        "line": names,
        "rows_in": [line.rows_in for line in lines],
        "rows_out": [line.rows_out for line in lines],
        "dropped": [line.dropped for line in lines],
        "says": [f"−{line.dropped:,} · {share(line.dropped, line.rows_in)}" if line.dropped else "" for line in lines],
    })  # fmt: skip
    st.vega_lite_chart(data, _waterfall(len(lines), max((x.rows_in for x in lines), default=1), t), key="funnel")
    with st.expander(t("The funnel as a table")):
        alone = any(line.dropped_alone is not None for line in lines)
        st.table([_row(line, alone, t) for line in lines])


def _name(number: int, line: FunnelLine, t: Words) -> str:
    if line.kind == "source":
        return t("rows that can be read")
    said = (
        line.sql if line.kind == "cut" else f"{line.step}: {t('duplicates')}" if line.sql == "duplicates" else line.step
    )
    return f"{number}  {short(said, 46)}"


def _waterfall(lines: int, most: int, t: Words) -> dict[str, object]:
    """Bars of the rows that stay, and behind each the rows that went."""
    ink = charts.ink()
    labels = {"labelLimit": 330, "labelFontSize": 13, "labelColor": ink}
    ticks = {"tickCount": 5, "labelColor": ink, "titleColor": ink}
    y = {"field": "line", "type": "ordinal", "sort": None, "title": None, "axis": labels}
    x = {"type": "quantitative", "title": t("rows"), "scale": {"domain": [0, most * 1.22]}, "axis": ticks}
    tips = [
        {"field": "line", "title": " "},
        {"field": "rows_in", "title": t("rows in"), "format": ","},
        {"field": "dropped", "title": t("dropped"), "format": ","},
        {"field": "rows_out", "title": t("left"), "format": ","},
    ]
    return {
        "height": {"step": 30},
        "width": "container",
        "description": t("Rows left after each cut and step, and rows that each dropped"),
        "layer": [
            {
                "mark": {"type": "bar", "color": KEPT, "cornerRadius": 2},
                "encoding": {"y": y, "x": {**x, "field": "rows_out"}, "tooltip": tips},
            },
            {
                "mark": {"type": "bar", "color": DROPPED, "cornerRadius": 2},
                "encoding": {"y": y, "x": {**x, "field": "rows_out"}, "x2": {"field": "rows_in"}, "tooltip": tips},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 12, "color": ink},
                "encoding": {"y": y, "x": {**x, "field": "rows_in"}, "text": {"field": "says"}},
            },
        ],
    }


def _row(line: FunnelLine, alone: bool, t: Words) -> dict[str, str]:
    """A line of the table; what each cut alone drops has a column where that is known of one."""
    cells = {
        t("step"): plain(line.step),
        t("cut"): f"`{short(line.sql, 90).replace('`', ' ')}`" if line.kind == "cut" else "",
        t("rows in"): f"{line.rows_in:,}",
        t("dropped"): f"{line.dropped:,}",
        "NULL": f"{line.dropped_null:,}" if line.kind == "cut" else "",
        t("only by this"): _alone(line),
        t("left"): f"{line.rows_out:,}",
    }
    return {name: cell for name, cell in cells.items() if alone or name != t("only by this")}


def _alone(line: FunnelLine) -> str:
    if line.kind != "cut":
        return ""
    return "?" if line.dropped_alone is None else f"{line.dropped_alone:,}"


def _costs(story: RunStory, t: Words) -> None:
    st.subheader(t("Cost of functions"))
    if not story.costs:
        st.write(t("The recipe calls no functions."))
        return
    most = max(c.seconds for c in story.costs) or 1.0
    columns = {
        t("Function"): [c.function for c in story.costs],
        t("Seconds"): [c.seconds for c in story.costs],
        t("Measured"): [c.measured for c in story.costs],
        t("Reused"): [c.reused_share for c in story.costs],
        t("Runs on"): [c.runs_on for c in story.costs],
        t("Microseconds a row"): [1e6 * c.seconds / c.measured if c.measured else None for c in story.costs],
    }
    st.dataframe(
        pa.table(columns),
        hide_index=True,
        column_config={
            t("Seconds"): st.column_config.ProgressColumn(format="%.2f s", min_value=0, max_value=most),
            t("Measured"): st.column_config.NumberColumn(
                format="localized", help=t("rows that were measured in this run")
            ),
            t("Reused"): st.column_config.ProgressColumn(
                format="percent", min_value=0, max_value=1, help=t("share of the rows whose value was known already")
            ),
            t("Microseconds a row"): st.column_config.NumberColumn(format="%.1f"),
        },
    )
    st.caption(t("Seconds are summed over threads."))


def _errors(story: RunStory, t: Words) -> None:
    if not story.errors:
        return
    st.subheader(t("Errors"))
    columns = {
        t("Function"): [e.function for e in story.errors],
        t("Rows"): [e.rows for e in story.errors],
        t("First sample"): [e.sample_id for e in story.errors],
        t("Message"): [e.message for e in story.errors],
    }
    st.dataframe(pa.table(columns), hide_index=True)


def _all_runs(view: View) -> None:
    t = view.words
    st.subheader(t("All runs"))
    columns = {
        t("Run"): [r.run_id for r in view.runs],
        t("Recipe"): [r.recipe for r in view.runs],
        t("Status"): [t(r.status) for r in view.runs],
        t("Started"): [r.started for r in view.runs],
        t("Time"): [seconds(r.seconds) for r in view.runs],
        t("Rows in"): [r.rows_in for r in view.runs],
        t("Kept"): [r.kept for r in view.runs],
        t("Source"): [r.source for r in view.runs],
    }
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        pa.table(columns), hide_index=True, key="all_runs", selection_mode="single-row",
        on_select=lambda: _choose(view.runs), column_config={t("Rows in"): number, t("Kept"): number},
    )  # fmt: skip
    st.caption(t("Select a row to look at that run."))


def _choose(runs: tuple[RunInfo, ...]) -> None:
    rows = st.session_state.all_runs["selection"]["rows"]
    if rows:
        st.session_state.run = runs[rows[0]].run_id
