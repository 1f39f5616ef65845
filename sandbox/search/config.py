"""What `hpo_config` may say, read and checked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from juicesql.errors import JuiceError, Problem

from .. import settings
from .parameters import Parameter, read_parameter

COUNT = 50
MOST = 100_000  # trials
Goal = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Metric:
    """What to search for: `name` is a stat, an aggregate in SQL, `kept`, `kept_share`, or `meta_name.key` of a job."""

    name: str
    goal: Goal = "maximize"


@dataclass(frozen=True)
class EarlyTerminate:
    """Hyperband, as wandb has it: trials are judged at `min_iter` steps and every `eta` times as many, or, with
    `max_iter` and `s`, at `max_iter / eta**s` steps and so on up to `max_iter`."""

    type: Literal["hyperband"] = "hyperband"
    min_iter: int | None = None
    max_iter: int | None = None
    s: int = 1
    eta: int = 3

    @property
    def first(self) -> int:
        """The step of the first judgement."""
        return self.min_iter or max(1, round((self.max_iter or 1) / self.eta**self.s))


@dataclass(frozen=True)
class HpoSettings:
    """The keys of wandb's sweeps that Data-Juicer's files use, and `tracker`, `parallel`, `seed`, `recipe`, `write`."""

    parameters: Mapping[str, Any]
    sweep_name: str = "search"
    sweep_max_count: int | None = None  # trials; of a grid all by default, else 50
    method: Literal["random", "grid", "bayes", "tpe", "nsga2"] = "bayes"  # bayes is tpe
    metric: Metric | None = None
    metrics: tuple[Metric, ...] = ()  # several: the result is a Pareto front
    early_terminate: EarlyTerminate | None = None
    tracker: Literal["local", "wandb"] = "local"
    parallel: int = 1  # trials at once, where they only move thresholds
    seed: int | None = None
    recipe: str = ""  # whose thresholds are meant; by default dj_configs of the first job that has one
    write: str = ""  # where the best recipe goes; else into the folder of the search


@dataclass(frozen=True)
class Hpo:
    """A search that is well formed."""

    given: HpoSettings
    parameters: tuple[Parameter, ...]
    metrics: tuple[Metric, ...]
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many trials there will be."""
        if self.given.method != "grid":
            return self.given.sweep_max_count or COUNT
        every = math.prod(len(p.codes or ()) for p in self.parameters)
        return min(every, self.given.sweep_max_count or every)


def read(raw: Mapping[str, Any]) -> tuple[Hpo | None, list[Problem]]:
    """The search, and all that is wrong with its shape; None where too much is wrong to go on."""
    problems: list[Problem] = []
    given: HpoSettings | None = None
    try:
        given = settings.read(HpoSettings, raw, "hpo_config")
    except JuiceError as error:
        problems += error.problems
    listed = raw.get("parameters")
    listed = listed if isinstance(listed, Mapping) else {}
    read_all = [read_parameter(str(k), v, problems) for k, v in listed.items()]
    if given is None:
        return None, problems
    parameters = tuple(p for p in read_all if p)
    metrics = (given.metric,) if given.metric else given.metrics
    problems += _wrong(given, metrics, parameters)
    if given.tracker == "wandb":  # it knows more distributions than these
        problems = [p for p in problems if p.code != "bad-parameter"]
    hpo = Hpo(given, parameters, tuple(metrics), raw)
    whole = given.tracker == "wandb" or len(parameters) == len(listed)
    return (hpo if whole and metrics else None), problems


def _wrong(given: HpoSettings, metrics: tuple[Metric, ...], parameters: tuple[Parameter, ...]) -> Iterator[Problem]:
    def problem(message: str, mend: str) -> Problem:
        return Problem("bad-setting", f"hpo_config.{message}", mend)

    if not given.parameters:
        yield problem("parameters is empty", "name a threshold or setting and what it may be")
    if bool(given.metric) == bool(given.metrics):
        yield problem("metric is missing or given twice", "give `metric: {name, goal}`, or a list as `metrics`")
    if len({m.name for m in metrics}) < len(metrics):
        yield problem("metrics names one twice", "remove one")
    for name, value in (("sweep_max_count", given.sweep_max_count), ("parallel", given.parallel)):
        if value is not None and not 1 <= value <= (MOST if name == "sweep_max_count" else 64):
            yield problem(f"{name} is {value}", "give a whole number from 1 on")
    endless = [p.name for p in parameters if p.codes is None]
    if given.method == "grid" and endless:
        yield problem(f"method is grid, but {', '.join(endless)} has no list of values", "give `values`, or a `q`")
    early = given.early_terminate
    if early and len(metrics) > 1:
        yield problem("early_terminate needs a single metric", "remove it, or all metrics but one")
    if early and (bool(early.min_iter) == bool(early.max_iter) or early.eta < 2 or early.s < 1):
        yield problem("early_terminate is incomplete", "give either min_iter or max_iter; eta from 2, s from 1")
    if given.tracker == "wandb" and len(metrics) > 1:
        yield problem("tracker is wandb, whose sweeps have one metric", "give one metric, or `tracker: local`")
    if given.tracker == "wandb" and given.method == "nsga2":
        yield problem("tracker is wandb, which has no nsga2", "give random, grid or bayes")


def with_seed(hpo: Hpo, seed: int) -> Hpo:
    """The search with a seed where its file gives none."""
    return hpo if hpo.given.seed is not None else replace(hpo, given=replace(hpo.given, seed=seed))
