"""`DataPoolManipulationHook`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..base import Context, Hook
from ..pools.work import pool_lines
from ..registry import hook


@hook("execution", "refine_recipe", "evaluation")
class DataPoolManipulationHook(Hook):
    """Makes data pools; `type` chooses how: cut by stats, combined, repeated, drawn from, merged or joined.

    The result has `paths` and `pools`, which later jobs that work with pools find by themselves.
    """

    factory = "DataPoolManipulator"
    gives = ("paths", "pools")

    def run(self, context: Context) -> dict[str, Any]:
        result: dict[str, Any] = self.make(context).run()
        return result

    def summary(self, result: Mapping[str, Any]) -> list[str]:
        lines = [f"{len(result['pools'])} pools", *pool_lines(result["pools"])]
        for stat, count in result.get("left_out", {}).items():
            lines.append(f"  {stat}: {count:,} rows have no value and stand in none of its pools")
        if result.get("skipped"):
            lines.append(f"  no numbers, so no pools: {', '.join(result['skipped'])}")
        if result.get("empty"):
            lines.append(f"  without a row: {', '.join(result['empty'])}")
        return lines
