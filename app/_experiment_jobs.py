"""The jobs of an experiment: when each ran and what it gave, numbers before and after, and cuts that moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import streamlit as st
from markupsafe import Markup

from juicesql.inspect.experiments import Job
from juicesql.inspect.outcomes import Change, changes, comparable, numbers

from . import _html as html
from ._experiment_data import Story, log_tail, since
from ._text import plain, seconds, short
from ._words import Words

_MARKS = {"done": "✓", "failed": "✗", "running": "▶"}
_BARS = {"done": "#0d9488", "failed": "#dc2626", "running": "#d97706"}
_MOST_ROWS, _MOST_NUMBERS = 40, 4
_COUNTS = ("count", "null", "nan", "infinite")  # of values, not of what they are


def jobs_table(story: Story, t: Words) -> None:
    """A row a job, with a bar where it stands in the time of the experiment."""
    st.subheader(t("Jobs"))
    if not story.jobs:
        st.caption(t("No job has begun yet."))
        return
    took = [since(j.started) if j.status == "running" and story.experiment.running else j.seconds for j in story.jobs]
    whole = sum(s or 0.0 for s in took) or 1.0
    pipelines = len({j.pipeline for j in story.jobs}) > 1
    rows: list[Markup] = []
    begun, pipeline = 0.0, ""
    for job, spent in zip(story.jobs, took, strict=True):
        if pipelines and job.pipeline != pipeline:
            rows.append(html.group(job.pipeline, 5))
            pipeline = job.pipeline
        cells = [_status(job, t), _bar(begun / whole, (spent or 0.0) / whole, job.status), seconds(spent), _said(job)]
        what = Markup('<strong>{}</strong><br><span style="opacity:.8">{}</span>').format(job.meta_name, job.hook)
        rows.append(html.row(what, cells, failed=job.status == "failed"))
        begun += spent or 0.0
    st.html(html.table((t("Job"), t("Status"), t("When"), t("Time"), t("What it found")), rows))


def _status(job: Job, t: Words) -> Markup:
    return Markup('<span class="jq-mark"><span aria-hidden="true">{}</span> {}</span>').format(
        _MARKS.get(job.status, "·"), t(job.status)
    )


def _bar(start: float, part: float, status: str) -> Markup:
    """A piece of the line of time; shares of it."""
    part = max(part, 0.006)
    form = (
        '<div style="min-width:11rem;height:.55rem;margin-top:.4rem;border-radius:.3rem;'
        'background:rgba(128,128,128,.16)">'
        '<div style="height:100%;margin-left:{}%;width:{}%;background:{};border-radius:.3rem"></div></div>'
    )
    left = min(100 * start, 100 * (1 - part))
    return Markup(form).format(f"{left:.2f}", f"{100 * part:.2f}", _BARS.get(status, "#6b7280"))


def _said(job: Job) -> str:
    """The first numbers of a result."""
    own = numbers({k: v for k, v in job.result.items() if not isinstance(v, Mapping)})
    more = " …" if len(own) > _MOST_NUMBERS else ""
    return " · ".join(f"{k} {number(v)}" for k, v in list(own.items())[:_MOST_NUMBERS]) + more


def failures(story: Story, root: Path, t: Words) -> None:
    """What failed, with the end of its log."""
    failed = [job for job in story.jobs if job.status == "failed"]
    for job in failed:
        st.error(t("A job failed:"), icon=":material/error:")
        st.code(job.message, language=None, wrap_lines=True)
        tail = log_tail(root, job.log)
        if tail and tail[-1] not in job.message:
            st.caption(t("The last lines of its log:"))
            st.code("\n".join(tail), language=None)
        if job.log:
            st.caption(t("The whole log: {path}", path=plain(job.log)))
    if not failed and story.experiment.status == "failed" and story.experiment.message:
        st.error(t("The experiment failed:"), icon=":material/error:")
        st.code(story.experiment.message, language=None, wrap_lines=True)


def before_and_after(story: Story, t: Words) -> None:
    """For every hook that two jobs have, their numbers side by side."""
    groups = comparable(story.jobs)
    if not groups:
        return
    st.subheader(t("Before and after"))
    for group in groups:
        before, after = _pair(group, story.experiment.experiment_id, t)
        found = changes(before.result, after.result)
        moved = [c for c in found if c.change and c.metric.rpartition(".")[2] not in _COUNTS]
        st.markdown(f"**{plain(group[0].hook)}**")
        if moved:
            st.html(_change_table(moved[:_MOST_ROWS], before, after, t))
        else:
            st.caption(t("No number differs."))
        if len(moved) > _MOST_ROWS:
            with st.expander(t("{n:,} more numbers", n=len(moved) - _MOST_ROWS)):
                st.html(_change_table(moved[_MOST_ROWS:], before, after, t))


def _pair(group: Sequence[Job], experiment: str, t: Words) -> tuple[Job, Job]:
    """The first and the last job, or the two that a person chose."""
    if len(group) == 2:
        return group[0], group[1]
    by_name = {j.name: j for j in group}
    names = list(by_name)
    left, right = st.columns(2)
    key = f"{experiment} {group[0].hook}"
    first = left.selectbox(t("Before"), names, key=f"before {key}")
    last = right.selectbox(t("After"), names, index=len(names) - 1, key=f"after {key}")
    return by_name[first], by_name[last]


def _change_table(found: Sequence[Change], before: Job, after: Job, t: Words) -> Markup:
    rows: list[Markup] = []
    for place, group in groupby(found, key=lambda c: c.metric.rpartition(".")[0]):
        if place:
            rows.append(html.group(place.removeprefix("stats."), 5))
        for c in group:
            part = "" if c.share is None else f"{c.share:+.1%}"
            cells = [number(c.before), number(c.after), _signed(c.change), part]
            rows.append(html.row(c.metric.rpartition(".")[2], cells, kind="number"))
    return html.table((t("Metric"), before.name, after.name, t("Change"), ""), rows, "number")


def moved_cuts(story: Story, t: Words) -> None:
    """Cuts that refining jobs moved, with what that does to the rows, and the new recipe as a diff."""
    for job in story.jobs:
        moves = job.result.get("moves")
        found = [m for m in moves if isinstance(m, Mapping)] if isinstance(moves, list) else []
        if not found:
            continue
        st.subheader(t("Cuts moved by {name}", name=plain(job.name)))
        rows = [html.row(html.code(str(m.get("stat", ""))), _move(m)) for m in found]
        st.html(html.table((t("Stat"), t("Cut"), t("Was"), t("Now"), t("Line")), rows))
        before, after = job.result.get("kept_before"), job.result.get("kept_after")
        if isinstance(before, int) and isinstance(after, int):
            st.caption(t("Rows kept: {before:,} before, {after:,} after.", before=before, after=after))
        if diff := job.result.get("diff"):
            with st.expander(t("The recipe"), expanded=len(found) <= 4):
                st.code(str(diff), language="diff", wrap_lines=True)


def _move(found: Mapping[str, object]) -> list[Markup | str]:
    sql = html.code(short(str(found.get("sql", "")), 90))
    line = found.get("line")
    was, now = (f"{found.get('operator', '')} {_cell(found.get(k))}" for k in ("old", "new"))
    return [sql, was, Markup("<strong>{}</strong>").format(now), "" if line is None else str(line)]


def _cell(value: object) -> str:
    return number(float(value)) if isinstance(value, (int, float)) else str(value)


def number(value: float) -> str:
    """A number of four digits or more.

    >>> [number(v) for v in (5000.0, 0.123456, 12345.678, float("nan"))]
    ['5,000', '0.1235', '12,346', 'nan']
    """
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 10_000 else f"{value:,.4g}"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value)
