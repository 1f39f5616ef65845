"""`DataPoolManipulator`, types `data_pool_combination`, `data_pool_merging` and `data_pool_cartesian_join`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead
from ..errors import SandboxError
from ..pools.pool import MEMORY
from ..pools.sets import cartesian_join, combine, merge
from ..pools.work import Paths, PoolManipulator, best_of, handed_on
from ..registry import component

TOP = 3


@dataclass(frozen=True)
class CombinationSettings:
    """Of `data_pool_combination`."""

    dataset_path: Paths = None  # ranked pools, the best first; by default the best of the newest job that ranked some
    top_n: int | None = None  # how many to combine; by default all that dataset_path names, 3 of a job's
    one_per_stat: bool = True  # of a job's pools take only the best of each stat
    most_combinations: int = 127
    export_path: str | None = None  # folder; by default in that of the job
    memory_limit: str = MEMORY


@component("DataPoolManipulator", "data_pool_combination")
class DataPoolCombination(PoolManipulator):
    """Intersects ranked pools: a pool for every combination of them, with the rows that stand in each of its pools.

    Files are `{prefix}_top_{ranks}_num_{rows}.jsonl`. Rows are the same when all their columns are; a row that a pool
    has twice is written once. Combinations without a row are named in `empty`.
    """

    Settings = CombinationSettings

    def run(self) -> dict[str, Any]:
        settings: CombinationSettings = self.settings
        named = bool(settings.dataset_path)
        ranked = best_of(self.pools(), settings.top_n or (None if named else TOP), settings.one_per_stat and not named)
        with self.workshop() as work:
            made = combine(work, ranked, self.folder, settings.most_combinations)
        return handed_on(made.pools, ranked=[p.name for p in ranked], empty=list(made.empty))


@dataclass(frozen=True)
class MergingSettings:
    """Of `data_pool_merging`."""

    dataset_path: Paths = None  # pools; by default those of the newest job that made some
    export_path: str | None = None  # folder; by default in that of the job
    memory_limit: str = MEMORY


@component("DataPoolManipulator", "data_pool_merging")
class DataPoolMerging(PoolManipulator):
    """Writes the rows of several pools into one file, `{prefix}_merged.jsonl`, pool after pool."""

    Settings = MergingSettings

    def run(self) -> dict[str, Any]:
        with self.workshop() as work:
            return handed_on([merge(work, self.pools(), self.folder)])


@dataclass(frozen=True)
class JoinSettings:
    """Of `data_pool_cartesian_join`."""

    dataset_path: Paths = None  # two pools; by default those of the newest job that made some
    suffix: str = "_2"  # behind the name of a column of the second pool that the first has too
    most_rows: int = 10_000_000
    export_path: str | None = None  # folder; by default in that of the job
    memory_limit: str = MEMORY


@component("DataPoolManipulator", "data_pool_cartesian_join")
class DataPoolCartesianJoin(PoolManipulator):
    """Writes every row of one pool beside every row of another, to `{first}_x_{second}.jsonl`."""

    Settings = JoinSettings

    @classmethod
    def problems(cls, settings: JoinSettings, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(settings, ahead)
        if not settings.suffix:
            yield Problem("bad-setting", "suffix is empty", "give text such as _2")

    def run(self) -> dict[str, Any]:
        pools = self.pools()
        if len(pools) != 2:
            raise SandboxError.of("not-two-pools", f"there are {len(pools)} pools to join", "name two in dataset_path")
        with self.workshop() as work:
            made = cartesian_join(work, pools[0], pools[1], self.folder, self.settings.suffix, self.settings.most_rows)
        return handed_on([made])
