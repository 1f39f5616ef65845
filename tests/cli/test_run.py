"""`run`, its funnel and its JSON."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from juicesql.cli.options import parse_value


def test_run_writes_the_output_and_prints_the_funnel_on_stderr(shell, project: Path) -> None:
    answer = shell("run", "recipe.sql.j2")
    assert answer.code == 0
    assert answer.out == ""
    assert "\x1b" not in answer.err
    lines = [" ".join(line.split()) for line in answer.err.splitlines()]
    assert lines[0] == "step cut rows in dropped share NULL only this left"
    assert lines[1] == "source unreadable rows 20 1 5.0% 19"
    assert lines[2] == "cleaned sets text 19 0 0.0% 19"
    assert lines[3] == "kept text_len(text) BETWEEN 20 AND 1000 19 2 10.5% 1 1 17"
    assert lines[4] == "alnum_ratio(text) >= 0.1 17 1 5.9% 0 1 16"
    assert lines[5] == "exact duplicates 16 1 6.2% 15"
    assert lines[7] == "kept 15 + dropped 3 + duplicates 1 + errors 1 = rows in 20"
    assert "__rows" not in answer.err and "result" not in answer.err
    assert str(project / "out.jsonl") in answer.err
    assert len((project / "out.jsonl").read_text().splitlines()) == 15


def test_json_is_the_only_thing_on_stdout(shell, project: Path) -> None:
    result = shell("run", "recipe.sql.j2", "--json").json
    assert result["rows_in"] == result["kept"] + result["dropped"] + result["duplicates"] + result["errors"] == 20
    assert result["files"][0]["rows"] == 15
    assert {"step", "cut", "dropped_alone"} <= result["funnel"][0].keys()


def test_variables_from_file_and_option(shell, project: Path) -> None:
    (project / "v.toml").write_text("lo = 1\n")
    (project / "v.json").write_text('{"lo": 2000}')
    assert shell("run", "recipe.sql.j2", "--vars", "v.toml", "--json").json["kept"] == 16
    assert shell("run", "recipe.sql.j2", "--vars", "v.json", "--json").json["kept"] == 0
    assert shell("run", "recipe.sql.j2", "--vars", "v.json", "--var", "lo=1", "--json").json["kept"] == 16


@pytest.mark.parametrize(
    "words", [["--var", "lo"], ["--vars", "v.yaml"], ["--vars", "missing.json"], ["--vars", "l.json"]]
)
def test_bad_variables_are_usage_errors(shell, project: Path, words: list[str]) -> None:
    (project / "v.yaml").write_text("lo: 1\n")
    (project / "l.json").write_text("[1]")
    answer = shell("run", "recipe.sql.j2", *words)
    assert answer.code == 2
    assert words[0] in answer.err


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-2", -2), ("0.25", 0.25), ("1e3", 1000.0), ("true", True), ("en", "en"), ("01", "01")],
)
def test_values_of_variables(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_options_reach_the_run(shell, project: Path) -> None:
    answer = shell("run", "recipe.sql.j2", "--on-error", "stop")
    assert answer.code == 5
    assert not (project / "out.jsonl").exists()
    assert shell("run", "recipe.sql.j2", "--max-error-rate", "0.01").code == 5
    other = project / "other.csv"
    options = ["--export", other, "--threads", "1", "--memory-limit", "1GB", "--trace", "0", "--fresh"]
    assert shell("run", "recipe.sql.j2", *options).code == 0
    assert len(other.read_text().splitlines()) == 16


def test_dry_run_explains_and_runs_nothing(shell, project: Path) -> None:
    answer = shell("run", "recipe.sql.j2", "--dry-run")
    assert answer.code == 0
    assert "text_len(text) BETWEEN 20 AND 1000" in answer.out
    assert shell("run", "recipe.sql.j2", "--dry-run", "--json").json["result"] == "result"
    assert not (project / "out.jsonl").exists()
    assert not (project / "stats.duckdb").exists()


def test_a_terminal_sees_progress(project: Path) -> None:
    outer, inner = pty.openpty()
    script = Path(sys.executable).with_name("juicesql")
    process = subprocess.Popen(
        [script, "run", "recipe.sql.j2", "--json"], stderr=inner, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(inner)
    seen = b""
    while True:
        try:
            piece = os.read(outer, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    out = process.communicate()[0]
    os.close(outer)
    assert process.returncode == 0
    assert json.loads(out)["kept"] == 15
    assert b"recording" in seen
    text = seen.decode()
    assert "rows/s" in text and "left" in text and "%" in text
    assert "kept 15 + dropped 3" in text


def test_a_run_that_keeps_nothing_still_accounts_for_every_row(shell, project: Path) -> None:
    refused = shell("run", "recipe.sql.j2", "--var", "lo=999", "--json")
    assert refused.code == 7 and refused.json["error"][0]["code"] == "empty-result"
    assert "no row is left" in refused.err and not (project / "out.jsonl").exists()
    assert "nothing was written" not in refused.err
    result = shell("run", "recipe.sql.j2", "--var", "lo=999", "--allow-empty", "--json").json
    assert refused.json["kept"] == 0
    assert (result["kept"], result["rows_out"]) == (0, 0)
    assert result["dropped"] + result["errors"] == 20
    assert (project / "out.jsonl").read_text() == ""
