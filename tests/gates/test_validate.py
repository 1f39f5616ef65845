"""`validate` and `run --gate`: what is refused, what stays, which rows are named, and what a wrong suite says."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import socket
from pathlib import Path

import duckdb
import pytest

import juicesql
from juicesql.gates.judge import Judge
from juicesql.gates.validating import validate

MET = {"source": ["at least 4 rows"], "output": ["text is never null", "text_len is at least 4"]}
NOT_MET = {"source": ["id is unique"], "output": ["n is at most 2 for 90 % of rows", r"text matches '^\S'"]}


def digests(folder: Path) -> dict[str, str]:
    names = ("out.jsonl", "out.jsonl.manifest.json")
    return {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names if (folder / n).exists()}


def ask(folder: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(folder / "stats.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_validate_says_what_is_met(shell, project, suite) -> None:
    assert shell("run", "recipe.sql.j2").code == 0
    suite(**MET)
    answer = shell("validate", "recipe.sql.j2")
    assert answer.code == 0 and answer.err == ""
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert lines[:4] == [
        "relation expectation found",
        "✓ source at least 4 rows 4",
        "✓ output text is never null all rows",
        "✓ text_len is at least 4 all rows",
    ]
    assert lines[5].startswith("3 of 3 expectations met (run ")


def test_validate_names_the_rows(shell, project, suite) -> None:
    assert shell("run", "recipe.sql.j2").code == 0
    suite(**NOT_MET)
    answer = shell("validate", "recipe.sql.j2", "--examples", 1)
    assert answer.code == 8
    lines = [line.strip() for line in answer.out.splitlines()]
    assert lines[2:4] == ["sample 2: id = 3", "and 1 more"]
    assert "sample 2: text = ' third'" in lines and "sample 2: n = 3" in lines
    assert "0 of 3 expectations met" in answer.out
    found = shell("validate", "recipe.sql.j2", "--json")
    assert found.code == 8 and found.json["success"] is False
    check = found.json["checks"][0]
    assert check["examples"] == [{"sample_id": 2, "values": {"id": 3}}, {"sample_id": 3, "values": {"id": 3}}]
    assert (check["relation"], check["line"], check["failing"], check["rows"]) == ("source", 2, 2, 4)


def test_checks_are_kept_in_the_stats_database(shell, project, suite) -> None:
    shell("run", "recipe.sql.j2")
    suite(**NOT_MET)
    for _ in range(2):  # the second takes the place of the first
        shell("validate", "recipe.sql.j2")
    sql = "select position, relation, line, expectation, type, success, failing, observed, examples from checks order by 1"
    rows = ask(project, sql)
    assert [r[:4] for r in rows] == [
        (0, "source", 2, "id is unique"),
        (1, "output", 4, "n is at most 2 for 90 % of rows"),
        (2, "output", 5, r"text matches '^\S'"),
    ]
    assert rows[0][4:8] == ("expect_column_values_to_be_unique", False, 2, None)
    assert json.loads(rows[2][8]) == [{"sample_id": 2, "values": {"text": " third"}}]
    assert ask(project, "select count(*) from checks join runs using (run_id) where status = 'done'") == [(3,)]
    shell("clean", "--runs-keep", 0)
    assert ask(project, "select count(*) from checks") == [(0,)]


def test_nothing_is_measured_again(project, suite, monkeypatch: pytest.MonkeyPatch) -> None:
    juicesql.run("recipe.sql.j2")
    suite(kept=["text_len is at least 4", "alnum_ratio is at least 0"])

    def refuse(self: object, call: object, *_: object) -> None:
        raise AssertionError(f"{call} is measured again")

    monkeypatch.setattr("juicesql.measure.Measurer._compute", refuse)
    assert validate("recipe.sql.j2").success


def test_only_the_columns_that_are_named_are_read(project, suite, monkeypatch: pytest.MonkeyPatch) -> None:
    juicesql.run("recipe.sql.j2")
    suite(source=["n is at least 0", "lang is one of [en, zh]"], kept=["text_len is at least 0"])
    seen = []
    judge = Judge._results
    monkeypatch.setattr(
        Judge, "_results", lambda self, t, rules: (seen.append(t.column_names), judge(self, t, rules))[1]
    )
    validate("recipe.sql.j2")
    assert seen == [["n", "lang", "__sample"], ["text_len", "__sample"]]


def test_nothing_goes_out_and_nothing_is_written_elsewhere(project, suite, monkeypatch: pytest.MonkeyPatch) -> None:
    juicesql.run("recipe.sql.j2")
    suite(**MET)
    before = set(project.rglob("*"))

    def refuse(*_: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert validate("recipe.sql.j2").success
    assert set(project.rglob("*")) - before == set()


# The run that is checked


def test_a_run_is_needed(shell, project, suite) -> None:
    suite(**MET)
    assert shell("validate", "recipe.sql.j2").code == 6
    shell("run", "recipe.sql.j2")
    assert shell("validate", "recipe.sql.j2").code == 0


def test_the_recipe_and_the_source_are_those_of_the_run(shell, project, suite) -> None:
    suite(**MET)
    shell("run", "recipe.sql.j2")
    recipe, data = project / "recipe.sql.j2", project / "data.jsonl"
    text = recipe.read_text()
    recipe.write_text(text.replace(">= 4", ">= 5"))
    answer = shell("validate", "recipe.sql.j2")
    assert answer.code == 6 and "the recipe or a function of it has changed since run" in answer.err
    recipe.write_text(text)
    rows = data.read_text()
    data.write_text(rows + rows)
    answer = shell("validate", "recipe.sql.j2")
    assert answer.code == 6 and "the source has changed since run" in answer.err and "run it again" in answer.err


def test_a_run_on_another_source_with_variables(shell, project, suite) -> None:
    (project / "recipe.sql.j2").write_text("select * from source where text_len(text) >= {{ var('lo', 1) }}")
    (project / "data.jsonl").rename(project / "other name.jsonl")
    assert shell("run", "recipe.sql.j2", "--source", "other name.jsonl", "--var", "lo=6").code == 0
    suite(output=["exactly 3 rows"])
    assert shell("validate", "recipe.sql.j2").code == 0
    assert shell("validate", "recipe.sql.j2", "--source", "other name.jsonl").code == 0


def test_the_output_is_what_the_run_wrote(shell, project, suite) -> None:
    suite(**MET)
    shell("run", "recipe.sql.j2")
    out = project / "out.jsonl"
    content = out.read_bytes()
    out.write_bytes(content.replace(b"first", b"FIRST"))
    answer = shell("validate", "recipe.sql.j2")
    assert answer.code == 8 and "out.jsonl is not what the run wrote" in answer.out
    assert shell("validate", "recipe.sql.j2", "--json").json["notes"]
    out.unlink()
    assert "is gone" in shell("validate", "recipe.sql.j2").out
    out.write_bytes(content)
    assert shell("validate", "recipe.sql.j2").code == 0


def test_another_suite(shell, project, suite) -> None:
    shell("run", "recipe.sql.j2")
    suite(**NOT_MET).rename(project / "strict.yml")
    suite(**MET)
    assert shell("validate", "recipe.sql.j2", "--suite", "strict.yml").code == 8
    assert shell("validate", "recipe.sql.j2").code == 0
    assert len(ask(project, "select distinct suite from checks")) == 2


# The gate


def test_a_gate_publishes_what_meets_the_expectations(shell, project, suite) -> None:
    suite(**MET, cleaned=["exactly 4 rows"], kept=["exactly 3 rows"])
    answer = shell("run", "recipe.sql.j2", "--gate", "--json")
    assert answer.code == 0 and [c["success"] for c in answer.json["checks"]] == [True] * 5
    assert "✓  kept" in answer.err
    assert len((project / "out.jsonl").read_text().splitlines()) == 3
    assert ask(
        project, "select count(*), bool_and(success) from checks join runs using (run_id) where status = 'done'"
    ) == [(5, True)]
    plain = digests(project)["out.jsonl"]
    assert shell("run", "recipe.sql.j2").code == 0
    assert digests(project)["out.jsonl"] == plain


def test_a_gate_refuses_and_the_old_output_stays(shell, project, suite) -> None:
    shell("run", "recipe.sql.j2")
    before = digests(project)
    text = (project / "recipe.sql.j2").read_text()
    (project / "recipe.sql.j2").write_text(text.replace(">= 4", ">= 1"))
    suite(source=["at least 4 rows"], output=["id is unique", "exactly 4 rows"])
    answer = shell("run", "recipe.sql.j2", "--gate")
    assert answer.code == 8 and answer.out == ""
    assert digests(project) == before and len(before) == 2
    said = " ".join(answer.err.split())
    assert "✗ output id is unique 2 of 4 rows fail sample 2: id = 3 sample 3: id = 3" in said
    assert "error[expectation] recipe.expectations.yml:4: output: id is unique: 2 of 4 rows fail" in answer.err
    assert "error[gate] 1 of 3 expectations are not met: nothing was published" in answer.err
    assert not list(project.glob(".out*")) and not [p for p in (project / ".juicesql").iterdir() if p.is_dir()]
    statuses = ask(
        project,
        "select status, count(c.run_id) from runs left join checks c using (run_id) group by run_id, status, started order by started",
    )
    assert statuses == [("done", 0), ("failed", 3)]
    answer = shell("run", "recipe.sql.j2", "--json")  # what was measured stays
    assert answer.json["measured"] == 0 and digests(project) != before


def test_a_gate_refuses_a_first_output(shell, project, suite) -> None:
    suite(**NOT_MET)
    answer = shell("run", "recipe.sql.j2", "--gate", "--json")
    assert answer.code == 8 and not digests(project)
    assert [p["code"] for p in answer.json["error"]] == ["expectation"] * 3 + ["gate"]
    assert answer.json["error"][0]["line"] == 2


def test_a_wrong_suite_stops_a_run_before_it_begins(shell, project, suite) -> None:
    suite(output=["txet is never null"])
    answer = shell("run", "recipe.sql.j2", "--gate")
    assert answer.code == 3 and "did you mean `text`?" in answer.err
    assert not (project / "stats.duckdb").exists()


# Suites


def test_every_mistake_is_reported_at_once_with_its_line(shell, project) -> None:
    shell("run", "recipe.sql.j2")
    (project / "recipe.expectations.yml").write_text(r"""source:
  - txet is never null
  - text is not null
  - text_len is at least 1
  - text matches '(?=a)'
  - text is at least 5
clean:
  - at least 1 rows
kept:
  - tags is at least 1
  - expect_column_values_to_be_betwen: {column: n}
  - expect_column_values_to_be_in_set: {column: n}
  - expect_column_values_to_be_between: {column: n, min_value: 0, row_condition: 'n > 1'}
  - expect_column_values_to_match_json_schema: {column: text, json_schema: {}}
  - expect_column_max_to_be_between: {column: n, max_value: {$PARAMETER: 1 + 1}}
  - text matches 'a: b'
  - [1, 2]
output: at least 1 rows
""")
    answer = shell("validate", "recipe.sql.j2")
    assert answer.code == 3
    lines = dict(re.findall(r"recipe\.expectations\.yml:(\d+): (.*\n  mend: .*)", answer.err))
    wanted = {
        "2": ("`source` has no column or stat `txet`", "did you mean `text`?"),
        "3": ("this is no expectation", "`column text is never null`"),
        "4": ("is measured in step `kept`, not for every row of `source`", "expect it of `kept`"),
        "5": ("is no regular expression", "without look-around"),
        "6": ("compares numbers, but text is VARCHAR", "cast text"),
        "7": ("the recipe has no step `clean`", "did you mean `cleaned`?"),
        "10": ("compares numbers, but tags is BIGINT[]", "unnest tags"),
        "11": ("there is no `expect_column_values_to_be_betwen`", "did you mean `expect_column_values_to_be_between`?"),
        "12": ("value_set", "it takes column, mostly, value_set"),
        "13": ("`row_condition` cannot be set", "cut the rows in a step"),
        "14": ("is not available", "cut the rows in a step"),
        "15": ("`$PARAMETER` is not read", "write the value"),
        "16": ("neither a line of words nor a long form", "quote a line that has `: ` in it"),
        "17": ("neither a line of words nor a long form", "quote a line"),
        "18": ("`output` is no list", "begins with `- `"),
    }
    assert lines.keys() == wanted.keys()
    for line, (cause, mend) in wanted.items():
        assert cause in lines[line] and mend in lines[line].split("mend: ")[1], lines[line]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "the suite is empty"),
        ("{}", "the suite is empty"),
        ("- at least 1 rows", "a suite begins with `source:`"),
        ("output:\n  - 'at least", "this is not YAML"),
        ("output:\n  - !!python/object/apply:os.system ['true']", "neither a line of words"),
        ("output:\n  - expect_column_to_exist: {column: !!python/name:os.system }", "this cannot be read"),
        ("output: &a\n  - at least 1 rows\nsource: *a", "aliases"),
        ("output:\n  - at least 1 rows\noutput:\n  - at least 1 rows", "`output` stands here twice"),
        ("output:\n  - text matches ' # '", "is not closed"),
        ("[" * 5000, "this is not YAML"),
    ],
)
def test_files_that_are_no_suites(shell, project, text: str, cause: str) -> None:
    shell("run", "recipe.sql.j2")
    (project / "recipe.expectations.yml").write_text(text)
    answer = shell("validate", "recipe.sql.j2")
    assert answer.code == 3 and cause in answer.err and "Traceback" not in answer.err


def test_without_a_suite(shell, project) -> None:
    shell("run", "recipe.sql.j2")
    answer = shell("validate", "recipe.sql.j2")
    assert answer.code == 3 and "recipe.expectations.yml" in answer.err


def test_without_the_library(shell, project, suite, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("run", "recipe.sql.j2")
    suite(**MET)

    def absent(name: str, *_: object) -> None:
        raise ImportError(name)

    from juicesql.gates import rules

    rules.library.cache_clear()
    monkeypatch.setattr(rules, "importlib", type("Imports", (), {"import_module": staticmethod(absent)}))
    answer = shell("validate", "recipe.sql.j2")
    monkeypatch.undo()
    assert importlib.import_module("great_expectations")
    assert answer.code == 3 and "pip install 'juicesql[gates]'" in answer.err


def test_regular_expressions_end_in_time(project, suite) -> None:
    """Where a pattern is tried in all ways, this test never ends."""
    row = {"id": 1, "text": "a" * 50_000 + "!", "day": "2024-01-01"}
    (project / "data.jsonl").write_text(json.dumps(row) + "\n")
    juicesql.run("recipe.sql.j2")
    suite(source=["text does not match '(a+)+$'", "text matches '^(a|aa)+!$'"])
    validate("recipe.sql.j2")
    first, second = validate("recipe.sql.j2").checks
    assert (first.success, second.success) == (True, True)


# Data Docs


def test_data_docs_open_offline_and_run_nothing(shell, project, suite) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>$column"
    row = {"id": 1, "text": hostile, "lang": hostile, "day": "2024-01-01", hostile: hostile}
    (project / "data.jsonl").write_text((json.dumps(row) + "\n") * 2)
    shell("run", "recipe.sql.j2")
    suite(
        source=["lang is one of [en]", f'"{hostile}" is unique', f"text is one of ['{hostile}', b]"],
        output=["exactly 2 rows"],
    )
    answer = shell("validate", "recipe.sql.j2", "--docs", "docs")
    assert answer.code == 8 and str(Path("docs/index.html")) in answer.out
    assert sorted(p.name for p in (project / "docs").iterdir()) == ["index.html", "output.html", "source.html"]
    for page in (project / "docs").iterdir():
        html = page.read_text("utf-8")
        assert not re.search(r"<script|<img|<link|<iframe|<\w[^>]*\son\w+=|https?://|@import", html, re.I), page
        assert "default-src 'none'" in html
    assert "&lt;script&gt;alert(1)" in (project / "docs/source.html").read_text("utf-8")
    assert "✗ not met" in (project / "docs/index.html").read_text("utf-8")


def test_data_docs_take_no_other_page_s_place(shell, project, suite) -> None:
    shell("run", "recipe.sql.j2")
    suite(**MET)
    (project / "docs").mkdir()
    (project / "docs/index.html").write_text("mine")
    answer = shell("validate", "recipe.sql.j2", "--docs", "docs")
    assert answer.code == 7 and (project / "docs/index.html").read_text() == "mine"
