"""`DataPoolManipulator`, types `data_pool_duplication` and `data_pool_downsampling`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead
from ..pools.pool import MEMORY
from ..pools.scale import downsample, duplicate
from ..pools.work import Paths, PoolManipulator, handed_on
from ..registry import component


@dataclass(frozen=True)
class DuplicationSettings:
    """Of `data_pool_duplication`."""

    duplicating_times: tuple[int, ...]  # how often each pool is repeated, such as [1, 2, 4]
    dataset_path: Paths = None  # pools; by default those of the newest job that made some, or the newest dataset
    shuffle: bool = False  # instead of copy after copy
    shuffle_seed: int | None = None  # by default that of the experiment
    export_path: str | None = None  # folder; by default in that of the job
    memory_limit: str = MEMORY


@component("DataPoolManipulator", "data_pool_duplication")
class DataPoolDuplication(PoolManipulator):
    """Repeats the rows of each pool: a file `{name}_x{times}.jsonl` for each number of times."""

    Settings = DuplicationSettings

    @classmethod
    def problems(cls, settings: DuplicationSettings, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(settings, ahead)
        if not settings.duplicating_times or min(settings.duplicating_times) < 1:
            mend = "give whole numbers from 1, such as [1, 2, 4]"
            yield Problem("bad-setting", f"duplicating_times are {list(settings.duplicating_times)}", mend)

    def run(self) -> dict[str, Any]:
        settings: DuplicationSettings = self.settings
        with self.workshop() as work:
            made = duplicate(work, self.pools(), self.folder, settings.duplicating_times, settings.shuffle, self.seed)
        return handed_on(made)


@dataclass(frozen=True)
class DownsamplingSettings:
    """Of `data_pool_downsampling`."""

    dataset_path: Paths = None  # pools; by default those of the newest job that made some, or the newest dataset
    target_num_samples: int | tuple[int, ...] | None = None  # rows, or several sizes; by default those of the smallest
    shuffle_seed: int | None = None  # by default that of the experiment
    export_path: str | None = None  # folder; by default in that of the job
    memory_limit: str = MEMORY

    @property
    def sizes(self) -> tuple[int, ...]:
        given = self.target_num_samples
        return (given,) if isinstance(given, int) else given or ()


@component("DataPoolManipulator", "data_pool_downsampling")
class DataPoolDownsampling(PoolManipulator):
    """Draws random rows of each pool, so that pools of one size are compared: `{name}_{rows}.jsonl`.

    A pool with fewer rows than asked for is written whole. A larger draw with the same seed has every row of a smaller.
    """

    Settings = DownsamplingSettings

    @classmethod
    def problems(cls, settings: DownsamplingSettings, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(settings, ahead)
        if any(size < 1 for size in settings.sizes):
            yield Problem("bad-setting", f"target_num_samples are {list(settings.sizes)}", "give whole numbers from 1")

    def run(self) -> dict[str, Any]:
        with self.workshop() as work:
            made = downsample(work, self.pools(), self.folder, self.settings.sizes, self.seed)
        return handed_on(made)
