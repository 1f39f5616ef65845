"""What the page *Sandbox* reads: the experiments of `sandbox.duckdb`, cached under the state of that file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from juicesql.errors import StoreError
from juicesql.inspect import experiments
from juicesql.inspect.experiments import Experiment, Job, Series, Trial

from ._project import FileState, file_state

COLOURS = ("#0d9488", "#d97706", "#6366f1", "#db2777", "#65a30d", "#0284c7", "#b45309", "#7c3aed")
_TAIL, _READ = 14, 65_536  # lines, bytes


@dataclass(frozen=True)
class Story:
    """An experiment with all that the page draws of it."""

    experiment: Experiment
    jobs: tuple[Job, ...]
    series: tuple[Series, ...]
    trials: tuple[Trial, ...]
    goals: dict[str, bool]


def sandbox_state(root: Path) -> FileState:
    """The state of the project's experiments now."""
    return file_state(root, experiments.FILE)


@st.cache_data(show_spinner=False, max_entries=4)
def listed(state: FileState) -> tuple[Experiment, ...]:
    """All experiments, the newest first."""
    try:
        with experiments.opened(state.root) as con:
            return tuple(experiments.experiments_of(con))
    except StoreError as error:
        if any(p.code == "no-experiments" for p in error.problems):
            return ()
        raise


@st.cache_data(show_spinner=False, max_entries=8)
def story(state: FileState, experiment_id: str) -> Story | None:
    """None for an experiment that is not there any more."""
    with experiments.opened(state.root) as con:
        found = next((e for e in experiments.experiments_of(con) if e.experiment_id == experiment_id), None)
        if found is None:
            return None
        return Story(
            found,
            tuple(experiments.jobs_of(con, experiment_id)),
            tuple(experiments.series_of(con, experiment_id)),
            tuple(experiments.trials_of(con, experiment_id)),
            experiments.goals_of(con, experiment_id),
        )


@st.cache_data(show_spinner=False, max_entries=16)
def series(state: FileState, experiment_id: str) -> tuple[Series, ...]:
    with experiments.opened(state.root) as con:
        return tuple(experiments.series_of(con, experiment_id))


def local(moment: datetime | None) -> datetime | None:
    """A moment that is stored as UTC, on the clock of this machine."""
    return moment.replace(tzinfo=UTC).astimezone().replace(tzinfo=None) if moment else None


def since(moment: datetime | None) -> float | None:
    """Seconds from a stored moment until now."""
    return max(0.0, (datetime.now(UTC).replace(tzinfo=None) - moment).total_seconds()) if moment else None


def log_tail(root: Path, log: str) -> list[str]:
    """The last lines of a job's log. Only files of the project are read, whatever the database names."""
    path = Path(os.path.realpath(log))
    if not log or not path.is_file() or not path.is_relative_to(os.path.realpath(root)):
        return []
    with open(path, "rb") as handle:
        handle.seek(max(0, path.stat().st_size - _READ))
        lines = handle.read().decode("utf-8", "replace").splitlines()
    return [line[:300] for line in lines if line.strip() and not line.startswith("<<juicesql:")][-_TAIL:]
