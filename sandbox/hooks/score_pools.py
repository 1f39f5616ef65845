"""`ScorePoolsHook`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from juicesql.errors import JuiceError, Problem

from ..base import Ahead, Context, Hook
from ..pools.scores import EVALUATE, TRAIN, Part, Score, ScoreSettings, read_part, score_pools
from ..pools.work import given_pools, handed_on, pool_problems
from ..registry import hook


@hook("execution", "evaluation")
class ScorePoolsHook(Hook):
    """Trains a model on each data pool, evaluates it, and ranks the pools by a metric of the evaluation.

    `train` and `evaluate` hold the `type` and settings of a component each; without `train` the pools themselves are
    judged. The result has `pools` and `paths`, the best first, each with its mean over the seeds and the difference to
    the random pools; the best one is the `dataset` of later jobs. An interrupted job goes on with the next training.
    """

    Settings = ScoreSettings
    continues = True
    gives = ("paths", "pools", "dataset", "ranking")

    def problems(self, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(ahead)
        try:
            asked: ScoreSettings = self.settings()
        except JuiceError:
            return  # said above
        yield from (self._at(p) for p in pool_problems(asked.pools, ahead))
        if not asked.seeds or (isinstance(asked.samples, int) and asked.samples < 1):
            message = "seeds are empty" if not asked.seeds else f"samples is {asked.samples}"
            yield self.job.problem("bad-setting", message, "give at least one")
        given_then = {"dataset", "model"} if asked.train else {"dataset"}
        inner = replace(ahead, keys=ahead.keys | {"this pool": given_then})
        parts = [(asked.train, TRAIN, "train")] if asked.train else []
        factories = EVALUATE[:1] if asked.train else EVALUATE[::-1]
        for given, names, where in [*parts, (asked.evaluate, factories, "evaluate")]:
            yield from (self._at(p) for p in _part_problems(given, names, where, inner))

    def run(self, context: Context) -> dict[str, Any]:
        asked: ScoreSettings = self.settings()
        pools = given_pools(context, asked.pools)
        scores = score_pools(context, asked, pools)
        ranking = _ranking(scores, asked)
        found = handed_on([s.pool for s in scores], ranking=ranking, metric=asked.metric, goal=asked.goal)
        best = next((s for s in scores if not s.pool.control), scores[0])
        control = _control(scores)
        found |= {"best": best.pool.name, "dataset": best.pool.path, "best_score": best.mean}
        return found | ({"control_score": control} if control is not None else {})

    def summary(self, result: Mapping[str, Any]) -> list[str]:
        head = f"{len(result['pools'])} pools by {result['metric']} ({result['goal']}d); best: {result['best']}"
        return [head, *_table(result["ranking"], result["metric"])]


def _part_problems(given: Mapping[str, Any], names: Sequence[str], where: str, ahead: Ahead) -> Iterator[Problem]:
    try:
        part: Part = read_part(given, names, where)
        yield from part.maker.problems(part.settings(), ahead)
    except JuiceError as error:
        yield from error.problems


def _control(scores: Sequence[Score]) -> float | None:
    """The mean of the random pools."""
    means = [s.mean for s in scores if s.pool.control]
    return fmean(means) if means else None


def _ranking(scores: Sequence[Score], asked: ScoreSettings) -> list[dict[str, Any]]:
    """What became of each pool, the best first. `difference`: to the mean of the random pools, above 0 for better."""
    control = _control(scores)
    larger = asked.goal == "maximize"
    places = Counter((s.pool.stat, s.pool.part) for s in scores)
    return [
        {
            "pool": s.pool.name,
            **_place(s, places),
            "path": s.pool.path,
            "control": s.pool.control,
            "rows": s.rows,
            asked.metric: s.mean,
            "std": s.spread,
            "difference": None if control is None else s.mean - control if larger else control - s.mean,
            "by_seed": {str(seed): value for seed, value in s.by_seed.items()},
            "others": dict(s.others),
        }
        for s in scores
    ]


def _place(score: Score, places: Mapping[tuple[str, int | None], int]) -> dict[str, Any]:
    """The stat and part of a pool where no other pool has them, as a chart needs it; else its name stands for both."""
    pool = score.pool
    if pool.stat and pool.part is not None and places[pool.stat, pool.part] == 1:
        return {"stat": pool.stat, "part": pool.part}
    return {"stat": pool.name}


def _table(ranking: Sequence[Mapping[str, Any]], metric: str) -> list[str]:
    from juicesql.cli.text import table

    seeds = list(ranking[0]["by_seed"]) if ranking else []
    lines = [
        [r["pool"], f"{r['rows']:,}", f"{r[metric]:.4f}", "" if r["std"] is None else f"{r['std']:.4f}",
         "" if r["difference"] is None else f"{r['difference']:+.4f}", *(f"{r['by_seed'][s]:.4f}" for s in seeds)]
        for r in ranking
    ]  # fmt: skip
    head = ["pool", "rows", metric, "std", "better than random by", *(f"seed {s}" for s in seeds)]
    return [f"  {line}" for line in table(head, lines, " " + "r" * (len(head) - 1))]
