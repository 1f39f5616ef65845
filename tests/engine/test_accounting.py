"""The sums that stop a run before it publishes: one of the whole, one of each step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from juicesql import accounting, running
from juicesql.accounting import Totals, check
from juicesql.engines.embedded import Execution
from juicesql.errors import AccountingError
from juicesql.mapstage import CutCount, RowFailure
from juicesql.running import prepare
from tests.engine.conftest import Workbench

RECIPE = """{{ config(source="data.jsonl", export="out.jsonl") }}
with kept as (select * from source where text_len(text) >= 3)
select upper(text) as text from kept
"""
TOTALS = Totals(rows_in=10, kept=6, dropped=4, duplicates=0, errors=0)


def execution(**changed: object) -> Execution:
    """Ten rows, of which a cut takes four."""
    counted = {"kept": (10, 6), "result": (6, 6)}
    made = Execution(
        10, {s: i for s, (i, _) in counted.items()}, {s: o for s, (_, o) in counted.items()},
        {"kept.1": CutCount(10, 4)},
    )  # fmt: skip
    return replace(made, **changed)


@pytest.fixture
def plan(bench: Workbench) -> running.Plan:
    bench.data(["abc"])
    return prepare(bench.write("r.sql.j2", RECIPE)).plan


def test_sums_that_hold_pass(plan: running.Plan) -> None:
    check(plan, execution(), TOTALS)
    failed = [RowFailure(3, "upper", "raised", True)]
    check(plan, execution(step_rows_out={"kept": 6, "result": 5}, failures=failed), TOTALS)


@pytest.mark.parametrize(
    ("name", "number"), [("rows_in", 9), ("kept", 5), ("dropped", 5), ("duplicates", 1), ("errors", 1)]
)
def test_a_row_that_is_lost_or_counted_twice_stops_the_run(plan: running.Plan, name: str, number: int) -> None:
    with pytest.raises(AccountingError, match="rows came in, but"):
        check(plan, execution(), replace(TOTALS, **{name: number}))


@pytest.mark.parametrize(
    "changed",
    [
        {"step_rows_out": {"kept": 7, "result": 6}},  # a dropped row that is still there
        {"step_rows_out": {"kept": 5, "result": 6}},  # a row that no cut dropped and that is gone
        {"cuts": {"kept.1": CutCount(10, 3)}},
        {"step_rows_in": {"kept": 11, "result": 6}},
        {"step_rows_out": {"kept": 6, "result": 5}},  # without a failure
        {"step_rows_out": {"kept": 6, "result": 4}, "failures": [RowFailure(3, "upper", "raised", True)]},
        {"step_rows_out": {"kept": 6, "result": 5}, "failures": [RowFailure(3, "text_len", "raised", False)]},
    ],
)
def test_a_step_whose_rows_do_not_add_up_stops_the_run(plan: running.Plan, changed: dict[str, object]) -> None:
    with pytest.raises(AccountingError, match=r"step `(kept|result)`"):
        check(plan, execution(**changed), TOTALS)


def test_a_run_whose_sum_is_wrong_publishes_nothing(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.data(["abc", "a", "abcd"])
    bench.write("r.sql.j2", RECIPE)
    monkeypatch.setattr(accounting, "_VERDICTS", accounting._VERDICTS.replace("'dropped' else", "null else"))
    with pytest.raises(AccountingError):
        bench.run()
    assert not (bench.root / "out.jsonl").exists()
    assert [Path(p).name for p in bench.root.glob("out*")] == []
    assert bench.query("select status from runs") == [("failed",)]
