"""The evaluator of any aggregate over the stats of a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead, Evaluator
from ..metrics.queries import aggregates
from ..registry import component


@dataclass(frozen=True)
class StatsSettings:
    """What to compute."""

    metrics: Mapping[str, str]  # name -> SQL that gives one value, such as avg(text_len(text))
    dataset_path: str | None = None  # by default the newest dataset


@component("DataEvaluator", "stats")
class Stats(Evaluator):
    """Aggregates over the rows of a dataset, in SQL with every stat at hand.

    `metrics: {mean_length: avg(text_len(text)), english: "avg((lang(text) = 'en')::int)"}`. Values that are in the
    stats database are not measured again: `measured` and `reused` say how many were.
    """

    Settings = StatsSettings

    @classmethod
    def problems(cls, settings: StatsSettings, ahead: Ahead) -> Iterator[Problem]:
        if not settings.metrics:
            yield Problem("no-metrics", "metrics is empty", "give name: SQL, such as mean_length: avg(text_len(text))")

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        found, done = aggregates(self.context, self.context.dataset(eval_obj), self.settings.metrics)
        return {**found, "rows": done.rows_in, "measured": done.measured, "reused": done.reused}
