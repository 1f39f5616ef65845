"""What pages read, cached under the state of the stats database. A page that is drawn again asks nothing twice."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from juicesql import overview, whatif
from juicesql.runs import RunRecord, read_run
from juicesql.store import Store

from ._project import FileState, opened


@dataclass(frozen=True)
class RunStory:
    """A run in numbers."""

    record: RunRecord
    funnel: list[overview.FunnelLine]
    costs: list[overview.CostLine]
    errors: list[overview.ErrorLine]
    source_changed: bool  # another run has since found its source changed, and stats are those of now


@st.cache_data(show_spinner=False, max_entries=20)
def run_story(state: FileState, run_id: str) -> RunStory:
    with opened(state.root) as con:
        record = read_run(con, run_id)
        now = con.execute("select fingerprint from sources where source_id = ?", [record.source_id]).fetchone()
        return RunStory(
            record,
            overview.funnel_lines(con, record),
            overview.cost_lines(con, run_id),
            overview.error_lines(con, run_id),
            now is not None and now[0] != record.source_fingerprint,
        )


def _close(found: tuple[whatif.Board, whatif.Bars]) -> None:
    found[0].close()


@st.cache_resource(show_spinner=False, max_entries=2, on_release=_close)
def board(state: FileState, run_id: str) -> tuple[whatif.Board, whatif.Bars]:
    """The measured values of a run in memory, and the bars of their histograms."""
    with opened(state.root) as con:
        record = read_run(con, run_id)
    made = whatif.open_board(Store(state.root), record)
    return made, whatif.prepare(made)
