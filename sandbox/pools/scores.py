"""Trains a model on each pool and scores it: which data is worth learning from, with the noise of seeds shown."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal

from juicesql.errors import JuiceError, Problem, nearest

from .. import settings as reading
from ..base import Component, Context
from ..errors import SandboxError
from ..passing import numbers
from ..registry import find_component
from .pool import MEMORY, Pool, Workshop, workshop
from .scale import drawn
from .work import Paths

TRAIN = ("ModelTrainExecutor",)
EVALUATE = ("ModelEvaluator", "DataEvaluator")
NUMBERS = "numbers.json"  # of a pool and seed that are scored, in their folder


@dataclass(frozen=True)
class ScoreSettings:
    """What `ScorePoolsHook` takes."""

    # `type` and settings of an evaluator of models, or, without `train`, of data
    evaluate: dict[str, Any]
    metric: str  # the number of its result that ranks the pools
    # `type` and settings of a component that trains; each pool is its dataset
    train: dict[str, Any] | None = None
    goal: Literal["minimize", "maximize"] = "minimize"
    pools: Paths = None  # files; by default the pools of the newest job that made some
    seeds: tuple[int, ...] = (42,)  # each seed draws, trains and scores anew
    # rows that are drawn from each pool, so that equal sizes are compared; `smallest`: as many as the smallest pool has
    samples: int | Literal["smallest"] | None = None
    threads: int | None = None  # of each training; tiny models are fastest with 1; by default those of the experiment
    keep_models: bool = False  # else a model is removed when it is scored
    memory_limit: str = MEMORY  # of DuckDB, while rows are drawn


@dataclass(frozen=True)
class Score:
    """A pool with its metric for each seed, and what else was measured on average. `rows` were trained on or judged."""

    pool: Pool
    rows: int
    by_seed: Mapping[int, float]
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        return fmean(self.by_seed.values())

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None for one."""
        return stdev(self.by_seed.values()) if len(self.by_seed) > 1 else None


@dataclass(frozen=True)
class Part:
    """A component that is made anew for each pool and seed."""

    maker: type[Component]
    given: Mapping[str, Any]

    def settings(self, seed: int | None = None) -> Any:
        """Its settings, with the seed where it takes one."""
        takes = seed is not None and "seed" in {f.name for f in fields(self.maker.Settings)}
        return reading.read(self.maker.Settings, {**self.given, **({"seed": seed} if takes else {})}, "extra_configs")


def read_part(given: Mapping[str, Any], factories: Sequence[str], where: str) -> Part:
    """The component that `type` chooses of the first factory that has it."""
    type_ = given.get("type")
    if not type_:
        raise SandboxError.of("missing-type", f"{where} has no `type`", f"give a type of {' or '.join(factories)}")
    failed: list[Problem] = []
    for factory in factories:
        try:
            return Part(find_component(factory, str(type_)), {k: v for k, v in given.items() if k != "type"})
        except JuiceError as error:
            failed += error.problems
    raise SandboxError(failed)


def score_pools(context: Context, asked: ScoreSettings, pools: Sequence[Pool]) -> list[Score]:
    """Score every pool with every seed. The best comes first; equal ones keep their order."""
    train = read_part(asked.train, TRAIN, "train") if asked.train else None
    evaluate = read_part(asked.evaluate, EVALUATE[:1] if train else EVALUATE[::-1], "evaluate")
    found: list[Score] = []
    with workshop(context.folder, context.threads, asked.memory_limit) as work:
        size = _size(work, asked, pools)
        for number, pool in enumerate(pools):
            context.progress.share(number / len(pools))
            found.append(_score(context, asked, work, (train, evaluate), pool, size))
            context.watched(f"{pool.name}.{asked.metric}", found[-1].mean)
    return sorted(found, key=lambda s: s.mean, reverse=asked.goal == "maximize")


def _size(work: Workshop, asked: ScoreSettings, pools: Sequence[Pool]) -> int | None:
    """How many rows to draw; None for whole pools."""
    if asked.samples != "smallest":
        return asked.samples
    return min(p.rows or _rows(work, p) for p in pools)


def _rows(work: Workshop, pool: Pool) -> int:
    loaded = work.load([pool.path])
    work.drop(loaded)
    return loaded.spans[0][1]


def _score(
    context: Context, asked: ScoreSettings, work: Workshop, parts: tuple[Part | None, Part], pool: Pool,
    size: int | None,
) -> Score:  # fmt: skip
    """One pool with all seeds."""
    results: dict[int, dict[str, Any]] = {}
    rows = pool.rows
    loaded = work.load([pool.path]) if size or not rows else None
    for seed in asked.seeds:
        folder = context.folder / pool.name / f"seed_{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        path = Path(pool.path)
        if loaded and size:
            path = folder / "drawn.jsonl"
            rows = work.write(path, loaded, drawn(loaded, 0, size, seed))
        elif loaded:
            rows = loaded.spans[0][1]
        results[seed] = _attempt(context, parts, folder, f"{pool.name}.seed_{seed}", path, seed, asked)
    if loaded:
        work.drop(loaded)
    by_seed = {seed: _metric(result, asked.metric, pool) for seed, result in results.items()}
    return Score(pool, rows, by_seed, _means(results.values(), asked.metric))


def _attempt(
    context: Context,
    parts: tuple[Part | None, Part],
    folder: Path,
    name: str,
    dataset: Path,
    seed: int,
    asked: ScoreSettings,
) -> dict[str, Any]:
    """Train on a dataset if that is asked for, and evaluate. Returns the numbers of both; those that an interrupted
    attempt found are taken as they are."""
    train, evaluate = parts
    known = folder / NUMBERS
    if known.is_file():
        return dict(json.loads(known.read_text("utf-8")))
    job = replace(context.job, meta_name=f"{context.job.meta_name}.{name}")
    results = context.results.copy()
    results.add(job, {"dataset": str(dataset)})
    inner = replace(
        context, job=job, folder=folder, log=folder / "job.log", results=results, seed=seed,
        threads=asked.threads or context.threads,
    )  # fmt: skip
    measured: dict[str, Any] = {}
    if train:
        trained = _run(train, replace(inner, folder=_emptied(folder / "train")), seed, "train")
        results.add(job, trained)
        measured |= {f"train.{k}": v for k, v in trained.items()}
    kind, judged = ("model", None) if train else ("data", str(dataset))
    measured |= _run(evaluate, replace(inner, folder=_emptied(folder / "evaluate")), seed, kind, judged)
    if train and not asked.keep_models:
        shutil.rmtree(folder / "train", ignore_errors=True)
    found = numbers(measured)
    part = known.with_suffix(".part")
    part.write_text(json.dumps(found), "utf-8")
    part.replace(known)
    return found


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _run(part: Part, context: Context, seed: int, kind: str, subject: str | None = None) -> dict[str, Any]:
    made: Any = part.maker(part.settings(seed), context)
    found: dict[str, Any] = made.run(kind, subject)
    return found


def _metric(result: Mapping[str, Any], metric: str, pool: Pool) -> float:
    value = result.get(metric)
    if value is None or value != value:
        message = f"{pool.name} was scored without a number {metric}"
        mend = nearest(metric, result) or f"the evaluator gives {', '.join(result) or 'no number'}"
        raise SandboxError.of("no-metric", message, mend)
    return float(value)


def _means(results: Any, metric: str) -> dict[str, float]:
    """The average of every other number that all seeds gave."""
    listed = list(results)
    shared = [k for k in listed[0] if k != metric and all(k in r for r in listed)]
    return {k: fmean(float(r[k]) for r in listed) for k in shared}
