"""Page *Samples*: finds samples of the run, and tells the whole story of one."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from juicesql.errors import StoreError
from juicesql.inspect.columns import StatColumn
from juicesql.inspect.samples import MOST_READ, VERDICTS, Filter, Found
from juicesql.sheet import value_text

from .. import _html as html
from .._detail import COLOURS, badge, draw_card, place_of, short_value, verdict_name
from .._samples import columns_of, counts_of, found_in, has_media, record_of, sheet_of, tell, texts_of, words_in
from .._shell import View, remember
from .._text import distinct, plain

PAGE = 25
GALLERY = 12
_HEX = {"green": "#15803d", "red": "#dc2626", "orange": "#d97706", "violet": "#7c3aed"}


def show(view: View) -> None:
    html.style()
    if not measured(view):
        return
    assert view.run is not None
    wanted, order, descending = _filters(view)
    sample = _asked(view)
    try:
        list_side, detail_side = st.columns([2, 3], gap="large") if sample is not None else (st.container(), None)
        with list_side:
            _list(view, wanted, order, descending, sample)
    except StoreError as error:
        if error.problems[0].code not in ("bad-condition", "too-slow"):
            raise
        problem = error.problems[0]
        st.warning(plain(problem.message) + ("  \n" + plain(problem.mend) if problem.mend else ""))
    if detail_side is not None and sample is not None:
        with detail_side, st.container(key="detail"):
            _detail(view, sample)


def measured(view: View) -> bool:
    """Whether there is a run with samples; else says how to get one."""
    t = view.words
    if view.run is None:
        st.info(t("No run has been recorded in this project yet."))
        st.code("juicesql run RECIPE", language="bash")
        return False
    if not view.run.done and view.run.status != "analyzed":
        st.info(t("This run did not finish, so it has no samples. Choose another one at the left."))
        return False
    return True


def _asked(view: View) -> int | None:
    """The sample of the URL."""
    text = st.query_params.get("sample", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _open(sample: int | None) -> None:
    remember(sample=None if sample is None else str(sample))


# Filters


def _filters(view: View) -> tuple[Filter, str, bool]:
    t, run = view.words, view.run
    assert run is not None
    counts = counts_of(view.state, run.run_id)
    columns = columns_of(view.state, run.run_id)
    first, second, third = st.columns([4, 3, 3])
    with first:
        by_verdict = {v: sum(n for w, _, n in counts if w == v) for v in VERDICTS}
        verdicts = st.pills(
            t("Verdict"), [v for v in VERDICTS if by_verdict[v]], selection_mode="multi", key=f"verdicts-{run.run_id}",
            format_func=lambda v: f"{verdict_name(v, t)} {by_verdict[v]:,}",
        )  # fmt: skip
    with second:
        cut = _choose_cut(view, counts)
    with third:
        words = st.text_input(
            t("Words in the text"), key=f"words-{run.run_id}",
            help=t("Reads the texts of at most {n:,} samples again from the source.", n=MOST_READ),
        )  # fmt: skip
    with st.expander(t("More filters and order"), icon=":material/tune:"):
        stat, low, high, unmeasured = _choose_range(view, columns)
        condition = st.text_input(
            t("SQL condition"), key=f"condition-{run.run_id}", placeholder="text_len > 100 and verdict = 'dropped'",
            help=t("Over the stats of the run and sample_id, verdict, cut, value, duplicate_of."),
        )  # fmt: skip
        order, descending = _choose_order(view, columns)
    wanted = Filter(tuple(verdicts), (cut,) if cut else (), stat, low, high, unmeasured, condition or "")
    return _with_words(view, wanted, (words or "").strip()), order, descending


def _choose_cut(view: View, counts: tuple[tuple[str, str, int], ...]) -> str:
    t, run = view.words, view.run
    assert run is not None
    sql = {c["id"]: c["sql"] for c in record_of(view.state, run.run_id).cuts}
    number = {c: n for _, c, n in counts if c}
    names = distinct({"": t("any cut or step"), **{c: f"{sql.get(c, c)} ({n:,})" for c, n in number.items()}})
    return st.selectbox(t("Taken by"), list(names), key=f"cut-{run.run_id}", format_func=names.__getitem__)


def _choose_range(view: View, columns: tuple[StatColumn, ...]) -> tuple[str, float | None, float | None, bool]:
    t, run = view.words, view.run
    assert run is not None
    first, second, third, fourth = st.columns([3, 2, 2, 2], vertical_alignment="bottom")
    labels = ["", *(c.label for c in columns if c.is_number)]
    stat = first.selectbox(t("Stat"), labels, key=f"stat-{run.run_id}", format_func=lambda c: c or t("any"))
    if not stat:
        return "", None, None, False
    low = second.number_input(t("at least"), value=None, key=f"low-{run.run_id}", format="%g")
    high = third.number_input(t("at most"), value=None, key=f"high-{run.run_id}", format="%g")
    unmeasured = fourth.checkbox(
        t("only without a value"), key=f"null-{run.run_id}",
        help=t("An earlier cut dropped the sample, or it could not be measured."),
    )  # fmt: skip
    if low is None and high is None and not unmeasured:
        return "", None, None, False
    return stat, low, high, unmeasured


def _choose_order(view: View, columns: tuple[StatColumn, ...]) -> tuple[str, bool]:
    t, run = view.words, view.run
    assert run is not None
    first, second = st.columns([3, 6], vertical_alignment="bottom")
    names = ["sample_id", *(c.label for c in columns if not c.is_list)]
    order = first.selectbox(t("Order by"), names, key=f"order-{run.run_id}")
    return order, second.checkbox(t("greatest first"), key=f"down-{run.run_id}")


def _with_words(view: View, wanted: Filter, words: str) -> Filter:
    """The filter on the samples whose text has the words."""
    if not words:
        return wanted
    t, run = view.words, view.run
    assert run is not None
    try:
        with st.spinner(t("Reading texts")):
            hits = words_in(view.state, run.run_id, wanted, words)
    except StoreError:  # the list will say so
        return wanted
    if hits.note:
        st.warning(plain(t("Texts: {note}", note=hits.note)))
    if hits.read < hits.total:
        st.caption(t("Searched the first {read:,} of {total:,} samples that fit.", read=hits.read, total=hits.total))
    return Filter(ids=hits.ids)


# The list


def _list(view: View, wanted: Filter, order: str, descending: bool, sample: int | None) -> None:
    t, run = view.words, view.run
    assert run is not None
    gallery = _as_gallery(view)
    size = GALLERY if gallery else PAGE
    number = int(st.session_state.get(f"page-{run.run_id}") or 1)
    shown = _stats_shown(view, wanted, order) if sample is None else ()
    asked = (view.state, run.run_id, wanted)
    found = found_in(*asked, (number - 1) * size, size, order, descending, shown)
    pages = max(-(-found.total // size), 1)
    if number > pages:
        st.session_state.pop(f"page-{run.run_id}")
        found = found_in(*asked, 0, size, order, descending, shown)
    st.caption(t("{n:,} samples of {all:,}", n=found.total, all=run.rows_in or 0))
    if not found.rows:
        st.info(t("No sample fits. Take a filter away."))
        return
    if gallery:
        _gallery(view, found, narrow=sample is not None)
    else:
        _table(view, found, shown, sample)
    if pages > 1:
        st.pagination(pages, key=f"page-{run.run_id}", max_visible_pages=5 if sample is not None else 9)


def _as_gallery(view: View) -> bool:
    t, run = view.words, view.run
    assert run is not None
    if not has_media(record_of(view.state, run.run_id)):
        return False
    names = {"list": ":material/list: " + t("List"), "gallery": ":material/grid_view: " + t("Gallery")}
    chosen = st.segmented_control(
        t("Show as"), list(names), default="gallery", format_func=names.__getitem__, key=f"as-{run.run_id}",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen != "list"


def _stats_shown(view: View, wanted: Filter, order: str) -> tuple[str, ...]:
    """The stats that the question is about, then the first ones: four in all."""
    assert view.run is not None
    labels = [c.label for c in columns_of(view.state, view.run.run_id)]
    asked = [n for n in labels if n in (wanted.stat, order) or n in wanted.condition]
    return tuple(dict.fromkeys([*asked, *labels]))[:4]


def _table(view: View, found: Found, shown: tuple[str, ...], sample: int | None) -> None:
    t, run = view.words, view.run
    assert run is not None
    ids = tuple(r.sample_id for r in found.rows)
    texts = texts_of(view.state, run.run_id, ids)
    tell(texts.note, t)
    sql = {c["id"]: c["sql"] for c in record_of(view.state, run.run_id).cuts}
    head = (t("Sample"), t("Verdict"), t("Text"), t("Taken by"), t("Value"))
    lines: list[dict[str, Any]] = []
    for r in found.rows:
        taken = sql.get(r.cut or "", r.cut or "")
        cells = (r.sample_id, [verdict_name(r.verdict, t)], texts.get(r.sample_id), taken, short_value(r.value or ""))
        lines.append(dict(zip(head, cells, strict=True)) | {n: _cell(v) for n, v in zip(shown, r.values, strict=True)})
    if sample is not None:
        lines = [{name: line[name] for name in head[:3]} for line in lines]
    names = [verdict_name(v, t) for v in VERDICTS]
    colours = [_HEX[COLOURS[v]] for v in VERDICTS]
    at = [ids.index(sample)] if sample in ids else []
    event = st.dataframe(
        lines, hide_index=True, placeholder="", selection_default={"selection": {"rows": at}},
        height=min(36 + 35 * len(lines), 36 + 35 * PAGE), on_select="rerun",
        selection_mode="single-row", key=f"table-{run.run_id}-{hash((ids, sample))}",
        alt=t("Samples; choose a row to see the whole sample"),
        column_config={
            head[0]: st.column_config.NumberColumn(width=70, format="%d"),
            head[1]: st.column_config.MultiselectColumn(width=100, options=names, color=colours),
            head[2]: st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip
    if chosen := event["selection"]["rows"]:
        wanted = ids[chosen[0]]
        if wanted != sample:
            _open(wanted)
            st.rerun()
    if sample is None:
        _go_to(view)


def _go_to(view: View) -> None:
    t = view.words
    first, _ = st.columns([2, 6])
    number = first.number_input(t("Open sample number"), min_value=0, value=None, step=1, key="go-to")
    if number is not None and number != st.session_state.get("went-to"):
        st.session_state["went-to"] = number
        _open(int(number))
        st.rerun()


def _cell(value: object) -> object:
    return value_text(value) if isinstance(value, list) else value


def _gallery(view: View, found: Found, narrow: bool) -> None:
    t, run = view.words, view.run
    assert run is not None
    with st.spinner(t("Making pictures")):
        sheet = sheet_of(view.state, run.run_id, tuple(r.sample_id for r in found.rows), 1, changes=False)
    wide = 2 if narrow else 4
    for start in range(0, len(sheet.cards), wide):
        for column, card in zip(st.columns(wide), sheet.cards[start : start + wide], strict=False):
            number = card.story.place.sample_id
            with column.container(border=True):
                picture = next((p for m in card.media if m.thumbnail for p in m.thumbnail.pictures), None)
                if picture:
                    tall = picture.height > picture.width
                    width: int | Literal["stretch"] = 160 * picture.width // picture.height if tall else "stretch"
                    st.image(picture.jpeg, width=width, alt=t("Sample {id}", id=number))
                else:
                    st.caption(":material/broken_image: " + t("no picture"))
                with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                    badge(card.story.verdict, t)
                    if st.button(t("Sample {id}", id=number), key=f"open-{run.run_id}-{number}", type="tertiary"):
                        _open(number)
                        st.rerun()
                if card.texts:
                    st.caption(plain(_beginning(str((card.row or {})[card.texts[0]]))))


def _beginning(text: str) -> str:
    return text if len(text) <= 90 else text[:90].rsplit(" ", 1)[0] + " …"


# One sample


def _detail(view: View, sample: int) -> None:
    t, run = view.words, view.run
    assert run is not None
    try:
        sheet = sheet_of(view.state, run.run_id, (sample,))
    except StoreError as error:
        if error.problems[0].code != "no-sample":
            raise
        st.warning(t("This run has no sample {id}.", id=sample))
        _close(view)
        return
    card = sheet.cards[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(t("Sample {id}", id=sample), width="content")
        badge(card.story.verdict, t)
        st.space("stretch")
        _step_buttons(view, sample)
        _close(view)
    st.caption(plain(place_of(card.story, t)))
    for note in sheet.notes:
        st.warning(plain(t(note)))
    draw_card(card, view.state, t)
    if card.story.duplicate_of:
        twin = card.story.duplicate_of.sample_id
        if st.button(t("Open sample {id}", id=twin), icon=":material/open_in_full:"):
            _open(twin)
            st.rerun()
    for hint in sheet.hints:
        st.caption(plain(hint))


def _step_buttons(view: View, sample: int) -> None:
    """To the sample before and after in the source."""
    t, last = view.words, ((view.run.rows_in if view.run else None) or 1) - 1
    if st.button("", icon=":material/chevron_left:", help=t("The sample before"), disabled=sample <= 0, key="before"):
        _open(sample - 1)
        st.rerun()
    if st.button("", icon=":material/chevron_right:", help=t("The sample after"), disabled=sample >= last, key="after"):
        _open(sample + 1)
        st.rerun()


def _close(view: View) -> None:
    if st.button(view.words("Close"), icon=":material/close:", key="close"):
        _open(None)
        st.rerun()
