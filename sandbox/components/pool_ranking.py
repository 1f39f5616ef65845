"""`GeneralProbe`, type `data_pool_ranking`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead, Component
from ..errors import SandboxError
from ..pools.pool import Pool
from ..pools.work import Paths, best_of, given_pools, handed_on, known_pools, pool_problems
from ..registry import component


@dataclass(frozen=True)
class RankingSettings:
    """Of `data_pool_ranking`."""

    dataset_path: Paths = None  # pools; by default those that the newest job scored, in its order
    metrics: tuple[Any, ...] | None = None  # of each pool of dataset_path: a number, or a mapping of them
    ranking_keys: tuple[str, ...] = ()  # of the mappings, the most important first; `a.b` is b inside a
    descending: bool = True  # the largest first
    top_n: int | None = None  # by default all
    one_per_stat: bool = False  # only the best pool of each stat


@component("GeneralProbe", "data_pool_ranking")
class DataPoolRanking(Component):
    """Sorts pools by their metrics and hands on the best; equal ones keep their order, random pools are left out."""

    Settings = RankingSettings

    @classmethod
    def problems(cls, settings: RankingSettings, ahead: Ahead) -> Iterator[Problem]:
        yield from pool_problems(settings.dataset_path, ahead)
        if settings.metrics is None and not ahead.has("ranking"):
            yield Problem(
                "no-metrics", "there are no metrics to rank by", "score pools in an earlier job, or give metrics"
            )
        if settings.metrics is not None and not settings.dataset_path:
            yield Problem("no-pools", "metrics are given without pools", "give dataset_path, a pool for each of them")

    def run(self) -> dict[str, Any]:
        settings: RankingSettings = self.settings
        ranked = self._scored() if settings.metrics is None else self._given(settings.metrics)
        return handed_on(best_of(ranked, settings.top_n, settings.one_per_stat))

    def _scored(self) -> list[Pool]:
        """The pools in the order of the newest job that scored some."""
        order = self.context.results.latest("ranking", self.context.job.pipeline) or []
        known = known_pools(self.context)
        chosen = {p.path for p in given_pools(self.context, self.settings.dataset_path)}
        return [known[str(Path(p["path"]).absolute())] for p in order if p["path"] in chosen]

    def _given(self, metrics: Sequence[Any]) -> list[Pool]:
        pools = given_pools(self.context, self.settings.dataset_path)
        if len(pools) != len(metrics):
            message = f"{len(pools)} pools have {len(metrics)} metrics"
            raise SandboxError.of("not-as-many", message, "give one for each pool, in the same order")
        values = [tuple(self._values(m)) for m in metrics]
        order = sorted(range(len(pools)), key=values.__getitem__, reverse=self.settings.descending)
        return [pools[i] for i in order]

    def _values(self, metric: Any) -> Iterator[float]:
        for key in self.settings.ranking_keys or ("",):
            value = metric
            for part in key.split(".") if key else ():
                value = value.get(part) if isinstance(value, Mapping) else None
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
                message = f"a metric has no number {key or 'to rank by'}: {metric}"
                raise SandboxError.of("no-metric", message, "give ranking_keys that every pool has")
            yield float(value)
