"""What stands around every page: navigation, the sidebar with project, run and language, and the URL."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import streamlit as st

from juicesql.errors import JuiceError, StoreError
from juicesql.project import open_project

from ._project import FileState, RunInfo, file_state, in_use, opened, runs_of
from ._text import distinct, plain
from ._words import LANGUAGES, Words, language_of

# What reading a stats database of somebody else may raise.
FOREIGN = (duckdb.Error, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)

# Less room above the page, and totals that stay in sight. On a narrow screen, what was chosen stands above its list,
# numbers stand in pairs, and totals scroll away, as they would hide the page.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 3.5rem; }
[data-testid="stLayoutWrapper"]:has(> .st-key-totals) { position: sticky; top: 3.25rem; z-index: 90; }
.st-key-totals { background: BACKGROUND; padding: .5rem 0 .75rem; }
@media (max-width: 640px) {
  [data-testid="stLayoutWrapper"]:has(> .st-key-totals) { position: static; }
  [data-testid="stColumn"]:has(> * > [data-testid="stElementContainer"] [data-testid="stMetric"]) {
    flex: 1 1 40%; min-width: 40%; }
  [data-testid="stColumn"]:has(.st-key-detail) { order: -1; }
}
</style>"""
# The colours that Streamlit gives to code are too faint on white.
_CODE = """<style>
[data-testid="stCode"] code, [data-testid="stCode"] code span { color: #1f2937 !important; }
[data-testid="stCode"] .deleted, [data-testid="stCode"] .deleted span { color: #a11616 !important; }
[data-testid="stCode"] .inserted, [data-testid="stCode"] .inserted span { color: #05603a !important; }
</style>"""


@dataclass(frozen=True)
class View:
    """What a page gets. `run` is the one chosen in the sidebar: None when the project has none."""

    state: FileState
    runs: tuple[RunInfo, ...]
    run: RunInfo | None
    words: Words

    @property
    def root(self) -> Path:
        return self.state.root


@dataclass(frozen=True)
class PageEntry:
    """A page: its place in the URL, its title (a message), its icon, and what draws it."""

    path: str
    title: str
    icon: str
    show: Callable[[View], None]


def run_app(pages: tuple[PageEntry, ...]) -> None:
    """Draw the whole app once. Streamlit calls it again after every touch."""
    st.set_page_config(page_title="juicesql", page_icon="🧃", layout="wide")
    words = Words(_language())
    st.html(_STYLE.replace("BACKGROUND", _background()) + ("" if st.context.theme.type == "dark" else _CODE))
    state, waits = _readable(_root())
    found = _view(state, words, waits)
    places = [
        st.Page(
            partial(_draw, p, found) if isinstance(found, View) else partial(_explain, found, words),
            title=words(p.title), icon=p.icon, url_path=p.path, default=not i,
        )
        for i, p in enumerate(pages)
    ]  # fmt: skip
    st.navigation(places).run()


def _readable(root: Path) -> tuple[FileState, bool]:
    """The state of the stats database that pages show: that of now, or while a run writes it, the last one that was
    read and is kept in memory; and whether it is the last one."""
    now = file_state(root)
    last: FileState | None = st.session_state.get("state")
    if last is not None and last.root == root and last != now and now.exists:
        try:
            with opened(root, patience=0):
                pass
        except StoreError as error:
            if in_use(error):
                return last, True
    st.session_state.state = now
    return now, False


def _view(state: FileState, words: Words, waits: bool) -> View | JuiceError:
    """What pages get, with the choices of the sidebar; or why the stats database cannot be read now.

    The sidebar is drawn here and not by pages: what a page draws forgets its state on the next one.
    """
    try:
        runs = _runs(state) if state.exists else ()
    except (StoreError, *FOREIGN) as error:
        _sidebar(state, (), words)
        return error if isinstance(error, StoreError) else _foreign(error)
    view = View(state, runs, _sidebar(state, runs, words), words)
    if waits:
        with st.sidebar:
            st.caption(":material/hourglass_top: " + words("A run is writing. Pages show what was there before."))
            _try_again()
    return view


def _background() -> str:
    """The colour behind the page, as the command line set it."""
    return st.get_option(f"theme.{st.context.theme.type or 'light'}.backgroundColor") or "Canvas"


def _root() -> Path:
    """The project folder: the first argument after `--`, else the nearest one from here."""
    return open_project(Path(sys.argv[1]) if len(sys.argv) > 1 else None).root


def _language() -> str:
    if "language" not in st.session_state:
        st.session_state.language = language_of(st.query_params.get("language") or st.context.locale)
    return str(st.session_state.language)


def _draw(page: PageEntry, view: View) -> None:
    st.title(view.words(page.title))
    try:
        page.show(view)
    except JuiceError as error:
        _explain(error, view.words)
    except FOREIGN as error:
        _explain(_foreign(error), view.words)


def _foreign(error: Exception) -> StoreError:
    """A relation that is missing or holds something else: the file was not written by juicesql, or by another one."""
    first = str(error).splitlines()[0] if str(error) else ""
    message = f"the stats database is not as this juicesql writes it: {type(error).__name__}: {first}"
    print("".join(traceback.format_exception(error)), file=sys.stderr)
    return StoreError.of("store-foreign", message, "choose another run, or run the recipe again")


@st.cache_data(show_spinner=False, max_entries=4)
def _runs(state: FileState) -> tuple[RunInfo, ...]:
    with opened(state.root) as con:
        return tuple(runs_of(con))


def _sidebar(state: FileState, runs: tuple[RunInfo, ...], words: Words) -> RunInfo | None:
    with st.sidebar:
        st.markdown(f"**{words('Project')}**")
        st.code(str(state.root), language=None, wrap_lines=True)
        run = _choose_run(runs, words) if runs else None
        st.radio(words("Language"), list(LANGUAGES), format_func=LANGUAGES.__getitem__, key="language", horizontal=True)
    remember(run=run.run_id if run else None, language=words.language)
    return run


def _choose_run(runs: tuple[RunInfo, ...], words: Words) -> RunInfo:
    """The run in the URL, else the one chosen before, else the newest finished one."""
    by_id = {r.run_id: r for r in runs}
    if st.session_state.get("run") not in by_id:
        asked = st.query_params.get("run")
        newest = next((r.run_id for r in runs if r.done), runs[0].run_id)
        st.session_state.run = asked if asked in by_id else newest
    titles = distinct({i: _title(run) for i, run in by_id.items()})
    chosen = st.selectbox(words("Run"), list(by_id), format_func=titles.__getitem__, key="run")
    return by_id[chosen]


def _title(run: RunInfo) -> str:
    when = f"{run.started:%Y-%m-%d %H:%M}" if run.started else run.run_id
    return f"{run.recipe} · {when}" + ("" if run.done else f" · {run.status}")


def remember(**values: str | None) -> None:
    """Put values into the URL, so that it can be sent to others. None takes one out."""
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def _explain(error: JuiceError, words: Words) -> None:
    if not in_use(error):
        for problem in error.problems:
            st.error(plain(problem.message) + (f"  \n{plain(problem.mend)}" if problem.mend else ""))
        return
    st.info(words("A run is writing the stats database. This page tries again by itself."))
    _try_again()


@st.fragment(run_every=2)
def _try_again() -> None:
    """Draw the app again as soon as the file can be opened."""
    try:
        with opened(_root(), patience=0):
            pass
    except StoreError:
        return
    st.rerun()
