"""What is no text is refused where text is wanted, before anything runs, with the way to get there."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

import juicesql
from juicesql.errors import Problem, RecipeError
from juicesql.lift import _label
from juicesql.planner import make_plan
from juicesql.recipe import render
from juicesql.registry import Registry

from .conftest import Workbench

REGISTRY = Registry()
COLUMNS = (
    ("text", "VARCHAR"),
    ("texts", "VARCHAR[]"),
    ("number", "BIGINT"),
    ("share", "DOUBLE"),
    ("yes", "BOOLEAN"),
    ("doc", "STRUCT(body VARCHAR, \"the title\" VARCHAR)"),
    ("docs", "STRUCT(path VARCHAR, n BIGINT)[]"),
    ("raw", "JSON"),
    ("pairs", "MAP(VARCHAR, BIGINT)"),
    ("day", "DATE"),
    ("bytes", "BLOB"),
    ("images", "VARCHAR[]"),
    ("nothing", '"NULL"'),
    ("nothings", '"NULL"[]'),
)  # fmt: skip
TYPES = dict(COLUMNS)


def problems(sql: str) -> list[Problem]:
    recipe = render(sql, Path("r.sql.j2"), REGISTRY, {})
    try:
        make_plan(recipe, REGISTRY, COLUMNS)
    except RecipeError as error:
        return list(error.problems)
    return []


def without_models() -> list[str]:
    found = []
    for function in REGISTRY.all():
        if function.assets is None and not function.extra and function.signature.columns:
            found.append(function.name)
    return found


@pytest.mark.parametrize("name", without_models())
def test_every_function_refuses_what_it_would_have_to_cast(name: str) -> None:
    signature = REGISTRY.get(name).signature
    right = {"VARCHAR": "text", "VARCHAR[]": "texts", "DOUBLE": "share", "BLOB": "bytes"}
    arguments = [right.get(a.type, f"cast(null as {a.type})") for a in signature.columns]
    wrong = {
        "VARCHAR": ["texts", "number", "yes", "doc", "raw", "pairs", "day"],
        "VARCHAR[]": ["text", "number", "raw"],
    }
    for i, argument in enumerate(signature.columns):
        for column in wrong.get(argument.type, ["text", "doc"]):
            given = [*arguments[:i], column, *arguments[i + 1 :]]
            found = problems(f"select *, {name}({', '.join(given)}) as x from source")
            said = f"`{column}` is {TYPES[column]}"
            assert [p.code for p in found] == ["wrong-type"] and said in found[0].message and found[0].mend, (
                given,
                found,
            )


@pytest.mark.parametrize(
    ("sql", "mend"),
    [
        ("select * from source where text_len(texts) > 0", "unnest(texts)"),
        ("select * from source where text_len(docs) > 0", "unnest(docs)"),
        ("select * from source where alnum_ratio(doc) > 0", 'doc.body, doc."the title"'),
        ("select * from source where alnum_ratio(raw) > 0", "raw->>'$.field'"),
        ("select * from source where alnum_ratio(number) > 0", "cast(number as VARCHAR)"),
        ("select * from source where all_between(image_width(text), 1, 2)", "[text]"),
        ("select * from source where all_between(image_width(docs), 1, 2)", "list_transform(docs, lambda x: x.path)"),
        ("select * from source where any_between(text, 1, 2)", "cast(text as DOUBLE[])"),
        ("select * replace (clean_links(number) as text) from source", "cast(number as VARCHAR)"),
        ("select *, alnum_ratio(length(text)) as a from source", "cast(LENGTH(text) as VARCHAR)"),
        ("select *, alnum_ratio(text_len(text)) as a from source", "cast(text_len(text) as VARCHAR)"),
        ("select suffix(texts) as s from source", "unnest(texts)"),
        ("select day, max(text_len(number)) as n from source group by day", "cast(number as VARCHAR)"),
        ("with d as ({{ near_dedup('source', text='texts') }}) select * from d", 'unnest("texts")'),
    ],
)
def test_the_mend(sql: str, mend: str) -> None:
    found = problems(sql)
    assert [p.code for p in found][:1] == ["wrong-type"] and mend.lower() in (found[0].mend or "").lower(), found


@pytest.mark.parametrize(
    "sql",
    [
        "select *, text_len(nothing) as a, image_width(nothings) as b from source",
        "select *, text_len(null) as a from source",
        "select *, text_len(doc.body) as a, text_len(raw->>'$.a') as b, text_len(number::varchar) as c from source",
        "select *, text_len(doc['the title']) as a, image_width([text]) as b from source",
        "select *, any_between([1, 2], 1, 2) as a, all_between([number], 0, share) as b from source",
        "select *, keep_pareto(number, text) as a from source",
        "select *, list_transform(texts, lambda t: suffix(t)) as a from source",
        "select day, keep_pareto(avg(share), any_value(text)) as a, count(*) as n from source group by day",
        "select *, text_len(clean_links(text)) as n from source where n > 1",
        "select unnest(texts) as text from source",
    ],
)
def test_what_fits_is_planned(sql: str) -> None:
    assert problems(sql) == []


def test_a_run_stops_before_it_begins_and_says_where(bench: Workbench) -> None:
    bench.write("data.jsonl", json.dumps({"text": ["a long paragraph", "b"]}) + "\n")
    head = '{{ config(source="data.jsonl", export="out.jsonl") }}\n'
    bench.write("r.sql.j2", head + "select * from source where text_len(text) > 0 and alnum_ratio(text) > 0\n")
    with pytest.raises(RecipeError) as caught:
        bench.run()
    said = [(p.code, p.file, p.line, p.message.split("`")[1]) for p in caught.value.problems]
    assert said == [("wrong-type", "r.sql.j2", 2, "text_len"), ("wrong-type", "r.sql.j2", 2, "alnum_ratio")]
    assert not (bench.root / "out.jsonl").exists()


@pytest.mark.parametrize("call", ["text_len(['a'])", "text_len(5)", "substring_count('5', 5)", "suffix(['a.py'])"])
def test_connections_refuse_it_too(call: str) -> None:
    with juicesql.connect(functions=[call.partition("(")[0]]) as con, pytest.raises(duckdb.Error):
        con.execute(f"select {call}")


def test_labels_are_short_and_tell_columns_apart() -> None:
    sql = "select * from source where text_len(text) > 0 and text_len(doc.body) > 0 and text_len(raw->>'$.a') > 1"
    recipe = render(sql, Path("r.sql.j2"), REGISTRY, {})
    plan = make_plan(recipe, REGISTRY, COLUMNS)
    assert [c.label for c in plan.calls] == ["text_len", "text_len_body", "text_len_2"]
    assert [b.stat for c in plan.cuts for b in c.bounds] == ["text_len", "text_len_body", "text_len_2"]
    assert _label("stopwords_ratio", [("stopwords_dir", "/some/folder/lists")]) == "stopwords_ratio_lists"
    long = _label("video_frames_text_similarity", [("pattern", "a" * 100), ("other", 3)])
    assert len(long) <= 60 and long.startswith("video_frames_text_similarity_pattern_aaa")


def test_kept_stats_of_one_function_on_two_columns(bench: Workbench) -> None:
    bench.write("data.jsonl", json.dumps({"text": "abc", "title": "de"}) + "\n")
    head = '{{ config(source="data.jsonl", export="out.jsonl", keep_stats=true) }}\n'
    bench.write("r.sql.j2", head + "select * from source where text_len(text) > 0 and text_len(title) > 0\n")
    bench.run()
    row = json.loads((bench.root / "out.jsonl").read_text())
    assert row["stats"] == {"text_len": 3, "text_len_title": 2}
    assert bench.query("select stat from cuts order by position") == [("text_len",), ("text_len_title",)]
