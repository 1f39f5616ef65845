"""Page *Sandbox*: experiments with their jobs, curves, numbers before and after, searches and ranked pools."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import streamlit as st

from juicesql.errors import StoreError
from juicesql.inspect.experiments import Experiment

from .. import _html as html
from .._experiment_charts import curves, pools
from .._experiment_data import Story, listed, local, sandbox_state, since, story
from .._experiment_jobs import before_and_after, failures, jobs_table, moved_cuts
from .._experiment_search import search
from .._project import FileState, in_use
from .._shell import View, remember
from .._text import plain, seconds
from .._words import Words

EVERY = 2  # seconds between two looks at an experiment that runs


def show(view: View) -> None:
    html.style()
    t = view.words
    try:
        found = listed(sandbox_state(view.root))
    except StoreError as error:
        if not in_use(error):
            raise
        _wait(view.root, t)
        return
    if not found:
        _nothing(t)
        return
    chosen = _choose(found, t)
    if chosen.running:
        _live(view.root, chosen.experiment_id, t)
    else:
        _body(view.root, chosen.experiment_id, t)
    _all(found, t)


def _nothing(t: Words) -> None:
    st.info(t("This project has no experiments yet."), icon=":material/science:")
    st.markdown(t("Experiments try thresholds and data against a score. Once some have run, this page has"))
    st.markdown(
        "\n".join(
            f"- {line}"
            for line in (
                t("the list of experiments, their jobs, and the curves of what is trained, while they run"),
                t("data and model before and after, and the cuts that moved"),
                t("the trials of a search: which thresholds give which score, and at what cost in rows"),
            )
        )
    )
    st.code("juicesql sandbox run CONFIG", language="shell")


@st.fragment(run_every=EVERY)
def _wait(root: Path, t: Words) -> None:
    st.info(t("An experiment is writing its file. This page tries again by itself."))
    try:
        listed(sandbox_state(root))
    except StoreError:
        return
    st.rerun()


def _choose(found: tuple[Experiment, ...], t: Words) -> Experiment:
    """The experiment in the URL, else the one chosen before, else the newest."""
    by_id = {e.experiment_id: e for e in found}
    if st.session_state.get("experiment") not in by_id:
        asked = st.query_params.get("experiment")
        st.session_state.experiment = asked if asked in by_id else found[0].experiment_id
    chosen = st.selectbox(t("Experiment"), list(by_id), key="experiment", format_func=lambda i: _title(by_id[i], t))
    remember(experiment=chosen)
    return by_id[chosen]


def _title(found: Experiment, t: Words) -> str:
    when = local(found.started)
    return f"{found.experiment_id} · {t(found.status)}" + (f" · {when:%Y-%m-%d %H:%M}" if when else "")


@st.fragment(run_every=EVERY)
def _live(root: Path, experiment_id: str, t: Words) -> None:
    """An experiment that runs, drawn again every moment until it has ended."""
    if _body(root, experiment_id, t):
        st.rerun()


def _body(root: Path, experiment_id: str, t: Words) -> bool:
    """Draw an experiment. Whether it has ended."""
    state = sandbox_state(root)
    found = _latest(state, experiment_id)
    if found is None:
        st.info(t("An experiment is writing its file. This page tries again by itself."))
        return False
    _facts(found.experiment, t)
    failures(found, root, t)
    jobs_table(found, t)
    curves(found, listed(state), state, t)
    before_and_after(found, t)
    moved_cuts(found, t)
    search(found, t)
    pools(found, t)
    return not found.experiment.running


def _latest(state: FileState, experiment_id: str) -> Story | None:
    """What is known of it now; what was known before while somebody writes the file."""
    kept = st.session_state.setdefault("stories", {})
    try:
        kept[experiment_id] = story(state, experiment_id)
    except StoreError as error:
        if not in_use(error):
            raise
    found: Story | None = kept.get(experiment_id)
    return found


def _facts(found: Experiment, t: Words) -> None:
    when = local(found.started)
    facts = [
        (t("Status"), t(found.status)),
        (t("Started"), f"{when:%m-%d %H:%M}" if when else "–"),
        (t("Time"), seconds(since(found.started) if found.running else found.seconds)),
        (t("Jobs done"), f"{found.done} / {found.jobs}" if found.jobs > found.done else f"{found.done}"),
        (t("Trials"), f"{found.trials:,}"),
    ]
    for column, (label, value) in zip(st.columns(len(facts)), facts, strict=True):
        column.metric(label, value)
    if found.file:
        st.caption(plain(found.file))


def _all(found: tuple[Experiment, ...], t: Words) -> None:
    st.subheader(t("All experiments"))
    columns = {
        t("Experiment"): [e.experiment_id for e in found],
        t("Status"): [t(e.status) for e in found],
        t("Started"): [local(e.started) for e in found],
        t("Time"): [seconds(since(e.started) if e.running else e.seconds) for e in found],
        t("Jobs"): [e.jobs for e in found],
        t("Trials"): [e.trials for e in found],
        t("File"): [e.file for e in found],
    }
    st.dataframe(
        pa.table(columns), hide_index=True, key="all_experiments", selection_mode="single-row",
        on_select=lambda: _pick(found), alt=t("All experiments"),
    )  # fmt: skip
    st.caption(t("Select a row to look at that experiment."))


def _pick(found: tuple[Experiment, ...]) -> None:
    rows = st.session_state.all_experiments["selection"]["rows"]
    if rows:
        st.session_state.experiment = found[rows[0]].experiment_id
