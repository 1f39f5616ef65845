"""What a recipe or its data get wrong is told when it is planned, or in few words at the end, never by a bare pointer."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from juicesql.advice import advise, declared_range
from juicesql.mapstage import RowFailure
from juicesql.project import open_project
from juicesql.reasons import reasons
from juicesql.running import prepare
from juicesql.sources import RowError

PICKY = '''"""Stat `picky`."""

from juicesql.api import stat


@stat("picky(text VARCHAR) -> DOUBLE", runs_on="process", rowwise=True)
def picky(text: str) -> float:
    """Number at the end of a text."""
    return float(text.split()[-1])
'''


def write(project: Path, where: str, select: str = "select * from source") -> None:
    (project / "recipe.sql.j2").write_text(
        f'{{{{ config(source="data.jsonl", export="out.jsonl") }}}}\n{select}\nwhere {where}\n'
    )


@pytest.mark.parametrize(
    ("where", "message", "mend"),
    [
        ("text_len(text) > 'a'", "`text_len(text)` is a number (BIGINT) and is compared with the text 'a'", "a number"),
        ("'many' < num_words(text)", "`num_words(text)` is a number", "compare it with a number"),
        ("alnum_ratio(text) between 'low' and 'high'", "is a number (DOUBLE)", "compare it with a number"),
        ("suffix(text) = 5", "`suffix(text)` is text and is compared with the number 5", "'5'"),
        ("length(text) = 'x'", "`LENGTH(text)` is a number (BIGINT)", "compare it with a number"),
    ],
)
def test_a_comparison_that_no_row_survives_is_refused(
    shell, project: Path, where: str, message: str, mend: str
) -> None:
    write(project, f"text_len(text) > 2\n  and {where}")
    for command in ("run", "explain"):
        answer = shell(command, "recipe.sql.j2")
        assert answer.code == 3
        assert "error[wrong-comparison] recipe.sql.j2:4: " in answer.err
        assert message in answer.err and mend in answer.err
    assert not (project / "stats.duckdb").exists()


def test_numbers_in_quotes_and_columns_of_text_are_left_alone(shell, project: Path) -> None:
    write(project, "text_len(text) > '3' and suffix(text) <> '5' and text <> '7'")
    assert shell("run", "recipe.sql.j2").code == 0


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("alnum_ratio(text) >= 25", "`alnum_ratio >= 25` in `alnum_ratio(text) >= 25` is true of no value: `alnum_ratio` gives 0 to 1"),
        ("25 <= alnum_ratio(text)", "`alnum_ratio >= 25`"),
        ("alnum_ratio(text) <= 80", "is true of every value"),
        ("alnum_ratio(text) > 1", "is true of no value"),
        ("alnum_ratio(text) between 10 and 90", "`alnum_ratio >= 10`"),
        ("num_words(text) >= -3", "is true of every value: `num_words` gives 0 to no end"),
        ("(alnum_ratio(text) = 7 or text_len(text) > 3)", "`alnum_ratio = 7`"),
    ],
)  # fmt: skip
def test_a_comparison_that_decides_nothing_is_a_warning(shell, project: Path, where: str, said: str) -> None:
    write(project, where)
    for command in ("run", "explain"):
        answer = shell(command, "recipe.sql.j2")
        told = [line for line in (answer.err + answer.out).splitlines() if line.startswith("warning: ")]
        assert told and said in told[0] and "recipe.sql.j2:3: " in told[0]
        assert len(told) == len(set(told))
    assert said in shell("run", "recipe.sql.j2", "--json").json["warnings"][0]


def test_a_stat_that_an_earlier_step_named_is_known_by_its_name(project: Path) -> None:
    write(
        project,
        "share > 20",
        "with measured as (select *, alnum_ratio(text) as share from source) select * from measured",
    )
    assert "`share > 20`" in prepare("recipe.sql.j2").advice[0]


def test_ends_of_a_range_are_no_mistake(project: Path) -> None:
    write(project, "alnum_ratio(text) between 0 and 1 and text_len(text) >= 0 and alnum_ratio(text) * 100 >= 25")
    assert prepare("recipe.sql.j2").advice == ()


def test_manuals_declare_ranges() -> None:
    found = open_project(None)
    registry = found.registry()
    ranges = {
        name: declared_range(registry.get(name)) for name in registry.names() if registry.get(name).kind == "stat"
    }
    assert ranges["alnum_ratio"] == ranges["lang_score"] == (0, 1)
    assert ranges["symbol_word_ratio"] is None
    assert ranges["num_words"] == (0, math.inf)


@pytest.fixture
def picky(project: Path) -> Path:
    (project / "udfs").mkdir()
    (project / "udfs" / "picky.py").write_text(PICKY)
    texts = [f"row {i}" if i % 10 == 0 else "" if i % 10 == 1 else f"no number {'x' * (i % 7)}" for i in range(200)]
    (project / "data.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    write(project, "picky(text) >= 0")
    return project


def test_a_function_that_fails_on_nearly_every_row_says_why(shell, picky: Path) -> None:
    answer = shell("run", "recipe.sql.j2")
    assert answer.code == 5
    assert "180 of 200 rows failed (90.0%); at most 10.0% may" in answer.err
    assert "160 rows: picky: ValueError: could not convert string to float: 'xx'   (sample 2)" in answer.err
    assert "20 rows: picky: IndexError: list index out of range   (sample 1)" in answer.err
    assert "see the errors table" not in answer.err
    assert "could not convert" in shell("run", "recipe.sql.j2", "--json").json["error"][0]["message"]


def test_the_end_of_a_run_says_why_rows_failed(shell, picky: Path) -> None:
    answer = shell("run", "recipe.sql.j2", "--max-error-rate", "1")
    assert answer.code == 0
    lines = answer.err.splitlines()
    at = lines.index("why rows failed")
    assert lines[at + 1].strip().startswith("160 rows: picky: ValueError")
    assert lines[at + 2].strip().startswith("20 rows: picky: IndexError")
    found = shell("run", "recipe.sql.j2", "--max-error-rate", "1", "--json").json["reasons"]
    assert [(r["function"], r["rows"], r["sample_id"]) for r in found] == [("picky", 160, 2), ("picky", 20, 1)]


def test_reasons_that_differ_in_what_is_a_rows_own_are_one() -> None:
    rows = [RowFailure(i, "f", f"bad value '{i}' at /data/{i}.png of size {i}.5", False) for i in range(3)]
    found = reasons([RowError(9, "a", 1, "broken JSON")], rows, [RowFailure(4, "g", "x", False)])
    assert [(r.function, r.rows, r.sample_id) for r in found] == [("f", 3, 0), ("g", 1, -1), ("source", 1, 9)]
    assert found[0].message == "bad value '0' at /data/0.png of size 0.5"


def test_recipes_that_ship_are_not_warned_about(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a", "images": [], "videos": [], "audios": [], "url": ""}\n')
    for name in ("pretrain/gopher", "pretrain/c4", "demo/text"):
        prepared = prepare(name, source=(str(tmp_path / "in.jsonl"),), project=tmp_path)
        assert advise(prepared.plan, prepared.registry) == ()
