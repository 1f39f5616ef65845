"""The dbt project of the examples builds, where dbt-duckdb is installed; nothing of the plugin stays in its database."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

pytest.importorskip("dbt.adapters.duckdb", reason="needs dbt-duckdb")

EXAMPLE = Path(__file__).parent.parent.parent / "docs/examples/dbt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(EXAMPLE, tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs", "*.duckdb"))


def build(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dbt.cli.main", "build", "--profiles-dir", ".", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def ids(folder: Path) -> list[int]:
    with duckdb.connect(folder / "clean_docs.duckdb", read_only=True) as con:
        assert con.execute("select function_name from duckdb_functions() where not internal").fetchall() == []
        return [row[0] for row in con.execute("select id from clean order by id").fetchall()]


def test_the_example_builds(folder: Path) -> None:
    done = build(folder)
    assert done.returncode == 0, done.stdout
    assert ids(folder) == [1, 5]


def test_functions_of_a_project_and_a_wrong_option(folder: Path) -> None:
    (folder / "macros").mkdir()
    text = "-- stat: num_words(text VARCHAR) -> BIGINT\n-- Words.\ncreate or replace macro num_words(text) as 7;\n"
    (folder / "macros" / "seven.sql").write_text(text.replace("num_words", "seven"))
    model = folder / "models" / "measured.sql"
    model.write_text(model.read_text().replace("num_words(text)", "seven(text)"))
    profile = folder / "profiles.yml"
    config = (
        "          config: {project: ., functions: [whitespace_normalization, alnum_ratio, word_rep_ratio, seven]}\n"
    )
    profile.write_text(profile.read_text() + config)
    done = build(folder, "--vars", "{least_words: 7}")
    assert done.returncode == 0, done.stdout
    assert ids(folder) == [1, 4, 5]
    profile.write_text(profile.read_text().replace("functions:", "function:"))
    done = build(folder)
    assert done.returncode != 0 and "did you mean `functions`?" in done.stdout + done.stderr
