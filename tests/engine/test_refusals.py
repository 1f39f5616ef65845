"""What a recipe may not do, and how errors name file, line, cause and mend, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from juicesql.errors import ExportError, JuiceError, RecipeError, SourceError, StoreError
from juicesql.store import Store

from .conftest import Workbench

HEAD = '{{ config(source="data.jsonl", export="out.jsonl") }}\n'
REFUSED = {
    "attribute walk": "select {{ ''.__class__.__mro__ }} from source",
    "globals of a function": "select {{ var.__globals__ }} from source",
    "self of a method": "select {{ config.__self__ }} from source",
    "format string walk": "select {{ '{0.__class__}'.format(1) }} from source",
    "include": "{% include '/etc/passwd' %} select * from source",
    "import": "{% import '/etc/passwd' as x %} select * from source",
    "file": "select * from '/etc/passwd'",
    "read_csv": "select * from read_csv('/etc/passwd')",
    "read_text": "select * from read_text('/etc/passwd')",
    "read_text in a subquery": "select (select content from read_text('/etc/passwd')) as x from source",
    "read_blob in a join": "select s.* from source s, read_blob('/etc/passwd') b",
    "glob": "select * from glob('/etc/*')",
    "other schema": "select * from information_schema.tables",
    "settings": "select * from duckdb_settings()",
    "query function": "select * from query('select 1')",
    "getenv": "select getenv('HOME') from source",
    "getenv as a method": "select 'HOME'.getenv() from source",
    "a setting": "select current_setting('memory_limit') from source",
    "a setting by schema": "select system.main.current_setting('memory_limit') from source",
    "a variable of the connection": "select getvariable('x') from source",
    "the user": "select current_user from source",
    "a table function by schema": "select * from system.main.read_text('/etc/passwd')",
    "a quoted table function": "select * from \"read_text\"('/etc/passwd')",
    "sleeping": "select * from source where sleep_ms(100000) is null",
    "sleeping as PostgreSQL does": "select pg_sleep(100) from source",
    "the log": "select write_log('x') from source",
    "a quoted function": "select \"current_setting\"('memory_limit') from source",
    "describe a file": "select * from (describe '/etc/passwd')",
    "SQL as JSON": "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "install": "install httpfs",
    "load": "load httpfs",
    "copy": "copy (select 1) to '/tmp/juicesql-stolen.txt'",
    "attach": "attach '/tmp/juicesql-other.db'",
    "pragma": "pragma version",
    "set": "set enable_external_access = true",
    "create": "create table t as select 1",
    "drop": "drop table source",
    "two statements": "select * from source; select * from source",
    "second statement": "select * from source; copy source to '/tmp/juicesql-stolen.txt'",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(bench: Workbench, name: str) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", HEAD + REFUSED[name])
    with pytest.raises(RecipeError) as caught:
        bench.run()
    assert all(p.code in ("refused", "jinja") and p.message and p.mend for p in caught.value.problems), caught.value
    assert not (bench.root / "out.jsonl").exists()


def test_every_problem_is_reported_with_its_template_line_through_jinja(bench: Workbench) -> None:
    bench.data(["some text"])
    bench.write(
        "r.sql.j2",
        """{{ config(
    source="data.jsonl",
    export="out.jsonl",
) }}
with kept as (
    select *
    from sorce
    {% for low in [1, 2] %}
    where alnum_ration(text) > {{ low }}
    {% endfor %}
)
select no_such_function(text) from kept
""".replace("{% for low in [1, 2] %}", "{% if true %}")
        .replace("{% endfor %}", "{% endif %}")
        .replace("{{ low }}", "1"),
    )
    with pytest.raises(RecipeError) as caught:
        bench.run()
    found = [(p.code, p.file, p.line) for p in caught.value.problems]
    assert found == [
        ("unknown-relation", "r.sql.j2", 7),
        ("unknown-function", "r.sql.j2", 12),
        ("unknown-function", "r.sql.j2", 9),
    ]
    text = str(caught.value)
    assert "did you mean `alnum_ratio`?" in text and "did you mean `source`?" in text


@pytest.mark.parametrize(
    ("sql", "code", "line"),
    [
        ("select *\nfrom source\nwhere alnum_ratio(text, 3, 4) > 0", "too-many-arguments", 4),
        ("select *\nfrom source\nwhere word_rep_ratio(text, rep_lem := 3) > 0", "unknown-parameter", 4),
        ("select *\nfrom source\nwhere word_rep_ratio(text, rep_len := n) > 0", "varying-parameter", 4),
        ("select *,\n  alnum_ratio() as a from source", "missing-argument", 3),
        ("select txt\nfrom source", "sql", 2),
        ("select *\nfrom source where", "syntax", 3),
        ("select 'open\nfrom source", "syntax", None),
        ("select * from source where random() < 0.5", "not-repeatable", 2),
        ("select list_transform([text], lambda t: alnum_ratio(t)) from source", "call-in-lambda", 2),
        ("select a.* from source a join source b using (text) where slow_len(a.text) > 1", "call-in-join", 2),
        ("select {{ missing }} from source", "undefined-name", 2),
        ("select {{ var('needed') }} from source", "missing-variable", 2),
        ("\n{% if %}", "jinja", 3),
        ("", "empty", None),
        ("select 1 as x", "no-source-read", None),
        ("with a as (select * from source) select 1 as x", "no-source-read", None),
    ],
)
def test_problem(bench: Workbench, sql: str, code: str, line: int | None) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", HEAD + sql)
    with pytest.raises(RecipeError) as caught:
        bench.run()
    first = caught.value.problems[0]
    assert (first.code, first.line) == (code, line)
    assert first.mend


def test_unknown_option_variable_and_engine(bench: Workbench) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", "\n{{ config(sorce='data.jsonl') }} select * from source")
    with pytest.raises(RecipeError, match=r"r\.sql\.j2:2: config has no option `sorce`\n  mend: did you mean `source`"):
        bench.run()
    bench.write("r.sql.j2", HEAD + "select * from source")
    with pytest.raises(RecipeError, match=r"no var\('low'\)"):
        bench.run(variables={"low": 1})
    with pytest.raises(RecipeError, match="no engine `spark`"):
        bench.run(engine="spark")


def test_values_of_variables(bench: Workbench) -> None:
    bench.data(["some text", "short"])
    bench.write("r.sql.j2", HEAD + "select *, {{ var('x') | sql }} as x from source")
    assert bench.run(variables={"x": Path("some/folder")}).kept == 2
    assert bench.run(variables={"x": [Path("a"), "b"]}).kept == 2
    assert {row["x"][0] for row in bench.out()} == {"a"}
    for value in (object(), {1, 2}, b"bytes"):
        with pytest.raises(RecipeError, match=r"variable `x` is no JSON.*\n  mend: give text, a number"):
            bench.run(variables={"x": value})


def test_a_recipe_without_a_source_or_with_a_missing_one(bench: Workbench) -> None:
    bench.write("r.sql.j2", "select * from source")
    with pytest.raises(RecipeError, match="has no source"):
        bench.run()
    bench.data(["some text"])
    with pytest.raises(SourceError, match=r"dat\.jsonl"):
        bench.run(source=str(bench.root / "dat.jsonl"))


def test_an_export_never_overwrites_the_source_or_a_foreign_file(bench: Workbench) -> None:
    path = bench.data(["some text"])
    with pytest.raises(ExportError, match="is also an input"):
        bench.run(export=path)
    mine = bench.write("mine.jsonl", "not yours")
    with pytest.raises(ExportError, match="no manifest says that juicesql wrote it"):
        bench.run(export=mine)
    assert mine.read_text() == "not yours"
    with pytest.raises(ExportError, match="end the name in"):
        bench.run(export=bench.root / "out.docx")


def test_two_runs_of_one_project_do_not_meet(bench: Workbench) -> None:
    bench.data(["some text"])
    with Store(bench.root).lock(), pytest.raises(StoreError, match="another run is working"):
        bench.run()


def test_a_damaged_stats_database_is_named(bench: Workbench) -> None:
    bench.data(["some text"])
    bench.write("stats.duckdb", "this is no database")
    with pytest.raises(StoreError, match=r"stats\.duckdb"):
        bench.run()


def test_a_broken_function_file_is_named(bench: Workbench) -> None:
    bench.data(["some text"])
    bench.write("udfs/slow_len.py", "def oops(:\n")
    with pytest.raises(JuiceError, match=r"slow_len\.py:1: SyntaxError"):
        bench.run()
