"""Checks and runs a search."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from juicesql.engines.watch import Progress
from juicesql.errors import JuiceError, Problem
from juicesql.store import Store

from ..base import Job, Watcher
from ..errors import SandboxError
from ..store import SandboxStore
from . import sweeps
from .config import Hpo, read, with_seed
from .kept import KeptTrials
from .names import labelled
from .result import SearchResult
from .space import Space, find_space, may_come
from .trials import Trial, Trials, Work, balanced, front
from .values import Judge, metric_score, stored_beside
from .work import RunTrial, noting, open_work

if TYPE_CHECKING:
    import optuna

HOLD = 0.5  # seconds for which trials without jobs may wait to be written
MOST_IMPORTANT = 10  # trials from which on it is said what mattered


def check(raw: Mapping[str, Any], jobs: Sequence[Job], project: Path | None = None) -> Iterator[Problem]:
    """Everything that is wrong with `hpo_config`, found before anything runs."""
    hpo, problems = read(raw)
    yield from problems
    yield from sweeps.problems(raw) if raw.get("tracker") == "wandb" else _missing_optuna()
    if hpo is None or problems:
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            space, found = find_space(hpo, jobs, Path(folder), project)
        except JuiceError as error:
            own = hpo.given.recipe and not may_come(hpo.given.recipe, jobs)
            yield from error.problems if own else ()  # else it is told with the job
            return
    yield from found
    if not space.runs_jobs and space.prepared:
        yield from _metric_problems(space)


def writes(raw: Mapping[str, Any]) -> Iterator[Path]:
    """Files that the search will write, so that later jobs may read them."""
    if isinstance(raw.get("write"), str) and raw["write"]:
        yield Path(raw["write"])


def _missing_optuna() -> Iterator[Problem]:
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        yield Problem("missing-extra", "hpo_config needs optuna", "pip install 'juicesql[sandbox]'")


def _metric_problems(space: Space) -> Iterator[Problem]:
    """Metrics that name no stat: neither of the recipe, nor stored, nor one that a probe may measure."""
    assert space.prepared and space.funnel
    registry = space.prepared.registry
    words = {w for m in space.hpo.metrics for w in re.findall(r"[A-Za-z_]\w*", m.name)}
    known = {w: f.signature.returns for w in words & set(registry.names()) if (f := registry.get(w)).kind == "stat"}
    beside = stored_beside(Store(space.prepared.project.root), _source_id(space))
    own = labelled(space.funnel)
    types = known | {b.label: b.returns for b in beside} | {n: v.returns for n, v in own.items()}
    for metric in space.hpo.metrics:
        try:
            metric_score(metric.name, types, {v.function: n for n, v in own.items() if v.function not in types})
        except SandboxError as error:
            yield from error.problems


def _source_id(space: Space) -> int | None:
    assert space.prepared
    store = Store(space.prepared.project.root)
    if not store.path.exists():
        return None
    with store.open(read_only=True) as con:
        row = con.execute("select source_id from sources where name = ?", [" ".join(space.prepared.inputs)]).fetchone()
    return int(row[0]) if row else None


@dataclass
class _Told:
    """Collects the trials, and says how far the search is."""

    progress: Progress
    hpo: Hpo
    begun: float
    trials: list[Trial] = field(default_factory=list)
    best: float | None = None  # of the first metric

    def __call__(self, trial: Trial) -> None:
        self.trials.append(trial)
        done = len(self.trials)
        metric = self.hpo.metrics[0]
        value = trial.values.get(metric.name) if trial.status == "complete" else None
        if value is not None:
            choose = max if metric.goal == "maximize" else min
            self.best = value if self.best is None else choose(self.best, value)
        shown = f", best {metric.name} {self.best:.6g}" if self.best is not None else ""
        rate = done / max(time.perf_counter() - self.begun, 1e-9)
        self.progress.stage(f"trial {done} of {self.hpo.count}, {rate:.3g} a second{shown}")
        self.progress.share(done / self.hpo.count)


def search(
    raw: Mapping[str, Any],
    jobs: Sequence[Job],
    *,
    project: Path,
    store: SandboxStore,
    experiment: str,
    watcher: Watcher,
    run_id: str | None,
    run_trial: RunTrial,
    folder: Path,
    seed: int,
    progress: Progress,
) -> SearchResult:
    """Run every trial and write the best recipe. `run_id` is an analysis of the recipe, if there is one; without,
    what is not measured is measured first. `run_trial` runs changed jobs and gives their results. SandboxError when
    the configuration is wrong, or when no trial gave a value."""
    hpo, problems = read(raw)
    if hpo is None or problems:
        raise SandboxError(problems)
    hpo = with_seed(hpo, seed)
    folder.mkdir(parents=True, exist_ok=True)
    space, problems = find_space(hpo, jobs, folder, project)
    if problems:
        raise SandboxError(problems)
    begun = time.perf_counter()
    with open_work(space, project, run_id, run_trial, folder, progress) as (work, judge):
        kept = KeptTrials(store, experiment, HOLD if judge else 0.0)
        earlier = kept.begin(_digest(space, judge))
        kept.drop(0 if hpo.given.tracker == "wandb" else hpo.count)
        if judge is None:
            work = noting(work, kept)
        begun = time.perf_counter() if judge else begun
        try:
            trials, study, sweep, repeated = _run(hpo, work, kept, earlier, watcher, progress, folder)
        finally:
            kept.close()
    found = front(hpo, trials)
    best = balanced(hpo, found) if found else _no_trial(trials)
    facts: dict[str, Any] = {"rows": judge.board.rows, "run_id": judge.board.run.run_id} if judge else {}
    result = SearchResult(
        hpo.given.sweep_name, space.runs_jobs, hpo.metrics, tuple(trials), best, tuple(t.number for t in found),
        time.perf_counter() - begun, repeated, importance=_importance(study, hpo), sweep=sweep,
        **facts, **_recipes(space, best, found, folder),
    )  # fmt: skip
    (folder / "search.json").write_text(json.dumps(result.to_dict(), indent=1, default=str), "utf-8")
    return result


def _run(
    hpo: Hpo, work: Work, kept: KeptTrials, earlier: Mapping[int, Trial], watcher: Watcher, progress: Progress,
    folder: Path,
) -> tuple[list[Trial], optuna.Study | None, str, int]:  # fmt: skip
    told = _Told(progress, hpo, time.perf_counter())
    if hpo.given.tracker == "wandb":
        swept = sweeps.run(hpo, work, kept, folder, told)
        return told.trials, None, swept, 0
    watcher.watch_cfgs({"search": hpo.raw})
    watcher.setup_sweep(sweeps.config_of(hpo), hpo.given.sweep_name)
    running = Trials(hpo, work, kept.keep, earlier)
    for trial in running.run():
        told(trial)
    return told.trials, running.study, "", running.repeated


def _digest(space: Space, judge: Judge | None) -> str:
    """What decides the value of a trial besides its parameters. Another number of trials continues a search."""
    raw = {k: v for k, v in space.hpo.raw.items() if k not in ("sweep_max_count", "write", "parameters")}
    facts: list[Any] = [raw, space.hpo.given.seed]
    jobs = [[j.pipeline, j.meta_name, j.hook, j.recipe, j.extra] for j in space.jobs]
    if found := space.prepared:
        facts += [found.recipe.template, dict(found.recipe.variables), found.plan.fingerprint]
        told = json.dumps(jobs, default=str)
        if judge or not any(i in told for i in found.inputs):  # else a trial may write it
            facts.append(found.source.fingerprint)
    facts += [s.sql for s in judge.scores] if judge else [jobs, [_recipe_text(j) for j in space.jobs]]
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()


def _recipe_text(job: Job) -> str:
    given = job.recipe.get("recipe") if isinstance(job.recipe, Mapping) else job.recipe
    return Path(given).read_text("utf-8") if given and Path(given).is_file() else ""


def _no_trial(trials: Sequence[Trial]) -> Trial:
    cause = next((t.message for t in trials if t.message), "")
    mend = "widen the ranges, or see the logs of the trials"
    raise SandboxError.of("no-trial", f"none of {len(trials)} trials gave a value: {cause}", mend)


def _importance(study: optuna.Study | None, hpo: Hpo) -> dict[str, float]:
    """How much of the metric's spread each parameter explains (PED-ANOVA, Watanabe and others 2023)."""
    if study is None or len(hpo.metrics) > 1 or len(hpo.parameters) < 2:
        return {}
    import optuna

    if len([t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]) < MOST_IMPORTANT:
        return {}
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of trials with equal values
            return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
    except (ValueError, RuntimeError):  # every trial is the same
        return {}


def _recipes(space: Space, best: Trial, found: Sequence[Trial], folder: Path) -> dict[str, Any]:
    """Write the recipe of the best trial, and those of a front."""
    if not space.handles or space.prepared is None:
        return {}
    rewritten = space.recipe(best.parameters)
    name = space.prepared.recipe.path.name
    path = Path(space.hpo.given.write or folder / f"best_{name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rewritten.text, "utf-8")
    others = {}
    for trial in found if len(found) > 1 else ():
        others[trial.number] = str(folder / f"trial_{trial.number:04}_{name}")
        Path(others[trial.number]).write_text(space.recipe(trial.parameters).text, "utf-8")
    keys = {k: n for n, k in space.handles.items()}
    return {
        "recipe": str(path), "recipes": others, "text": rewritten.text, "diff": rewritten.diff,
        "unwritten": tuple(keys[k] for k in rewritten.unwritten),
    }  # fmt: skip
