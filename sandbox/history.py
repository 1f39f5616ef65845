"""What past and running experiments of a project did, for the command line and for scripts.

The queries are those of `juicesql.inspect.experiments`, which the dashboard uses too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from juicesql.errors import StoreError
from juicesql.inspect import experiments, outcomes
from juicesql.inspect.experiments import Experiment, Job, Series, Trial
from juicesql.inspect.outcomes import Change

from .executor import last_lines


@dataclass(frozen=True)
class History:
    """An experiment with all that is known of it. `metrics` has the newest value of every name."""

    experiment: Experiment
    jobs: tuple[Job, ...]
    metrics: dict[str, float | str]
    trials: tuple[Trial, ...]
    goals: dict[str, bool]  # objective -> whether more is better

    def best(self) -> dict[str, Trial]:
        """Objective -> the trial that reached the best value."""
        names = outcomes.objectives(self.trials)
        found = ((n, outcomes.best(self.trials, n, self.goals.get(n, True))) for n in names)
        return {n: trial for n, trial in found if trial}

    def comparisons(self) -> list[tuple[Job, Job, list[Change]]]:
        """For every hook that more than one job has: its first and its last job, and the numbers of both."""
        groups = outcomes.comparable(self.jobs)
        return [(g[0], g[-1], outcomes.changes(g[0].result, g[-1].result)) for g in groups]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **describe(self.experiment), "metrics": self.metrics,
            "jobs": [asdict(j) | {"log_tail": list(tail(j))} for j in self.jobs],
            "comparisons": [
                {"before": b.name, "after": a.name, "changes": [asdict(c) | {"change": c.change} for c in changed]}
                for b, a, changed in self.comparisons()
            ],
            "trials": [asdict(t) for t in self.trials],
            "best": {n: t.trial for n, t in self.best().items()},
        }  # fmt: skip


def listed(project: Path) -> list[Experiment]:
    """The experiments of a project, the newest first; none where nothing has run."""
    try:
        with experiments.opened(project) as con:
            return experiments.experiments_of(con)
    except StoreError as error:
        if any(p.code == "no-experiments" for p in error.problems):
            return []
        raise


def read(project: Path, name: str) -> History:
    """All about the experiment of this name or id, or `latest`. StoreError without one."""
    with experiments.opened(project) as con:
        found = experiments.find_experiment(con, name)
        key = found.experiment_id
        return History(
            found, tuple(experiments.jobs_of(con, key)), experiments.latest(con, key),
            tuple(experiments.trials_of(con, key)), experiments.goals_of(con, key),
        )  # fmt: skip


def read_series(project: Path, name: str, metric: str = "") -> list[Series]:
    """The series of an experiment, whole. `metric` is the full name of one, such as `train.loss`, or its beginning."""
    with experiments.opened(project) as con:
        found = experiments.series_of(con, experiments.find_experiment(con, name).experiment_id, most=2**53)
    return [s for s in found if f"{s.line}.{s.metric}.".startswith(f"{metric}." if metric else "")]


def compared(project: Path, name: str, before: str, after: str) -> list[Change]:
    """The numbers that the results under two names share: meta_name, or pipeline.meta_name. Jobs of one name add up."""
    found = read(project, name)
    results: list[dict[str, Any]] = [{}, {}]
    for job in found.jobs:
        for wanted, result in zip((before, after), results, strict=True):
            if job.name == wanted:
                result.update(job.result)
    return outcomes.changes(*results)


def describe(found: Experiment) -> dict[str, Any]:
    """An experiment as plain data."""
    return asdict(found) | {"seconds": found.seconds}


def tail(job: Job) -> tuple[str, ...]:
    """The last lines of the log of a job that failed."""
    return last_lines(Path(job.log)) if job.status == "failed" and job.log else ()
