"""`ProcessDataHook`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from juicesql.cli.text import percent
from juicesql.errors import JuiceError, Problem

from ..base import Ahead, Context, Hook
from ..recipes import recipe_settings
from ..registry import hook


@hook("execution")
class ProcessDataHook(Hook):
    """Cleans data by a recipe and publishes the output, as `juicesql run` does.

    `dj_configs` is the recipe. The output goes where it says (`export`), else into the job's folder.
    """

    factory = "DataExecutor"
    default_type = "juicesql"
    takes_recipe = True
    gives = ("dataset", "run_id", "recipe", "rows", "kept", "measured", "reused")

    def problems(self, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(ahead)
        export = self._export()
        if export and Path(export).suffix in ("", ".sql", ".j2", ".yaml"):
            yield self.job.problem("bad-setting", f"export is {export}", "give a .jsonl, .parquet, .csv or .tsv file")

    def writes(self) -> Iterator[Path]:
        if export := self._export():
            yield Path(export)

    def _export(self) -> str:
        try:
            return recipe_settings(self.job).export
        except JuiceError:
            return ""  # `problems` says so

    def run(self, context: Context) -> dict[str, Any]:
        found: dict[str, Any] = self.make(context).run()
        return found

    def summary(self, result: Mapping[str, Any]) -> list[str]:
        kept = f"kept {result['kept']:,} of {result['rows']:,} rows ({percent(result['kept'], result['rows'])})"
        reused = f"{result['measured']:,} values measured, {result['reused']:,} reused"
        return [f"{kept}; {reused}; {result['rows_out']:,} rows in {result['dataset']}"]
