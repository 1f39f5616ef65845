"""The hook that judges data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from juicesql.errors import JuiceError, Problem

from ..base import Ahead, Context, Hook
from ..missing import missing_file
from ..registry import hook


@hook("evaluation")
class EvaluateDataHook(Hook):
    """Judges a dataset, or images and videos that were generated, by numbers.

    `type` says how: `dj_text_quality_classifier`, `gx`, `accuracy`, `mse`, `stats`, `video_inception_evaluator` or
    `vbench_video_evaluator`. The dataset is `dataset_path`, by default the newest of the experiment.
    """

    factory = "DataEvaluator"

    def problems(self, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(ahead)
        try:
            found = self.settings()
        except JuiceError:
            return  # told already
        if hasattr(found, "dataset_path"):
            yield from (self._at(p) for p in missing_file(found.dataset_path, ahead))
            if not found.dataset_path and not ahead.has("dataset"):
                mend = "give dataset_path in extra_configs, or process data in an earlier job"
                yield self.job.problem("no-dataset", "there is no dataset to judge", mend)

    def run(self, context: Context) -> dict[str, Any]:
        started = time.perf_counter()
        evaluator = self.make(context)
        given = getattr(evaluator.settings, "dataset_path", None)
        dataset = given or context.results.latest("dataset", context.job.pipeline)
        found: dict[str, Any] = evaluator.run("data", dataset)
        return {**found, "seconds": round(time.perf_counter() - started, 3)}
