"""What a program reads is JSON, whatever happens; a reader that goes away ends a command quietly; and what is missing
is said with the way to get it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from juicesql.cli.out import plain

SCRIPT = Path(sys.executable).with_name("juicesql")
NO_CONSTANTS = {"parse_constant": lambda word: pytest.fail(f"{word} is no JSON")}
# Commands with --json, as they are called in the project of these tests after two runs and before any.
COMMANDS = {
    "run": ["run", "recipe.sql.j2"],
    "dry run": ["run", "recipe.sql.j2", "--dry-run"],
    "explain": ["explain", "recipe.sql.j2"],
    "functions": ["functions"],
    "function": ["functions", "alnum_ratio"],
    "jinja": ["functions", "exact_dedup"],
    "recipes": ["recipes"],
    "models": ["models", "list"],
    "trace": ["trace", "recipe.sql.j2", "--sample", "5"],
    "diff": ["diff", "latest~1", "latest"],
    "dups": ["dups", "recipe.sql.j2"],
    "pair": ["dups", "latest", "--sample", "7"],
    "show": ["show", "recipe.sql.j2"],
    "analyze": ["analyze", "recipe.sql.j2"],
    "compare": ["compare", "latest~1", "latest"],
    "sql": ["sql", "select run_id, 'nan'::double as n, 'inf'::float as i from runs"],
    "refine": ["refine", "recipe.sql.j2"],
}
NEED_RUNS = ("trace", "diff", "dups", "pair", "show", "compare", "sql")


def documents(text: str) -> list[object]:
    """One JSON document, or one a line where rows are printed."""
    try:
        return [json.loads(text, **NO_CONSTANTS)]
    except json.JSONDecodeError:
        return [json.loads(line, **NO_CONSTANTS) for line in text.splitlines()]


@pytest.fixture
def ran(shell, project: Path) -> Path:
    for _ in range(2):
        assert shell("run", "recipe.sql.j2").code == 0
    return project


def test_json_is_json(shell, ran: Path) -> None:
    for name, words in COMMANDS.items():
        answer = shell(*words, "--json")
        assert answer.code == 0, (name, answer.err)
        assert documents(answer.out), name


@pytest.mark.parametrize("name", NEED_RUNS)
def test_without_runs_it_is_said_what_is_missing(shell, project: Path, name: str) -> None:
    answer = shell(*COMMANDS[name], "--json")
    assert answer.code == 6
    [problem] = documents(answer.out)[-1]["error"]
    assert problem["code"] == "no-runs"
    assert str(project) in problem["message"] and "juicesql run" in problem["mend"] and "--project" in problem["mend"]
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_usage_errors_are_json_too(shell, project: Path, name: str) -> None:
    answer = shell(*COMMANDS[name], "--json", "--no-such-option")
    assert answer.code == 2
    assert "no-such-option" in documents(answer.out)[0]["error"][0]["message"]
    assert "no-such-option" in answer.err


def test_unexpected_errors_are_json_too(shell, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import juicesql.running  # noqa: F401

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nought\nand more")

    monkeypatch.setattr(sys.modules["juicesql.running"], "run", broken)
    answer = shell("run", "recipe.sql.j2", "--json")
    assert answer.code == 1
    assert answer.json["error"][0]["message"] == "ZeroDivisionError: by nought"


@pytest.mark.parametrize("words", [["diff", "latest~1", "latest"], ["compare", "latest~1", "latest"], ["diff", "latest", "latest~3"]])  # fmt: skip
def test_with_one_run_two_are_asked_for(shell, project: Path, words: list[str]) -> None:
    shell("run", "recipe.sql.j2")
    answer = shell(*words)
    assert answer.code == 6
    assert "the project has 1 finished run, and needs" in answer.err
    assert "mend: `juicesql run recipe` makes another" in answer.err


def test_a_run_that_failed_is_named_with_its_reason(shell, project: Path) -> None:
    shell("run", "recipe.sql.j2", "--on-error", "stop")
    for words in (["trace", "recipe.sql.j2", "--sample", "1"], ["show", "latest"], ["diff", "latest", "latest"]):
        answer = shell(*words)
        assert answer.code == 6
        assert "failed: error[row-failed] sample 8: " in answer.err and "juicesql run" in answer.err
        assert "--on-error" not in answer.err.split("mend:")[0]


def test_latest_says_that_a_newer_run_failed(shell, ran: Path) -> None:
    for words in (["trace", "latest", "--sample", "1"], ["dups", "latest"], ["diff", "latest~1", "latest"]):
        assert shell(*words).err == ""
    failed = shell("run", "recipe.sql.j2", "--on-error", "stop")
    assert failed.code == 5
    for words in (["trace", "latest", "--sample", "1"], ["dups", "latest"], ["compare", "latest~1", "latest"]):
        answer = shell(*words)
        assert answer.code == 0
        assert (
            "note: a newer run than `latest`, " in answer.err and "of recipe, failed: error[row-failed]" in answer.err
        )


def test_show_says_what_its_page_lacks(shell, ran: Path) -> None:
    (ran / "data.jsonl").rename(ran / "gone.jsonl")
    answer = shell("show", "latest")
    assert answer.code == 0 and Path(answer.out.strip()).exists()
    assert "data.jsonl" in answer.err and "missing" in answer.err


def test_runs_are_looked_for_before_data_are_measured(shell, project: Path) -> None:
    shell("run", "recipe.sql.j2")
    answer = shell("compare", "no-such-run", "data.jsonl")
    assert answer.code == 6 and "no finished run no-such-run" in answer.err
    assert json.loads(shell("sql", "select count(*) as n from runs where status = 'analyzed'", "--json").out) == {
        "n": 0
    }


@pytest.mark.parametrize("words", [["functions"], ["functions", "--json"], ["recipes"], ["--help"]])
def test_a_reader_that_goes_away_is_no_error(project: Path, words: list[str]) -> None:
    process = subprocess.Popen([SCRIPT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() in (0, 1, 141)


def test_plain_values() -> None:
    import decimal

    nan, inf = float("nan"), float("inf")
    assert plain([nan, inf, -inf, decimal.Decimal("NaN"), decimal.Decimal("1.50"), {1: (2,)}]) == [
        None, None, None, None, 1.5, {"1": [2]},
    ]  # fmt: skip
