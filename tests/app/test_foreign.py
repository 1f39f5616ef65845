"""A stats database of somebody else is only looked at: no file is read, no code runs, and what is odd is told."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import juicesql

pytest.importorskip("streamlit")
from juicesql.app import _project
from streamlit.testing.v1 import AppTest

from juicesql.store import Store

from .projects import make_project
from .samples_project import HOSTILE
from .test_samples_pages import html, said

PAGES = ("runs", "distributions", "samples", "duplicates", "compare", "sandbox")
SECRET = "what-only-this-file-says"


def looked(monkeypatch: pytest.MonkeyPatch, page: str, folder: Path, **query: str) -> AppTest:
    script = (
        "from juicesql.app._shell import PageEntry, run_app\n"
        f"from juicesql.app.views import {page}\n"
        f"run_app((PageEntry({page!r}, {page.title()!r}, ':material/list:', {page}.show),))\n"
    )
    monkeypatch.setattr(sys, "argv", ["main.py", str(folder)])
    test = AppTest.from_string(script, default_timeout=120)
    for key, value in query.items():
        test.query_params[key] = value
    return test.run()


def everything(test: AppTest) -> str:
    tables = "".join(str(d.value) for d in test.dataframe)
    return said(test) + html(test) + tables + "".join(str(c.value) for c in test.code)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("master")
    make_project(folder)
    for letters in (0.6, 0.5):
        juicesql.run(folder / "r.sql.j2", project=folder, variables={"letters": letters})
    return folder


@pytest.fixture
def folder(master: Path, tmp_path: Path) -> Path:
    """A project with two runs that a test may spoil."""
    shutil.copytree(master, tmp_path / "p")
    return tmp_path / "p"


def spoil(folder: Path, *statements: str) -> None:
    with duckdb.connect(str(folder / "stats.duckdb")) as con:
        for statement in statements:
            con.execute(statement)


@pytest.mark.parametrize("relation", ["runs", "verdicts", "cuts", "errors"])
def test_no_view_of_the_database_reads_a_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relation: str
) -> None:
    """A view in the place of a relation, whose columns of text are what a file holds."""
    (tmp_path / "secret.txt").write_text(SECRET)
    with duckdb.connect(str(folder / "stats.duckdb")) as con:
        types = con.execute("select column_name, data_type from duckdb_columns() where table_name = ?", [relation])
        reads = f"(select content from read_text('{tmp_path}/secret.txt'))"
        kept = ("run_id", "status", "plan", "vars", "template", "verdict", "cut")
        columns = [f'{reads} as "{n}"' if t == "VARCHAR" and n not in kept else f'"{n}"' for n, t in types.fetchall()]
        con.execute(f"alter table {relation} rename to old_{relation}")
        con.execute(f"create view {relation} as select {', '.join(columns)} from old_{relation}")
        assert SECRET in str(con.execute(f"from {relation}").fetchall()) or relation in ("errors", "changes")
    for page in PAGES:
        test = looked(monkeypatch, page, folder, sample="3")
        assert not test.exception
        assert SECRET not in everything(test)


def test_no_predicate_of_the_plan_reads_a_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    reads = f"(select content = '{SECRET}' from read_text('{tmp_path}/secret.txt'))"
    with duckdb.connect(str(folder / "stats.duckdb")) as con:
        rows = con.execute("select run_id, plan from runs").fetchall()
        for run_id, text in rows:
            plan = json.loads(text)
            for step in plan["steps"]:
                for cut in step.get("cuts", ()):
                    cut["predicate"] = cut["sql"] = reads
            con.execute("update runs set plan = ? where run_id = ?", [json.dumps(plan), run_id])
    for page in PAGES:
        assert not looked(monkeypatch, page, folder, sample="3").exception


@pytest.mark.parametrize(
    "statements",
    [
        ("drop table runs",),
        ("drop table verdicts",),
        ("drop table cuts", "create table cuts (nothing integer)"),
        ("alter table runs drop column plan",),
        ("alter table runs rename column rows_in to rows",),
        ("update runs set plan = 'null'",),
        ("update runs set plan = '[]'",),
        ("update runs set plan = '{\"steps\": [{}]}'",),
        ("update runs set plan = '{\"steps\": 7}'",),
        ("update runs set vars = '[1]', template = null, source = null",),
        ("update runs set started = null, seconds = null, rows_in = null, samples_kept = null",),
        ("update runs set started = 'infinity'::timestamp",),
        ("update runs set rows_in = 9223372036854775807, samples_kept = -1, seconds = 'inf'::double",),
        ("update verdicts set verdict = 'a verdict of my own', cut = 'nothing'",),
        ("update cuts set bounds = '7', rows_in = null, dropped = null",),
        ("drop schema measured cascade",),
        ("drop table sample_keys", "drop table arguments"),
    ],
)  # fmt: skip
def test_another_schema_is_told_and_no_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch, statements: tuple[str, ...]
) -> None:
    with duckdb.connect(str(folder / "stats.duckdb")) as con:
        con.execute("drop view if exists stats")
    spoil(folder, *statements)
    for page in PAGES[:5]:
        assert not looked(monkeypatch, page, folder, sample="3").exception


def test_a_question_without_end_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_project, "MOST_SECONDS", 1.0)
    endless = "create view cuts as select c.* from old_cuts c, range(1000000000000) order by random()"
    spoil(folder, "alter table cuts rename to old_cuts", endless)
    test = looked(monkeypatch, "runs", folder)
    assert not test.exception
    assert "does not answer within 1 seconds" in said(test).replace("\\", "")


def test_no_code_of_the_project_runs(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a function that the run called, nor any other file that could be imported."""
    hook = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    (folder / "udfs").mkdir()
    (folder / "udfs" / "my_length.py").write_text(
        hook + "import pyarrow.compute as pc\nfrom juicesql.api import stat\n"
        '@stat("my_length(text VARCHAR) -> BIGINT", version=1)\n'
        'def my_length(text):\n    """Length."""\n    return pc.utf8_length(text).cast("int64")\n'
    )
    (folder / "own.sql.j2").write_text(
        '{{ config(source="data.jsonl") }}\nselect * from source where my_length(text) > 20\n'
    )
    code = f"import juicesql; juicesql.run({str(folder / 'own.sql.j2')!r}, project={str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    for name in ("sandbox_hooks.py", "udfs/__init__.py", "udfs/other.py", "streamlit.py", "duckdb.py", "conftest.py"):
        (folder / name).write_text(hook)
    monkeypatch.chdir(folder)
    for page in PAGES:
        assert not looked(monkeypatch, page, folder, sample="3").exception
        assert not (tmp_path / "ran").exists(), page


HOSTILE_WORDS = [
    f"{HOSTILE} :material/delete: :red[no] $\\alpha$ `x` ![x](http://evil.example/x.png) [x](javascript:alert(1))",
    "</code></pre><script>alert(1)</script> \u202e txet \x00 \x1b[31m <style>*{display:none}</style>" + "a" * 20_000,
]


@pytest.mark.parametrize("word", HOSTILE_WORDS)
@pytest.mark.parametrize("page", PAGES[:5])
def test_hostile_words_are_only_words(folder: Path, monkeypatch: pytest.MonkeyPatch, page: str, word: str) -> None:
    """In the place of every text that a page shows: recipe, source, cut, step, message, function, value."""
    with duckdb.connect(str(folder / "stats.duckdb")) as con:
        con.execute("update runs set recipe = $1, source = $1, message = $1, export = $1, recipe_path = $1", [word])
        con.execute("update cuts set sql = $1, stat = $1, step = $1", [word])
        con.execute("update steps set sql = $1", [word])
        con.execute("update errors set message = $1, function = $1, file = $1", [word])
        con.execute("update verdicts set value = $1", [word])
        con.execute("update costs set function = $1", [word])
        con.execute("update sample_rows set file = $1", [word])
        con.execute("update clusters set step = $1", [word])
        for run_id, text in con.execute("select run_id, plan from runs").fetchall():
            plan = json.loads(text)
            for step in plan["steps"]:
                for part in [*step.get("calls", ()), *step.get("cuts", ())]:
                    part["sql"] = word
                    part["label"] = word
            con.execute("update runs set plan = ? where run_id = ?", [json.dumps(plan), run_id])
    queries: list[dict[str, str]] = [{"sample": "3", "look": "numbers"}, {"language": "zh"}]
    for query in queries:
        test = looked(monkeypatch, page, folder, **query)
        assert not test.exception
        body = html(test)
        assert "<script" not in body and "<img" not in body and "<style>*" not in body
        cells = [str(c) for table in test.table for c in table.value.to_numpy().ravel()]
        assert all(c.count("`") in (0, 2) for c in cells if "evil.example" in c)
        for element in (*test.markdown, *test.caption, *test.info, *test.warning, *test.error, *test.title):
            shown = re.sub(r"\\.", "", str(element.value))  # what is escaped is a letter
            for sign in ("![x](", "[x](javascript", "<script", ":red[", ":material/delete", "$\\alpha"):
                assert sign not in shown, (type(element), shown[:300])


def test_values_at_the_edges_are_drawn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(folder).open() as con:
        tables = [
            r[0]
            for r in con.execute("select table_name from duckdb_tables() where schema_name = 'measured'").fetchall()
        ]
        edges = ["'inf'", "'-inf'", "'nan'", "1.7e308", "-1.7e308", "5e-324", "null"]
        for table in tables:
            type_ = con.execute(f'select typeof(value) from measured."{table}" limit 1').fetchone()
            if type_ == ("DOUBLE",):
                case = " ".join(f"when {i} then {e}::double" for i, e in enumerate(edges))
                con.execute(f'update measured."{table}" set value = case (key % 9)::integer {case} else value end')
    for page in PAGES:
        test = looked(monkeypatch, page, folder, look="numbers")
        assert not test.exception, page


def test_a_page_shows_the_last_state_while_a_run_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_project, "PATIENCE", 0.1)
    test = looked(monkeypatch, "runs", folder)
    before = [m.value for m in test.metric]
    hold = (
        f"import duckdb; con = duckdb.connect({str(folder / 'stats.duckdb')!r});"
        "con.execute('update runs set samples_kept = 7'); con.execute('checkpoint'); print('held', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=-1, stdout=-1, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        test.run()
        assert not test.exception and not test.error
        assert [m.value for m in test.metric] == before
        assert "A run is writing" in said(test)
        writer.communicate("\n")
    test.run()
    assert {m.label: m.value for m in test.metric}["Kept"] == "7"
    assert "A run is writing" not in said(test)


def test_a_reader_holds_the_file_for_moments_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two draws nothing is open: a writer that doesn't wait gets the file at once."""
    for page in PAGES:
        looked(monkeypatch, page, folder, sample="3", look="numbers")
        with duckdb.connect(str(folder / "stats.duckdb")) as con:
            con.execute("update runs set seconds = seconds + 1")
