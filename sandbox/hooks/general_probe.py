"""`GeneralProbeHook`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..base import Context, Hook
from ..pools.work import pool_lines
from ..registry import hook


@hook("probe", "execution", "evaluation")
class GeneralProbeHook(Hook):
    """Probes what other jobs made; `type: data_pool_ranking` sorts data pools by their metrics."""

    factory = "GeneralProbe"
    gives = ("paths", "pools")

    def run(self, context: Context) -> dict[str, Any]:
        result: dict[str, Any] = self.make(context).run()
        return result

    def summary(self, result: Mapping[str, Any]) -> list[str]:
        return [f"{len(result['pools'])} pools, the best first", *pool_lines(result["pools"])]
