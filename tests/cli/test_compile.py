"""`compile`: the SQL gives the rows of a run."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

import juicesql

SQL_ONLY = """{{ config(source=%r, export="out.jsonl"%s) }}
-- Long ones.
select * exclude (sample_id)
from source
where text_len(text)   >= {{ var('lo', 20) }}   -- odd    spacing
order by id
"""


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def answer_of(sql: str, con: duckdb.DuckDBPyConnection | None = None) -> list[dict]:
    own = con or duckdb.connect()
    try:
        result = own.execute(sql)
        names = [d[0] for d in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    finally:
        own.close()


@pytest.fixture
def texts() -> list[dict]:
    return [{"id": i, "text": "x" * (3 * i), "day": "2024-01-01", "code": "007"} for i in range(12)]


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "json", "csv", "tsv", "parquet", "folder", "glob"])
def test_compiled_sql_gives_the_rows_of_a_run(shell, tmp_path: Path, monkeypatch, texts: list[dict], form: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "juicesql.toml").touch()
    (tmp_path / "raw.json").write_text(json.dumps(texts))
    name = {"folder": "in", "glob": "in/*.parquet"}.get(form, f"data.{form}")
    (tmp_path / "in").mkdir()
    with duckdb.connect() as con:
        columns = "{'id': 'BIGINT', 'text': 'VARCHAR', 'day': 'VARCHAR', 'code': 'VARCHAR'}"
        con.execute(f"create table t as from read_json('raw.json', columns = {columns})")
        options = {"json": "array true", "tsv": "format csv, header, delim '\t'", "csv": "header"}.get(form, "")
        if form in ("folder", "glob"):
            con.execute("copy (from t limit 6) to 'in/a.parquet'")
            con.execute("copy (from t offset 6) to 'in/b.parquet'")
        else:
            con.execute(f"copy t to '{name}'" + (f" ({options})" if options else ""))
    (tmp_path / "r.sql.j2").write_text(SQL_ONLY % (name, ""))
    assert shell("run", "r.sql.j2").code == 0
    compiled = shell("compile", "r.sql.j2")
    assert compiled.code == 0
    got = answer_of(compiled.out)
    assert got == rows_of(tmp_path / "out.jsonl")
    assert [r["id"] for r in got] == list(range(7, 12))
    assert "where text_len(text)   >= 20   -- odd    spacing" in compiled.out


def test_the_source_need_not_exist_yet(shell, tmp_path: Path, monkeypatch, texts: list[dict]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.sql.j2").write_text(SQL_ONLY % ("later.jsonl", ""))
    compiled = shell("compile", "r.sql.j2", "--var", "lo=30")
    assert compiled.code == 0
    assert "-- variables: lo = 30" in compiled.out
    (tmp_path / "later.jsonl").write_text("".join(json.dumps(t) + "\n" for t in texts))
    assert [r["id"] for r in answer_of(compiled.out)] == [10, 11]


def test_columns_are_mapped(shell, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "juicesql.toml").touch()
    rows = [{"key": i, "meta": {"text": "y" * 10 * i}} for i in range(5)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    mapping = ', columns={"text": "meta.text", "id": "key"}'
    (tmp_path / "r.sql.j2").write_text(SQL_ONLY % ("data.jsonl", mapping))
    assert shell("run", "r.sql.j2").code == 0
    there = shell("compile", "r.sql.j2").out
    (tmp_path / "data.jsonl").rename(tmp_path / "moved.jsonl")
    away = shell("compile", "r.sql.j2").out
    (tmp_path / "moved.jsonl").rename(tmp_path / "data.jsonl")
    expected = rows_of(tmp_path / "out.jsonl")
    assert [r["id"] for r in expected] == [2, 3, 4]
    assert answer_of(there) == answer_of(away) == expected


def test_two_inputs_and_a_broken_line(shell, tmp_path: Path, monkeypatch, texts: list[dict]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "juicesql.toml").touch()
    lines = [json.dumps(t) for t in texts[:6]]
    lines[2] = "{broken"
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "b.csv").write_text("id,text\n20," + "z" * 25 + "\n")
    (tmp_path / "r.sql.j2").write_text((SQL_ONLY % ("@@", "")).replace("'@@'", "['a.jsonl', 'b.csv']"))
    assert shell("run", "r.sql.j2", "--var", "lo=1", "--max-error-rate", "1").code == 0
    got = answer_of(shell("compile", "r.sql.j2", "--var", "lo=1").out)
    assert got == rows_of(tmp_path / "out.jsonl")
    assert [r["id"] for r in got] == [1, 3, 4, 5, 20]


def test_a_duckdb_table(shell, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("in.duckdb") as con:
        con.execute("create table docs as select i as id, repeat('a', 5 * i) as text from range(8) t(i)")
    (tmp_path / "r.sql.j2").write_text(SQL_ONLY % ("duckdb:in.duckdb#main.docs", ""))
    assert [r["id"] for r in answer_of(shell("compile", "r.sql.j2").out)] == [4, 5, 6, 7]


def test_python_functions_are_named_and_connect_has_them(shell, project: Path) -> None:
    compiled = shell("compile", "recipe.sql.j2").out
    head = compiled.partition("create")[0]
    assert "alnum_ratio (kernel)" in head
    assert "juicesql.connect()" in head
    assert shell("run", "recipe.sql.j2").code == 0
    got = answer_of(compiled, juicesql.connect(functions=["alnum_ratio"]))
    expected = rows_of(project / "out.jsonl")
    got.sort(key=lambda r: r["sample_id"])  # DuckDB does not keep the order of the source through QUALIFY
    assert [{k: r[k] for k in ("text", "n")} for r in got] == expected


def test_errors_of_the_recipe_are_told(shell, project: Path) -> None:
    (project / "recipe.sql.j2").write_text("{{ config(source='x.jsonl') }}\nselect nofunc(text) from source\n")
    answer = shell("compile", "recipe.sql.j2")
    assert answer.code == 3
    assert "recipe.sql.j2:2" in answer.err
    assert answer.out == ""


def test_a_file_name_with_a_quote(shell, tmp_path: Path, monkeypatch, texts: list[dict]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it's.jsonl").write_text("".join(json.dumps(t) + "\n" for t in texts))
    (tmp_path / "r.sql.j2").write_text(SQL_ONLY % ("@", ""))
    compiled = shell("compile", "r.sql.j2", "--source", "it's.jsonl")
    assert len(answer_of(compiled.out)) == 5
