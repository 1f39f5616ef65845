"""`ProbeViaAnalyzerHook`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from juicesql.cli.text import percent

from ..base import Hook
from ..registry import hook


@hook("probe", "evaluation")
class ProbeViaAnalyzerHook(Hook):
    """Measures every stat of a recipe on every row, without a cut, and describes the values.

    `dj_configs` is the recipe. Among the evaluation jobs it looks at what the newest job of the pipeline wrote, unless
    dj_configs or extra_configs name the data. Values are stored, so a recipe with other thresholds finds them.
    """

    factory = "DataAnalyzer"
    default_type = "juicesql"
    takes_recipe = True
    gives = ("run_id", "recipe", "source", "rows", "kept", "stats")

    def run(self, context: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.make(context).run()
        return found

    def summary(self, result: Mapping[str, Any]) -> list[str]:
        stats = result["stats"]
        head = f"{result['rows']:,} rows of {result['source']}, {len(stats)} stats; "
        head += f"{result['measured']:,} values measured, {result['reused']:,} reused"
        if result["cuts"]:
            head += f"; its cuts would keep {result['kept']:,} ({percent(result['kept'], result['rows'])})"
        return [head, *table_of(stats)]


def table_of(stats: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The stats with their numbers, as an aligned table."""
    from juicesql.cli.analyze import short
    from juicesql.cli.text import table

    names = ["mean", "std", "min", "median", "max", "null"]
    rows = [[label, *(short(facts.get(n)) for n in names)] for label, facts in stats.items() if "mean" in facts]
    return [f"  {line}" for line in table(["stat", *names], rows, " rrrrrr")] if rows else []
