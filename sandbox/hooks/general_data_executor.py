"""`GeneralDataExecutorHook`."""

from __future__ import annotations

from typing import Any

from ..base import Context, Hook
from ..registry import hook


@hook("execution")
class GeneralDataExecutorHook(Hook):
    """Writes data in the shape that a model is trained on; `type` chooses which."""

    factory = "GeneralDataExecutor"
    gives = ("paths", "dataset")

    def run(self, context: Context) -> dict[str, Any]:
        result: dict[str, Any] = self.make(context).run()
        return result
