"""No name becomes a path or SQL: of a step, a column, a folder, a variable, an option."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import juicesql
from juicesql.errors import JuiceError

from .conftest import Workbench

NAMES = [
    "/tmp/juicesql-elsewhere/x", "../../climbed", "a b", "a.b.c", 'say "x"', "it's", "x; drop table source; --", "*", "a[1]",
    "select", "Ünïcode 中", "a/*b*/c", "con", "x" * 200, "{x}", "%s", ".hidden", "~", "a\tb",
]  # fmt: skip


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def files_outside(bench: Workbench) -> set[Path]:
    return {p for p in bench.root.parent.rglob("*") if not p.is_relative_to(bench.root)}


@pytest.mark.parametrize("name", NAMES)
def test_a_step_may_have_any_name(bench: Workbench, name: str) -> None:
    """The rows of a step called `/elsewhere/x` were written there, and left."""
    bench.data(["some text", "some text", "another one"])
    step = quoted(name)
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl", keep_stats=true) }}\n'
        f"with {step} as (select *, upper(text) as {quoted(name + ' c')} from source where text_len(text) > 1),\n"
        f"{quoted(name + ' 2')} as (select * from {step} qualify row_number() over (partition by md5(text) order by sample_id) = 1),\n"
        f"{quoted(name + ' 3')} as (select a.* from (select * from {quoted(name + ' 2')}) a join {step} b using (sample_id))\n"
        f"select * from {quoted(name + ' 3')} order by text",
    )
    before = files_outside(bench)
    result = bench.run()
    assert (result.kept, result.duplicates, result.rows_in) == (2, 1, 3)
    assert [r["text"] for r in bench.out()] == ["another one", "some text"]
    assert bench.out()[0][name + " c"] == "ANOTHER ONE"
    assert files_outside(bench) == before
    assert not Path("/tmp/juicesql-elsewhere").exists()


@pytest.mark.parametrize(
    "name", ["it's", "a [b] *", 'say "x"', "x; drop table source; --", "%s {x}", "Ünïcode 中", "a'||'b"]
)
def test_a_project_may_stand_in_any_folder(tmp_path: Path, name: str) -> None:
    bench = Workbench(tmp_path / name)
    bench.write("juicesql.toml", "")
    bench.data(["some text", "some text", "another one"], name="it's [1].jsonl")
    bench.write(
        "r.sql.j2",
        '{{ config(source="it\'s [1].jsonl", export="o\'ut [1]*.jsonl", keep_stats=true, shard_rows=1) }}\n'
        "with kept as (select * from source where text_len(text) > 1), exact as ({{ exact_dedup('kept') }}),\n"
        "grouped as (select text, count(*) as n from exact group by text) select * from grouped order by text",
    )
    for _ in range(2):
        result = bench.run()
        assert (result.rows_in, result.rows_out) == (3, 2)
        rows = [json.loads(p.read_text()) for p in sorted((bench.root / "o'ut [1]*").iterdir())]
        assert [r["text"] for r in rows] == ["another one", "some text"]


def test_an_export_called_like_a_glob_touches_no_other(bench: Workbench) -> None:
    bench.data(["some text"])
    other = bench.root / ".other.jsonl.20260101-000000-aaaa.partial"
    other.mkdir()
    bench.write("r.sql.j2", '{{ config(source="data.jsonl", export="*.jsonl") }}\nselect * from source')
    bench.run()
    assert other.is_dir() and bench.out("*.jsonl") == [{"text": "some text"}]


SQL = "'); copy (select 1) to 'x.csv'; --"


@pytest.mark.parametrize(
    "text", [SQL, '"; drop table source; --', "1) or (1=1", "x' || getenv('HOME') || '", "*/ , 1 /*"]
)
def test_variables_are_what_their_filters_make_of_them(bench: Workbench, text: str) -> None:
    bench.data(["some text"])
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl", description=var("v")) }}\n'
        "select text, {{ var('v') | sql }} as a, 1 as {{ var('v') | identifier }} from source",
    )
    bench.run(variables={"v": text})
    assert bench.out() == [{"text": "some text", "a": text, text: 1}]
    assert not list(bench.root.rglob("x.csv"))


@pytest.mark.parametrize("text", [SQL, "' || x", "a\\'b", 'a"b', "a;b", "{a: 1}", "__x", "ab)"])
def test_columns_of_a_source_may_have_any_name(bench: Workbench, text: str) -> None:
    bench.write("data.jsonl", json.dumps({"text": "some text", text: {text: [1, 2]}}) + "\n")
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.parquet", keep_stats=true) }}\n'
        "with a as (select *, text_len(text) as n from source where text_len(text) > 1), b as ({{ exact_dedup('a') }})\n"
        "select * from b",
    )
    assert bench.run().kept == 1
    with juicesql.connect(functions=[]) as con:
        found = con.execute("from read_parquet(?)", [str(bench.root / "out.parquet")]).fetchall()
    assert found[0][1] == {text: [1, 2]}
    assert not list(bench.root.rglob("x.csv"))


@pytest.mark.parametrize(
    "call",
    [
        "exact_dedup('source', text={0})", "near_dedup('source', text={0})", "exact_dedup({0})", "random_sample({0}, select_num=1)",
        "exact_dedup('source', order_by={0})", "near_dedup('source', order_by={0})", "near_dedup('source', options={0})",
        "near_dedup('source', lsh={0})", "near_dedup('source', jaccard={0})", "media_dedup('source', hash={0})",
        "random_sample('source', select_num={0})", "random_sample('source', select_num=1, key={0})",
        "frequent_values('source', {0}, topk=1)", "rank_range('source', {0}, lower_rank=0)", "stratified_sample('source', {0}, select_num=1)",
        "dedup_substrings('source', length={0})", "explode_lines({0})", "group_rows('source', {0})",
    ],
)  # fmt: skip
def test_arguments_of_macros_reach_no_file(bench: Workbench, call: str) -> None:
    """What a macro writes is part of the one SELECT, which is checked as a whole."""
    bench.data(["some text", "other"])
    secret = bench.write("secret.csv", "a\nthe secret\n")
    for text in (SQL, f"(select content from read_text('{secret}'))", f"(select a from '{secret}')", "getenv('HOME')"):
        bench.write(
            "r.sql.j2",
            '{{ config(source="data.jsonl", export="out.jsonl") }}\nwith a as ({{ '
            + call.format(json.dumps(text))
            + " }}) select * from a",
        )
        try:
            bench.run()
        except JuiceError as error:
            assert "the secret" not in str(error)
        else:
            assert "the secret" not in (bench.root / "out.jsonl").read_text()
        assert not list(bench.root.rglob("x.csv"))
