"""Runs the trials of a search by Optuna, in an order that does not depend on how long each takes.

Trial `n + parallel` is chosen when the trials up to `n` are known, and they are told in the order of their numbers. So
a search is a function of its seed and of `parallel` alone, and one that was killed goes on as if it had not been: the
trials that ended are told again, and the sampler comes to where it was.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from juicesql.errors import JuiceError

from ..errors import SandboxError
from ..store import now
from .config import Hpo
from .parameters import every_choice

if TYPE_CHECKING:
    import optuna

Status = Literal["complete", "pruned", "failed"]
ENDED: tuple[Status, ...] = ("complete", "pruned")


class Pruned(JuiceError):
    """Raised where a trial reports a number, when it shall not go on. Executors need not know it."""


@dataclass(frozen=True)
class Trial:
    """A trial that ended. `values` has the metrics; `series` what it reported on the way: step -> value."""

    number: int
    status: Status
    parameters: Mapping[str, Any]
    values: Mapping[str, float | None]
    kept: int | None = None
    measured: int | None = None
    seconds: float = 0.0
    started: datetime | None = None
    message: str = ""
    series: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scored:
    """What the work of a trial gives."""

    values: Mapping[str, float | None]
    kept: int | None = None
    measured: int | None = None
    message: str = ""


Report = Callable[[int, float], None]  # step, value; raises Pruned
Work = Callable[[int, Mapping[str, Any], Report], Scored]
Keep = Callable[[Trial], None]


def make_study(hpo: Hpo) -> optuna.Study:
    """A study in memory: what must be remembered stands in the store of experiments."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    early = hpo.given.early_terminate
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if early:
        pruner = optuna.pruners.HyperbandPruner(
            min_resource=early.first, max_resource=early.max_iter or "auto", reduction_factor=early.eta
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.create_study(
            directions=[m.goal for m in hpo.metrics], sampler=_sampler(hpo), pruner=pruner,
            study_name=hpo.given.sweep_name,  # hyperband puts trials into brackets by it
        )  # fmt: skip


def _sampler(hpo: Hpo) -> optuna.samplers.BaseSampler:
    from optuna import samplers

    seed, method = hpo.given.seed, hpo.given.method
    if method in ("random", "grid"):  # a grid says itself what comes next
        return samplers.RandomSampler(seed=seed)
    if method == "nsga2":
        return samplers.NSGAIISampler(seed=seed, population_size=max(4, min(50, hpo.count // 5)))
    return samplers.TPESampler(seed=seed, constant_liar=hpo.given.parallel > 1)


class Trials:
    """The trials of a search, one after another or a few at once."""

    def __init__(self, hpo: Hpo, work: Work, keep: Keep, earlier: Mapping[int, Trial] | None = None) -> None:
        self.hpo, self.study, self.work, self.keep = hpo, make_study(hpo), work, keep
        self.earlier = dict(earlier or {})
        self.parallel = min(hpo.given.parallel, hpo.count)
        self.repeated = 0  # trials that an earlier process finished
        self._worst: list[float] = []  # of each metric so far

    def run(self) -> Iterator[Trial]:
        """Every trial, in the order of their numbers."""
        pending: deque[tuple[optuna.Trial, Trial | Future[Trial]]] = deque()
        pool = ThreadPoolExecutor(self.parallel) if self.parallel > 1 else None
        try:
            for codes in self._codes():
                if len(pending) == self.parallel:
                    yield self._settle(*pending.popleft())
                asked = self._ask(codes)
                pending.append((asked, self._start(asked, pool)))
            while pending:
                yield self._settle(*pending.popleft())
        finally:
            if pool:
                pool.shutdown(cancel_futures=True)

    def _codes(self) -> Iterator[dict[str, int] | None]:
        if self.hpo.given.method == "grid":
            yield from islice(every_choice(self.hpo.parameters), self.hpo.count)
        else:
            yield from (None for _ in range(self.hpo.count))

    def _ask(self, codes: dict[str, int] | None) -> optuna.Trial:
        if codes is not None:
            self.study.enqueue_trial(codes)
        return self.study.ask({p.name: p.distribution() for p in self.hpo.parameters})

    def _start(self, asked: optuna.Trial, pool: ThreadPoolExecutor | None) -> Trial | Future[Trial]:
        parameters = {p.name: p.decode(asked.params[p.name]) for p in self.hpo.parameters}
        known = self.earlier.get(asked.number)
        if known and known.status in ENDED and known.parameters == parameters:
            for step, value in known.series.items():
                asked.report(value, step)
                asked.should_prune()  # which also notes how far the trial came
            self.repeated += 1
            return known
        if known and known.parameters != parameters:  # chosen under another file: nothing after it holds
            self.earlier = {n: t for n, t in self.earlier.items() if n < asked.number}
        if pool is None:
            return self._try(asked, parameters)
        return pool.submit(self._try, asked, parameters)

    def _try(self, asked: optuna.Trial, parameters: Mapping[str, Any]) -> Trial:
        started, clock, series = now(), time.perf_counter(), dict[int, float]()

        def report(step: int, value: float) -> None:
            if len(self.hpo.metrics) > 1 or not math.isfinite(value) or step in series:
                return
            series[step] = value
            asked.report(value, step)
            if asked.should_prune():
                raise Pruned.of("pruned", f"others were better at step {step}")

        status: Status = "complete"
        try:
            scored = self.work(asked.number, parameters, report)
            if empty := [m.name for m in self.hpo.metrics if scored.values.get(m.name) is None]:
                status = "failed"
                scored = Scored(scored.values, scored.kept, scored.measured, _why(scored, empty))
        except Pruned as error:
            status, scored = "pruned", Scored({}, message=error.problems[0].message)
        except JuiceError as error:
            status, scored = "failed", Scored({}, message=str(error))
        trial = Trial(
            asked.number, status, parameters, scored.values, scored.kept, scored.measured,
            time.perf_counter() - clock, started, scored.message, series,
        )  # fmt: skip
        self.keep(trial)
        return trial

    def _settle(self, asked: optuna.Trial, work: Trial | Future[Trial]) -> Trial:
        """Wait for a trial and let the sampler learn from it."""
        import optuna

        trial = work.result() if isinstance(work, Future) else work
        states = optuna.trial.TrialState
        if trial.status == "complete":
            values = [_known(trial.values[m.name]) for m in self.hpo.metrics]
            chosen = [max if m.goal == "minimize" else min for m in self.hpo.metrics]
            before = self._worst or values
            self._worst = [choose(a, b) for choose, a, b in zip(chosen, values, before, strict=True)]
            self.study.tell(asked, values)
        elif trial.kept == 0 and self._worst:  # a sampler learns nothing from trials that fail
            self.study.tell(asked, self._worst)
        else:
            self.study.tell(asked, state=states.PRUNED if trial.status == "pruned" else states.FAIL)
        return trial


def _why(scored: Scored, empty: Sequence[str]) -> str:
    return "no row is kept" if scored.kept == 0 else f"no value for {', '.join(empty)}"


def _known(value: float | None) -> float:
    assert value is not None
    return value


def front(hpo: Hpo, trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials that no other one beats in every metric, best in the first metric first; of equal ones the
    earliest. With one metric: the best."""
    signs = [1 if m.goal == "maximize" else -1 for m in hpo.metrics]
    points = {
        t.number: tuple(s * _known(t.values[m.name]) for s, m in zip(signs, hpo.metrics, strict=True))
        for t in trials if t.status == "complete"
    }  # fmt: skip
    found: list[Trial] = []
    # From the best in the first metric on: whatever beats a trial, one that is found already does.
    for trial in sorted((t for t in trials if t.number in points), key=lambda t: tuple(-x for x in points[t.number])):
        point = points[trial.number]
        better = (points[t.number] for t in found)
        if not any(all(a >= b for a, b in zip(other, point, strict=True)) for other in better):
            found.append(trial)
    return tuple(found)


def balanced(hpo: Hpo, pareto: Sequence[Trial]) -> Trial:
    """The trial of a front that is nearest to the best of every metric, each measured from its worst to its best."""
    if not pareto:
        raise SandboxError.of("no-trial", "no trial of the search gave a value", "see the messages of the trials")

    def distance(trial: Trial) -> float:
        total = 0.0
        for metric in hpo.metrics:
            column = [_known(t.values[metric.name]) for t in pareto]
            best = max(column) if metric.goal == "maximize" else min(column)
            spread = max(column) - min(column)
            total += ((_known(trial.values[metric.name]) - best) / spread) ** 2 if spread else 0.0
        return total

    return min(pareto, key=lambda t: (distance(t), t.number))
