"""Numbers keep their place from the template to the cut, and a rewrite changes nothing else."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from juicesql.planner import make_plan
from juicesql.provenance import line_map, rewrite, tag, untag
from juicesql.recipe import render
from juicesql.registry import Registry

REGISTRY = Registry()
COLUMNS = (("text", "VARCHAR"), ("scores", "DOUBLE[]"))
TEMPLATE = """{{ config(source="x.jsonl") }}
-- 12 things; it's "quoted" 'badly
with kept as (
    select *, '3 in a string' as s, col_4 + 5 as "6"
    from (select *, 7 as col_4 from source)
    where alnum_ratio(text) between 0.25 and {{ var('high', 1) }}  -- share
      and text_len(text)>=10 /* 99 */ and word_rep_ratio(text, rep_len := 5) < .3
      and -2 <= special_char_ratio(text)
      and any_between(scores, 1e-3, 2)
)
select * from kept
"""


def _plan(template: str):  # type: ignore[no-untyped-def]
    recipe = render(template, Path("r.sql.j2"), REGISTRY, {})
    return recipe, make_plan(recipe, REGISTRY, COLUMNS)


def test_literals_are_those_of_the_sql() -> None:
    found = [TEMPLATE[s.start : s.end] for s in tag(TEMPLATE, "r").literals]
    assert found == ["5", "7", "0.25", "10", "5", ".3", "2", "1e-3", "2"]
    assert [s.line for s in tag(TEMPLATE, "r").literals] == [4, 5, 6, 7, 7, 7, 8, 9, 9]


def test_every_bound_of_a_cut_knows_its_literal() -> None:
    recipe, plan = _plan(TEMPLATE)
    bounds = [(b.stat, b.operator, b.value, b.target) for c in plan.cuts for b in c.bounds]
    where = {
        t: TEMPLATE[recipe.literals[int(t)].start : recipe.literals[int(t)].end]
        for *_, t in bounds
        if t and t.isdigit()
    }
    assert [(s, o, v, where.get(t or "", t)) for s, o, v, t in bounds] == [
        ("alnum_ratio", ">=", 0.25, "0.25"),
        ("alnum_ratio", "<=", 1, "var:high"),
        ("text_len", ">=", 10, "10"),
        ("word_rep_ratio_rep_len_5", "<", 0.3, ".3"),
        ("special_char_ratio", ">=", -2, "2"),
        ("scores", ">=", 0.001, "1e-3"),
        ("scores", "<=", 2, "2"),
    ]
    assert TEMPLATE[recipe.defaults["high"].start : recipe.defaults["high"].end] == "1"
    assert [c.line for c in plan.cuts] == [6, 7, 7, 8, 9]


def test_a_rewrite_changes_one_number_and_the_plan_follows() -> None:
    recipe, plan = _plan(TEMPLATE)
    span = recipe.literals[int(plan.cuts[0].bounds[0].target or "")]
    after = rewrite(TEMPLATE, {span: 0.5, recipe.defaults["high"]: 0.75})
    assert after == TEMPLATE.replace("0.25", "0.5").replace("'high', 1", "'high', 0.75")
    _, moved = _plan(after)
    assert [b.value for b in moved.cuts[0].bounds] == [0.5, 0.75]


def test_thresholds_are_not_part_of_what_a_value_is_stored_under() -> None:
    _, one = _plan(TEMPLATE)
    _, two = _plan(TEMPLATE.replace("0.25", "0.5"))
    _, three = _plan(TEMPLATE.replace("rep_len := 5", "rep_len := 6"))
    assert [c.identity for c in one.calls] == [c.identity for c in two.calls]
    changed = [a.function for a, b in zip(one.calls, three.calls, strict=True) if a.identity != b.identity]
    assert changed == ["word_rep_ratio"]


_PIECES = st.sampled_from(
    ["12", "0.5", "a1", "'7'", "''", '"8"', "-- 9\n", "/* 10 */", "{{ x }}", "{% if 3 %}", "{% endif %}", "{# 4 #}", "+", "\n",
     " ", "(", "x.5", "$$11$$", "1e5"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=30))
def test_tags_come_off_without_a_trace_and_rewrites_touch_spans_only(pieces: list[str]) -> None:
    template = " ".join(pieces)
    tagged = tag(template, "r")
    sql, lines = line_map(tagged.text)
    assert untag(tagged.text) == template == untag(sql)
    assert len(lines) == template.count("\n") + 1
    values = {span: 1000 + i for i, span in enumerate(tagged.literals)}
    after = rewrite(template, values)
    rest = [template[a.end : b.start] for a, b in itertools.pairwise(tagged.literals)]
    assert len(re.findall(r"\b1\d{3}\b", after)) == len(values)
    assert all(part in after for part in rest)


def test_a_default_is_a_number_by_itself_with_its_sign() -> None:
    text = "x > {{ var('low', -5) }} and y < {{ var('high', - 2.5)|int }} and z = {{ var('sum', 1 + 2) }}"
    found = tag(text, "t").defaults
    assert {name: text[s.start : s.end] for name, s in found.items()} == {"low": "-5", "high": "- 2.5"}
    assert rewrite(text, {found["low"]: 3, found["high"]: -4}) == text.replace("-5", "3").replace("- 2.5", "-4")
    twice = tag("x > {{ var('a', 5) }} and y > {{ var('a', 5) }}", "t")
    assert [s.start for s in twice.every_default["a"]] == [16, 42] and twice.defaults["a"].start == 16


@pytest.mark.parametrize("sign", ["@", "@@", "@ ", "@-", "@(", "a@", "@$", "@_", "@é", "٣", "²", "$", "#", "\\"])
def test_every_sign_is_stepped_over(sign: str) -> None:
    """An `@` outside a string, which is DuckDB's operator abs, was looked at for ever."""
    template = f"select {sign}1 from source"
    assert untag(line_map(tag(template, "r").text)[0]) == template


def test_the_operator_abs_is_planned() -> None:
    _, plan = _plan("select text from source where text_len(text) > @ -3 and @ alnum_ratio(text) <= 0.5")
    assert [c.predicate for c in plan.cuts] == ["__v0 > ABS(-3)", "ABS(__v1) <= 0.5"]


@settings(deadline=None)
@given(st.text(st.sampled_from("@$'\"-/* .1e_aé٣\n;()"), max_size=30))
def test_tags_leave_any_sql_as_it_was(text: str) -> None:
    tagged = untag(line_map(tag(text, "r").text)[0])
    assert re.sub(r"(?<!\d)0(?=[.]\d)", "", tagged) == re.sub(r"(?<!\d)0(?=[.]\d)", "", text)
