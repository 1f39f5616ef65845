"""What a trial does: ask the stats database, or run jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from juicesql.engines.watch import Progress
from juicesql.errors import JuiceError

from ..base import Job, Results
from .kept import KeptTrials
from .space import Space
from .trials import Report, Scored, Work
from .values import Judge, open_judge
from .watching import Listening

RunTrial = Callable[[int, Sequence[Job]], Results]


@contextmanager
def open_work(
    space: Space, project: Path, run_id: str | None, run_trial: RunTrial, folder: Path, progress: Progress
) -> Iterator[tuple[Work, Judge | None]]:
    """What a trial does, and the stats that it asks if it only moves thresholds."""
    if space.runs_jobs:
        yield _pipeline_work(space, run_trial, folder), None
        return
    assert space.prepared
    progress.stage("reading the stats database")
    judge = open_judge(project, space.prepared, [m.name for m in space.hpo.metrics], run_id, progress)
    try:
        yield _threshold_work(space, judge), judge
    finally:
        judge.close()


def _threshold_work(space: Space, judge: Judge) -> Work:
    def work(_: int, parameters: Mapping[str, Any], __: Report) -> Scored:
        found = judge(space.moves(parameters))
        message = f"{found.open} rows more may stay: values or steps of theirs are not known" if found.open else ""
        return Scored(found.values, found.kept, 0, message)

    return work


def _pipeline_work(space: Space, run_trial: RunTrial, folder: Path) -> Work:
    first = space.metrics[space.hpo.metrics[0].name]

    def work(number: int, parameters: Mapping[str, Any], report: Report) -> Scored:
        jobs = space.changed(parameters, folder / f"trial_{number:04}")
        with Listening(first.pipeline, f"{first.meta_name}.{first.key}", report) as listening:
            try:
                results = run_trial(number, jobs)
            except JuiceError as error:
                raise listening.pruned or error from error
            if listening.pruned:
                raise listening.pruned
        values = {name: _number(m.key, results.of(m.meta_name, m.pipeline)) for name, m in space.metrics.items()}
        measured = [r["measured"] for _, r in results.items() if isinstance(r.get("measured"), int)]
        return Scored(values, results.latest("kept"), sum(measured) if measured else None)

    return work


def _number(key: str, result: Any) -> float | None:
    """The number under a key such as `eval.loss` of a result; None when there is none."""
    if isinstance(result, Mapping) and key in result:
        result = result[key]
        good = isinstance(result, (int, float)) and not isinstance(result, bool) and result == result
        return float(result) if good else None
    head, _, rest = key.partition(".")
    return _number(rest, result[head]) if rest and isinstance(result, Mapping) and head in result else None


def noting(work: Work, kept: KeptTrials) -> Work:
    """The work, with a note before it that the trial runs: it may take hours."""

    def noted(number: int, parameters: Mapping[str, Any], report: Report) -> Scored:
        kept.running(number, parameters)
        return work(number, parameters, report)

    return noted
