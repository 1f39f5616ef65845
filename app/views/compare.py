"""Page *Compare*: two runs, two data sets, or a data set before and after a run."""

from __future__ import annotations

import altair as alt
import streamlit as st
from markupsafe import Markup

from juicesql.analysis.bins import Edges, Histogram
from juicesql.diff import Difference, MovedSample, Reason
from juicesql.diff import compare as difference_of
from juicesql.inspect.comparison import (
    FunnelPair,
    LabelDifference,
    Side,
    StatDifference,
    funnel_pairs,
    shared_stats,
    stat_difference,
)
from juicesql.sheet import value_text

from .. import _html as html
from .._detail import short_value, verdict_name
from .._project import FileState, RunInfo, opened
from .._samples import record_of, tell, texts_of
from .._shell import View, remember
from .._text import distinct, plain, short
from .._words import Words

COLOURS = ("#0d9488", "#d97706")  # left, right
KINDS = ("runs", "data", "before")
_MANY = 200_000  # rows; comparing a million takes seconds


def show(view: View) -> None:
    html.style()
    t = view.words
    done = [r for r in view.runs if r.done or r.status == "analyzed"]
    if not done:
        st.info(t("Two finished runs are needed. This project has none yet."))
        st.code("juicesql run RECIPE", language="bash")
        return
    kind = _choose_kind(t)
    chosen = _choose(view, kind, done)
    if chosen is None:
        return
    left, right, names = chosen
    stats, funnel, rows = st.tabs([t("Stats"), t("Funnel"), t("Rows gained and lost")])
    with stats:
        _stats(view, left, right, names)
    with funnel:
        if kind == "before":
            st.info(t("The page Runs has the funnel of this run."))
        else:
            _funnel(view, left, right, names)
    with rows:
        _moved(view, kind, left, right)


# What is compared


def _choose_kind(t: Words) -> str:
    names = {"runs": t("Two runs"), "data": t("Two data sets"), "before": t("Before and after a run")}
    if "compare" not in st.session_state:
        asked = st.query_params.get("compare")
        st.session_state.compare = asked if asked in KINDS else "runs"
    kind = st.segmented_control(
        t("Compare"), KINDS, format_func=names.__getitem__, key="compare", label_visibility="collapsed"
    )
    remember(compare=kind or "runs")
    return kind or "runs"


def _choose(view: View, kind: str, done: list[RunInfo]) -> tuple[Side, Side, tuple[str, str]] | None:
    t = view.words
    if kind == "before":
        if view.run not in done or view.run is None:
            st.info(t("This run did not finish. Choose another one at the left."))
            return None
        run = record_of(view.state, view.run.run_id)
        remember(left=None, right=None)
        return Side(run), Side(run, kept=True), (t("measured"), t("kept"))
    options = done if kind == "runs" else _newest_of_each_source(done)
    if len(options) < 2:
        st.info(t("A second one is needed: run another recipe, or the same one with other thresholds."))
        return None
    defaults = _defaults(view, options)
    first, second = st.columns(2)
    with first:
        left = _choose_run(options, kind, "left", defaults[0], t)
    with second:
        right = _choose_run(options, kind, "right", defaults[1], t)
    remember(left=left.run_id, right=right.run_id)
    kept = kind == "runs" and st.toggle(t("Only the samples that each run kept"), value=True, key="kept-only")
    sides = [Side(record_of(view.state, r.run_id), kept) for r in (left, right)]
    names = (_title(left, kind), _title(right, kind))
    if names[0] == names[1]:
        names = (f"{names[0]} (1)", f"{names[1]} (2)")
    return sides[0], sides[1], names


def _newest_of_each_source(done: list[RunInfo]) -> list[RunInfo]:
    return list({r.source_id: r for r in reversed(done)}.values())[::-1]


def _defaults(view: View, options: list[RunInfo]) -> tuple[str, str]:
    """The run of the sidebar and the newest before it, of the same recipe if there is one; older ones stand left."""
    chosen = next((r for r in options if view.run and r.run_id == view.run.run_id), options[0])
    others = [r for r in options if r.run_id != chosen.run_id]
    nearest = sorted(others, key=lambda r: (r.recipe != chosen.recipe, r.run_id > chosen.run_id))[0]
    older, newer = sorted((nearest.run_id, chosen.run_id))
    return older, newer


def _choose_run(options: list[RunInfo], kind: str, side: str, default: str, t: Words) -> RunInfo:
    by_id = {r.run_id: r for r in options}
    key = f"{side}-{kind}"
    if st.session_state.get(key) not in by_id:
        asked = st.query_params.get(side)
        st.session_state[key] = asked if asked in by_id else default
    names = {"left": t("Left"), "right": t("Right")}
    titles = distinct({i: _title(run, kind) for i, run in by_id.items()})
    chosen = st.selectbox(names[side], list(by_id), key=key, format_func=titles.__getitem__)
    return by_id[chosen]


def _title(run: RunInfo, kind: str) -> str:
    name = run.recipe if kind == "runs" else str(run.source)
    return f"{name} · {run.started:%Y-%m-%d %H:%M:%S}" if run.started and kind == "runs" else name


# Stats


def _stats(view: View, left: Side, right: Side, names: tuple[str, str]) -> None:
    t = view.words
    labels = tuple(a.label for a, _ in shared_stats(left, right))
    if not labels:
        st.info(t("The two have no stat in common."))
        return
    found = []
    bar = st.progress(0.0, text=t("Comparing")) if left.run.rows_in + right.run.rows_in > _MANY else None
    for number, label in enumerate(labels):
        found.append(_difference(view.state, left.run.run_id, right.run.run_id, (left.kept, right.kept), label))
        if bar:
            bar.progress((number + 1) / len(labels), text=t("Comparing"))
    if bar:
        bar.empty()
    numbers = [d for d in found if isinstance(d, StatDifference)]
    _table(numbers, t)
    st.caption(
        t(
            "KS: the greatest distance between the two cumulative distributions, 0 the same, 1 apart. "
            "Shift: difference of the means in standard deviations of the left side."
        )
    )
    _legend(names)
    order = sorted(numbers, key=lambda d: -(d.ks.statistic if d.ks else -1))
    for start in range(0, len(order), 3):
        for column, difference in zip(st.columns(3), order[start : start + 3], strict=False):
            with column:
                _histogram(difference, names, t)
    for labelled in (d for d in found if isinstance(d, LabelDifference)):
        _labels(labelled, names, t)


def _table(found: list[StatDifference], t: Words) -> None:
    lines = []
    for d in sorted(found, key=lambda d: -(d.ks.statistic if d.ks else -1)):
        pairs = [
            (f"{d.left.count:,}", f"{d.right.count:,}"), (_n(d.left.mean), _n(d.right.mean)),
            (_n(d.left.std), _n(d.right.std)), (_n(d.left.percentile(50)), _n(d.right.percentile(50))),
        ]  # fmt: skip
        cells = [f"{a} → {b}" if a != b else a for a, b in pairs]
        shift = "" if d.shift is None else f"{d.shift:+.2f}"
        ks = "" if d.ks is None else f"{d.ks.statistic:.3f}"
        lines.append(html.row(html.code(d.sql), [*cells, ks, shift], kind="number"))
    if lines:
        head = (t("Stat"), t("Values"), t("Mean"), t("Std"), t("Median"), t("KS"), t("Shift"))
        st.html(html.table(head, lines, "number"))


def _n(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"


def _legend(names: tuple[str, str]) -> None:
    form = '<span style="color:{}" aria-hidden="true">■</span> {}'
    st.html(Markup(" &emsp; ").join(Markup(form).format(c, n) for c, n in zip(COLOURS, names, strict=True)))


def _histogram(found: StatDifference, names: tuple[str, str], t: Words) -> None:
    if found.left_bins is None or found.right_bins is None:
        return
    bars = [b for side, bins in enumerate((found.left_bins, found.right_bins)) for b in _bars(bins, names[side])]
    edges = found.left_bins.edges
    scale = alt.Scale(type="symlog") if edges.scale == "log" else alt.Scale(zero=False, nice=False)
    title = f"{found.label} · KS {found.ks.statistic:.3f}" if found.ks else found.label
    x = alt.X("from:Q", bin="binned", title=None, scale=scale, axis=alt.Axis(tickCount=5, labelOverlap=True))
    y = alt.Y("share:Q", stack=None, title=None, axis=alt.Axis(format="%", tickCount=4, minExtent=34))
    colour = alt.Color("side:N", scale=alt.Scale(domain=list(names), range=list(COLOURS)), legend=None)
    tips = [
        alt.Tooltip("side:N", title=t("Side")), alt.Tooltip("from:Q", title=t("from"), format=".4~g"),
        alt.Tooltip("to:Q", title=t("to"), format=".4~g"), alt.Tooltip("rows:Q", title=t("Values"), format=","),
    ]  # fmt: skip
    base = alt.Chart(alt.InlineData(values=bars)).encode(x=x, x2="to:Q", y=y, color=colour, tooltip=tips)
    one, other = (alt.FieldEqualPredicate(field="side", equal=name) for name in names)
    filled = base.transform_filter(one).mark_bar(opacity=0.55, binSpacing=0)
    lined = base.transform_filter(other).mark_bar(filled=False, opacity=1, strokeWidth=1.5, binSpacing=0)
    chart = alt.layer(filled, lined).properties(height=200, title=title)
    st.altair_chart(chart, alt=t("Histograms of {stat}", stat=found.label))


def _bars(found: Histogram, name: str) -> list[dict[str, object]]:
    total = sum(found.counts) + found.below + found.above or 1
    edges: Edges = found.edges
    ends = [edges.value(i / edges.count) for i in range(edges.count + 1)]
    return [
        {"from": ends[i], "to": ends[i + 1], "rows": n, "share": n / total, "side": name}
        for i, n in enumerate(found.counts)
        if n
    ]


def _labels(found: LabelDifference, names: tuple[str, str], t: Words) -> None:
    away = "" if found.distance is None else t("distance {value}", value=f"{found.distance:.3f}")
    st.markdown(f"**{plain(found.sql)}** :small[{away}]")
    rows = [html.row(s.label, [f"{s.old:.1%}", f"{s.new:.1%}"], kind="number") for s in found.shares]
    st.html(html.table((t("Value"), *names), rows, "number"))


# Funnel


def _funnel(view: View, left: Side, right: Side, names: tuple[str, str]) -> None:
    t = view.words
    pairs = _pairs(view.state, left.run.run_id, right.run.run_id)
    rows: list[Markup] = []
    step, before = "", (left.run.rows_in, right.run.rows_in)
    for pair in pairs:
        if pair.step != step:
            step = pair.step
            rows.append(html.group(step, 5))
        rows.append(_funnel_row(pair, before, (left.run.rows_in, right.run.rows_in), t))
        before = tuple(now if now is not None else b for now, b in zip((pair.left, pair.right), before, strict=True))  # type: ignore[assignment]
    head = (t("Step or cut"), names[0], t("dropped"), names[1], t("dropped"))
    st.html(html.table(head, rows, "number"))


def _funnel_row(pair: FunnelPair, before: tuple[int, int], all_rows: tuple[int, int], t: Words) -> Markup:
    written = [s for s in dict.fromkeys((pair.left_sql, pair.right_sql)) if s]
    if pair.step == "source" or not written:
        name = html.escape(t("rows that could be read"))
    elif written == ["duplicates"]:
        name = html.escape(t("Duplicates"))
    else:
        name = Markup("<br>→ ").join(html.code(s) for s in written)
    cells: list[Markup | str] = []
    for left, was, whole, colour in zip((pair.left, pair.right), before, all_rows, COLOURS, strict=True):
        cells += ["–", ""] if left is None else [_bar(left, whole, colour), f"{was - left:,}" if was > left else ""]
    return html.row(name, cells, kind="number")


def _bar(rows: int, whole: int, colour: str) -> Markup:
    """A number of rows with its share of all as a bar."""
    share = 100 * rows / whole if whole else 0
    form = (
        '{} <div style="height:.4rem;min-width:8rem;background:rgba(128,128,128,.18);border-radius:.2rem">'
        '<div style="height:100%;width:{}%;background:{};border-radius:.2rem"></div></div>'
    )
    return Markup(form).format(f"{rows:,}", f"{share:.1f}", colour)


# Rows


def _moved(view: View, kind: str, left: Side, right: Side) -> None:
    t = view.words
    if kind == "before":
        st.info(t("The page Samples lists the samples that this run dropped."))
        return
    if "analyzed" in (left.run.status, right.run.status):
        st.info(t("An analysis measures every row and drops none, so no row is gained or lost."))
        return
    found = _gained_and_lost(view.state, left.run.run_id, right.run.run_id)
    if not found.same_source:
        st.info(t("The two runs read different sources, so their samples are not the same ones."))
        return
    _changes(found, t)
    first, second = st.columns(2)
    sides = (
        (first, t("Gained"), t("Only the right run keeps them. What took them in the left run:"), found.gained, left),
        (second, t("Lost"), t("Only the left run keeps them. What took them in the right run:"), found.lost, right),
    )
    for column, title, what, reasons, side in sides:
        with column:
            st.metric(title, f"{sum(r.count for r in reasons):,}", border=True)
            if reasons:
                st.caption(what)
            for reason in reasons:
                _reason(view.state, reason, side, t)


def _changes(found: Difference, t: Words) -> None:
    rows = [html.row(v.name, [_word(v.old), _word(v.new)]) for v in found.variables]
    rows += [html.row(html.code(c.step), [html.code(c.old), html.code(c.new)]) for c in found.cuts]
    if rows:
        st.html(html.table((t("What changed"), t("Left"), t("Right")), rows))


def _word(value: object) -> str:
    return "–" if value is None else value_text(value)


def _reason(state: FileState, reason: Reason, side: Side, t: Words) -> None:
    shown = reason.samples[:5]
    texts = texts_of(state, side.run.run_id, tuple(s.sample_id for s in shown))
    with st.container(border=True):
        st.markdown(f"**{reason.count:,}** · {plain(verdict_name(reason.verdict, t))}")
        by = reason.by if reason.verdict == "duplicate" else reason.sql or reason.by
        if by:
            st.html(html.code(by))
        rows = [html.row(str(s.sample_id), [_value(s, t), short(texts.get(s.sample_id), 90)]) for s in shown]
        st.html(html.table((t("Sample"), t("Value"), t("Text")), rows))
        tell(texts.note, t)


def _value(moved: MovedSample, t: Words) -> str:
    if moved.duplicate_of is not None:
        return t("like {id}", id=moved.duplicate_of)
    return "–" if moved.value is None else short_value(moved.value)


# Asked of the stats database


@st.cache_data(show_spinner=False, max_entries=256)
def _difference(
    state: FileState, left: str, right: str, kept: tuple[bool, bool], label: str
) -> StatDifference | LabelDifference:
    sides = Side(record_of(state, left), kept[0]), Side(record_of(state, right), kept[1])
    pair = next(p for p in shared_stats(*sides) if p[0].label == label)
    with opened(state.root) as con:
        return stat_difference(con, *sides, pair)


@st.cache_data(show_spinner=False, max_entries=16)
def _pairs(state: FileState, left: str, right: str) -> tuple[FunnelPair, ...]:
    one, other = record_of(state, left), record_of(state, right)
    with opened(state.root) as con:
        return funnel_pairs(con, one, other)


@st.cache_data(show_spinner=False, max_entries=16)
def _gained_and_lost(state: FileState, left: str, right: str) -> Difference:
    return difference_of(left, right, project=state.root, limit=10)
