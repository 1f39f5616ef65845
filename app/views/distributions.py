"""Page *Distributions*: every stat with its cuts. They can be moved, all at once, and nothing is measured for it."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import streamlit as st

from juicesql import whatif
from juicesql.whatif import Bins, Board, Gate, Handle, Histogram, MovedRow, Outcome, Value
from juicesql.whatif.gates import Bound

from .. import _charts as charts
from .._data import board as load_board
from .._data import run_story
from .._moves import Moves, scale_of
from .._samples import Texts, tell, texts_of
from .._shell import View, remember
from .._text import distinct, plain, pretty, short
from .._words import Words
from .runs import empty

LOOKS = ("cut", "gained", "lost", "recipe", "numbers")
TEXT_ROWS = 200_000  # sources up to this size are read again without being asked
_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "=": "=", "<>": "≠"}


def show(view: View) -> None:
    t = view.words
    if view.run is None:
        empty(t)
        return
    if not view.run.done and view.run.status != "analyzed":
        st.info(t("This run has not finished, so there is nothing to compare with. Choose another one on the left."))
        return
    with st.spinner(t("Reading the values of {n:,} rows …", n=view.run.rows_in or 0)):
        board, bars = load_board(view.state, view.run.run_id)
    _warnings(view, board)
    _page(view, board, bars)


def _warnings(view: View, board: Board) -> None:
    t = view.words
    if run_story(view.state, view.run.run_id if view.run else "").source_changed:
        st.warning(t("The source has changed since this run: values are those of the rows as they are now."))
    elif not board.agrees:
        st.warning(t("The values that are stored now do not give what this run recorded. Run the recipe again."))


@st.fragment
def _page(view: View, board: Board, bars: whatif.Bars) -> None:
    t = view.words
    moves = Moves(board.run.run_id, board.funnel.handles)
    moves.note()
    now = whatif.outcome(board, moves.moved)
    histograms = whatif.histograms(board, bars, moves.moved)
    with st.container(key="totals"):
        _totals(board, now, moves, t)
    _legend(t)
    if not board.funnel.values:
        st.info(t("The recipe measures nothing, so there is nothing to draw."))
    _cards(board, bars, histograms, now, moves, t)
    _fixed(board, now, t)
    _look(view, board, now, moves)


def _totals(board: Board, now: Outcome, moves: Moves, t: Words) -> None:
    columns = st.columns([1.5, 1, 1, 1, 0.9], vertical_alignment="center")
    kept = f"{now.kept:,}" if now.exact else f"{now.kept:,} – {now.at_most:,}"
    change = now.kept - now.was_kept
    says = f"{change:+,}" if change else t("as in the run") if now.exact else t("the run kept {k:,}", k=now.was_kept)
    columns[0].metric(
        t("Rows kept"), kept, says, "normal" if change else "off", delta_arrow="auto" if change else "off",
        help=t("of {n:,} rows; the run kept {k:,}", n=now.rows, k=now.was_kept),
    )  # fmt: skip
    columns[1].metric(t("Come back"), f"{now.gained:,}", None, help=t("rows that the run dropped and that pass now"))
    columns[2].metric(t("May come back"), f"{now.maybe_gained:,}", None, help=_why_maybe(t))
    columns[3].metric(t("Go"), f"{now.lost:,}", None, help=t("rows that the run kept and that a cut drops now"))
    columns[4].button(
        t("Reset"), on_click=moves.reset, disabled=not moves.moved, icon=":material/undo:", width="stretch"
    )
    if not now.exact:
        parts = []
        if now.unmeasured:
            parts.append(
                t("{n:,} were never measured by a later stat, because an earlier cut dropped them", n=now.unmeasured)
            )
        if now.unseen:
            parts.append(t("{n:,} pass every cut, but a later step has not seen them", n=now.unseen))
        says = t("At least {a:,} and at most {b:,} rows stay:", a=now.kept, b=now.at_most)
        st.caption(f"{says} {'; '.join(parts)}. {t('A run tells: it measures these rows only.')}")


def _why_maybe(t: Words) -> str:
    return t("rows that pass what is known of them; a later stat or step has not seen them")


def _cards(
    board: Board, bars: whatif.Bars, histograms: Mapping[str, Histogram], now: Outcome, moves: Moves, t: Words
) -> None:
    """A card for each stat that a cut compares, then for the others."""
    values = [v for v in board.funnel.values if v.column in histograms]
    compared = [v for v in values if _bounds(board, v)]
    ordered = [*compared, *(v for v in values if v not in compared)]
    for first in range(0, len(ordered), 2):
        for column, value in zip(st.columns(2, gap="medium"), ordered[first : first + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                _card(board, value, histograms[value.column], now, moves, t)


def _bounds(board: Board, value: Value) -> list[tuple[Gate, Bound]]:
    return [(g, b) for g in board.funnel.gates for b in g.bounds if b.column == value.column]


def _card(board: Board, value: Value, histogram: Histogram, now: Outcome, moves: Moves, t: Words) -> None:
    bounds = _bounds(board, value)
    handles = {h.key: h for h in board.funnel.handles}
    st.markdown(f"**{plain(short(value.sql, 70))}**")
    drops = {d.gate: d for d in now.drops}
    gates = list(dict.fromkeys(g.id for g, _ in bounds))
    st.caption(" · ".join(_facts(histogram.bins, [drops[g] for g in gates], t)))
    lines = [(float(moves.value(handles[b.handle])), _before(handles[b.handle], moves)) for _, b in bounds]
    title = t("Histogram of {stat}", stat=short(value.sql))
    st.vega_lite_chart(
        charts.table(histogram, lines, t), charts.spec(histogram, title, t), theme="streamlit",
        key=f"chart {board.run.run_id} {value.column}",
    )  # fmt: skip
    if histogram.below or histogram.above:
        st.caption(t("{n:,} values lie beyond the chart", n=histogram.below + histogram.above))
    seen: set[str] = set()
    for gate, bound in bounds:
        if bound.handle not in seen and handles[bound.handle].uses[0][0] == gate.id:
            handle = handles[bound.handle]
            moves.widgets(handle, _label(value, bound, handle), scale_of(handle, histogram.bins))
        seen.add(bound.handle)


def _facts(bins: Bins, drops: list[whatif.counts.Drop], t: Words) -> list[str]:
    facts = [t("drops {n:,}", n=d.dropped) + _alone(d, t) for d in drops]
    if bins.null:
        facts.append(t("{n:,} NULL: could not be measured", n=bins.null))
    if bins.unmeasured:
        facts.append(t("{n:,} never measured: an earlier cut dropped them", n=bins.unmeasured))
    return facts or [t("no cut compares it")]


def _alone(drop: whatif.counts.Drop, t: Words) -> str:
    return "" if drop.alone is None else f" ({t('{n:,} by it alone', n=drop.alone)})"


def _before(handle: Handle, moves: Moves) -> float | None:
    return float(handle.number) if moves.value(handle) != handle.number else None


def _label(value: Value, bound: Bound, handle: Handle) -> str:
    name = f"{value.label} {_SIGNS[bound.operator]}"
    variable = (handle.target or "").removeprefix("var:") if (handle.target or "").startswith("var:") else ""
    return plain(f"{name} {variable}" if variable else name)


def _legend(t: Words) -> None:
    items = ((charts.KEPT, t("kept")), (charts.OPEN, t("not decided")), (charts.GONE, t("gone")))
    st.html(
        '<div style="display:flex;gap:1.4rem;font-size:.875rem">'
        + "".join(
            f'<span><span style="display:inline-block;width:.8rem;height:.8rem;border-radius:2px;background:{color};'
            f'margin-right:.45rem"></span>{words}</span>'
            for color, words in items
        )
        + "</div>"
    )


def _fixed(board: Board, now: Outcome, t: Words) -> None:
    """Gates that cannot be moved here, with what they take."""
    drops = {d.gate: d for d in now.drops}
    fixed = [g for g in board.funnel.gates if not g.bounds]
    if not fixed:
        return
    with st.expander(t("Cuts and steps that cannot be moved here: {n}", n=len(fixed))):
        for gate in fixed:
            st.markdown(
                f"`{short(gate.sql or gate.id, 100).replace('`', ' ')}` · {t('drops {n:,}', n=drops[gate.id].dropped)}"
            )


def _look(view: View, board: Board, now: Outcome, moves: Moves) -> None:
    t = view.words
    names = {
        "cut": t("Just under a cut"), "gained": t("What comes back"), "lost": t("What goes"),
        "recipe": t("The recipe"), "numbers": t("Numbers"),
    }  # fmt: skip
    if "look" not in st.session_state:
        asked = st.query_params.get("look")
        st.session_state.look = asked if asked in LOOKS else "cut"
    look = st.segmented_control(t("Look at"), LOOKS, format_func=names.__getitem__, key="look") or "cut"
    remember(look=look)
    if look == "cut":
        _under(view, board, moves)
    elif look == "recipe":
        _recipe(board, moves, t)
    elif look == "numbers":
        _numbers(view, board, t)
    else:
        rows = whatif.moved_rows(board, moves.moved, look == "gained")
        says = t("No row comes back.") if look == "gained" else t("No row goes.")
        _rows(view, board, rows, t("Move a threshold, and rows are listed here.") if not moves.moved else says)


def _under(view: View, board: Board, moves: Moves) -> None:
    t = view.words
    labels = {
        h.key: f"{board.value(b.column).label} {_SIGNS[b.operator]} {pretty(moves.value(h))}"
        for h in board.funnel.handles for _, b in h.uses[:1] if b.column
    }  # fmt: skip
    labels = distinct(labels)
    if not labels:
        st.write(t("This recipe has no cut that can be moved."))
        return
    if st.session_state.get("under") not in labels:
        st.session_state.under = next(iter(labels))
    key = st.selectbox(
        t("Rows that this cut drops, the closest first"), list(labels), format_func=labels.__getitem__, key="under"
    )
    _rows(view, board, whatif.narrow_rows(board, moves.moved, key), t("This cut drops no row."), key)


def _rows(view: View, board: Board, rows: list[MovedRow], nothing: str, handle: str = "") -> None:
    """Samples with their texts, the value in question first."""
    t = view.words
    if not rows:
        st.write(nothing)
        return
    story = run_story(view.state, board.run.run_id)
    small = (story.record.rows_in or 0) <= TEXT_ROWS
    with_texts = st.toggle(
        t("Show their texts"), value=small, key="with_texts", help=t("They are read again from the source.")
    )
    ids = tuple(r.sample_id for r in rows)
    found = texts_of(view.state, board.run.run_id, ids, 600) if with_texts else Texts({})
    tell(found.note, t)
    sql = {g.id: g.sql for g in board.funnel.gates}
    fates = {"kept": t("kept"), "unseen": t("not decided"), "unmeasured": t("not decided"), "gone": t("gone")}
    column = _column(board, handle)
    records = [
        {
            t("Sample"): r.sample_id,
            **({board.value(column).label: _shown(r.values[column])} if column else {}),
            t("Now"): fates[r.fate],
            t("First cut that drops it"): short(sql.get(r.gate or "", ""), 60),
            **({t("Text"): found.get(r.sample_id)} if found.values else {}),
            **{v.label: _shown(r.values[v.column]) for v in board.funnel.values if v.column != column},
        }
        for r in rows
    ]
    st.dataframe(
        pa.Table.from_pylist(records), hide_index=True, row_height=90 if found.values else None,
        column_config={t("Text"): st.column_config.TextColumn(width="large")},
    )  # fmt: skip


def _column(board: Board, handle: str) -> str | None:
    return next((b.column for g in board.funnel.gates for b in g.bounds if b.handle == handle), None)


def _shown(value: object) -> str:
    return "NULL" if value is None else f"{value:.5g}" if isinstance(value, float) else short(str(value), 80)


def _recipe(board: Board, moves: Moves, t: Words) -> None:
    written = whatif.rewritten(board.run, board.funnel, moves.moved)
    if not moves.moved:
        st.write(t("Move a threshold, and the recipe with the new number is here to take home."))
        return
    for name in written.overridden:
        st.warning(t("The run was given the variable {name}, which goes before the recipe's number.", name=plain(name)))
    for key in written.unwritten:
        st.warning(
            t("One number is not written in the recipe by itself and has to be changed by hand: {key}", key=plain(key))
        )
    if written.diff:
        st.code(written.diff, language="diff")
    name = board.run.recipe.rsplit("/", 1)[-1] + ".sql.j2"
    st.download_button(
        t("Download the recipe"), written.text, file_name=name, mime="text/plain",
        icon=":material/download:", on_click="ignore", disabled=not written.diff,
    )  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=50)
def _numbers_of(state: object, run_id: str, column: str, _board: Board) -> dict[str, float | None]:
    return whatif.numbers(_board, _board.value(column))


def _numbers(view: View, board: Board, t: Words) -> None:
    """Descriptive numbers of every stat that has some."""
    rows = []
    for value in board.funnel.values:
        if whatif.bins.is_number(value.returns):
            found = _numbers_of(view.state, board.run.run_id, value.column, board)
            rows.append({t("Stat"): value.label, **{t(name): number for name, number in found.items()}})
    if not rows:
        st.write(t("The recipe measures nothing, so there is nothing to draw."))
        return
    st.dataframe(pa.Table.from_pylist(rows), hide_index=True)
