"""`DataAnalyzer`, type `juicesql`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from juicesql.errors import Problem
from juicesql.running import Prepared

from ..base import Ahead, Component
from ..recipes import recipe_settings
from ..registry import component


@dataclass(frozen=True)
class AnalyzeSettings:
    """Of the analyzer."""

    dataset_path: str = ""  # data to look at instead of the recipe's source
    auto: bool = False  # every stat that fits the columns, instead of the recipe's
    also: tuple[str, ...] = ()  # further calls of stats in SQL, such as "lang(text)"; with `auto` only
    sample: int | None = None  # rows to measure; all without
    html: str = ""  # where a report with charts goes


@component("DataAnalyzer", "juicesql")
class JuicesqlAnalyzer(Component):
    """Measures the stats of a recipe on every row and describes them, as `juicesql analyze` does."""

    Settings = AnalyzeSettings

    @classmethod
    def problems(cls, settings: AnalyzeSettings, ahead: Ahead) -> Iterator[Problem]:
        if settings.dataset_path and not ahead.exists(settings.dataset_path):
            yield Problem("no-file", f"there is no {settings.dataset_path}", "paths begin at the current directory")
        if settings.also and not settings.auto:
            yield Problem("bad-setting", "`also` goes with `auto`", "add `auto: true`, or the stat to the recipe")

    def run(self) -> dict[str, Any]:
        """Analyse. The run_id is that of the analysis in the stats database."""
        from juicesql.analysis.analyze import Analysis, analyze
        from juicesql.analysis.publish import Files, check_files, write_files

        context, asked = self.context, recipe_settings(self.context.job)
        files = Files(None, None, Path(self.settings.html) if self.settings.html else None)
        check_files(files)

        def written(analysis: Analysis, read: Prepared) -> None:
            write_files(analysis, read, files)

        found = analyze(
            asked.file(context.folder), auto=self.settings.auto, sample=self.settings.sample, source=self._source(),
            project=context.project, variables=asked.vars, also=self.settings.also,
            threads=asked.threads or context.threads, memory_limit=asked.memory_limit, fresh=asked.fresh,
            progress=context.progress, then=written,
        )  # fmt: skip
        return {
            "run_id": found.run_id, "recipe": found.recipe, "source": found.source, "rows": found.rows,
            "kept": found.kept, "errors": found.errors, "measured": found.measured, "reused": found.reused,
            "cuts": len(found.cuts), "stats": {s.label: _numbers(s) for s in found.stats},
        }  # fmt: skip

    def _source(self) -> tuple[str, ...]:
        """What to read: named here, or, when the job evaluates, what the newest job of the pipeline wrote."""
        context, asked = self.context, recipe_settings(self.context.job)
        if self.settings.dataset_path or asked.sources:
            return (self.settings.dataset_path,) if self.settings.dataset_path else asked.sources
        made = context.results.latest("dataset", context.job.pipeline)
        return (str(made),) if made and context.job.list == "evaluation" else ()


def _numbers(facts: Any) -> dict[str, Any]:
    """What is said of a stat: the numbers of its values (of its items, for lists), or its most frequent label."""
    found: dict[str, Any] = {"null": facts.nulls}
    if facts.numbers:
        n = facts.numbers
        found |= {
            "count": n.count, "mean": n.mean, "std": n.std, "min": n.min, "median": n.percentile(50.0), "max": n.max,
        }  # fmt: skip
    elif facts.labels and facts.labels.top:
        found |= {"count": facts.labels.count, "distinct": facts.labels.distinct, "top": facts.labels.top[0][0]}
    return found
