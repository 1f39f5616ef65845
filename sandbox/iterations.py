"""Several rounds over the pipelines: what one found sets places of the next, until its results reach their targets."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from juicesql.errors import Problem, nearest

from .base import Job, Results
from .passing import parted, replaced

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_TARGET = re.compile(r"\s*([\w. +-]+?)\s*(==|>=|<=|>|<)\s*([-+.\deE]+)\s*")


@dataclass(frozen=True)
class Iterations:
    """How often. `most` 0: until the targets are reached.

    A target is `meta_name.key >= number`, with the pipeline before it where several have the name; an update takes
    `meta_name.key` of one round to `meta_name.extra_configs...` or `meta_name.dj_configs...` of the next.
    """

    most: int = 1
    targets: tuple[str, ...] = ()
    mode: Literal["all", "any"] = "all"
    updates: Mapping[str, str] = field(default_factory=dict)

    def problems(self, jobs: Sequence[Job], file: str) -> Iterator[Problem]:
        """What is wrong with them, before anything runs."""
        if self.most < 0 or (self.most == 0 and not self.targets):
            mend = "give a number of rounds, or iter_targets that end them"
            yield Problem("bad-setting", "max_iter_num 0 needs iter_targets", mend, file)
        names = {j.meta_name for j in jobs}
        for target in self.targets:
            found = _TARGET.fullmatch(target)
            if not found or not _is_number(found.group(3)):
                yield Problem("bad-setting", f"iter_targets has {target!r}", "write `meta_name.key >= number`", file)
            elif (name := parted(found.group(1))[1]) not in names:
                yield Problem("bad-setting", f"iter_targets: there is no job {name}", nearest(name, names), file)
        for source, target in self.updates.items():
            if (name := parted(source)[1]) not in names:
                yield Problem("bad-setting", f"iter_updater: there is no job {name}", nearest(name, names), file)
            if not any(_place(target, job) for job in jobs):
                mend = "write `meta_name.extra_configs.place` or `meta_name.dj_configs.place` of a job"
                yield Problem("bad-setting", f"iter_updater: {target} is no place of a job", mend, file)

    def reached(self, results: Results) -> bool:
        """Whether the results of a round reach the targets."""
        if not self.targets:
            return False
        held = [_holds(t, results) for t in self.targets]
        return all(held) if self.mode == "all" else any(held)

    def updated(self, jobs: Sequence[Job], results: Results) -> tuple[Job, ...]:
        """The jobs of the next round."""
        found = list(jobs)
        for source, target in self.updates.items():
            value = _value(source, results)
            for i, job in enumerate(found):
                place = _place(target, job)
                if place and value is not None:
                    recipe, extra = replaced(job.recipe, job.extra, place, value)
                    found[i] = replace(job, recipe=recipe, extra=extra)
        return tuple(found)


def _place(target: str, job: Job) -> str:
    """The place in this job that a target names, such as `extra_configs.lr`; "" where it means another job."""
    for name in (job.meta_name, f"{job.pipeline}.{job.meta_name}"):
        place = target.removeprefix(f"{name}.")
        if place != target and place.partition(".")[0] in ("dj_configs", "extra_configs"):
            return place
    return ""


def _value(path: str, results: Results) -> Any:
    """The value at `[pipeline.]meta_name.key`; None where there is none."""
    pipeline, meta, key = parted(path)
    return (results.of(meta, pipeline or None) or {}).get(key)


def _holds(target: str, results: Results) -> bool:
    found = _TARGET.fullmatch(target)
    value = _value(found.group(1), results) if found else None
    return bool(found and isinstance(value, (int, float)) and _OPERATORS[found.group(2)](value, float(found.group(3))))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
