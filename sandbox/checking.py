"""Checks all of an experiment before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from juicesql.errors import JuiceError, Problem, nearest

from .base import Ahead, Hook, Job
from .config import Experiment
from .registry import find_hook, job_lists


def check(experiment: Experiment, project: Path | None = None) -> list[Problem]:
    """Everything that is wrong with the jobs, found without running them: unknown hooks and settings, recipes that
    cannot be planned, names of results that no earlier job gives, files that are not there and will not be."""
    ahead = Ahead(project)
    hpo, found = experiment.hpo, [_Checked(jobs) for jobs in experiment.pipelines.values()]
    problems = list(experiment.iterations.problems(experiment.jobs, Path(experiment.file).name))
    if hpo is None:
        return problems + [p for checked in found for p in checked.problems(ahead, lambda _: True)]
    from . import search  # which works between the probes and the other jobs

    problems += [p for checked in found for p in checked.problems(ahead, lambda job: job.list == "probe")]
    problems += search.check(hpo, experiment.jobs, project)
    ahead.files |= {p.absolute() for p in search.writes(hpo)}
    return problems + [p for checked in found for p in checked.problems(ahead, lambda job: job.list != "probe")]


class _Checked:
    """The jobs of a pipeline, and which names are taken by those that were looked at."""

    def __init__(self, jobs: tuple[Job, ...]) -> None:
        self.jobs = jobs
        self.taken: dict[str, Job] = {}

    def problems(self, ahead: Ahead, chosen: Callable[[Job], bool]) -> Iterator[Problem]:
        """What is wrong with some of the jobs; `ahead` then knows what they write and give."""
        for job in filter(chosen, self.jobs):
            yield from _job_problems(job, ahead, self.taken)


def _job_problems(job: Job, ahead: Ahead, taken: dict[str, Job]) -> Iterator[Problem]:
    try:
        hook = find_hook(job.hook)(job)
    except JuiceError as error:
        yield from (Problem(p.code, p.message, p.mend, job.file, job.line) for p in error.problems)
        return
    if job.list not in hook.lists:
        key = next((k for k, name in job_lists().items() if name in hook.lists), hook.lists[0])
        yield job.problem("wrong-list", f"it does not work in the list `{job.list}`", f"move it to {key}")
    if hook.refines:
        known = [name for name, keys in ahead.keys.items() if "run_id" in keys or "losses" in keys]
        if job.meta_name not in known:
            mend = nearest(job.meta_name, known) or "give it the meta_name of the probe job whose result it shall use"
            yield job.problem("missing-meta-name", "no earlier probe has this meta_name", mend)
    elif job.meta_name in taken:
        yield job.problem("same-meta-name", f"{taken[job.meta_name].hook} has this meta_name too", "give it another")
    taken.setdefault(job.meta_name, job)
    yield from _input_problems(job, ahead, taken)
    if not any(target.startswith(("dj_configs", "extra_configs")) for target in job.input):
        yield from hook.problems(ahead)
    _note_files(hook, ahead)
    ahead.keys.setdefault(job.meta_name, set()).update((*hook.gives, *job.output))


def _note_files(hook: Hook, ahead: Ahead) -> None:
    """What later jobs may read: files that the settings of the hook name, and what its recipe exports to. A recipe that
    it writes exports to where the recipe does that it read."""
    written = {p.absolute() for p in _written(hook)}
    recipe = hook.job.recipe.get("recipe") if isinstance(hook.job.recipe, Mapping) else hook.job.recipe
    export = ahead.exports.get(Path(str(recipe)).absolute())
    if export:
        ahead.exports |= {p: export for p in written if p.suffix == ".j2"}
        written |= {export} if hook.takes_recipe and "dataset" in hook.gives else set()
    ahead.files |= written


def _written(hook: Any) -> list[Path]:
    try:
        return list(hook.writes())
    except JuiceError:  # the settings are wrong, which `problems` has said
        return []


def _input_problems(job: Job, ahead: Ahead, taken: Mapping[str, Job]) -> Iterator[Problem]:
    for target, wanted in job.input.items():
        if target.split(".")[0] not in ("dj_configs", "extra_configs"):
            yield job.problem("bad-input", f"input sets {target}", "set dj_configs... or extra_configs...")
        name = wanted.rpartition(".")[0].rpartition(".")[2] or wanted
        if "." not in wanted or (name not in ahead.keys and not re.fullmatch(r"-\d+", name)):
            mend = nearest(name, ahead.keys) or "write -1.key for the job before, or meta_name.key"
            yield job.problem("bad-input", f"input takes {wanted}, which no earlier job gives", mend)
