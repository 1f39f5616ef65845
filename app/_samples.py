"""What the pages *Samples*, *Duplicates* and *Compare* ask, kept under the state of the stats database."""

from __future__ import annotations

from dataclasses import dataclass

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
from ._text import plain
from ._words import Words

SNIPPET = 160  # characters
FRESH = 30  # seconds that a text is kept: the source may come back, or change
CHANGED = "The source has changed since the run: texts are those of now."


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


@st.cache_data(show_spinner=False, max_entries=16, ttl=FRESH)
def words_in(state: FileState, run_id: str, wanted: Filter, words: str) -> Hits:
    """As `find_words`; a source that cannot be read again is a note."""
    run, project = record_of(state, run_id), open_project(state.root)
    with opened(state.root) as con:
        try:
            return find_words(con, run, project, wanted, words)
        except JuiceError as error:
            if error.problems[0].code in ("bad-condition", "too-slow"):
                raise
            return Hits((), 0, 0, note=why_of(error))


def why_of(error: JuiceError) -> str:
    """What an error says, with its mend, in one line."""
    problem = error.problems[0]
    return f"{problem.message}. {problem.mend[:1].upper()}{problem.mend[1:]}" if problem.mend else problem.message


@dataclass(frozen=True)
class Texts:
    """Beginnings of texts by sample. `note` says why some are missing, or may be others than those of the run."""

    values: dict[int, str]
    note: str = ""

    def get(self, sample: int) -> str:
        return self.values.get(sample, "")


@st.cache_data(show_spinner=False, max_entries=100, ttl=FRESH)
def texts_of(state: FileState, run_id: str, sample_ids: tuple[int, ...], size: int = SNIPPET) -> Texts:
    """The beginnings of the texts of some samples, in one line, as the source has them now."""
    run, project = record_of(state, run_id), open_project(state.root)
    try:
        found = reread(run, project, sample_ids, remote=False)
    except JuiceError as error:
        return Texts({}, "Texts are missing: " + why_of(error))
    values = {i: " ".join(str(v)[: 4 * size].split())[:size] for i, v in found.values.items() if v is not None}
    return Texts(values, CHANGED if found.changed else "")


def tell(note: str, words: Words) -> None:
    """Why something is not there, or not what it was; nothing for an empty note."""
    if note:
        st.caption(":material/info: " + plain(words(note)))


@st.cache_data(show_spinner=False, max_entries=64, ttl=FRESH)
def sheet_of(
    state: FileState, run_id: str, sample_ids: tuple[int, ...], most_media: int = 12, changes: bool = True
) -> Sheet:
    """Whole samples with their stories, changes and thumbnails. No file outside of the media root is opened."""
    return show(run_id, sample_ids, project=state.root, most_media=most_media, confined=True, changes=changes)


@st.cache_data(show_spinner=False, max_entries=4)
def player_of(state: FileState, path: str, kind: str, codec: str) -> tuple[bytes, str] | None:
    return playable(path, kind, codec)


def has_media(run: RunRecord) -> bool:
    """Whether its samples name files: by the names of the source's columns, or because a function read them."""
    names = {str(c[0]) for c in run.plan.get("source_columns", ())}
    return bool(names & KINDS.keys()) or any(c.get("media") for c in run.calls)
