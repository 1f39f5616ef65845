"""Trials that run jobs: settings and thresholds are changed, reported numbers end a trial, a killed search goes on."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from juicesql.sandbox.base import Context, Job, Results
from juicesql.sandbox.executor import Executor
from juicesql.sandbox.search import Pruned, SearchResult, heard, search
from juicesql.sandbox.search.trials import Trial
from juicesql.sandbox.search.watching import Listening
from juicesql.sandbox.store import SandboxStore

from juicesql.errors import JuiceError
from juicesql.running import run

from .conftest import Kept, Quiet

pytest.importorskip("optuna")

TRAIN = Job("TrainModelHook", "train", None, {"lr": 1.0, "type": "t"}, "execution", "anonymous", 1)
LR = {"train.extra_configs.lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0}}
RunTrial = Callable[[int, Sequence[Job]], Results]


def _gave(job: Job, **result: Any) -> Results:
    results = Results()
    results.add(job, result)
    return results


def _searched(
    folder: Path, hpo: Mapping[str, Any], jobs: Sequence[Job], run_trial: RunTrial, name: str = "e"
) -> SearchResult:
    return search(
        hpo, jobs, project=folder, store=SandboxStore(folder), experiment=f"p/{name}", watcher=Kept(), run_id=None,
        run_trial=run_trial, folder=folder / name, seed=3, progress=Quiet(),
    )  # fmt: skip


def test_settings_of_jobs_are_changed(tmp_path: Path) -> None:
    """In the pipeline that is named, or in every one that has the job."""
    other = Job("TrainModelHook", "train", None, {"lr": 1.0}, "execution", "big", 0)
    seen: list[tuple[Any, ...]] = []

    def run_trial(number: int, jobs: Sequence[Job]) -> Results:
        seen.append((number, *(dict(j.extra) for j in jobs)))
        return _gave(jobs[0], eval={"loss": (float(jobs[0].extra["lr"]) - 0.1) ** 2}, measured=number)

    hpo = {
        "method": "grid", "metric": {"name": "train.eval.loss", "goal": "minimize"},
        "parameters": {"train.extra_configs.lr": {"values": [0.2, 0.1]}, "big.train.extra_configs.opt.name": {"value": "a"}},
    }  # fmt: skip
    found = _searched(tmp_path, hpo, [TRAIN, other], run_trial)
    assert seen == [
        (n, {"lr": lr, "type": "t"}, {"lr": lr, "opt": {"name": "a"}}) for n, lr in enumerate((0.1, 0.2))
    ]  # fmt: skip
    assert found.best.parameters["train.extra_configs.lr"] == 0.1 and found.values["train.eval.loss"] == 0
    assert found.ran_jobs and [t.measured for t in found.trials] == [0, 1]
    assert TRAIN.extra["lr"] == 1.0


def test_thresholds_go_into_a_copy_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"text": "x" * n} for n in range(1, 21)]
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (tmp_path / "juicesql.toml").write_text("")
    text = '{{ config(source="docs.jsonl") }}\nfrom source where text_len(text) between {{ var("low", 3) }} and 15\n'
    (tmp_path / "r.sql.j2").write_text(text)
    monkeypatch.chdir(tmp_path)
    process = Job(
        "ProcessDataHook", "process", {"recipe": "r.sql.j2", "vars": {"low": 4}}, {}, "execution", "anonymous", 0
    )

    def run_trial(number: int, jobs: Sequence[Job]) -> Results:
        given = jobs[0].recipe
        assert isinstance(given, Mapping)
        done = run(given["recipe"], project=tmp_path, variables=given["vars"])
        return _gave(jobs[0], kept=done.kept, loss=abs(done.kept - 9))

    hpo = {"method": "grid", "metric": {"name": "process.loss", "goal": "minimize"}, "write": "best.sql.j2",
           "parameters": {"low": {"values": [2, 5]}, "text_len.max": {"values": [13, 19]}}}  # fmt: skip
    found = _searched(tmp_path, hpo, [process, TRAIN], run_trial)
    assert [t.kept for t in found.trials] == [12, 18, 9, 15]  # from `low` to `text_len.max`, both included
    assert Path("best.sql.j2").read_text() == text.replace("3)", "5)").replace("15", "13")
    assert (tmp_path / "r.sql.j2").read_text() == text


def test_a_trial_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    broken = [True]

    def run_trial(number: int, jobs: Sequence[Job]) -> Results:
        if number == 1 and broken[0]:
            raise JuiceError.of("job-failed", "the disk is full")
        return _gave(TRAIN, loss=float(jobs[0].extra["lr"]), score="good" if number == 2 else 1)

    hpo = {
        "method": "random",
        "sweep_max_count": 3,
        "metric": {"name": "train.loss", "goal": "minimize"},
        "parameters": LR,
    }
    found = _searched(tmp_path, hpo, [TRAIN], run_trial)
    assert [t.status for t in found.trials] == ["complete", "failed", "complete"]
    assert "1 failed; trial 1: error[job-failed] the disk is full" in found.lines()
    broken[0] = False
    again = _searched(tmp_path, hpo, [TRAIN], run_trial)
    assert [t.status for t in again.trials] == ["complete"] * 3 and again.repeated == 2
    no_number = _searched(tmp_path, {**hpo, "metric": {"name": "train.score"}}, [TRAIN], run_trial)
    assert no_number.trials[2].message == "no value for train.score"
    with pytest.raises(JuiceError, match=r"none of 3 trials gave a value: no value for train\.other"):
        _searched(tmp_path, {**hpo, "metric": {"name": "train.other"}}, [TRAIN], run_trial)


def test_hyperband_ends_trials_that_learn_little(tmp_path: Path) -> None:
    """A loss that stays near its learning rate: what is far behind at a judgement goes no further."""
    steps: dict[int, int] = {}

    def run_trial(number: int, jobs: Sequence[Job]) -> Results:
        watcher, loss = heard(Kept()), 0.0
        for step in range(1, 28):
            steps[number] = step
            loss = float(jobs[0].extra["lr"]) + 1 / step
            watcher.watch({"loss": loss, "rate": 1}, "train", step)
        return _gave(TRAIN, loss=loss)

    hpo = {"method": "random", "sweep_max_count": 20, "metric": {"name": "train.loss", "goal": "minimize"},
           "parameters": LR, "early_terminate": {"type": "hyperband", "max_iter": 27, "s": 2}}  # fmt: skip
    found = _searched(tmp_path, hpo, [TRAIN], run_trial)
    pruned = [t for t in found.trials if t.status == "pruned"]
    assert pruned and found.best.status == "complete"
    assert all(steps[t.number] < 27 and max(t.series) == steps[t.number] for t in pruned)
    assert {steps[t.number] for t in found.trials if t.status == "complete"} == {27}
    assert min(t.parameters["train.extra_configs.lr"] for t in pruned) > found.best.parameters["train.extra_configs.lr"]
    again = _searched(tmp_path, hpo, [TRAIN], lambda *_: pytest.fail("all trials ended"))
    assert again.repeated == 20 and [t.series for t in again.trials] == [t.series for t in found.trials]


class _Endless(Executor):
    """Says a number and then sleeps in a program."""

    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        await self.command([sys.executable, "-uc", "import time; print('loss 3'); time.sleep(60)"])

    def _watch_run(self, line: str) -> None:
        if line.startswith("loss"):
            self.context.watched("loss", float(line.split()[1]), 1)


def test_a_pruned_training_ends_at_once(tmp_path: Path, make_context: Callable[..., Context]) -> None:
    context = make_context(tmp_path, meta_name="train")

    def report(step: int, value: float) -> None:
        raise Pruned.of("pruned", f"{value} at {step}")

    with Listening(None, "train.loss", report) as listening:
        heard_context = Context(**{**vars(context), "watcher": heard(context.watcher)})
        with pytest.raises(Pruned, match=r"3\.0 at 1"):
            _Endless(None, heard_context).run("train")
    assert listening.pruned
    assert asyncio.run(asyncio.sleep(0, True))  # nothing is left cancelled


SCRIPT = """
import os, signal, sys
from pathlib import Path
from juicesql.sandbox.search import heard
from tests.sandbox.conftest import Kept
from tests.sandbox.test_search_jobs import TRAIN, _gave, _searched

folder, name, method, killed = Path(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])

def run_trial(number, jobs):
    with open(folder / (name + ".log"), "a") as log:
        log.write(f"{number}\\n")
    lr, watcher = jobs[0].extra["lr"], heard(Kept())
    for step in (1, 3, 9):
        watcher.watch(lr + 1 / step, "train.loss", step)
    if number == killed:
        os.kill(os.getpid(), signal.SIGKILL)
    return _gave(TRAIN, loss=(lr - 0.02) ** 2)

hpo = {"method": method, "sweep_max_count": 18, "metric": {"name": "train.loss", "goal": "minimize"},
       "parameters": {"train.extra_configs.lr": {"min": 0.0, "max": 1.0}},
       "early_terminate": {"type": "hyperband", "min_iter": 1}}
_searched(folder, hpo, [TRAIN], run_trial, name)
"""


def _trials(folder: Path, name: str) -> list[tuple[Any, ...]]:
    with SandboxStore(folder).open() as con:
        return con.execute(
            'select trial, status, parameters, "values", message from trials where experiment_id = ? order by trial',
            [f"p/{name}"],
        ).fetchall()


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_a_killed_search_goes_on_as_if_it_had_not_been(tmp_path: Path, method: str) -> None:
    def start(name: str, killed: int) -> int:
        words = [sys.executable, "-c", SCRIPT, str(tmp_path), name, method, str(killed)]
        return subprocess.run(words, cwd=Path(__file__).parents[2], check=False).returncode

    assert start("whole", -1) == 0
    assert start("cut", 13) == -signal.SIGKILL
    assert [t[1] for t in _trials(tmp_path, "cut")][-1] == "running"
    assert start("cut", -1) == 0
    assert _trials(tmp_path, "cut") == _trials(tmp_path, "whole")
    assert {t[1] for t in _trials(tmp_path, "whole")} == {"complete", "pruned"}
    ran = [int(n) for n in (tmp_path / "cut.log").read_text().split()]
    assert ran == [*range(14), *range(13, 18)]  # only the trial that was killed ran twice


class _StandIn:
    """Stands in for wandb's server: it chooses every trial by a list, and keeps what is logged."""

    Error = RuntimeError

    def __init__(self, chosen: Sequence[Mapping[str, Any]]) -> None:
        self.chosen, self.runs, self.made = list(chosen), list[dict[str, Any]](), dict[str, Any]()

    def sweep(self, sweep: dict[str, Any], project: str) -> str:
        self.made = {"project": project, **sweep}
        return "sweep1"

    def agent(self, sweep_id: str, function: Callable[[], None], project: str, count: int) -> None:
        assert (sweep_id, project) == ("sweep1", "p")
        for _ in range(count):
            function()

    def init(self, **_: Any) -> Any:
        kept: dict[str, Any] = {"config": self.chosen[len(self.runs)], "logged": []}
        self.runs.append(kept)
        return SimpleNamespace(
            config=kept["config"], log=kept["logged"].append, finish=lambda exit_code: kept.update(exit_code=exit_code)
        )


def test_a_sweep_of_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a stand-in of the module, by its documented calls: no server can be reached here."""
    stand_in = _StandIn([{"train.extra_configs.lr": 0.5, "_wandb": {}}, {"train.extra_configs.lr": 0.2, "_wandb": {}}])
    monkeypatch.setitem(sys.modules, "wandb", stand_in)  # type: ignore[arg-type]
    monkeypatch.setattr("juicesql.sandbox.search.sweeps.find_spec", lambda _: True)
    monkeypatch.delenv("WANDB_MODE", raising=False)

    def run_trial(number: int, jobs: Sequence[Job]) -> Results:
        heard(Kept()).watch(1.0, "train.loss", 1)
        if number == 0:
            raise JuiceError.of("job-failed", "no")
        return _gave(TRAIN, loss=float(jobs[0].extra["lr"]))

    parameters = {"train.extra_configs.lr": {"distribution": "log_normal", "mu": "1e-1", "sigma": 1}}
    hpo = {"tracker": "wandb", "method": "tpe", "sweep_name": "s", "sweep_max_count": 2, "parameters": parameters,
           "metric": {"name": "train.loss", "goal": "minimize"}}  # fmt: skip
    found = _searched(tmp_path, hpo, [TRAIN], run_trial)
    assert stand_in.made == {
        "project": "p", "name": "s", "method": "bayes", "metric": {"name": "train.loss", "goal": "minimize"},
        "parameters": {"train.extra_configs.lr": {"distribution": "log_normal", "mu": 0.1, "sigma": 1}},
    }  # fmt: skip
    assert [r["exit_code"] for r in stand_in.runs] == [1, 0]
    assert stand_in.runs[1]["logged"] == [{"train.loss": 1.0}, {"train.loss": 0.2}]
    assert found.sweep == "sweep1" and found.best.number == 1
    assert [t.status for t in found.trials if isinstance(t, Trial)] == ["failed", "complete"]
    assert [t[1] for t in _trials(tmp_path, "e")] == ["failed", "complete"]
