"""The page *Sandbox* drawn without a browser, over a store made here with hostile names and numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

pytest.importorskip("streamlit")
from juicesql.app import _experiment_data
from juicesql.app._experiment_jobs import number
from juicesql.sandbox.store import FILE, SandboxStore
from streamlit.testing.v1 import AppTest

from juicesql.inspect import experiments

from .experiments_project import JOBS, make_experiments, record
from .test_pages import metrics, opened, said


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiments")
    make_experiments(folder)
    return folder


def drawn(monkeypatch: pytest.MonkeyPatch, folder: Path, **query: str) -> AppTest:
    test = opened(monkeypatch, "sandbox", folder, **query)
    assert not test.exception
    return test


def html(test: AppTest) -> str:
    return "\n".join(e.proto.body for e in test.get("html") if "<style>" not in e.proto.body)


def charts(test: AppTest) -> int:
    return len(test.get("vega_lite_chart"))


def subheaders(test: AppTest) -> list[str]:
    return [s.value for s in test.subheader]


@pytest.mark.parametrize("state", ["no file", "an empty file", "another database", "no experiments"])
def test_a_project_without_experiments_says_what_to_do(monkeypatch: Any, tmp_path: Path, state: str) -> None:
    if state == "an empty file":
        (tmp_path / FILE).touch()
    elif state == "another database":
        duckdb.connect(str(tmp_path / FILE)).close()
    elif state == "no experiments":
        with SandboxStore(tmp_path).open():
            pass
    test = drawn(monkeypatch, tmp_path)
    assert "no experiments yet" in said(test) and "juicesql sandbox run CONFIG" in said(test)
    make_experiments(tmp_path) if state in ("no file", "no experiments") else None
    if (tmp_path / FILE).stat().st_size > 50_000:
        test.run()
        assert "Jobs" in subheaders(test)


def test_an_experiment_that_is_done(monkeypatch: Any, ready: Path) -> None:
    test = drawn(monkeypatch, ready, experiment="demo/refine")
    assert (metrics(test)["Status"], metrics(test)["Jobs done"]) == ("done", "8")
    assert subheaders(test) == ["Jobs", "Curves", "Before and after", "Cuts moved by k_sigma", "All experiments"]
    page = html(test)
    for job in JOBS:
        assert job[2] in page and job[1] in page
    assert "perplexity 19.2 · accuracy 0.41" in page
    assert page.count("-41.1%") == 1  # (11.3 - 19.2) / 19.2
    assert "&gt;= 0.712" in page
    (diff,) = [c.value for c in test.code if c.language == "diff"]
    assert "+      and alnum_ratio(text) >= 0.712" in diff
    assert "3,816 before, 3,402 after" in said(test)
    assert charts(test) == 2  # loss and learning_rate


def test_a_search_with_its_trials_and_pools(monkeypatch: Any, ready: Path) -> None:
    test = drawn(monkeypatch, ready, experiment="demo/search")
    assert (metrics(test)["Trials"], metrics(test)["Complete"], metrics(test)["Values measured"]) == ("40", "38", "0")
    assert charts(test) == 4  # history, trade, parallel coordinates, pools
    assert "Best trial: 32" in said(test)
    objective = next(c for c in test.button_group if c.label == "Objective")
    objective.set_value("perplexity").run()
    assert not test.exception
    assert "Best trial: 20" in said(test)  # here less is better
    assert "1. word_rep_ratio_0" in html(test) and "Less is better." in said(test)


def test_a_job_that_failed(monkeypatch: Any, ready: Path) -> None:
    test = drawn(monkeypatch, ready, experiment="demo/broken")
    assert "A job failed:" in said(test) and "step 39 of the training" in said(test)
    assert "step 3 of the training" not in said(test)
    assert "<script>" not in html(test)


def test_a_log_outside_of_the_project_is_not_read(ready: Path, tmp_path: Path) -> None:
    assert _experiment_data.log_tail(ready, str(ready / "broken.log"))
    outside = tmp_path / "secret.log"
    outside.write_text("secret\n")
    (ready / "link.log").symlink_to(outside)
    for path in (outside, ready / "link.log", ready / "no.log", ready, ""):
        assert _experiment_data.log_tail(ready, str(path)) == []


def test_an_experiment_is_seen_to_go_on_and_to_end(monkeypatch: Any, tmp_path: Path) -> None:
    store = SandboxStore(tmp_path)
    key = store.begin("demo", "live", "a.yaml", {})
    test = drawn(monkeypatch, tmp_path)
    assert "No job has begun yet" in said(test)
    record(store, key, 0, ("execution", "TrainModelHook", "train", 1.0, {}), None, status="running", seconds=None)
    store.add_metrics(key, [("train.loss", s, float("nan") if s == 1 else 3.0 - s, None) for s in range(3)])
    test.run()
    assert charts(test) == 1 and "are not drawn: 1" in said(test)
    assert metrics(test)["Status"] == "running"
    store.end(key, "done")
    test.run()
    assert not test.exception
    assert metrics(test)["Status"] == "done"


def test_the_link_and_the_choice(monkeypatch: Any, ready: Path) -> None:
    test = drawn(monkeypatch, ready, experiment="demo/broken")
    assert test.selectbox[0].value == "demo/broken"
    test.selectbox[0].set_value("demo/search").run()
    assert test.query_params["experiment"] == "demo/search"
    assert drawn(monkeypatch, ready, experiment="no/such").selectbox[0].value == "demo/live"  # the newest


def test_curves_of_other_experiments_lie_beside(monkeypatch: Any, ready: Path) -> None:
    test = drawn(monkeypatch, ready, experiment="demo/refine")
    test.multiselect[0].set_value(["demo/live"]).run()
    assert not test.exception and charts(test) == 2


def test_three_jobs_of_a_hook_are_chosen_from(monkeypatch: Any, tmp_path: Path) -> None:
    store = SandboxStore(tmp_path)
    key = store.begin("demo", "pools", "a.yaml", {})
    for place, loss in enumerate((3.0, 2.0, 1.0)):
        job = ("execution", "TrainModelHook", f"pool{place}", 1.0, {"loss": loss})
        record(store, key, place, job, None, pipeline="a" if place < 2 else "b")
    store.end(key, "done")
    test = drawn(monkeypatch, tmp_path)
    before, after = test.selectbox[1:3]
    assert (before.value, after.value) == ("a.pool0", "b.pool2") and "-66.7%" in html(test)
    before.set_value("a.pool1").run()
    assert "-50.0%" in html(test)


def test_a_file_that_is_written_is_waited_for(monkeypatch: Any, tmp_path: Path) -> None:
    make_experiments(tmp_path, running=False)
    monkeypatch.setattr(experiments, "PATIENCE", 0.1)
    monkeypatch.setattr(experiments.opened.__wrapped__, "__defaults__", (0.1,))  # type: ignore[attr-defined]
    hold = f"import duckdb; con = duckdb.connect({str(tmp_path / FILE)!r}); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=-1, stdout=-1, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        test = drawn(monkeypatch, tmp_path)
        assert "is writing its file" in said(test)
        writer.communicate("\n")
    test.run()
    assert "is writing its file" not in said(test) and metrics(test)


def test_a_damaged_file_is_told_of(monkeypatch: Any, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 1000)
    assert "cannot use" in said(drawn(monkeypatch, tmp_path))


def test_numbers_for_people() -> None:
    assert [number(v) for v in (5000.0, 0.123456, 12345.678, float("nan"), -0.5)] == [
        "5,000", "0.1235", "12,346", "nan", "-0.5",
    ]  # fmt: skip


def test_it_speaks_chinese(monkeypatch: Any, ready: Path) -> None:
    test = drawn(monkeypatch, ready, experiment="demo/search", language="zh")
    assert "搜索" in subheaders(test) and "最佳试验：32" in said(test)
