"""Makes expectations of great_expectations out of those of a suite, its regular expressions judged by RE2.

Only this module and `judge` know great_expectations, which is imported when it is needed: that takes seconds.
"""

from __future__ import annotations

import functools
import importlib
import operator
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.errors import Problem, nearest
from juicesql.gates.model import Expectation
from juicesql.gates.suite import missing_extra

OVER_ROWS = {  # of the kinds that judge row by row, those that look at other rows too
    "expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique",
    "expect_column_values_to_be_increasing", "expect_column_values_to_be_decreasing",
    "expect_column_value_z_scores_to_be_less_than", "expect_column_values_to_not_be_outliers",
}  # fmt: skip
_UNFIT = {  # SQL of the suite, or what great_expectations does not have for frames
    "expect_query_results_to_match_comparison", "unexpected_rows_expectation",
    "expect_table_row_count_to_equal_other_table",
    "expect_column_values_to_match_like_pattern", "expect_column_values_to_match_like_pattern_list",
    "expect_column_values_to_not_match_like_pattern", "expect_column_values_to_not_match_like_pattern_list",
    "expect_column_values_to_match_json_schema",  # its patterns are not bounded in time
}  # fmt: skip
_INNER = {  # fields that are no parameters of the expectation
    "id", "meta", "notes", "result_format", "description", "catch_exceptions", "rendered_content", "windows",
    "batch_id", "row_condition", "condition_parser", "severity",
}  # fmt: skip


@functools.cache
def library() -> Any:
    """great_expectations, with its telemetry off. SuiteError when it is not installed."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    try:
        for needed in ("pandas", "great_expectations.expectations"):
            importlib.import_module(needed)
    except ImportError as error:
        raise missing_extra("great_expectations") from error
    return importlib.import_module("great_expectations")


def part(name: str) -> Any:
    """A module of great_expectations."""
    library()
    return importlib.import_module(f"great_expectations.{name}")


@functools.cache
def _kinds() -> dict[str, Any]:
    """Name of an expectation -> its class."""
    registry, base = part("expectations.registry"), part("expectations.expectation").Expectation
    names = [n for n in registry.list_registered_expectation_implementations() if n not in _UNFIT]
    found = {n: registry.get_expectation_impl(n) for n in names}
    return {n: c for n, c in found.items() if issubclass(c, base)} | _linear_regexes()


def _linear_regexes() -> dict[str, Any]:
    """The expectations of regular expressions, with metrics of our own: the time of RE2 is linear, Python's is not."""
    core = part("expectations")
    metrics: dict[str, tuple[str, tuple[str, ...], Callable[..., Any]]] = {
        "MatchRegex": ("re2_found", ("regex",), lambda column, regex: _has(column, regex)),
        "NotMatchRegex": ("re2_absent", ("regex",), lambda column, regex: ~_has(column, regex)),
        "MatchRegexList": ("re2_found_in", ("regex_list", "match_on"), _has_of),
        "NotMatchRegexList": (
            "re2_absent_in",
            ("regex_list",),
            lambda column, **given: ~_has_of(column, **given),
        ),
    }
    found = {}
    for name, (metric, keys, judge) in metrics.items():
        base = getattr(core, f"ExpectColumnValuesTo{name}")
        _add_metric(f"column_values.{metric}", keys, judge)
        own = {"map_metric": f"column_values.{metric}", "__module__": __name__}
        found[base.expectation_type] = type(f"{base.__name__}ByRe2", (base,), own)
    return found


def _add_metric(name: str, keys: tuple[str, ...], judge: Callable[..., Any]) -> None:
    """Teach great_expectations a condition on the values of a column."""
    maps = part("expectations.metrics.map_metric_provider")

    def condition(cls: Any, column: Any, **given: Any) -> Any:
        return judge(column, **{k: given[k] for k in keys if given.get(k) is not None})

    decorated = maps.column_condition_partial(engine=part("execution_engine").PandasExecutionEngine)(condition)
    own = {"condition_metric_name": name, "condition_value_keys": keys, "default_kwarg_values": {"match_on": "any"}}
    type("Re2Metric", (maps.ColumnMapMetricProvider,), {**own, "_pandas": decorated, "__module__": __name__})


def _has_of(column: Any, regex_list: list[str], match_on: str = "any") -> Any:
    found = [_has(column, regex) for regex in regex_list]
    return functools.reduce(operator.and_ if match_on == "all" else operator.or_, found)


def _has(column: Any, regex: str) -> Any:
    """Where RE2 finds the expression, with the column's index."""
    texts = pa.array(column.astype(str), pa.large_string(), from_pandas=True)
    found = pc.fill_null(pc.match_substring_regex(texts, regex), False)
    return type(column)(found.to_numpy(zero_copy_only=False), index=column.index)


@dataclass(frozen=True)
class Judged:
    """An expectation, and what great_expectations made of it. `number` finds it again among results."""

    number: int
    expectation: Expectation
    rule: Any
    row_wise: bool


def compile_all(expectations: Sequence[Expectation], file: str) -> tuple[list[Judged], list[Problem]]:
    """Expectations of great_expectations, and what it does not take."""
    base = part("expectations.expectation")
    maps = (base.ColumnMapExpectation, base.ColumnPairMapExpectation, base.MulticolumnMapExpectation)
    problems, made = [], []
    for number, expectation in enumerate(expectations):
        kind: Any = _kinds().get(expectation.type)
        if kind is None:
            problems.append(_unknown(expectation, file))
            continue
        try:
            rule = kind(**expectation.kwargs, meta={"number": number, "line": expectation.text})
        except (ValueError, TypeError) as error:
            problems.append(_misused(expectation, kind, error, file))
            continue
        made.append(Judged(number, expectation, rule, issubclass(kind, maps) and expectation.type not in OVER_ROWS))
    return made, problems


def _unknown(expectation: Expectation, file: str) -> Problem:
    message, mend = f"there is no `{expectation.type}`", nearest(expectation.type, _kinds())
    if expectation.type in _UNFIT:
        message, mend = f"`{expectation.type}` is not available", "cut the rows in a step of the recipe"
    return Problem("unknown-expectation", message, mend, Path(file).name, expectation.line)


def _misused(expectation: Expectation, kind: Any, error: Exception, file: str) -> Problem:
    details = [(e["loc"], e["msg"]) for e in getattr(error, "errors", list)()]
    said = [" ".join([*(str(p) for p in where if p != "__root__"), what]) for where, what in details] or [str(error)]
    mend = "it takes " + ", ".join(n for n in kind.__fields__ if n not in _INNER)
    message = f"`{expectation.type}`: {'; '.join(said)}"
    return Problem("bad-expectation", message, mend, Path(file).name, expectation.line)
