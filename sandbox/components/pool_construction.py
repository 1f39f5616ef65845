"""`DataPoolManipulator`, type `data_pool_construction`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from juicesql.errors import JuiceError, Problem

from ..base import Ahead
from ..errors import SandboxError
from ..pools.cuts import ANALYSED, Analysed, analysed_file, analysed_run, construct, read_ratios
from ..pools.pool import MEMORY, Workshop
from ..pools.work import PoolManipulator, handed_on, pool_problems
from ..registry import component


@dataclass(frozen=True)
class ConstructionSettings:
    """Of `data_pool_construction`."""

    run_id: str | None = None  # a run or analysis; by default that of the newest job of the pipeline that has one
    # instead: a file whose rows carry their stats in the column `stats_field`
    dataset_path: str | None = None
    stats_field: str = ANALYSED
    stats: tuple[str, ...] = ()  # which stats; by default all that are numbers or lists of numbers
    split_ratios: tuple[float | str, ...] = ("1/3", "2/3")  # where the sorted rows are cut
    controls: int = 1  # random pools of the size of a first part
    shuffle_seed: int | None = None  # of the random pools; by default that of the experiment
    export_path: str | None = None  # folder; by default in that of the job
    memory_limit: str = MEMORY  # of DuckDB; what is larger goes to the disk


@component("DataPoolManipulator", "data_pool_construction")
class DataPoolConstruction(PoolManipulator):
    """Cuts the rows of an analysed dataset into pools of low, middle and high values, once for each numeric stat.

    Files are `{stat}/{name}_{stat}_{part}.jsonl`, the rows those of the source. A list counts as its mean, an empty one
    as 0. Rows without a value stand in none of the pools of that stat and are counted in `left_out`.
    """

    Settings = ConstructionSettings
    needs_pools = False

    @classmethod
    def problems(cls, settings: ConstructionSettings, ahead: Ahead) -> Iterator[Problem]:
        yield from pool_problems(settings.dataset_path, ahead, False)
        if not settings.dataset_path and not settings.run_id and not ahead.has("run_id"):
            mend = "analyse a recipe in an earlier job, or give run_id or dataset_path"
            yield Problem("no-run", "there are no measured values", mend)
        if settings.controls < 0:
            yield Problem("bad-setting", f"controls is {settings.controls}", "give 0 or more")
        try:
            read_ratios(settings.split_ratios)
        except JuiceError as error:
            yield from error.problems

    def run(self) -> dict[str, Any]:
        settings: ConstructionSettings = self.settings
        with self.workshop() as work:
            data = self._analysed(work)
            ratios = read_ratios(settings.split_ratios)
            made = construct(work, data, self.folder, ratios, settings.controls, self.seed)
        if not made.pools:
            raise SandboxError.of("no-pools", "no stat has a value to sort by", "measure a stat that is a number")
        unmeasured = {stat: count for stat, count in made.left_out.items() if count}
        return handed_on(made.pools, rows=made.rows, left_out=unmeasured, skipped=list(made.skipped))

    def _analysed(self, work: Workshop) -> Analysed:
        settings: ConstructionSettings = self.settings
        if settings.dataset_path:
            return analysed_file(work, settings.dataset_path, settings.stats, settings.stats_field)
        run_id = settings.run_id or self.context.results.latest("run_id", self.context.job.pipeline)
        if not run_id:
            raise SandboxError.of("no-run", "no earlier job of the pipeline has measured values", "give run_id")
        return analysed_run(work, self.context.project, str(run_id), settings.stats)
