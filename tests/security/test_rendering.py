"""Rendering ends: loops, repetitions, recursion and depth come to limits that are told in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment

from juicesql import bounded
from juicesql.errors import JuiceError, RecipeError
from juicesql.provenance import tag
from juicesql.recipe import Recipe, render
from juicesql.registry import Registry
from juicesql.templates import is_plain

from .conftest import Within, Workbench

REGISTRY = Registry()
HEAD = '{{ config(source="d.jsonl") }}\n'
ENDLESS = {
    "range": "{% for i in range(10**9) %}{% endfor %}",
    "loops in loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "text in a loop": "{% for i in range(99) %}{% for j in range(99999) %}aaaaaaaaaa{% endfor %}{% endfor %}",
    "macro of itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
}
LARGE = {
    "times": "{{ 'a' * 10**10 }}",
    "percent": "{{ '%9999999999d' % 1 }}",
    "percent star": "{{ '%*d' % (10**10, 1) }}",
    "format": "{{ '{:>9999999999}'.format(1) }}",
    "filter format": "{{ '%9999999999d'|format(1) }}",
    "center": "{{ 'a'|center(10**10) }}",
    "zfill": "{{ 'a'.zfill(10**10) }}",
    "join": "{{ ''.join(['a'] * 10**9) }}",
    "doubled": "{% set a = 'aaaa' %}" + "{% set a = a ~ a %}" * 30 + "{{ a }}",
    "brackets": "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
}


def rendered(text: str) -> Recipe:
    return render(HEAD + text + " select * from source", Path("r.sql.j2"), REGISTRY, {})


@pytest.mark.parametrize("text", [*ENDLESS.values(), *LARGE.values()], ids=[*ENDLESS, *LARGE])
def test_what_grows_without_end_is_told(text: str, within: Within, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "SECONDS", 3)
    with within(60), pytest.raises(RecipeError) as caught:
        rendered(text)
    [problem] = caught.value.problems
    assert problem.code in ("too-large", "too-deep", "jinja") and problem.file == "r.sql.j2" and problem.mend


def test_a_bounded_template_says_what_an_unbounded_one_says() -> None:
    """A loop goes through the child process: its config, refs, variables and fingerprints come back whole."""
    loop = "{% for n in [1] %}{{ config(seed=n, source=['a', 'b']) }}{{ ref('x') }}{{ var('k', 2.5) }}{{ fingerprints(['r'], 'text') }}{% endfor %}"
    plain = loop.replace("{% for n in [1] %}", "").replace("{% endfor %}", "").replace("seed=n", "seed=1")
    one, two = rendered(loop), rendered(plain)
    assert (one.config, one.refs, one.fingerprints, one.given) == (two.config, two.refs, two.fingerprints, two.given)
    assert one.config.sources == ("a", "b") and one.sql == two.sql and "/*@var:k*/" in one.sql


def test_errors_of_a_bounded_template_keep_their_lines() -> None:
    with pytest.raises(RecipeError) as caught:
        rendered("{% for n in [1] %}\n{{ config(seed='x',\n keep_stats=1) }}{% endfor %}")
    assert [(p.code, p.line) for p in caught.value.problems] == [("bad-option", 3), ("bad-option", 4)]
    with pytest.raises(RecipeError) as caught:
        rendered("{% for n in [1] %}\n\n{{ 1 / 0 }}{% endfor %}")
    assert [(p.code, p.line) for p in caught.value.problems] == [("jinja", 4)]


@pytest.mark.parametrize(
    ("template", "plain"),
    [
        ("{{ config(source='a') }} select {{ var('x', 1) }} from {{ source() }}", True),
        ("{{ near_dedup('kept', jaccard=0.8, order_by='a desc') }}", True),
        ("{% if var('x', true) %}select 1{% endif %} {{ 'a' ~ var('y') | sql }}", True),
        ("{% call near_dedup('a') %}select {{ var('x', 1) }}{% endcall %}", True),
        ("{% call near_dedup('a') %}{{ exact_dedup('a') }}{% endcall %}", False),
        ("{% call near_dedup('a') %}{% call near_dedup('a') %}{% endcall %}{% endcall %}", False),
        ("{% for i in [1] %}{% call near_dedup('a') %}{% endcall %}{% endfor %}", False),
        ("{{ near_dedup(exact_dedup('a')) }}", False),
        ("{{ near_dedup('a' | identifier | identifier) }}", False),
        ("{{ 'a' | identifier | identifier }}", False),
        ("{% for i in [1] %}{% endfor %}", False),
        ("{% set a = 1 %}{{ a ~ a }}", False),
        ("{{ 'a' * 3 }}", False),
        ("{{ 'a'.center(3) }}", False),
        ("{% macro f() %}{% endmacro %}{{ f() }}", False),
        ("{{ theirs('a') }}", False),
    ],
)
def test_what_needs_no_limit(template: str, plain: bool) -> None:
    tree = Environment(optimized=False).parse(template)
    assert is_plain(tree, {"near_dedup", "exact_dedup"}) == plain


def test_recipes_that_ship_are_rendered_without_a_child() -> None:
    shipped = {name for name, path in REGISTRY.jinja_macros.items() if REGISTRY.is_shipped(path)}
    for path in sorted((Path(__file__).parents[2] / "recipes_sql").rglob("*.sql.j2")):
        tree = Environment(optimized=False).parse(tag(path.read_text("utf-8"), path.name).text)
        assert is_plain(tree, shipped), path


def test_a_child_that_takes_too_much_time_is_ended(within: Within, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "WALL", 1)
    with within(20), pytest.raises(bounded.Exceeded, match="more than 1 seconds"):
        bounded.ask("juicesql.recipe", {"text": ENDLESS["loops in loops"], "file": "r", "macros": {}, "variables": {}})


@pytest.mark.parametrize(
    "sql",
    [
        "select s.* from source s, range(1000000000000) t(r) where r < 0",
        "select s.* from source s, range(10 ** 12) t(r)",
        "select s.* from source s join generate_series(0, 4000000000, 2) t(r) on true",
        "select s.* from source s, range(100000) a(x), unnest(range(-100000, 0)) b(y)",
        "with a as (select s.* from source s, (select * from range(9999999999)) t(r)) select * from a",
    ],
)
def test_ranges_without_an_end_in_sight_are_refused(bench: Workbench, sql: str) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", "{{ config(source='data.jsonl') }} " + sql)
    with pytest.raises(RecipeError, match=r"`range` makes [\d,]+ rows here"):
        bench.run()


def test_ranges_that_end_are_made(bench: Workbench) -> None:
    bench.data(["some text"])
    sql = "select s.* from source s, range(1000) a(x), range(2, 1000, 7) b(y) where len(range(100000)) > 0 limit 3"
    bench.write("r.sql.j2", "{{ config(source='data.jsonl') }} " + sql)
    assert bench.run().rows_out == 3
    bench.write(
        "r.sql.j2", "{{ config(source='data.jsonl') }} select * from source where len(range(1000000000000)) > 0"
    )
    with pytest.raises(JuiceError, match="too-many-errors"):
        bench.run()
