"""The pages *Runs* and *Distributions* drawn without a browser, in projects of every state."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import juicesql

pytest.importorskip("streamlit")
from juicesql.app import _project
from juicesql.app._chinese import CHINESE
from juicesql.app.command import command_line
from juicesql.app.views import distributions, runs
from streamlit.testing.v1 import AppTest

from juicesql.errors import JuiceError
from juicesql.store import Store

from .projects import RECIPE, make_project

PAGES = {"runs": runs, "distributions": distributions}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    make_project(folder)
    juicesql.run(folder / "r.sql.j2", project=folder)
    return folder


def opened(monkeypatch: pytest.MonkeyPatch, page: str, folder: Path, **query: str) -> AppTest:
    """A page of its own, as `app/main.py` shows it among others."""
    script = (
        "from juicesql.app._shell import PageEntry, run_app\n"
        f"from juicesql.app.views import {page}\n"
        f"run_app((PageEntry({page!r}, {page.title()!r}, ':material/list:', {page}.show),))\n"
    )
    monkeypatch.setattr(sys, "argv", ["main.py", str(folder)])
    test = AppTest.from_string(script, default_timeout=60)
    for name, value in query.items():
        test.query_params[name] = value
    return test.run()


def said(test: AppTest) -> str:
    """All words of a page."""
    parts = [*test.title, *test.subheader, *test.markdown, *test.caption, *test.info, *test.warning, *test.code]
    return "\n".join(str(p.value) for p in [*parts, *test.error])


def metrics(test: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in test.metric}


@pytest.mark.parametrize("page", PAGES)
def test_a_project_without_runs_says_what_to_do(monkeypatch: Any, page: str, tmp_path: Path) -> None:
    test = opened(monkeypatch, page, tmp_path)
    assert not test.exception
    assert "juicesql run RECIPE" in said(test)
    with Store(tmp_path).open():
        pass  # a database with nothing in it
    test.run()
    assert not test.exception
    assert "juicesql run RECIPE" in said(test)


@pytest.mark.parametrize("page", PAGES)
def test_a_run_that_failed_is_named(monkeypatch: Any, page: str, tmp_path: Path) -> None:
    make_project(tmp_path)
    with pytest.raises(JuiceError):
        juicesql.run(tmp_path / "r.sql.j2", project=tmp_path, max_error_rate=0.0, on_error="stop")
    test = opened(monkeypatch, page, tmp_path)
    assert not test.exception
    assert ("This run failed" if page == "runs" else "has not finished") in said(test)


@pytest.mark.parametrize("page", PAGES)
def test_a_database_that_is_written_is_waited_for(monkeypatch: Any, page: str, tmp_path: Path) -> None:
    make_project(tmp_path)
    juicesql.run(tmp_path / "r.sql.j2", project=tmp_path)
    monkeypatch.setattr(_project, "PATIENCE", 0.1)
    hold = (
        f"import duckdb; con = duckdb.connect({str(tmp_path / 'stats.duckdb')!r}); print('held', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=-1, stdout=-1, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        test = opened(monkeypatch, page, tmp_path)
        assert not test.exception
        assert "A run is writing" in said(test)
        writer.communicate("\n")
    test.run()
    assert "A run is writing" not in said(test)
    assert metrics(test)


@pytest.mark.parametrize("page", PAGES)
def test_a_damaged_database_is_told_of(monkeypatch: Any, page: str, tmp_path: Path) -> None:
    (tmp_path / "stats.duckdb").write_bytes(b"this is no database" * 1000)
    test = opened(monkeypatch, page, tmp_path)
    assert not test.exception
    assert "is damaged" in said(test).replace("\\", "")


def test_runs_tells_the_story_of_a_run(monkeypatch: Any, ready: Path) -> None:
    test = opened(monkeypatch, "runs", ready)
    assert not test.exception
    assert metrics(test)["Rows in"] == "120"
    assert int(metrics(test)["Kept"]) + int(metrics(test)["Dropped by cuts"]) <= 120
    assert "Most rows go here" in said(test)
    assert "invalid" not in said(test)


def test_pages_let_the_file_go(monkeypatch: Any, tmp_path: Path) -> None:
    """A run starts while pages are open, and the pages then show it."""
    make_project(tmp_path)
    juicesql.run(tmp_path / "r.sql.j2", project=tmp_path)
    test = opened(monkeypatch, "distributions", tmp_path)
    command = [sys.executable, "-m", "juicesql.cli", "run", "r.sql.j2"]
    code = f"from juicesql.cli import main; main({command[3:]!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    test.run()
    assert not test.exception
    assert len(test.sidebar.selectbox[0].options) == 2


def test_a_moved_threshold_changes_the_counts_and_the_recipe(monkeypatch: Any, ready: Path) -> None:
    test = opened(monkeypatch, "distributions", ready, look="recipe")
    before = int(metrics(test)["Rows kept"])
    assert metrics(test)["Go"] == "0"
    number = next(n for n in test.number_input if n.label.startswith("text_len ≥"))
    number.set_value(60).run()
    assert not test.exception
    lost = int(metrics(test)["Go"])
    assert lost > 0
    assert int(metrics(test)["Rows kept"]) == before - lost
    (diff,) = [c.value for c in test.code if c.language == "diff"]
    assert "-    where text_len(text) between 20 and 1000" in diff
    assert "+    where text_len(text) between 60 and 1000" in diff
    assert test.query_params["moves"] == "0=60"
    next(b for b in test.button if b.label == "Reset").click().run()
    assert int(metrics(test)["Rows kept"]) == before
    assert "moves" not in test.query_params


def test_a_link_brings_moves_run_and_language(monkeypatch: Any, ready: Path) -> None:
    with Store(ready).open(read_only=True) as con:
        (run_id,) = con.execute("select min(run_id) from runs").fetchone() or ("",)
    test = opened(monkeypatch, "distributions", ready, run=run_id, moves="0=60;nonsense=1;1=x", language="zh")
    assert not test.exception
    assert test.title[0].value == "分布"
    assert int(metrics(test)["离开"]) > 0


@pytest.mark.parametrize("look", distributions.LOOKS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_part_can_be_looked_at(monkeypatch: Any, ready: Path, look: str, language: str) -> None:
    test = opened(monkeypatch, "distributions", ready, look=look, moves="0=60", language=language)
    assert not test.exception
    assert not test.error


def test_hostile_names_are_shown_and_not_read(monkeypatch: Any, tmp_path: Path) -> None:
    """A message of a run is text, whatever stands in it."""
    make_project(tmp_path)
    evil = "![x](http://example.com/x.png) <script>alert(1)</script> $\\alpha$ :red[no]"
    juicesql.run(tmp_path / "r.sql.j2", project=tmp_path)
    with Store(tmp_path).open() as con:
        con.execute("update runs set status = 'failed', message = ?, recipe = ?", [evil, evil])
    test = opened(monkeypatch, "runs", tmp_path)
    assert not test.exception
    assert evil in [c.value for c in test.code]
    assert not any(evil in m.value for m in test.markdown)


def test_every_message_is_said_in_chinese() -> None:
    folder = Path(_project.__file__).parent
    missing = set()
    for path in [*folder.glob("*.py"), *(folder / "views").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = (
                called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
            )
            if name in ("t", "words") and isinstance(node, ast.Call) and node.args:
                message = node.args[0]
                if isinstance(message, ast.Constant) and message.value not in CHINESE:
                    missing.add(f"{path.name}: {message.value}")
    assert not missing


def test_the_server_listens_to_this_machine_only(tmp_path: Path) -> None:
    command = command_line(tmp_path, 8501, False)
    assert "--server.address=127.0.0.1" in command
    assert "--server.headless=true" in command
    assert "--browser.gatherUsageStats=false" in command
    assert command[-2:] == ["--", str(tmp_path)]
    assert RECIPE.count("between 20") == 1
