"""What past experiments did: queries over a store made here, and the commands that print them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from juicesql.sandbox import history
from juicesql.sandbox.base import ANONYMOUS
from juicesql.sandbox.history_command import list_experiments, metrics, show
from juicesql.sandbox.store import FILE, SandboxStore
from typer.testing import CliRunner

from juicesql.errors import StoreError
from juicesql.inspect import experiments, outcomes
from juicesql.inspect.experiments import Trial
from tests.app.experiments_project import RANKING, make_experiments

app = typer.Typer()
app.command("list")(list_experiments)
app.command()(show)
app.command()(metrics)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    make_experiments(folder)
    (folder / "juicesql.toml").write_text("", "utf-8")
    return folder


def said(project: Path, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--project", str(project)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_reader_and_the_writer_agree() -> None:
    assert (experiments.FILE, experiments.UNNAMED) == (FILE, ANONYMOUS)


def test_experiments_are_listed_newest_first(project: Path) -> None:
    found = history.listed(project)
    assert [e.experiment_id for e in found] == ["demo/live", "demo/broken", "demo/search", "demo/refine"]
    assert [(e.status, e.jobs, e.done, e.trials) for e in found] == [
        ("running", 2, 1, 0), ("failed", 2, 1, 0), ("done", 1, 1, 40), ("done", 8, 8, 0),
    ]  # fmt: skip
    assert found[0].seconds is None and found[3].seconds is not None


def test_a_project_without_experiments(tmp_path: Path) -> None:
    assert history.listed(tmp_path) == []
    with pytest.raises(StoreError, match="no experiments yet"):
        history.read(tmp_path, "latest")
    assert not list(tmp_path.iterdir())  # looking makes no file
    assert json.loads(said(tmp_path, "list", "--json")) == []


def test_one_experiment_with_its_jobs(project: Path) -> None:
    found = history.read(project, "refine")
    assert found == history.read(project, "demo/refine")
    assert [j.meta_name for j in found.jobs][:2] == ["analysis_ori_data", "k_sigma"]
    assert found.jobs[1].result["kept_after"] == 3402
    assert found.metrics["eval_random.accuracy"] == 0.41
    pairs = [(before.name, after.name) for before, after, _ in found.comparisons()]
    assert ("analysis_ori_data", "analysis_processed_data") in pairs and ("eval_random", "eval_refined") in pairs
    with pytest.raises(StoreError, match="did you mean `demo/refine`"):
        history.read(project, "demo/refin")


def test_before_and_after(project: Path) -> None:
    found = {c.metric: c for c in history.compared(project, "refine", "eval_random", "eval_refined")}
    assert list(found) == ["perplexity", "accuracy", "loss"]
    change = found["perplexity"]
    assert (change.before, change.after) == (19.2, 11.3)
    assert math.isclose(change.change, -7.9) and change.share is not None and math.isclose(change.share, -7.9 / 19.2)
    assert history.compared(project, "refine", "no", "eval_refined") == []


def test_series_come_back_whole_and_in_order(project: Path) -> None:
    loss, rate = history.read_series(project, "refine", "train_random")
    assert (loss.line, loss.metric, rate.metric) == ("train_random", "loss", "learning_rate")
    assert loss.steps == tuple(range(0, 200, 2)) and loss.values[0] == pytest.approx(5.9)
    assert [s.metric for s in history.read_series(project, "refine", "train_random.loss")] == ["loss"]
    (live,) = history.read_series(project, "live")
    assert live.line == "low.train" and math.isnan(live.values[4])


def test_long_series_are_thinned_and_keep_their_ends(tmp_path: Path) -> None:
    store = SandboxStore(tmp_path)
    key = store.begin("a", "b", "", {})
    store.add_metrics(key, [("t.loss", i, float(i), None) for i in reversed(range(10_001))])
    store.add_metrics(key, [("t.loss", 0, -1.0, None)])  # the newest of a step counts
    with experiments.opened(tmp_path) as con:
        (found,) = experiments.series_of(con, key, most=100)
    assert len(found.steps) <= 101 and (found.steps[0], found.steps[-1]) == (0, 10_000)
    assert found.values[0] == -1.0 and list(found.steps) == sorted(found.steps)


def test_a_job_that_failed_shows_the_end_of_its_log(project: Path) -> None:
    text = said(project, "show", "broken")
    assert "step 39 of the training" in text and "step 2 of the training" not in text
    assert "broken.log" in text and "ended with code 1" in text


def test_what_is_printed(project: Path) -> None:
    table = said(project, "list").splitlines()
    assert len(table) == 5 and table[4].split()[:2] == ["demo/refine", "done"]
    text = said(project, "show", "refine")
    assert "perplexity" in text and "-7.9" in text and "analysis_processed_data" in text
    data = json.loads(said(project, "show", "search", "--json"))
    scores = {t["trial"]: t["values"]["quality.score"] for t in data["trials"] if t["status"] == "complete"}
    assert scores[data["best"]["quality.score"]] == max(scores.values())
    perplexities = {t["trial"]: t["values"]["perplexity"] for t in data["trials"] if t["status"] == "complete"}
    assert perplexities[data["best"]["perplexity"]] == min(perplexities.values())
    compared = json.loads(
        said(project, "show", "refine", "--before", "eval_random", "--after", "eval_refined", "--json")
    )
    assert {c["metric"] for c in compared} == {"perplexity", "accuracy", "loss"}
    lines = said(project, "metrics", "train_refined.loss", "--experiment", "refine").splitlines()
    assert len(lines) == 100 and lines[1].split("\t")[:2] == ["train_refined.loss", "2"]


def test_a_file_in_use_is_waited_for_and_then_told_of(project: Path, tmp_path: Path) -> None:
    make_experiments(tmp_path, running=False)
    path = tmp_path / FILE
    hold = f"import duckdb; con = duckdb.connect({str(path)!r}); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(StoreError, match="store-in-use"), experiments.opened(tmp_path, patience=0.1):
            pass
        other.communicate("\n")
    assert history.listed(tmp_path)


def test_a_damaged_file_is_told_of(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreError, match="store-damaged"):
        history.listed(tmp_path)


def test_an_empty_file_has_no_experiments(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    assert history.listed(tmp_path) == []
    (tmp_path / FILE).unlink()
    duckdb.connect(str(tmp_path / FILE)).close()
    assert history.listed(tmp_path) == []
    with SandboxStore(tmp_path).open():
        pass
    assert history.listed(tmp_path) == []
    with pytest.raises(StoreError, match="no experiment `x`"):
        history.read(tmp_path, "x")


def test_rankings_are_found(project: Path) -> None:
    (found,) = outcomes.rankings(history.read(project, "search").jobs)
    assert list(found.pools) == RANKING and found.metrics == ("loss", "std", "difference", "rows")
    assert found.more_is_better is False


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12),
    st.tuples(st.booleans(), st.booleans()),
)
def test_the_frontier_is_what_nothing_beats(points: list[tuple[int, int]], more: tuple[bool, bool]) -> None:
    signs = np.array([1 if m else -1 for m in more])
    values = np.array(points).reshape(-1, 2) * signs
    expected = [i for i, v in enumerate(values) if not any((o >= v).all() and (o > v).any() for o in values)]
    assert outcomes.frontier(points, more) == expected


def test_trials_without_a_value_win_nothing() -> None:
    def trial(n: int, status: str, **values: Any) -> Trial:
        return Trial(n, status, {}, values, 5 - n, 0, 1.0, "")

    tried = [trial(0, "complete", s=math.nan), trial(1, "pruned", s=9.0), trial(2, "complete", s=1.0),
             trial(3, "complete", s=1.0), trial(4, "failed"), trial(5, "complete", s="x")]  # fmt: skip
    best = outcomes.best(tried, "s", True)
    assert best is not None and best.trial == 2
    assert outcomes.best([], "s", True) is None
    assert outcomes.value_of(tried[2], "kept") == 3.0
