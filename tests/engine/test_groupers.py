"""Rows brought together and apart again: against plain Python, with a verdict for every sample of a group."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

import juicesql

from .conftest import Workbench

HEAD = '{{ config(source="data.jsonl", export="out.jsonl") }}\n'
Row = dict[str, Any]


@pytest.fixture
def given(bench: Workbench) -> list[Row]:
    draw = random.Random(3)
    made = [
        {
            "text": f"{i} " + "w " * draw.randrange(5),
            "k": draw.choice("aabcd"),
            "meta": {"n": draw.choice([1, 2, None])},
        }
        for i in range(300)
    ]
    bench.write("data.jsonl", "".join(json.dumps(row) + "\n" for row in made))
    return made


def run(bench: Workbench, recipe: str, **options: Any) -> juicesql.RunResult:
    bench.write("r.sql.j2", HEAD + recipe)
    result = bench.run(**options)
    bench.check_accounts(result)
    return result


def grouped(rows: list[Row], key: Any) -> dict[Any, list[tuple[int, Row]]]:
    found: dict[Any, list[tuple[int, Row]]] = {}
    for i, row in enumerate(rows):
        found.setdefault(key(row), []).append((i, row))
    return found


def batch(members: list[tuple[int, Row]]) -> Row:
    columns = {name: [row[name] for _, row in members] for name in ("text", "k", "meta")}
    return {"sample_ids": [i for i, _ in members], **columns}


KEYS = {
    "k": lambda row: row["k"],
    "meta.n": lambda row: row["meta"]["n"],
    "k, meta.n": lambda row: (row["k"], row["meta"]["n"]),
    "len(text)": lambda row: len(row["text"]),
}


@pytest.mark.parametrize("by", KEYS)
@pytest.mark.parametrize("threads", [1, 2])
def test_group_rows_makes_lists_in_the_order_of_the_source(
    bench: Workbench, given: list[Row], by: str, threads: int
) -> None:
    result = run(bench, f"with g as ({{{{ group_rows('source', by='{by}') }}}}) select * from g", threads=threads)
    assert bench.out() == [batch(members) for members in grouped(given, KEYS[by]).values()]
    assert (result.kept, result.dropped, result.rows_out) == (300, 0, len(grouped(given, KEYS[by])))
    assert [r.kind for r in result.funnel if r.step == "g"] == ["group"]


def test_without_a_key_all_rows_are_one_and_no_rows_none(bench: Workbench, given: list[Row]) -> None:
    recipe = (
        "with a as (from source where sample_id >= {{ var('from', 0) }}), g as ({{ group_rows('a') }}) select * from g"
    )
    run(bench, recipe)
    assert bench.out() == [batch(list(enumerate(given)))]
    result = run(bench, recipe, variables={"from": 300}, allow_empty=True)
    assert (bench.out(), result.dropped) == ([], 300)


def test_lists_in_another_order(bench: Workbench, given: list[Row]) -> None:
    run(bench, "with g as ({{ group_rows('source', by='k', order_by='len(text) desc') }}) select text from g")
    for out, members in zip(bench.out(), grouped(given, KEYS["k"]).values(), strict=True):
        assert out["text"] == sorted((row["text"] for _, row in members), key=lambda t: -len(t))


@pytest.mark.parametrize("threads", [1, 2])
def test_there_and_back_is_the_source(bench: Workbench, given: list[Row], threads: int) -> None:
    recipe = "with g as ({{ group_rows('source', by='k') }}), u as ({{ ungroup_rows('g') }}) select * from u"
    result = run(bench, recipe, threads=threads)
    assert bench.out() == given
    assert result.kept == 300


def test_what_happens_to_a_group_happens_to_its_samples(bench: Workbench, given: list[Row]) -> None:
    """A cut, a selector and a stat over groups, then cuts over the rows again: every verdict names its own step."""
    recipe = """with g as ({{ group_rows('source', by='k, meta.n') }}),
        sized as (select *, len(text) as n from g),
        large as (select * from sized where n >= 20),
        some as ({{ random_sample('large', select_num=4) }}),
        u as ({{ ungroup_rows('some', repeated=['n']) }})
        select * from u where text_len(text) >= 6"""
    result = run(bench, recipe)
    groups = grouped(given, KEYS["k, meta.n"]).values()
    large = [g for g in groups if len(g) >= 20]
    sizes = {i: len(g) for g in groups for i, _ in g}
    out = bench.out()
    wanted = {row["text"]: i for i, row in enumerate(given)}
    assert [row["n"] for row in out] == [sizes[wanted[row["text"]]] for row in out]
    why = bench.query(f"select cut, list(sample_id) from verdicts where run_id = '{result.run_id}' group by cut")
    by_cut = {cut: set(ids) for cut, ids in why}
    assert set(by_cut) == {"large.1", "some", "result.1", None}
    assert by_cut["large.1"] == {i for g in groups if len(g) < 20 for i, _ in g}
    gone = [{i for i, _ in g} for g in large if {i for i, _ in g} & by_cut["some"]]
    assert len(gone) == len(large) - 4 and set().union(*gone) == by_cut["some"]
    assert by_cut[None] == {wanted[row["text"]] for row in out}
    assert all(len(given[i]["text"]) < 6 for i in by_cut["result.1"])


def test_groups_that_are_cut_in_the_end_are_dropped_samples(bench: Workbench, given: list[Row]) -> None:
    result = run(bench, "with g as ({{ group_rows('source', by='k') }}) select * from g where len(text) > 60")
    kept = [g for g in grouped(given, KEYS["k"]).values() if len(g) > 60]
    assert result.kept == sum(map(len, kept)) and result.dropped == 300 - result.kept > 0


def test_a_group_may_be_written_by_hand(bench: Workbench, given: list[Row]) -> None:
    recipe = """with g as (
            select k, list(sample_id order by sample_id) as sample_ids, string_agg(text, '|' order by sample_id) as text
            from source group by k having count(*) > 40
        )
        select k, text_len(text) as size from g where text_len(text) > 400"""
    result = run(bench, recipe)
    large = {k: g for k, g in grouped(given, KEYS["k"]).items() if len(g) > 40}
    joined = {k: "|".join(row["text"] for _, row in g) for k, g in large.items()}
    assert {row["k"]: row["size"] for row in bench.out()} == {k: len(t) for k, t in joined.items() if len(t) > 400}
    assert result.kept == sum(len(g) for k, g in large.items() if len(joined[k]) > 400)


def test_a_failing_group_is_an_error_of_its_samples(bench: Workbench, given: list[Row]) -> None:
    recipe = """with g as ({{ group_rows('source', by='k') }}),
        cut as (select * replace (if(k[1] = 'd', text[2:], text) as text) from g),
        u as ({{ ungroup_rows('cut') }})
        select * from u"""
    result = run(bench, recipe, max_error_rate=0.5)
    assert result.errors == sum(row["k"] == "d" for row in given)
    assert bench.out() == [row for row in given if row["k"] != "d"]
    [(message,)] = bench.query(f"select distinct message from errors where run_id = '{result.run_id}'")
    assert "not one value for each of sample_ids" in message


@pytest.mark.parametrize("threads", [1, 2])
def test_rows_of_one_sample_keep_their_order_in_lists(bench: Workbench, given: list[Row], threads: int) -> None:
    """Words share their document's sample_id: only the row number tells them apart."""
    words = [f"w{i % 97}" for i in range(6000)]
    bench.data([" ".join(words)] * 3)
    recipe = """with words as (select unnest(string_split(text, ' ')) as word from source),
        g as ({{ group_rows('words') }})
        select word from g"""
    run(bench, recipe, threads=threads)
    assert bench.out() == [{"word": words * 3}]
    run(bench, recipe.replace("group_rows('words')", "group_rows('words', by='word')"), threads=threads)
    assert [row["word"][0] for row in bench.out()] == sorted({*words})
    run(
        bench,
        recipe.split(" g as")[0].rstrip(", \n") + " select word from words order by length(word)",
        threads=threads,
    )
    assert [row["word"] for row in bench.out()] == sorted(words * 3, key=len)
