"""What the results of jobs and trials say: numbers before and after, cuts that moved, ranked pools, the best trials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .experiments import Job, Trial

PARTS = ("low", "middle", "high")
_WORK = ("measured", "reused", "seconds", "cuts")
_COUNTS = ("rows", "kept", "samples", "rank")  # of a pool, no score of it


@dataclass(frozen=True)
class Change:
    """A number of two results."""

    metric: str
    before: float
    after: float

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def share(self) -> float | None:
        """The change as a share of the number before; None where that is 0 or none."""
        return self.change / abs(self.before) if self.before and math.isfinite(self.before) else None


@dataclass(frozen=True)
class Ranking:
    """Pools with their scores, the best first as the job ranked them. `metrics` are the numbers that pools have, the
    one that ranked them first; `more_is_better` is None where the job does not say."""

    job: Job
    metrics: tuple[str, ...]
    pools: tuple[Mapping[str, Any], ...]
    more_is_better: bool | None


def numbers(result: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of a result; those of inner mappings are named `a.b`.

    >>> numbers({"rows": 2, "stats": {"text_len": {"mean": 1.5}}, "dataset": "a.jsonl", "ok": True})
    {'rows': 2.0, 'stats.text_len.mean': 1.5}
    """
    found: dict[str, float] = {}
    for key, value in result.items():
        if isinstance(value, Mapping):
            found |= numbers(value, f"{prefix}{key}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[f"{prefix}{key}"] = float(value)
    return found


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The numbers that both results have, in the order of the first, but for those that tell of the work done."""
    first, second = numbers(before), numbers(after)
    return [Change(name, value, second[name]) for name, value in first.items() if name in second and name not in _WORK]


def comparable(jobs: Sequence[Job]) -> list[tuple[Job, ...]]:
    """Groups of finished jobs of one hook whose results share numbers: what was before and what came after."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        if job.status == "done" and numbers(job.result):
            groups.setdefault(job.hook, []).append(job)
    found = ([j for j in group if changes(group[0].result, j.result)] for group in groups.values())
    return [tuple(group) for group in found if len(group) > 1]


def rankings(jobs: Sequence[Job]) -> Iterator[Ranking]:
    """What jobs with `ranking` in their result say: a list of mappings with `pool`, `stat`, `part` and numbers.
    `metric` and `goal` beside it say what they are ranked by."""
    for job in jobs:
        ranked = job.result.get("ranking")
        pools = tuple(p for p in ranked if isinstance(p, Mapping)) if isinstance(ranked, list) else ()
        found = dict.fromkeys(n for pool in pools for n in numbers(pool) if n in pool and n != "part")
        metric, goal = job.result.get("metric"), job.result.get("goal")
        names = sorted(found, key=lambda n: (n != metric, n in _COUNTS))
        if names:
            more = None if goal is None else not str(goal).startswith("min")
            yield Ranking(job, tuple(names), pools, more)


def frontier(points: Sequence[Sequence[float]], more_is_better: Sequence[bool]) -> list[int]:
    """Places of the points that no other point beats: at least as good in everything, and better in something.

    >>> frontier([(1, 5), (2, 4), (1, 4), (3, 1)], (True, True))
    [0, 1, 3]
    """
    signed = [[v if more else -v for v, more in zip(p, more_is_better, strict=True)] for p in points]
    return [
        i for i, mine in enumerate(signed)
        if not any(other != mine and all(o >= m for o, m in zip(other, mine, strict=True)) for other in signed)
    ]  # fmt: skip


def value_of(trial: Trial, objective: str) -> float | None:
    """What a complete trial reached; None where that is no finite number. `kept` may be an objective too."""
    value = trial.values.get(objective, trial.kept if objective == "kept" else None)
    known = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if known and trial.status == "complete" and value is not None else None


def objectives(trials: Sequence[Trial]) -> list[str]:
    """The names of all values, in the order in which they come."""
    return list(dict.fromkeys(name for trial in trials for name in trial.values))


def best(trials: Sequence[Trial], objective: str, more_is_better: bool) -> Trial | None:
    """The complete trial with the best value; the earliest of equal ones."""
    scored = [(v, t) for t in trials if (v := value_of(t, objective)) is not None]
    if not scored:
        return None
    return (max if more_is_better else min)(scored, key=lambda pair: pair[0])[1]
