"""`sql`: answers as table, JSON lines and CSV; what a query may not do; errors with their mend."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from juicesql.query import query


@pytest.fixture
def ran(shell, project: Path) -> Path:
    assert shell("run", "recipe.sql.j2").code == 0
    return project


def test_a_table(shell, ran: Path) -> None:
    answer = shell("sql", "select step, sql, rows_in, dropped from cuts order by position")
    assert answer.code == 0 and answer.err == ""
    lines = answer.out.splitlines()
    assert lines[0].split() == ["step", "sql", "rows_in", "dropped"]
    assert [line.split()[0] for line in lines[2:]] == ["kept", "kept"]
    answer = shell("sql", "from range(7)", "--limit", 3)
    assert len(answer.out.splitlines()) == 5
    assert "only the first 3 rows: --limit N" in answer.err


def test_json_lines_and_csv_have_every_row_and_value(shell, ran: Path) -> None:
    asked = """select 1 as a, 2 as a, 1.50::decimal(5, 2) as d, 'nan'::double as n, [1, null] as l, {'x': 'ä'} as s,
        '\\x01ab'::blob as b, date '2026-01-02' as t, null as z, true as y from range(2000)"""
    answer = shell("sql", "--json", asked)
    rows = [json.loads(line) for line in answer.out.splitlines()]
    assert len(rows) == 2000
    assert rows[0] == {
        "a": 1, "a_2": 2, "d": 1.5, "n": None, "l": [1, None], "s": {"x": "ä"}, "b": "\\x01\\x61\\x62",
        "t": "2026-01-02", "z": None, "y": True,
    }  # fmt: skip
    found = list(csv.reader(io.StringIO(shell("sql", "--csv", asked, "--limit", 1).out)))
    assert found == [
        ["a", "a_2", "d", "n", "l", "s", "b", "t", "z", "y"],
        ["1", "2", "1.5", "", "[1, null]", '{"x": "ä"}', "\\x01\\x61\\x62", "2026-01-02", "", "true"],
    ]


def test_functions_of_juicesql_and_of_the_project(shell, ran: Path) -> None:
    (ran / "macros").mkdir()
    (ran / "macros" / "doubled.sql").write_text(
        "-- stat: doubled(text VARCHAR) -> BIGINT\n-- Twice the length.\n"
        "create or replace macro doubled(text) as 2 * text_len(text);\n"
    )
    asked = "select alnum_ratio('ab!!') as a, doubled('four') as d, word_rep_ratio('a a a', rep_len := 1) as w"
    assert json.loads(shell("sql", "--json", asked).out) == {"a": 0.5, "d": 8, "w": 1.0}
    answer = shell("sql", "select text_len(recipe) as n from runs where text_len(status) = 4", "--json")
    assert json.loads(answer.out) == {"n": 6}


def test_the_query_comes_from_a_file_or_standard_input(shell, ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (ran / "q.sql").write_text("select 7 as n -- a comment\n")
    assert json.loads(shell("sql", "--file", ran / "q.sql", "--json").out) == {"n": 7}
    monkeypatch.setattr("sys.stdin", io.StringIO("select 8 as n;"))
    assert json.loads(shell("sql", "--json").out) == {"n": 8}
    assert shell("sql", "select 1", "--file", ran / "q.sql").code == 2
    assert shell("sql", "select 1", "--json", "--csv").code == 2


@pytest.mark.parametrize(
    "asked",
    [
        "create table t (a int)", "insert into meta values ('a', 'b')", "delete from runs", "drop table runs",
        "copy runs to 'o.csv'", "attach 'other.duckdb'", "set threads = 1", "install httpfs", "load httpfs", "use memory",
        "export database 'folder'", "pragma threads=1", "create temp macro m() as 1", "checkpoint", "select 1; select 2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("files", [(), ("--allow-files",)])
def test_nothing_is_written(shell, ran: Path, asked: str, files: tuple[str, ...]) -> None:
    before = sorted(p.name for p in ran.iterdir())
    answer = shell("sql", asked, *files)
    assert answer.code == 1 and answer.out == ""
    assert "error[refused]" in answer.err and "mend: " in answer.err
    assert sorted(p.name for p in ran.iterdir()) == before


def test_explain_does_not_write_what_it_runs(shell, ran: Path) -> None:
    assert len(shell("sql", "explain from runs").out.splitlines()) > 5
    for asked in (
        "explain analyze copy runs to 'o.csv'",
        "with a as (select 'ää'), c as (copy runs to 'o.csv') from c",
    ):
        for options in ((), ("--allow-files",)):
            assert shell("sql", asked, *options).code == 1
            assert not (ran / "o.csv").exists()


def test_files_are_read_only_when_they_may_be(shell, ran: Path) -> None:
    for asked in (
        "select count(*) as n from 'data.jsonl'",
        "select length(content) as n from read_text('juicesql.toml')",
    ):
        answer = shell("sql", asked, "--json")
        assert answer.code == 1
        assert answer.json["error"][0]["code"] == "refused" and "--allow-files" in answer.json["error"][0]["mend"]
    assert shell("sql", "select count(*) as n from 'recipe.sql.j2'").code == 1
    answer = shell("sql", "select count(*) as n from read_text('data.jsonl')", "--json", "--allow-files")
    assert answer.json == {"n": 1}


def test_errors_have_a_mend(shell, ran: Path) -> None:
    answer = shell("sql", "select alnum_ration('x')")
    assert "error[unknown-function]" in answer.err and "did you mean `alnum_ratio`?" in answer.err
    assert "show tables" in shell("sql", "from rns").err
    assert "error[empty-query]" in shell("sql", " -- nothing").err
    assert "could not convert" in shell("sql", "select 'x'::int").err.lower()
    answer = shell("sql", "select word_rep_ratio('a b', rep_len := n::int) from range(1, 3) t(n)")
    assert "error[varying-parameter]" in answer.err and "pass the same value" in answer.err


def test_without_a_database(shell, project: Path) -> None:
    answer = shell("sql", "from runs")
    assert answer.code == 6 and "error[no-runs]" in answer.err


def test_values_cannot_steer_the_terminal(shell, ran: Path) -> None:
    answer = shell("sql", "select chr(27) || '[31m' as \"a\x1b[0m\", '[bold]x[/bold]' as b")
    assert "\x1b" not in answer.out and "\\x1b[31m" in answer.out and "[bold]x[/bold]" in answer.out


def test_rows_that_nobody_reads(ran: Path) -> None:
    with query("from range(10000000)", project=ran) as answer:
        assert (answer.columns, answer.types) == (("range",), ("BIGINT",))
        assert next(answer.batches)[0] == (0,)
