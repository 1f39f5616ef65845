"""Page *Duplicates*: the clusters of a run by size, and the members of one beside the sample that stayed."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import streamlit as st
from markupsafe import Markup

from juicesql.inspect.clusters import (
    ClusterRow,
    StepClusters,
    cluster_sizes,
    cluster_totals,
    clusters_of,
    largest_clusters,
    members,
    of_earlier_runs,
    similarities,
)
from juicesql.sheet import MOST_TEXT
from juicesql.show import Card
from juicesql.worddiff import compare_words

from .. import _html as html
from .._detail import place_of
from .._project import FileState, opened
from .._samples import Texts, sheet_of, tell, texts_of
from .._shell import View, remember
from .._text import plain
from .samples import measured

PAGE = 15
MEMBERS = 50
_COLOUR = "#d97706"


def show(view: View) -> None:
    html.style()
    if not measured(view):
        return
    run = view.run
    assert run is not None
    totals, earlier = _totals(view.state, run.run_id)
    if not totals:
        _nothing(view, earlier)
        return
    _numbers(view, totals, earlier)
    step = _choose_step(view, totals)
    chosen = _asked(view)
    if chosen is None:
        _charts(view, step)
        _list(view, totals, step)
        return
    list_side, detail_side = st.columns([2, 5], gap="large")
    with list_side:
        _list(view, totals, step, chosen)
    with detail_side, st.container(key="detail"):
        _cluster(view, *chosen)


def _nothing(view: View, earlier: int) -> None:
    t = view.words
    if earlier:
        st.info(t("{n:,} samples are duplicates of what earlier runs kept. The page Samples lists them.", n=earlier))
        return
    st.info(t("This run found no duplicates among its samples. A recipe looks for them with a step like this:"))
    st.code("unique_texts as ({{ near_dedup('kept', jaccard=0.7) }})", language="sql")


def _numbers(view: View, totals: Sequence[StepClusters], earlier: int) -> None:
    t, run = view.words, view.run
    assert run is not None
    told = [
        (t("Duplicates"), run.duplicates or 0), (t("Clusters"), sum(s.clusters for s in totals)),
        (t("Largest cluster"), max(s.largest for s in totals)),
    ]  # fmt: skip
    if earlier:
        told.append((t("Like samples of earlier runs"), earlier))
    for column, (name, number) in zip(st.columns(len(told)), told, strict=True):
        column.metric(name, f"{number:,}", border=True)


def _choose_step(view: View, totals: Sequence[StepClusters]) -> str:
    t, counts = view.words, {s.step: s.clusters for s in totals}
    if len(counts) < 2:
        return ""
    names = {"": t("all steps"), **{s: f"{plain(s)} ({n:,})" for s, n in counts.items()}}
    chosen = st.pills(
        t("Found by the step"), list(names), default="", format_func=names.__getitem__,
        key=f"step-{view.run.run_id if view.run else ''}",
    )  # fmt: skip
    return chosen or ""


def _asked(view: View) -> tuple[str, int] | None:
    """Step and representative of the cluster in the URL: `?cluster=17`, and `&step=near` where several have it."""
    text = st.query_params.get("cluster", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19) or view.run is None:
        return None
    found = _clusters_of(view.state, view.run.run_id, int(text))
    step = st.query_params.get("step")
    return next((c for c in found if c[0] == step), found[0] if found else ("", int(text)))


def _open(step: str | None, cluster: int | None) -> None:
    remember(step=step, cluster=None if cluster is None else str(cluster))


# The list


def _charts(view: View, step: str) -> None:
    t, run = view.words, view.run
    assert run is not None
    sizes = [{"size": s, "clusters": n} for s, n in _sizes(view.state, run.run_id, step)]
    parts = [{"from": low, "to": low + 0.05, "rows": n} for low, n in _similarities(view.state, run.run_id, step)]
    first, second = st.columns(2)
    by_size = alt.Chart(alt.InlineData(values=sizes)).mark_bar(color=_COLOUR).encode(
        x=alt.X("size:O", title=t("Samples in the cluster"), axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y("clusters:Q", title=t("Clusters"), scale=alt.Scale(type="symlog"), axis=alt.Axis(tickCount=4)),
        tooltip=[alt.Tooltip("size:O", title=t("Samples")), alt.Tooltip("clusters:Q", title=t("Clusters"))],
    )  # fmt: skip
    unit = alt.Scale(domain=[0, 1])
    by_similarity = alt.Chart(alt.InlineData(values=parts)).mark_bar(color=_COLOUR, binSpacing=1).encode(
        x=alt.X("from:Q", bin="binned", title=t("Similarity to the sample that stayed"), scale=unit),
        x2="to:Q", y=alt.Y("rows:Q", title=t("Duplicates"), axis=alt.Axis(tickCount=4)),
        tooltip=[alt.Tooltip("from:Q", title=t("from"), format=".2f"), alt.Tooltip("rows:Q", title=t("Duplicates"))],
    )  # fmt: skip
    first.altair_chart(by_size.properties(height=180), alt=t("Clusters by size"))
    second.altair_chart(by_similarity.properties(height=180), alt=t("Duplicates by similarity"))


def _list(view: View, totals: Sequence[StepClusters], step: str, chosen: tuple[str, int] | None = None) -> None:
    t, run = view.words, view.run
    assert run is not None
    count = sum(s.clusters for s in totals if step in ("", s.step))
    pages = max(-(-count // PAGE), 1)
    number = min(int(st.session_state.get(f"clusters-{run.run_id}-{step}") or 1), pages)
    rows = _clusters(view.state, run.run_id, step, (number - 1) * PAGE)
    texts = texts_of(view.state, run.run_id, tuple(r.representative for r in rows))
    tell(texts.note, t)
    st.caption(t("{n:,} clusters, the largest first. Choose one to see its members.", n=count))
    _table(view, rows, texts, chosen)
    if pages > 1:
        st.pagination(pages, key=f"clusters-{run.run_id}-{step}", max_visible_pages=5 if chosen else 9)


def _table(view: View, rows: Sequence[ClusterRow], texts: Texts, chosen: tuple[str, int] | None) -> None:
    t, run = view.words, view.run
    assert run is not None
    lines: list[dict[str, object]] = [
        {t("Samples"): r.size, t("Text"): texts.get(r.representative)}
        | ({} if chosen else {t("Stayed"): r.representative, t("Step"): r.step, t("Least similar"): r.least_similarity})
        for r in rows
    ]
    places = tuple((r.step, r.representative) for r in rows)
    at = [places.index(chosen)] if chosen in places else []
    event = st.dataframe(
        lines, selection_default={"selection": {"rows": at}}, hide_index=True,
        height=36 + 35 * len(lines), on_select="rerun", selection_mode="single-row",
        key=f"cluster-table-{run.run_id}-{hash((places, chosen))}", alt=t("Clusters of duplicates"),
        column_config={
            t("Samples"): st.column_config.NumberColumn(width=80),
            t("Stayed"): st.column_config.NumberColumn(width=80, format="%d"),
            t("Text"): st.column_config.TextColumn(width="large"),
            t("Least similar"): st.column_config.ProgressColumn(format="%.3f", min_value=0, max_value=1),
        },
    )  # fmt: skip
    if picked := event["selection"]["rows"]:
        wanted = places[picked[0]]
        if wanted != chosen:
            _open(*wanted)
            st.rerun()


# One cluster


def _cluster(view: View, step: str, representative: int) -> None:
    t, run = view.words, view.run
    assert run is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(t("Duplicates of sample {id}", id=representative), width="content")
        st.space("stretch")
        if st.button(t("Close"), icon=":material/close:", key="close-cluster"):
            _open(None, None)
            st.rerun()
    found = _members(view.state, run.run_id, step, representative)
    if not found:
        st.info(t("Sample {id} is in no cluster of this run.", id=representative))
        return
    similarity = dict(found)
    other = st.selectbox(
        t("Compare with"), list(similarity), key=f"member-{run.run_id}-{step}-{representative}",
        format_func=lambda i: _member(i, similarity[i], view),
    )  # fmt: skip
    _pair(view, representative, other)
    if len(found) == MEMBERS:
        st.caption(t("The {n} most similar members are listed.", n=MEMBERS))


def _member(sample: int, similarity: float | None, view: View) -> str:
    t = view.words
    near = "" if similarity is None else " · " + t("similarity {value}", value=f"{similarity:.3f}")
    return t("Sample {id}", id=sample) + near


def _pair(view: View, kept: int, duplicate: int) -> None:
    t, run = view.words, view.run
    assert run is not None
    sheet = sheet_of(view.state, run.run_id, (kept, duplicate), 2, changes=False)
    for note in sheet.notes:
        st.warning(plain(t(note)))
    texts = [str((c.row or {}).get(c.texts[0]) or "")[:MOST_TEXT] if c.texts else "" for c in sheet.cards]
    stretches = compare_words(*texts)
    left = [("same" if s.same else "del", "".join(s.left)) for s in stretches]
    right = [("same" if s.same else "ins", "".join(s.right)) for s in stretches]
    sides = ((left, t("stayed")), (right, t("went")))
    for column, card, (side, end) in zip(st.columns(2), sheet.cards, sides, strict=True):
        with column:
            _side(view, card, side, end)
    if any(texts):
        same = texts[0] == texts[1]
        st.caption(
            t("Both texts are the same, letter by letter.")
            if same
            else t("Words of one side only are marked; white space is not compared. Texts are those of the source.")
        )


def _side(view: View, card: Card, parts: list[tuple[str, str]], end: str) -> None:
    t, number = view.words, card.story.place.sample_id
    st.markdown(f"**{t('Sample {id}', id=number)}** :small[{end} · {plain(place_of(card.story, t))}]")
    for item in card.media:
        pictures = [p.jpeg for p in item.thumbnail.pictures] if item.thumbnail else []
        if pictures:
            st.image(pictures[:3], width=150, alt=item.path)
    st.html(html.diff_box(parts, t("Sample {id}", id=number)) if parts else Markup("<p></p>"))


# Asked of the stats database


@st.cache_data(show_spinner=False, max_entries=16)
def _totals(state: FileState, run_id: str) -> tuple[tuple[StepClusters, ...], int]:
    with opened(state.root) as con:
        return cluster_totals(con, run_id), of_earlier_runs(con, run_id)


@st.cache_data(show_spinner=False, max_entries=64)
def _clusters(state: FileState, run_id: str, step: str, offset: int) -> tuple[ClusterRow, ...]:
    with opened(state.root) as con:
        return largest_clusters(con, run_id, step, offset=offset, limit=PAGE)


@st.cache_data(show_spinner=False, max_entries=16)
def _sizes(state: FileState, run_id: str, step: str) -> list[tuple[int, int]]:
    with opened(state.root) as con:
        return cluster_sizes(con, run_id, step)


@st.cache_data(show_spinner=False, max_entries=16)
def _similarities(state: FileState, run_id: str, step: str) -> list[tuple[float, int]]:
    with opened(state.root) as con:
        return similarities(con, run_id, step)


@st.cache_data(show_spinner=False, max_entries=64)
def _members(state: FileState, run_id: str, step: str, representative: int) -> list[tuple[int, float | None]]:
    with opened(state.root) as con:
        return members(con, run_id, step, representative, limit=MEMBERS)


@st.cache_data(show_spinner=False, max_entries=64)
def _clusters_of(state: FileState, run_id: str, sample_id: int) -> list[tuple[str, int]]:
    with opened(state.root) as con:
        return clusters_of(con, run_id, sample_id)
