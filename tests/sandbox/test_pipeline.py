"""Jobs run in order, pass results on, and are not done twice; a project's own hooks, components and job lists."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from juicesql.sandbox.errors import JobError, SandboxError
from juicesql.sandbox.pipeline import Report, run_sandbox
from juicesql.sandbox.registry import job_lists
from juicesql.sandbox.store import SandboxStore

from juicesql.errors import JuiceError

RECIPE = """{{ config(source="docs.jsonl", export="clean.jsonl") }}
select * from source where text_len(text) >= {{ var('least', 10) }}
"""
OWN = '''
import os, time
from dataclasses import dataclass
from pathlib import Path

from juicesql.sandbox.base import Evaluator, Hook
from juicesql.sandbox.executor import Executor
from juicesql.sandbox.registry import component, hook, job_list

job_list("own_jobs", "own", after="execution_job_configs")


@dataclass(frozen=True)
class CountSettings:
    factor: float = 1.0
    dataset_path: str = ""


@component("DataEvaluator", "own_lines")
class Lines(Evaluator):
    """Counts lines."""

    Settings = CountSettings

    def run(self, eval_type, eval_obj=None):
        path = self.context.dataset(self.settings.dataset_path or None)
        return {"lines": self.settings.factor * len(Path(path).read_text().splitlines())}


@hook("evaluation", "own")
class OwnEvaluateHook(Hook):
    """Evaluates with a component of its own."""

    factory = "DataEvaluator"
    gives = ("lines",)

    def run(self, context):
        with open("calls.txt", "a") as calls:
            calls.write(self.job.meta_name + "\\n")
        return self.make(context).run("data")


@dataclass(frozen=True)
class FailSettings:
    until: str = ""
    wait: float = 0.0


@hook("execution")
class OwnFailHook(Hook):
    """Fails until a file is there."""

    Settings = FailSettings

    def run(self, context):
        settings = self.settings()
        print("about to look", flush=True)
        (context.folder / "made.txt").write_text("x")
        if settings.wait and not Path(settings.until).exists():
            Path("waiting").write_text(str(os.getpid()))
            time.sleep(settings.wait)
        if not Path(settings.until).exists():
            raise ValueError("nothing there")
        return {"value": 7}


@dataclass(frozen=True)
class TrainSettings:
    steps: int = 3


@component("ModelTrainExecutor", "own_train")
class OwnTrain(Executor):
    """Prints a loss."""

    Settings = TrainSettings

    async def _run(self, run_type, run_obj=None):
        for step in range(self.settings.steps):
            print(f"loss {10 - step} at {step}")
        self.trained = self.context.folder / "model"
        self.trained.mkdir()

    def _watch_run(self, line):
        if line.startswith("loss "):
            _, value, _, step = line.split()
            self.context.watched("loss", float(value), int(step))

    def result(self):
        return {"model": str(self.trained)}
'''
HEAD = "project_name: p\nexperiment_name: e\n"
TWO = """
probe_job_configs:
  - {hook: ProbeViaAnalyzerHook, meta_name: before, dj_configs: recipe.sql.j2}
execution_job_configs:
  - {hook: ProcessDataHook, dj_configs: recipe.sql.j2}
evaluation_job_configs:
  - {hook: OwnEvaluateHook, meta_name: counted, extra_configs: {type: own_lines, factor: 2}}
  - {hook: ProbeViaAnalyzerHook, meta_name: after, dj_configs: recipe.sql.j2}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [{"text": "x" * n} for n in range(1, 21)]  # of 1 to 20 characters
    Path("docs.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    Path("recipe.sql.j2").write_text(RECIPE)
    Path("sandbox_own.py").write_text(OWN)
    return tmp_path


def run(text: str, **options: object) -> Report:
    Path("e.yaml").write_text(text)
    return run_sandbox(Path("e.yaml"), **options)  # type: ignore[arg-type]


def skipped(report: Report) -> list[bool]:
    return [d.skipped for d in report.jobs]


def calls() -> list[str]:
    return Path("calls.txt").read_text().split()


def test_jobs_run_in_order_and_pass_results_on(folder: Path) -> None:
    lines: list[str] = []
    report = run(HEAD + TWO, say=lines.append)
    results = {d.job.meta_name: d.result for d in report.jobs}
    assert list(results) == ["before", "process_data", "counted", "after"]
    assert (results["before"]["rows"], results["before"]["kept"]) == (20, 11)  # 10 to 20 characters
    assert (results["before"]["stats"]["text_len"]["mean"], results["before"]["measured"]) == (10.5, 20)
    assert (results["process_data"]["kept"], results["process_data"]["measured"]) == (11, 0)
    assert results["counted"] == {"lines": 22.0}
    assert (results["after"]["rows"], results["after"]["measured"]) == (11, 0)  # it looked at the processed data
    assert results["after"]["stats"]["text_len"]["mean"] == 15
    assert lines[0].startswith("[1/4] ProbeViaAnalyzerHook  before")
    assert "20 rows of docs.jsonl, 1 stats; 20 values measured, 0 reused; its cuts would keep 11 (55.0%)" in lines[1]


def test_the_store_has_the_experiment_its_jobs_and_numbers(folder: Path) -> None:
    run(HEAD + TWO)
    with SandboxStore(folder).open(read_only=True) as con:
        assert con.execute("select experiment_id, status, message from experiments").fetchall() == [("p/e", "done", "")]
        jobs = con.execute('select meta_name, "list", status from jobs order by "position"').fetchall()
        lines = con.execute("select value from metrics where name = 'counted.lines'").fetchall()
    assert jobs == [
        ("before", "probe", "done"), ("process_data", "execution", "done"), ("counted", "evaluation", "done"),
        ("after", "evaluation", "done"),
    ]  # fmt: skip
    assert lines == [(22.0,)]


def test_what_is_done_is_not_done_again(folder: Path) -> None:
    first = run(HEAD + TWO)
    again = run(HEAD + TWO)
    assert (skipped(first), skipped(again)) == ([False] * 4, [True] * 4)
    assert [d.result for d in again.jobs] == [d.result for d in first.jobs]
    assert calls() == ["counted"]
    assert skipped(run(HEAD + TWO, fresh=True)) == [False] * 4
    assert skipped(run(HEAD + "resume: false\n" + TWO)) == [False] * 4


def test_a_job_that_changed_runs_again_with_all_after_it(folder: Path) -> None:
    run(HEAD + TWO)
    assert skipped(run(HEAD + TWO.replace("factor: 2", "factor: 3"))) == [True, True, False, False]
    Path("recipe.sql.j2").write_text(RECIPE.replace("10)", "12)"))
    assert skipped(run(HEAD + TWO.replace("factor: 2", "factor: 3"))) == [False] * 4
    with open("docs.jsonl", "a") as docs:
        docs.write('{"text": "a document that came later"}\n')
    assert skipped(run(HEAD + TWO.replace("factor: 2", "factor: 3"))) == [False] * 4


def test_a_job_whose_output_is_gone_runs_again(folder: Path) -> None:
    run(HEAD + TWO)
    Path("clean.jsonl").unlink()
    assert skipped(run(HEAD + TWO)) == [True, False, False, False]
    assert Path("clean.jsonl").exists()


FAILING = HEAD + TWO.replace(
    "evaluation_job_configs:",
    "  - {hook: OwnFailHook, meta_name: fails, extra_configs: {until: ok}}\n"
    "own_jobs:\n  - {hook: OwnEvaluateHook, meta_name: own, extra_configs: {type: own_lines}}\nevaluation_job_configs:",
)


def test_a_hook_that_raises_fails_its_job_with_the_last_lines_of_its_log(folder: Path) -> None:
    with pytest.raises(JobError) as caught:
        run(FAILING)
    shown = str(caught.value)
    assert (
        "e.yaml:8: OwnFailHook (fails): ValueError: nothing there; the last lines of its log:\n    about to look"
        in shown
    )
    assert "Traceback" not in shown
    log = folder / "sandbox/p/e/03_fails/job.log"
    assert f"the whole log: {log}" in shown
    assert "Traceback" in log.read_text()
    with SandboxStore(folder).open(read_only=True) as con:
        assert con.execute("select status from experiments").fetchall() == [("failed",)]
        assert con.execute("select status from jobs where meta_name = 'fails'").fetchall() == [("failed",)]


def test_a_broken_experiment_goes_on_at_the_job_that_failed(folder: Path) -> None:
    with pytest.raises(JobError):
        run(FAILING)
    Path("ok").touch()
    report = run(FAILING)
    assert skipped(report) == [True, True, False, False, False, False]
    assert [d.job.meta_name for d in report.jobs] == ["before", "process_data", "fails", "own", "counted", "after"]


def test_killed_at_a_job_and_run_again_it_gives_what_an_undisturbed_run_gives(folder: Path) -> None:
    text = FAILING.replace("until: ok", "until: ok, wait: 60")
    Path("e.yaml").write_text(text)
    script = "from pathlib import Path; from juicesql.sandbox.pipeline import run_sandbox; run_sandbox(Path('e.yaml'))"
    child = subprocess.Popen([sys.executable, "-c", script])
    until = time.monotonic() + 60
    while not Path("waiting").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert int(Path("waiting").read_text()) == child.pid
    with pytest.raises(SandboxError, match="another process works at the experiment"):
        run(text)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    Path("ok").touch()
    resumed = run(text)
    assert skipped(resumed) == [True, True, False, False, False, False]
    kept = Path("clean.jsonl").read_bytes()
    undisturbed = run(text, fresh=True)
    drop = ("run_id", "measured", "reused")  # which say when and by which attempt a value was measured
    told = [[{k: v for k, v in d.result.items() if k not in drop} for d in r.jobs] for r in (resumed, undisturbed)]
    assert told[0] == told[1]
    assert Path("clean.jsonl").read_bytes() == kept


def test_an_executor_of_a_project_is_watched_while_it_runs(folder: Path) -> None:
    job = "{hook: TrainModelHook, meta_name: train, extra_configs: {type: own_train}}"
    report = run(HEAD + f"execution_job_configs: [{job}]\n")
    assert Path(report.jobs[0].result["model"]).is_dir()
    with SandboxStore(folder).open(read_only=True) as con:
        series = con.execute("select step, value from metrics where name = 'train.loss' order by step").fetchall()
    assert series == [(0, 10.0), (1, 9.0), (2, 8.0)]


def test_input_takes_results_of_other_jobs_and_output_names_them(folder: Path) -> None:
    report = run(
        HEAD
        + "execution_job_configs:\n"
        + "  - {hook: ProcessDataHook, meta_name: made, dj_configs: {recipe: recipe.sql.j2, export: out/one.jsonl}, output: one}\n"
        + "evaluation_job_configs:\n"
        + "  - {hook: OwnEvaluateHook, meta_name: a, extra_configs: {type: own_lines}, input: {extra_configs.dataset_path: -1.one}}\n"
        + "  - {hook: OwnEvaluateHook, meta_name: b, extra_configs: {type: own_lines}, input: {extra_configs.factor: a.lines}}\n"
    )
    assert [d.result.get("lines") for d in report.jobs] == [None, 11, 121]
    with pytest.raises(SandboxError, match="which no earlier job gives"):
        run(
            HEAD
            + "evaluation_job_configs:\n"
            + "  - {hook: OwnEvaluateHook, meta_name: a, extra_configs: {type: own_lines}, input: {extra_configs.factor: b.lines}}\n"
        )


def test_pipelines_see_their_own_dataset(folder: Path) -> None:
    lists = "execution_job_configs: [{hook: ProcessDataHook, dj_configs: {recipe: recipe.sql.j2, vars: {least: %d}, export: %s.jsonl}}]"
    count = "evaluation_job_configs: [{hook: OwnEvaluateHook, meta_name: n, extra_configs: {type: own_lines}}]"
    report = run(
        HEAD + "pipelines:\n"
        + "".join(f"  - {name}:\n      {lists % (least, name)}\n      {count}\n" for name, least in (("low", 5), ("high", 15)))
    )  # fmt: skip
    assert [d.result["lines"] for d in report.jobs if d.job.meta_name == "n"] == [16, 6]
    with SandboxStore(folder).open(read_only=True) as con:
        names = con.execute(
            "select name, value from metrics where ends_with(name, '.n.lines') order by name"
        ).fetchall()
    assert names == [("high.n.lines", 6.0), ("low.n.lines", 16.0)]


def test_job_lists_of_a_project_run_where_they_were_put(folder: Path) -> None:
    Path("ok").touch()
    run(FAILING)
    assert list(job_lists())[3] == "own_jobs"
    assert calls() == ["own", "counted"]


def test_a_module_of_the_project_that_cannot_be_imported_is_named(folder: Path) -> None:
    Path("sandbox_broken.py").write_text("import no_such_module\n")
    with pytest.raises(JuiceError, match=r"cannot import sandbox_broken\.py: ModuleNotFoundError"):
        run(HEAD + TWO)


def test_the_engines_errors_name_the_job(folder: Path) -> None:
    Path("clean.jsonl").write_text("mine\n")  # a file that no run made is not overwritten
    with pytest.raises(JobError, match=r"e.yaml:7: ProcessDataHook \(process_data\): .*clean.jsonl"):
        run(HEAD + TWO)
    assert Path("clean.jsonl").read_text() == "mine\n"


ROUNDS = """
execution_job_configs:
  - {hook: ProcessDataHook, meta_name: made, dj_configs: {recipe: recipe.sql.j2, vars: {least: 10}}}
evaluation_job_configs:
  - {hook: OwnEvaluateHook, meta_name: n, extra_configs: {type: own_lines}}
iter_updater: {n.lines: made.dj_configs.vars.least}
"""


def test_rounds_go_on_until_their_targets_are_reached(folder: Path) -> None:
    # least 10 keeps 11 rows, least 11 keeps 10, and so on
    report = run(HEAD + ROUNDS + "max_iter_num: 0\niter_targets: ['n.lines < 11']\n")
    assert [d.result["lines"] for d in report.jobs if d.job.meta_name == "n"] == [11, 10]
    assert report.results.of("n") == {"lines": 10}
    assert (folder / "sandbox/p/e/iter_2").is_dir()
    assert skipped(run(HEAD + ROUNDS + "max_iter_num: 0\niter_targets: ['n.lines < 11']\n")) == [True] * 4
    capped = run(HEAD + ROUNDS + "max_iter_num: 1\niter_targets: ['n.lines < 5']\n", fresh=True)
    assert [d.result["lines"] for d in capped.jobs if d.job.meta_name == "n"] == [11]


def test_an_update_means_the_job_of_its_pipeline(folder: Path) -> None:
    job = "{hook: ProcessDataHook, meta_name: made, dj_configs: {recipe: recipe.sql.j2, export: %s.jsonl}}"
    lists = "".join(f"  - {name}: {{execution_job_configs: [{job % name}]}}\n" for name in ("low", "high"))
    text = (
        HEAD
        + "pipelines:\n"
        + lists
        + "max_iter_num: 2\niter_updater: {low.made.kept: high.made.dj_configs.vars.least}\n"
    )
    report = run(text)
    # least is 10 by default, which keeps 11 rows; 11 keeps 10
    assert [(d.job.pipeline, d.result["kept"]) for d in report.jobs] == [
        ("low", 11),
        ("high", 11),
        ("low", 11),
        ("high", 10),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("iter_updater: {n.lines: made.vars.least}\n", "made.vars.least is no place of a job"),
        ("max_iter_num: 0\n", "max_iter_num 0 needs iter_targets"),
        ("iter_targets: ['n.lines => 3']\n", "iter_targets has 'n.lines => 3'"),
        ("iter_targets: ['m.lines >= 3']\n", "there is no job m"),
        ("max_iter_num: often\n", "max_iter_num is 'often'"),
        ("iter_targets_mode: some\n", "iter_targets_mode is 'some'"),
    ],
)
def test_wrong_rounds_are_found_before_anything_runs(folder: Path, text: str, said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        run(HEAD + ROUNDS.split("iter_updater")[0] + text)


def test_a_search_over_thresholds_comes_between_the_probes_and_the_other_jobs(folder: Path) -> None:
    pytest.importorskip("optuna")
    lines: list[str] = []
    report = run(
        HEAD + "hpo_config:\n"
        "  sweep_name: cuts\n"
        "  method: grid\n"
        "  metric: {name: kept, goal: minimize}\n"
        "  parameters: {text_len.min: {values: [5, 10, 15]}}\n"
        "  write: best.sql.j2\n"
        "probe_job_configs:\n  - {hook: ProbeViaAnalyzerHook, meta_name: before, dj_configs: recipe.sql.j2}\n"
        "execution_job_configs:\n  - {hook: ProcessDataHook, meta_name: made, dj_configs: best.sql.j2}\n",
        say=lines.append,
    )
    results = {d.job.meta_name: d.result for d in report.jobs}
    assert report.search.best.parameters == {"text_len.min": 15}
    assert Path("best.sql.j2").read_text() == RECIPE.replace("10)", "15)")
    assert (results["made"]["kept"], results["made"]["measured"]) == (6, 0)  # 15 to 20 characters
    with SandboxStore(folder).open(read_only=True) as con:
        trials = con.execute("select kept, measured from trials order by trial").fetchall()
    assert trials == [(16, 0), (11, 0), (6, 0)]
    assert "cuts: 3 trials" in "\n".join(lines)


SEARCH = (
    HEAD
    + """
hpo_config:
  sweep_name: least
  method: grid
  metric: {name: n.lines, goal: minimize}
  parameters: {made.dj_configs.vars.least: {values: [5, 10, 15]}}
probe_job_configs:
  - {hook: ProbeViaAnalyzerHook, meta_name: before, dj_configs: recipe.sql.j2}
execution_job_configs:
  - {hook: ProcessDataHook, meta_name: made, dj_configs: {recipe: recipe.sql.j2, vars: {least: 1}}}
evaluation_job_configs:
  - {hook: OwnEvaluateHook, meta_name: n, extra_configs: {type: own_lines}}
"""
)


def test_a_search_over_settings_runs_the_jobs_of_each_trial(folder: Path) -> None:
    pytest.importorskip("optuna")
    report = run(SEARCH)
    assert [t.values["n.lines"] for t in report.search.trials] == [16, 11, 6]
    assert report.search.best.parameters == {"made.dj_configs.vars.least": 15}
    assert [d.job.meta_name for d in report.jobs] == ["before"]  # probes run once, the others in trials
    assert calls() == ["n"] * 3
    again = run(SEARCH)
    assert [t.values["n.lines"] for t in again.search.trials] == [16, 11, 6]
    assert calls() == ["n"] * 3


SCORING = '''
from dataclasses import dataclass
from pathlib import Path

from juicesql.sandbox.base import Evaluator
from juicesql.sandbox.registry import component


@dataclass(frozen=True)
class SizeSettings:
    dataset_path: str = ""


@component("DataEvaluator", "own_size")
class Size(Evaluator):
    """Counts lines, until it meets the file `big.jsonl` without leave."""

    Settings = SizeSettings

    def run(self, eval_type, eval_obj=None):
        with open("calls.txt", "a") as calls:
            calls.write(Path(eval_obj).stem + "\\n")
        if Path(eval_obj).name == "big.jsonl" and not Path("ok").exists():
            raise ValueError("too big")
        return {"lines": len(Path(eval_obj).read_text().splitlines())}
'''


def test_a_job_that_can_goes_on_where_it_stopped(folder: Path) -> None:
    Path("sandbox_scoring.py").write_text(SCORING)
    for name, rows in (("small", 2), ("big", 5), ("middle", 3)):
        Path(f"{name}.jsonl").write_text("".join(f'{{"text": "{i}"}}\n' for i in range(rows)))
    text = (
        HEAD + "evaluation_job_configs:\n  - {hook: ScorePoolsHook, meta_name: score, extra_configs: {metric: lines, "
        "pools: [small.jsonl, big.jsonl, middle.jsonl], evaluate: {type: own_size}}}\n"
    )
    with pytest.raises(JobError, match="too big"):
        run(text)
    assert calls() == ["small", "big"]
    Path("ok").touch()
    report = run(text)
    assert calls() == ["small", "big", "big", "middle"]  # `small` is not scored again
    assert [(p["pool"], p["lines"]) for p in report.jobs[0].result["ranking"]] == [
        ("small", 2),
        ("middle", 3),
        ("big", 5),
    ]
    run(text.replace("metric: lines", "metric: lines, goal: maximize"))
    assert calls()[4:] == ["small", "big", "middle"]  # another job begins anew
