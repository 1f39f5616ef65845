"""The hook that judges a model."""

from __future__ import annotations

import time
from typing import Any

from ..base import Context, Hook
from ..registry import hook


@hook("evaluation")
class EvaluateModelHook(Hook):
    """Judges a model by numbers: its perplexity, its accuracy, or whatever a command prints."""

    factory = "ModelEvaluator"
    default_type = "perplexity"

    def run(self, context: Context) -> dict[str, Any]:
        started = time.perf_counter()
        component = self.make(context)
        model = getattr(component.settings, "model", None) or context.results.latest("model", context.job.pipeline)
        found: dict[str, Any] = component.run("model", model)
        return {**found, "seconds": round(time.perf_counter() - started, 3)}
