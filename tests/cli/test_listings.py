"""`functions`, `recipes` and `init`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from juicesql.cli.recipes import describe


def test_functions_are_listed_by_kind(shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = shell("functions").out
    assert out.index("stats\n") < out.index("alnum_ratio(text, ...) ") < out.index("mappers\n")
    listed = {f["name"]: f for f in shell("functions", "--json").json}
    assert listed["alnum_ratio"]["class"] == "kernel"
    assert listed["text_len"]["class"] == "sql"
    assert listed["char_rep_ratio"]["parameters"] == {"rep_len": "10"}
    assert listed["alnum_ratio"]["usual_cut"] == ">= 0.25"
    assert listed["alnum_ratio"]["source"]


def test_a_function_is_documented(shell) -> None:
    out = shell("functions", "char_rep_ratio").out
    assert out.startswith("char_rep_ratio(text VARCHAR, rep_len INTEGER := 10) -> DOUBLE\n")
    assert "Share of the character n-grams" in out and "Usual cut" in out
    assert "example  select char_rep_ratio(text, rep_len := 10)" in out
    assert "char_rep_ratio.py" in out


def test_a_misspelt_function_names_the_nearest(shell) -> None:
    answer = shell("functions", "alnum_ratoi")
    assert answer.code != 0
    assert "did you mean `alnum_ratio`?" in answer.err


def test_a_broken_function_does_not_hide_the_others(shell, project: Path) -> None:
    (project / "udfs").mkdir()
    (project / "udfs" / "torn.py").write_text("import no_such_module_here\n")
    (project / "macros").mkdir()
    (project / "macros" / "twice.sql.j2").write_text(
        "{# Every row two times. #}\n"
        "{% macro twice(relation) %}from {{ relation }} union all from {{ relation }}{% endmacro %}"
    )
    answer = shell("functions", "--project", project)
    assert answer.code == 0
    assert "text_len(text)" in answer.out
    assert "no_such_module_here" in answer.err
    assert "Every row two times." in answer.out
    assert "twice(relation" in shell("functions", "twice", "--project", project).out


def test_recipes_are_described(shell, project: Path) -> None:
    folder = project / "recipes_sql" / "web"
    folder.mkdir(parents=True)
    (folder / "en.sql.j2").write_text(
        '{{ config(source="a", description="English web text") }}\n-- Not this.\nselect 1'
    )
    (folder / "de.sql.j2").write_text("{{ config(source=var('x')) }}\n-- German,\n-- after Gopher.\nselect 1")
    listed = {r["name"]: r["description"] for r in shell("recipes", "--json").json}
    assert listed["web/en"] == "English web text"
    assert listed["web/de"] == "German, after Gopher."
    assert "recipes_sql/web/de.sql.j2" in shell("recipes").out
    assert describe(project / "recipe.sql.j2") == "Keeps what is long enough."


def test_init_makes_a_project_that_runs(shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "new" / "place"
    answer = shell("init", folder)
    assert answer.code == 0
    assert all(Path(line).is_file() for line in answer.out.splitlines())
    monkeypatch.chdir(folder)
    result = shell("run", "recipes_sql/example.sql.j2", "--json").json
    assert result["export"] == str(folder / "out" / "clean.jsonl")
    cuts = {r["sql"].split("(")[0]: r["dropped"] for r in result["funnel"] if r["kind"] == "cut"}
    assert cuts.keys() == {"text_len", "alnum_ratio", "shouting_ratio", "question_ratio"}
    assert all(cuts.values()), "each cut of the example drops something"
    assert result["duplicates"] > 0 and result["kept"] > 30
    assert shell("functions", "question_ratio").code == 0
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["make", "run"], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"kept {result['kept']}" in done.stderr


def test_the_cases_that_init_shows_hold(shell, tmp_path: Path) -> None:
    import yaml

    import juicesql
    from juicesql.testing import load_cases, run_case, same

    shell("init", tmp_path / "p")
    text = (tmp_path / "p" / "udfs" / "question_ratio.py").read_text()
    block = text.partition("question_ratio.yml:\n#\n")[2].partition("#\n# and run")[0]
    case_file = tmp_path / "cases.yml"
    case_file.write_text("\n".join(line[6:] for line in block.splitlines()))
    assert yaml.safe_load(case_file.read_text())["stat"] == "question_ratio"
    with juicesql.connect(project=tmp_path / "p", functions=["question_ratio"]) as con:
        for case in load_cases(case_file):
            assert same(run_case(con, case, ["VARCHAR"]), case.out), case


def test_init_refuses_a_folder_that_is_not_empty(shell, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    answer = shell("init", tmp_path)
    assert answer.code == 7
    assert "not an empty folder" in answer.err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
