"""What the pages *Samples*, *Duplicates* and *Compare* ask, kept under the state of the stats database."""

from __future__ import annotations

import streamlit as st

from juicesql.errors import JuiceError
from juicesql.inspect.columns import StatColumn, stat_columns
from juicesql.inspect.playing import playable
from juicesql.inspect.samples import Filter, Found, Hits, find_samples, find_words, verdict_counts
from juicesql.project import open_project
from juicesql.reread import reread
from juicesql.runs import RunRecord, read_run
from juicesql.show import Sheet, show
from juicesql.thumbnails import KINDS

from ._project import FileState, opened

SNIPPET = 160  # characters


@st.cache_data(show_spinner=False, max_entries=16)
def record_of(state: FileState, run_id: str) -> RunRecord:
    with opened(state.root) as con:
        return read_run(con, run_id)


@st.cache_data(show_spinner=False, max_entries=16)
def columns_of(state: FileState, run_id: str) -> tuple[StatColumn, ...]:
    return stat_columns(record_of(state, run_id))


@st.cache_data(show_spinner=False, max_entries=16)
def counts_of(state: FileState, run_id: str) -> tuple[tuple[str, str, int], ...]:
    run = record_of(state, run_id)
    with opened(state.root) as con:
        return verdict_counts(con, run)


@st.cache_data(show_spinner=False, max_entries=64)
def found_in(
    state: FileState,
    run_id: str,
    wanted: Filter,
    offset: int,
    limit: int,
    order: str,
    descending: bool,
    show: tuple[str, ...],
) -> Found:
    run = record_of(state, run_id)
    with opened(state.root) as con:
        return find_samples(con, run, wanted, offset=offset, limit=limit, order=order, descending=descending, show=show)


@st.cache_data(show_spinner=False, max_entries=16)
def words_in(state: FileState, run_id: str, wanted: Filter, words: str) -> Hits:
    """As `find_words`; a source that cannot be read again is a note."""
    run, project = record_of(state, run_id), open_project(state.root)
    with opened(state.root) as con:
        try:
            return find_words(con, run, project, wanted, words)
        except JuiceError as error:
            if error.problems[0].code in ("bad-condition", "too-slow"):
                raise
            return Hits((), 0, 0, note=error.problems[0].message)


@st.cache_data(show_spinner=False, max_entries=64)
def snippets_of(state: FileState, run_id: str, sample_ids: tuple[int, ...]) -> dict[int, str]:
    """The beginnings of their texts; none where the source cannot be read again."""
    run, project = record_of(state, run_id), open_project(state.root)
    try:
        values = reread(run, project, sample_ids).values
    except JuiceError:
        return {}
    return {i: " ".join(str(v)[: 4 * SNIPPET].split())[:SNIPPET] for i, v in values.items() if v is not None}


@st.cache_data(show_spinner=False, max_entries=64)
def sheet_of(state: FileState, run_id: str, sample_ids: tuple[int, ...], most_media: int = 12) -> Sheet:
    """Whole samples with their stories and thumbnails. No file outside of the media root is opened."""
    return show(run_id, sample_ids, project=state.root, most_media=most_media, confined=True)


@st.cache_data(show_spinner=False, max_entries=4)
def player_of(state: FileState, path: str, kind: str, codec: str) -> tuple[bytes, str] | None:
    return playable(path, kind, codec)


def has_media(run: RunRecord) -> bool:
    """Whether its samples name files: by the names of the source's columns, or because a function read them."""
    names = {str(c[0]) for c in run.plan.get("source_columns", ())}
    return bool(names & KINDS.keys()) or any(c.get("media") for c in run.calls)
