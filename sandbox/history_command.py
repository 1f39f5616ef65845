"""`juicesql sandbox list`, `show` and `metrics`: what experiments did, on the terminal."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from juicesql.cli import screen
from juicesql.cli.options import AsJson, ProjectFolder
from juicesql.cli.out import print_json
from juicesql.cli.text import plural, table

if TYPE_CHECKING:
    from juicesql.inspect.experiments import Experiment, Job
    from juicesql.inspect.outcomes import Change

    from .history import History

MOST_CHANGES = 20
Name = Annotated[str, typer.Argument(metavar="[EXPERIMENT]", help="Its name or id; `latest` is the newest.")]


def list_experiments(project: ProjectFolder = None, as_json: AsJson = False) -> None:
    """List the experiments of the project, the newest first."""
    from .history import describe, listed

    found = listed(_root(project))
    if as_json:
        print_json([describe(e) for e in found])
        return
    if not found:
        screen.say("no experiment has run in this project: juicesql sandbox run CONFIG")
        return
    rows = [
        [e.experiment_id, e.status, _when(e.started), _seconds(_taken(e)), f"{e.done}/{e.jobs}", str(e.trials or "")]
        for e in found
    ]
    print(
        "\n".join(table(["experiment", "status", "started", "time", "jobs", "trials"], rows, "wllrrr", screen.width()))
    )


def show(
    name: Name = "latest",
    before: Annotated[str, typer.Option(metavar="JOB", help="Compare this job ...")] = "",
    after: Annotated[str, typer.Option(metavar="JOB", help="... with this one.")] = "",
    project: ProjectFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show an experiment: its jobs, what they found before and after, its trials, and the log of what failed."""
    from .history import compared, read

    found = read(_root(project), name)
    if before or after:
        _show_changes(compared(_root(project), name, before, after), before, after, as_json)
    elif as_json:
        print_json(found.to_dict())
    else:
        print("\n".join(draw(found, screen.width())))


def metrics(
    metric: Annotated[str, typer.Argument(metavar="[METRIC]", help="Only this one, or those that begin with it.")] = "",
    name: Annotated[str, typer.Option("--experiment", metavar="NAME", help="Its name or id.")] = "latest",
    project: ProjectFolder = None,
    as_json: AsJson = False,
) -> None:
    """Print the numbers that were watched step by step, such as the loss of a training, a line a step."""
    from .history import read_series

    found = read_series(_root(project), name, metric)
    if as_json:
        print_json([{"name": f"{s.line}.{s.metric}", "steps": s.steps, "values": s.values} for s in found])
        return
    for series in found:
        for step, value in zip(series.steps, series.values, strict=True):
            print(f"{series.line}.{series.metric}\t{step}\t{value:.6g}")


def draw(found: History, width: int) -> list[str]:
    """The story of an experiment in lines."""
    e = found.experiment
    lines = [f"{e.experiment_id}  {e.status}, started {_when(e.started)}, {_seconds(_taken(e))}"]
    lines += [f"file: {e.file}"] if e.file else []
    lines += ["", *_jobs(found.jobs, width)]
    for job in found.jobs:
        lines += _failure(job)
    for before, after, numbers in found.comparisons():
        changed = [c for c in numbers if c.change]  # NaN too
        lines += ["", *_changes(changed[:MOST_CHANGES], before.name, after.name)]
        if len(changed) > MOST_CHANGES:
            lines.append(f"and {len(changed) - MOST_CHANGES} more: --before {before.name} --after {after.name}")
    return [*lines, *_trials(found)]


def _jobs(jobs: tuple[Job, ...], width: int) -> list[str]:
    from juicesql.inspect.outcomes import numbers

    own = [{k: v for k, v in j.result.items() if not isinstance(v, dict)} for j in jobs]
    shown = [", ".join(f"{k} {v:.6g}" for k, v in numbers(result).items()) for result in own]
    rows = [[j.name, j.hook, j.status, _seconds(j.seconds), s] for j, s in zip(jobs, shown, strict=True)]
    return table(["job", "hook", "status", "time", "numbers"], rows, "lllrw", width)


def _failure(job: Job) -> list[str]:
    from .history import tail

    if job.status != "failed":
        return []
    last = tail(job)
    lines = [f"    {line}" for line in last if last[-1] not in job.message]  # a message may have them already
    return ["", f"{job.name} failed: {job.message}", *lines, *([f"the whole log: {job.log}"] if job.log else [])]


def _changes(changed: list[Change], before: str, after: str) -> list[str]:
    rows = [[c.metric, _number(c.before), _number(c.after), _signed(c.change)] for c in changed]
    return table(["metric", before, after, "change"], rows, "lrrr")


def _show_changes(changed: list[Change], before: str, after: str, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print_json([asdict(c) | {"change": c.change} for c in changed])
    elif changed:
        print("\n".join(_changes(changed, before, after)))
    else:
        screen.say(f"{before or '(none)'} and {after or '(none)'} have no numbers in common")


def _trials(found: History) -> list[str]:
    if not found.trials:
        return []
    lines = ["", plural(len(found.trials), "trial")]
    for objective, trial in found.best().items():
        parameters = ", ".join(f"{k} = {v}" for k, v in trial.parameters.items())
        lines.append(f"best {objective} {_number(float(trial.values[objective]))}: trial {trial.trial}, {parameters}")
    return lines


def _root(project: Path | None) -> Path:
    from juicesql.project import open_project

    return open_project(project).root


def _taken(e: Experiment) -> float | None:
    """Seconds from its start to its end, or until now."""
    if e.seconds is not None or not e.running or e.started is None:
        return e.seconds
    return (datetime.now(UTC).replace(tzinfo=None) - e.started).total_seconds()


def _when(started: datetime | None) -> str:
    """The local time of a moment that is stored as UTC."""
    return f"{started.replace(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M}" if started else ""


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _number(value: float) -> str:
    return f"{value:.6g}"


def _signed(value: float) -> str:
    return f"{value:+.4g}" if math.isfinite(value) and value else f"{value:.4g}"
