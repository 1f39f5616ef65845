"""Law L2: a value is measured once for its function, code, parameters and arguments; thresholds are outside the key."""

from __future__ import annotations

import duckdb
import pytest

from .conftest import HELP, RECIPE, SLOW, Workbench

TEXTS = [f"document {i} " * (1 + i % 5) for i in range(200)]


@pytest.fixture
def measured(bench: Workbench) -> Workbench:
    bench.data(TEXTS)
    first = bench.run()
    assert bench.calls() == 200
    bench.check_accounts(first)
    return bench


def test_an_identical_rerun_calls_nothing(measured: Workbench) -> None:
    result = measured.run()
    assert measured.calls() == 0
    assert result.measured == 0


def test_a_moved_threshold_calls_nothing_and_moves_the_cut(measured: Workbench) -> None:
    result = measured.run(variables={"long": 30})
    assert measured.calls() == 0
    assert result.kept == sum(3 <= len(t) <= 30 for t in TEXTS)


def test_an_edited_threshold_calls_nothing(measured: Workbench) -> None:
    measured.write("r.sql.j2", RECIPE.replace(">= 3", ">= 40"))
    assert measured.run().kept == sum(len(t) >= 40 for t in TEXTS)
    assert measured.calls() == 0


def test_a_cheap_step_before_that_leaves_the_text_calls_nothing(measured: Workbench) -> None:
    measured.write("r.sql.j2", RECIPE.replace("from source", "from (select *, text_len(text) as n from source)"))
    measured.run()
    assert measured.calls() == 0


def test_a_cheap_mapper_before_calls_for_the_changed_texts_only(measured: Workbench) -> None:
    step = "from (select * replace (replace(text, 'document 7 ', 'paper 7 ') as text) from source)"
    measured.write("r.sql.j2", RECIPE.replace("from source", step))
    measured.run()
    assert measured.calls() == sum("document 7 " in t for t in TEXTS) == 1


def test_five_rows_appended_call_five(measured: Workbench) -> None:
    measured.data([f"appended {i}" for i in range(5)], mode="a")
    result = measured.run()
    assert measured.calls() == 5
    assert result.rows_in == 205


def test_rows_in_another_order_call_nothing(measured: Workbench) -> None:
    measured.data(TEXTS[::-1])
    measured.run()
    assert measured.calls() == 0


def test_another_file_with_the_same_texts_calls_nothing(measured: Workbench) -> None:
    other = measured.data(TEXTS[50:90], name="other.jsonl")
    measured.run(source=str(other))
    assert measured.calls() == 0


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("slow_len.py", "return len(text)", "return 1 + len(text)"),
        ("slow_len.py", "FACTOR = 1.0", "FACTOR = 2.0"),
        ("_help.py", "return 1.0 / unit", "return 3.0 / unit"),
    ],
    ids=["body", "constant", "helper"],
)
def test_changed_code_is_measured_again(measured: Workbench, file: str, before: str, after: str) -> None:
    source = {"slow_len.py": SLOW, "_help.py": HELP}[file]
    measured.write(f"udfs/{file}", source.replace(before, after))
    result = measured.run()
    assert measured.calls() == 200
    assert result.reused == 200  # text_len did not change


def test_a_changed_parameter_is_measured_again(measured: Workbench) -> None:
    measured.write("r.sql.j2", RECIPE.replace("slow_len(text) >= 3", "slow_len(text, unit := 2) >= 3"))
    measured.run()
    assert measured.calls() == 200


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("slow_len.py", "Characters, counted slowly.", "Characters, counted very slowly."),
        ("slow_len.py", "    if text ==", "    # a comment\n\n    if text =="),
        ("_help.py", "return 1\n", "return 2\n"),
    ],
    ids=["docstring", "comment", "unused helper"],
)
def test_a_change_that_cannot_matter_calls_nothing(measured: Workbench, file: str, before: str, after: str) -> None:
    source = {"slow_len.py": SLOW, "_help.py": HELP}[file]
    measured.write(f"udfs/{file}", source.replace(before, after))
    measured.run()
    assert measured.calls() == 0


def test_fresh_measures_everything_again(measured: Workbench) -> None:
    measured.run(fresh=True)
    assert measured.calls() == 200


def test_expensive_calls_see_only_what_cheap_cuts_left(bench: Workbench) -> None:
    bench.data(["a", "bb", "long enough", "longer still"])
    bench.run(variables={"short": 3})
    assert bench.calls() == 2


def test_values_of_an_earlier_kind_of_fingerprint_are_measured_once_more_and_told_once(measured: Workbench) -> None:
    with duckdb.connect(str(measured.root / "stats.duckdb")) as con:
        con.execute("delete from meta where name = 'fingerprints'")
    assert [w for w in measured.run().warnings if "measured once more" in w]
    assert not [w for w in measured.run().warnings if "measured once more" in w]
