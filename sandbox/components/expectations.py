"""The evaluator by an expectation suite of great_expectations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juicesql.errors import Problem, SuiteError
from juicesql.gates.model import Report
from juicesql.gates.suite import load_suite
from juicesql.running import prepare, recheck, run
from juicesql.sqltext import quote

from ..base import Ahead, Evaluator
from ..metrics.queries import write_recipe
from ..missing import missing_file, missing_library
from ..registry import component


@dataclass(frozen=True)
class ExpectationSettings:
    """Which suite judges which data."""

    suite: str  # the path of a suite, NAME.expectations.yml, with its expectations below `output:` or `source:`
    dataset_path: str | None = None  # by default the newest dataset
    columns: Mapping[str, str] = field(default_factory=dict)  # name -> SQL of more columns, such as text_len(text)


class _Expectations(Evaluator):
    Settings = ExpectationSettings

    @classmethod
    def problems(cls, settings: ExpectationSettings, ahead: Ahead) -> Iterator[Problem]:
        yield from missing_library("great_expectations", "yaml", extra="gates")
        yield from missing_file(settings.suite, ahead, "suite")
        if Path(settings.suite).is_file():
            try:
                yield from load_suite(Path(settings.suite))[1]
            except SuiteError as error:
                yield from error.problems

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        more = "".join(f",\n    {sql} as {quote(name)}" for name, sql in self.settings.columns.items())
        recipe = write_recipe(self.context, f"select *{more}\nfrom source\n")
        given: dict[str, Any] = {"source": [str(self.context.dataset(eval_obj))], "project": self.context.project}
        limits: dict[str, Any] = {"threads": self.context.threads, "progress": self.context.progress}
        prepared = prepare(recipe, **given)
        done = run(recipe, **given, **limits)
        report = recheck(prepared, done.run_id, suite=Path(self.settings.suite), **limits)
        return _numbers(report) | {"rows": done.rows_in, "checks_of": done.run_id}


@component("DataEvaluator", "great_expectations")
class GreatExpectations(_Expectations):
    """The same as `gx`."""


@component("DataEvaluator", "gx")
class Gx(_Expectations):
    """Share of the expectations of a suite that a dataset meets, and those that it does not.

    The suite is written as for `juicesql validate`. Every check is kept in the relation `checks` of the stats database;
    `failing` has a sentence for each that is not met, with some of the rows.
    """


def _numbers(report: Report) -> dict[str, Any]:
    met = sum(c.success for c in report.checks)
    return {
        "met_share": met / len(report.checks) if report.checks else 1.0,
        "met": met,
        "expectations": len(report.checks),
        "success": report.success,
        "failing": [c.sentence for c in report.checks if not c.success],
        "results": [
            {
                "relation": c.expectation.relation, "expectation": c.expectation.text, "success": c.success,
                "rows": c.rows, "failing": c.failing, "found": c.found,
            }
            for c in report.checks
        ],
    }  # fmt: skip
