"""Lets great_expectations judge relations, and adds up what pieces of them gave.

An expectation is judged in one of three ways. Where each row is judged by itself, frame by frame, and the counts are
added up. Where the whole is judged by metrics that DuckDB can compute, by those: great_expectations says which it
needs. Otherwise on one frame of the whole columns, if that fits into memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from juicesql.errors import SuiteError
from juicesql.gates.aggregates import Aggregates
from juicesql.gates.frames import SAMPLE_COLUMN, Rows
from juicesql.gates.model import Check, Example
from juicesql.gates.rules import OVER_ROWS, Judged, library, part

EXAMPLES = 20  # failing rows that a check names
LONGEST_VALUE = 200  # characters of a value that is shown
WHOLE_BYTES = 1 << 30  # of columns that are judged in one piece
_FORMAT = {
    "result_format": "SUMMARY",
    "partial_unexpected_count": EXAMPLES,
    "unexpected_index_column_names": [SAMPLE_COLUMN],
}


@dataclass
class _Sum:
    """What the frames gave for one expectation so far."""

    result: Any = None
    rows: int = 0
    missing: int = 0
    failing: int = 0
    examples: list[Example] = field(default_factory=list)
    message: str = ""


class Judge:
    """Judges expectations on relations. Keeps great_expectations' context, in memory only."""

    def __init__(self) -> None:
        config = part("data_context.types.base")
        stores = config.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)  # no folder in /tmp
        settings = config.DataContextConfig(store_backend_defaults=stores, analytics_enabled=False)
        context = library().get_context(mode="ephemeral", project_config=settings)
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        self.context = context
        self.results: list[Any] = []

    def judge(self, judged: Sequence[Judged], rows: Rows, columns: Sequence[str]) -> list[Check]:
        """A check for each, in their order; `results` are then those of great_expectations."""
        whole = Aggregates(rows, columns)
        checks: dict[int, tuple[Check, Any]] = {}
        each = [j for j in judged if j.row_wise]
        for j, total in self._frames(each, rows):
            checks[j.number] = self._added(j, total)
        for j in judged:
            if not j.row_wise:
                checks[j.number] = self._whole(j, whole)
        self.results = [checks[j.number][1] for j in judged]
        return [checks[j.number][0] for j in judged]

    def _frames(self, judged: Sequence[Judged], rows: Rows) -> Iterator[tuple[Judged, _Sum]]:
        sums = {j.number: _Sum() for j in judged}
        names = list(dict.fromkeys(n for j in judged for n in j.expectation.names))
        for table in rows.frames(names) if judged else ():
            for result in self._results(table, [j.rule for j in judged]):
                _add(sums[result.expectation_config.meta["number"]], result)
        return ((j, sums[j.number]) for j in judged)

    def _results(self, table: pa.Table, rules: Sequence[Any]) -> list[Any]:
        """A batch of its own would hash the whole frame, twice: half of the time."""
        frame = table.to_pandas(integer_object_nulls=True, date_as_object=False)
        engine = part("execution_engine").PandasExecutionEngine(batch_data_dict={"frame": frame})
        validator = part("validator.validator").Validator(execution_engine=engine, data_context=self.context)
        settings = {"result_format": dict(_FORMAT), "catch_exceptions": True}
        configurations = [r.configuration for r in rules]
        return list(validator.graph_validate(configurations=configurations, runtime_configuration=settings))

    def _added(self, j: Judged, total: _Sum) -> tuple[Check, Any]:
        """The check of an expectation whose frames are added up, by the rule of great_expectations for `mostly`."""
        judged = total.rows - total.missing
        mostly = j.expectation.kwargs.get("mostly", 1)
        success = not total.message and (judged == 0 or (judged - total.failing) / judged >= mostly)
        result = total.result
        result.success = success
        if not total.message:
            percent = 100 * total.failing / judged if judged else 0.0
            result.result |= {
                "element_count": total.rows,
                "unexpected_count": total.failing,
                "unexpected_percent": percent,
            }
            result.result |= {"unexpected_percent_total": 100 * total.failing / max(total.rows, 1)}
            result.result |= {"unexpected_percent_nonmissing": percent}
            if "missing_count" in result.result:
                result.result |= {
                    "missing_count": total.missing,
                    "missing_percent": 100 * total.missing / max(total.rows, 1),
                }
        check = Check(
            j.expectation, success, total.rows, total.failing, total.missing, None, tuple(total.examples), total.message
        )
        return check, result

    def _whole(self, j: Judged, whole: Aggregates) -> tuple[Check, Any]:
        engine = part("execution_engine").PandasExecutionEngine()
        settings = {"result_format": {"result_format": "BASIC", "partial_unexpected_count": EXAMPLES}}
        wanted = j.rule.get_validation_dependencies(execution_engine=engine, runtime_configuration=dict(settings))
        asked = wanted.metric_configurations
        if not whole.can(list(asked), j.expectation.kwargs):
            return self._in_one_piece(j, whole)
        try:
            metrics = {m.id: whole.value(name, j.rule.configuration.kwargs) for name, m in asked.items()}
            result = j.rule.metrics_validate(metrics, runtime_configuration=dict(settings), execution_engine=engine)
        except (duckdb.Error, ValueError, TypeError) as error:
            result = _failed(error)
        result.expectation_config = j.rule.configuration
        return self._judged(j, result, whole), result

    def _judged(self, j: Judged, result: Any, whole: Aggregates) -> Check:
        found, message = result.result or {}, _raised(result)
        failing = found.get("unexpected_count")
        examples: list[Example] = []
        if failing and j.expectation.type in OVER_ROWS and not message:
            names = list(j.expectation.names)
            rows = whole.repeating_rows(names, EXAMPLES) if "unique" in j.expectation.type else []
            examples = [Example(int(r[0]), {n: _shown(v) for n, v in zip(names, r[1:], strict=True)}) for r in rows]
        observed = _observed(j, found, whole)
        return Check(j.expectation, bool(result.success) and not message, whole.row_count, failing,
                     found.get("missing_count"), observed, tuple(examples), message)  # fmt: skip

    def _in_one_piece(self, j: Judged, whole: Aggregates) -> tuple[Check, Any]:
        names = list(j.expectation.names)
        tables: list[pa.Table] = []
        for table in whole.rows.frames(names):
            tables.append(table)
            if sum(t.nbytes for t in tables) > WHOLE_BYTES:
                mend = "take a sample of the rows in a step of the recipe, and expect this of that step"
                raise SuiteError.of("too-large", f"`{j.expectation.text}` looks at more than 1 GB at once", mend)
        [result] = self._results(pa.concat_tables(tables), [j.rule])
        return self._judged(j, result, whole), result


def _failed(error: Exception) -> Any:
    info = {"raised_exception": True, "exception_message": str(error), "exception_traceback": ""}
    return part("core").ExpectationValidationResult(success=False, result={}, exception_info=info)


def _observed(j: Judged, found: Mapping[str, Any], whole: Aggregates) -> Any:
    value = found.get("observed_value")
    if isinstance(value, dict) and "values" in value:
        value = value["values"][0] if len(value["values"]) == 1 else value["values"]
    if j.expectation.type == "expect_column_distinct_values_to_contain_set" and found.get("partial_missing_list"):
        value = "missing: " + ", ".join(map(str, found["partial_missing_list"]))
    if j.expectation.type.startswith("expect_table_columns") or j.expectation.type == "expect_column_to_exist":
        value = ", ".join(whole.columns)
    return _shown(value)


def _add(total: _Sum, result: Any) -> None:
    found = result.result or {}
    message = _raised(result)
    if total.result is None or message:
        total.result = result
    total.message = total.message or message
    total.rows += int(found.get("element_count") or 0)
    total.missing += int(found.get("missing_count") or 0)
    total.failing += int(found.get("unexpected_count") or 0)
    for row in (found.get("partial_unexpected_index_list") or [])[: EXAMPLES - len(total.examples)]:
        values = {k: _shown(v) for k, v in row.items() if k != SAMPLE_COLUMN}
        total.examples.append(Example(int(row[SAMPLE_COLUMN]), values))


def _raised(result: Any) -> str:
    """The message of what went wrong in great_expectations, if anything did."""
    info = result.exception_info or {}
    nested = [info] if "raised_exception" in info else list(info.values())
    said = [str(i.get("exception_message") or "") for i in nested if i.get("raised_exception")]
    return said[0].strip().splitlines()[-1][:300] if said and said[0].strip() else "it cannot be judged" if said else ""


def _shown(value: Any) -> Any:
    """A value for people and JSON: plain types, long texts cut."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return None if value != value else value
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
