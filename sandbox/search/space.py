"""Which recipe, thresholds and settings of jobs the parameters and metrics of a search mean."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from juicesql.errors import JuiceError, Problem, nearest
from juicesql.running import Prepared
from juicesql.whatif import Funnel, rewritten
from juicesql.whatif.recipe import Rewritten

from ..base import Job
from ..passing import replaced
from ..recipes import RecipeSettings, recipe_settings
from .config import Hpo
from .names import funnel_of, record_of, same_file, thresholds


@dataclass(frozen=True)
class JobMetric:
    """A metric that a job gives: `key` of its result. `pipeline` is None where the file does not say it."""

    pipeline: str | None
    meta_name: str
    key: str


@dataclass(frozen=True)
class Target:
    """A setting of a job: `place` such as `extra_configs.lr`."""

    pipeline: str
    position: int
    place: str


@dataclass(frozen=True)
class Space:
    """What a trial changes. `handles` are thresholds: parameter -> key of the handle in `funnel`."""

    hpo: Hpo
    jobs: tuple[Job, ...]
    metrics: Mapping[str, JobMetric]
    targets: Mapping[str, tuple[Target, ...]]
    handles: Mapping[str, str]
    prepared: Prepared | None = None
    funnel: Funnel | None = None

    @property
    def runs_jobs(self) -> bool:
        """Whether a trial runs jobs: else it is answered from the stats database."""
        return bool(self.metrics or self.targets)

    def moves(self, parameters: Mapping[str, Any]) -> dict[str, float | int]:
        """The thresholds of a trial: handle -> number."""
        return {self.handles[n]: v for n, v in parameters.items() if n in self.handles}

    def recipe(self, parameters: Mapping[str, Any]) -> Rewritten:
        """The recipe with the thresholds of a trial."""
        assert self.prepared and self.funnel
        return rewritten(record_of(self.prepared), self.funnel, self.moves(parameters))

    def changed(self, parameters: Mapping[str, Any], folder: Path) -> tuple[Job, ...]:
        """The jobs of a trial. Moved thresholds go into a copy of the recipe in the folder."""
        jobs = list(self.jobs)
        for name, value in parameters.items():
            for target in self.targets.get(name, ()):
                i = _index(jobs, target)
                recipe, extra = replaced(jobs[i].recipe, jobs[i].extra, target.place, value)
                jobs[i] = replace(jobs[i], recipe=recipe, extra=extra)
        if any(n in self.handles for n in parameters):
            jobs = self._with_copy(jobs, self.recipe(parameters), parameters, folder)
        return tuple(jobs)

    def _with_copy(self, jobs: list[Job], recipe: Rewritten, parameters: Mapping[str, Any], folder: Path) -> list[Job]:
        assert self.prepared
        path = folder / self.prepared.recipe.path.name
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(recipe.text, "utf-8")
        given = {f"var:{n}" for n in recipe.overridden}
        variables = {k.removeprefix("var:"): v for k, v in self.moves(parameters).items() if k in given}
        return [self._on_copy(job, path, variables) if self._uses(job) else job for job in jobs]

    def _on_copy(self, job: Job, path: Path, variables: Mapping[str, Any]) -> Job:
        recipe, _ = replaced(job.recipe, {}, "dj_configs.recipe", str(path))
        recipe.pop("sql", None)
        for name, value in variables.items():  # what the file gives goes before the default in the recipe
            if name in (recipe.get("vars") or {}):
                recipe, _ = replaced(recipe, {}, f"dj_configs.vars.{name}", value)
        return replace(job, recipe=recipe)

    def _uses(self, job: Job) -> bool:
        """Whether a job runs the recipe whose thresholds are searched. A probe measures the same stats whatever the
        thresholds are, so it need not run again unless a metric is its own."""
        if job.list == "probe" and job.meta_name not in {m.meta_name for m in self.metrics.values()}:
            return False
        given = recipe_settings(job) if job.recipe else None
        if given is None or self.prepared is None:
            return False
        found = self.prepared.recipe
        if given.sql:
            return given.sql == found.template
        if same_file(given.recipe, str(found.path)):
            return True
        try:
            return self.prepared.project.find_recipe(given.recipe) == found.path
        except JuiceError:
            return False


def _index(jobs: Sequence[Job], target: Target) -> int:
    return next(i for i, j in enumerate(jobs) if (j.pipeline, j.position) == (target.pipeline, target.position))


def find_space(hpo: Hpo, jobs: Sequence[Job], folder: Path, project: Path | None = None) -> tuple[Space, list[Problem]]:
    """What the names of a search mean, and those that mean nothing. A recipe that stands in the configuration itself
    is written into the folder. JuiceError when the recipe cannot be planned."""
    metrics = {m.name: metric for m in hpo.metrics if (metric := job_metric(m.name, jobs))}
    targets = {n: places for n in hpo.raw["parameters"] if (places := tuple(job_settings(n, jobs)))}
    names = [n for n in hpo.raw["parameters"] if n not in targets]
    space = Space(hpo, tuple(jobs), metrics, targets, {})
    problems = list(_mixed(space))
    given = recipe_of(hpo, jobs)
    if given is None:
        problems += [_lost(n, jobs) for n in names]
        if not space.runs_jobs:
            problems.append(_no_recipe())
        return space, problems
    if not names and space.runs_jobs:
        return space, problems
    prepared = given.prepared(folder, project)
    funnel = funnel_of(prepared)
    known, handles = thresholds(funnel), dict[str, str]()
    for name in names:
        found = known.find(name)
        if isinstance(found, Problem):
            problems.append(_lost(name, jobs, found))
        else:
            problems += _not_numbers(hpo, name)
            handles[name] = found
    problems += _twice(handles)
    return replace(space, handles=handles, prepared=prepared, funnel=funnel), problems


def recipe_of(hpo: Hpo, jobs: Sequence[Job]) -> RecipeSettings | None:
    """The recipe whose thresholds are meant: the one named, else that of the first job that has one. Options of the
    run, such as its source, are those of the first job with that recipe."""
    having = [(j, recipe_settings(j)) for j in jobs if j.recipe]
    if not hpo.given.recipe:
        return having[0][1] if having else None
    mine = [given for _, given in having if same_file(given.recipe, hpo.given.recipe)]
    return mine[0] if mine else RecipeSettings(recipe=hpo.given.recipe)


def may_come(recipe: str, jobs: Sequence[Job]) -> bool:
    """Whether a recipe that is not there may be written by a job: its path stands in the settings of one."""
    return not Path(recipe).exists() and json.dumps(recipe) in json.dumps([j.extra for j in jobs], default=str)


def job_metric(name: str, jobs: Sequence[Job]) -> JobMetric | None:
    """`meta_name.key` or `pipeline.meta_name.key`; None for a name that begins with no job."""
    for job in jobs:
        for pipeline, head in ((job.pipeline, f"{job.pipeline}.{job.meta_name}."), (None, f"{job.meta_name}.")):
            if name.startswith(head) and len(name) > len(head):
                return JobMetric(pipeline, job.meta_name, name.removeprefix(head))
    return None


def job_settings(name: str, jobs: Sequence[Job]) -> Iterator[Target]:
    """The settings that a parameter such as `train.extra_configs.lr` means: in every pipeline with such a job."""
    for job in jobs:
        for head in (f"{job.pipeline}.{job.meta_name}.", f"{job.meta_name}."):
            place = name.removeprefix(head)
            if place != name and place.split(".")[0] in ("dj_configs", "extra_configs") and "." in place:
                yield Target(job.pipeline, job.position, place)
                break


def _mixed(space: Space) -> Iterator[Problem]:
    """Metrics of the stats database beside trials that run jobs."""
    others = [m.name for m in space.hpo.metrics if m.name not in space.metrics]
    if space.runs_jobs:
        heads = [f"{j.meta_name}." for j in space.jobs]
        for name in others:
            mend = nearest(name, heads) or f"a metric of a job begins with {' or '.join(dict.fromkeys(heads))}"
            message = f"hpo_config.metric {name} is no number that a job gives, and the trials run jobs"
            yield Problem("unknown-metric", message, mend)
        if space.hpo.given.parallel > 1:
            mend = "remove parallel: the jobs of one trial already use every core"
            yield Problem("bad-setting", "hpo_config.parallel: trials that run jobs go one after another", mend)


def _lost(name: str, jobs: Sequence[Job], threshold: Problem | None = None) -> Problem:
    """A parameter that is neither a threshold nor a setting of a job."""
    heads = [f"{j.meta_name}.{part}" for j in jobs for part in ("extra_configs", "dj_configs")]
    if threshold is None or ".extra_configs" in name or ".dj_configs" in name:
        mend = nearest(name, heads) or f"settings of jobs begin with {', '.join(heads[:6])}"
        return Problem("unknown-parameter", f"hpo_config.parameters.{name} is no setting of a job", mend)
    return threshold


def _no_recipe() -> Problem:
    return Problem("missing-recipe", "hpo_config: there is no recipe to search", "give `recipe`, or a job dj_configs")


def _twice(handles: Mapping[str, str]) -> Iterator[Problem]:
    for name, key in handles.items():
        others = [n for n, k in handles.items() if k == key and n != name]
        if others and name < others[0]:
            message = f"hpo_config.parameters: {name} and {others[0]} are the same threshold"
            yield Problem("same-threshold", message, "remove one")


def _not_numbers(hpo: Hpo, name: str) -> Iterator[Problem]:
    parameter = next((p for p in hpo.parameters if p.name == name), None)
    values = (parameter.values or (parameter.example,)) if parameter else ()
    if wrong := [v for v in values if isinstance(v, bool) or not isinstance(v, (int, float))]:
        yield Problem("bad-parameter", f"hpo_config.parameters.{name} may be {wrong[0]!r}", "thresholds are numbers")
