"""Cuts as they are written: constants on either side, names of steps, and options that count."""

from __future__ import annotations

import json
import operator

import pytest
import sqlglot

from juicesql.cuts import bounds_of
from juicesql.errors import RecipeError
from juicesql.options import size_of
from juicesql.running import prepare
from tests.engine.conftest import Workbench

HOLDS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "=": operator.eq, "<>": operator.ne}
LENGTHS = range(1, 8)


@pytest.mark.parametrize("sign", HOLDS)
def test_a_constant_that_comes_first_turns_the_comparison(bench: Workbench, sign: str) -> None:
    """`4 <= n` is `n >= 4`: for the rows that stay, the bound that is recorded, and what moves it."""
    bench.data(["a" * n for n in LENGTHS])
    bench.write("r.sql.j2", f'{{{{ config(source="data.jsonl") }}}} select * from source where 4 {sign} text_len(text)')
    result = bench.run()
    staying = [n for n in LENGTHS if HOLDS[sign](4, n)]
    assert result.kept == len(staying)
    [(bounds,)] = bench.query("select bounds from cuts")
    [bound] = json.loads(bounds)
    assert (bound["stat"], bound["value"]) == ("text_len", 4)
    assert [n for n in LENGTHS if HOLDS[bound["operator"]](n, 4)] == staying
    assert bench.query("from kept_if('text_len', text_len >= 3)") == [(5, 5)]


@pytest.mark.parametrize(
    ("text", "expected"), [("0.25 <= a", (">=", 0.25)), ("-1 < a", (">", -1)), ("a < 3", ("<", 3))]
)
def test_bounds(text: str, expected: tuple[str, float]) -> None:
    [bound] = bounds_of(sqlglot.parse_one(text, dialect="duckdb"), {"a": "a"})
    assert (bound.operator, bound.value) == expected


@pytest.mark.parametrize(
    "select",
    [
        "with kept as (select * from source), kept as (select * from source) select * from kept",
        "with source as (select * from source) select * from source",
        "with result as (select * from source) select * from result",
    ],
)
def test_two_steps_of_one_name_are_refused(bench: Workbench, select: str) -> None:
    bench.data(["a"])
    with pytest.raises(RecipeError) as refused:
        prepare(bench.write("r.sql.j2", '{{ config(source="data.jsonl") }} ' + select))
    assert {p.code for p in refused.value.problems} & {"duplicate-step", "sql"}
    assert any("called" in p.message or "Duplicate" in p.message for p in refused.value.problems)


def test_trace_keeps_so_many_changes_of_each_column(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first rows of the source, however many morsels they are."""
    monkeypatch.setattr("juicesql.engines.embedded.MORSEL_ROWS", 3)
    bench.data([f"  text {i} " for i in range(8)])
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl") }} with a as (select *, upper(text) as other from source), '
        "b as (select * replace (trim(text) as text, lower(other) as other) from a) select * from b",
    )
    for number in (0, 1, 3, 100):
        run_id = bench.run(trace=number, threads=2).run_id
        found = bench.query(
            "select step, column_name, list(sample_id order by sample_id) from changes "
            f"where run_id = '{run_id}' group by all order by all"
        )
        wanted = list(range(min(number, 8)))
        assert found == ([("b", "other", wanted), ("b", "text", wanted)] if number else [])


@pytest.mark.parametrize(
    ("text", "size"),
    [("1B", 1), ("1KB", 2**10), ("1 KiB", 2**10), ("1MB", 2**20), ("1.5 MiB", 3 * 2**19), ("1GB", 2**30), ("2gib", 2**31), ("7", 7)],
)  # fmt: skip
def test_units_of_sizes(text: str, size: int) -> None:
    assert size_of(text) == size


def test_a_weight_is_that_of_its_own_input(bench: Workbench) -> None:
    bench.data([f"first {i}" for i in range(20)], "a.jsonl")
    bench.data([f"second {i}" for i in range(20)], "b.jsonl")
    counts = {}
    for name, inputs in {"half": ["a.jsonl", "0.5 b.jsonl"], "double": ["a.jsonl", "2 b.jsonl"], "both": ["0.5 a.jsonl", "1.5 b.jsonl"]}.items():  # fmt: skip
        bench.write(
            "r.sql.j2", f'{{{{ config(source={json.dumps(inputs)}, export="out.jsonl") }}}} select * from source'
        )
        bench.run()
        texts = [row["text"] for row in bench.out()]
        counts[name] = (sum(t.startswith("first") for t in texts), sum(t.startswith("second") for t in texts))
    assert counts == {"half": (20, 10), "double": (20, 40), "both": (10, 30)}
