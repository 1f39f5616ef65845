"""`DataExecutor`, type `juicesql`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..base import Component
from ..recipes import recipe_settings
from ..registry import component


@dataclass(frozen=True)
class ProcessSettings:
    """Of the engine."""

    dataset_path: str = ""  # data to clean instead of the recipe's source


@component("DataExecutor", "juicesql")
class JuicesqlExecutor(Component):
    """Runs a recipe with the engine of juicesql; stored values are reused."""

    Settings = ProcessSettings

    def run(self) -> dict[str, Any]:
        """Run the recipe and publish its output."""
        from juicesql.running import run

        context, asked = self.context, recipe_settings(self.context.job)
        source = (self.settings.dataset_path,) if self.settings.dataset_path else asked.sources
        recipe = asked.loaded(context.folder, context.project)
        export = asked.export or ("" if recipe.config.export else str(context.folder / "processed.jsonl"))
        done = run(
            recipe.path, source=source, export=export or None, project=context.project, variables=asked.vars,
            threads=asked.threads or context.threads, memory_limit=asked.memory_limit, on_error=asked.on_error,
            max_error_rate=asked.max_error_rate, fresh=asked.fresh, gate=asked.gate, overwrite=True,
            allow_empty=True, progress=context.progress,
        )  # fmt: skip
        return {
            "dataset": done.export, "run_id": done.run_id, "recipe": done.recipe, "source": done.source,
            "rows": done.rows_in, "kept": done.kept, "dropped": done.dropped, "duplicates": done.duplicates,
            "errors": done.errors, "rows_out": done.rows_out, "measured": done.measured, "reused": done.reused,
            "funnel": [[r.step, r.sql, r.rows_in, r.rows_out] for r in done.funnel if r.kind == "cut"],
        }  # fmt: skip
