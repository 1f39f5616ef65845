"""Selectors against plain Python on random rows: exact counts, the source's order, equal on any number of threads."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

import juicesql
from juicesql.errors import RecipeError

from .conftest import Workbench

HEAD = '{{ config(source="data.jsonl", export="out.jsonl") }}\n'
MANY = 700
Row = dict[str, Any]


def rows(seed: int, many: int = MANY) -> list[Row]:
    draw = random.Random(seed)
    return [
        {
            "text": f"text {i}",
            "lang": draw.choice(["en"] * 12 + ["zh"] * 5 + ["de"] * 2 + [None]),
            "meta": {"site": f"site {min(draw.randrange(40), draw.randrange(40))}"},
            "score": draw.choice([None, draw.randrange(30) / 8, draw.random()]),
            "i": i,
        }
        for i in range(many)
    ]


@pytest.fixture
def given(bench: Workbench) -> list[Row]:
    made = rows(5)
    bench.write("data.jsonl", "".join(json.dumps(row) + "\n" for row in made))
    return made


def chosen(bench: Workbench, macro: str, threads: int = 2) -> tuple[list[Row], juicesql.RunResult]:
    """The rows that a selector keeps, in the order of the output; every other sample is dropped by its step."""
    bench.write("r.sql.j2", HEAD + "with chosen as ({{ " + macro + " }}) select * from chosen")
    result = bench.run(threads=threads, allow_empty=True)
    bench.check_accounts(result)
    out = bench.out()
    assert (result.kept, result.dropped) == (len(out), MANY - len(out))
    why = f"select distinct cut from verdicts where run_id = '{result.run_id}' and verdict = 'dropped'"
    assert {cut.partition(".")[0].removesuffix("__rows") for (cut,) in bench.query(why)} <= {"chosen"}
    assert [row["i"] for row in out] == sorted(row["i"] for row in out)
    return out, result


def places(found: list[Row]) -> set[int]:
    return {row["i"] for row in found}


def by(found: list[Row], field: Callable[[Row], Any]) -> Counter[Any]:
    return Counter(field(row) for row in found)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("select_num=100", 100),
        ("select_num=0", 0),
        ("select_num=5000", MANY),
        ("select_ratio=0.29", 203),
        ("select_ratio=0.001", 0),
        ("select_ratio=0", 0),
        ("select_ratio=1.0", MANY),
        ("select_ratio=0.5, select_num=17", 17),
        ("select_ratio=0.01, select_num=17", 7),
        ("select_num=var('many', 12)", 12),
    ],
)
def test_random_sample_keeps_exactly_as_many(bench: Workbench, given: list[Row], asked: str, count: int) -> None:
    out, result = chosen(bench, f"random_sample('source', {asked})")
    assert len(out) == count
    [row] = [r for r in result.funnel if r.step == "chosen"]
    assert (row.rows_in, row.dropped, row.rows_out) == (MANY, MANY - count, count)


@pytest.mark.parametrize(
    "macro",
    [
        "random_sample('source', select_num=200 SEED)",
        "stratified_sample('source', by='lang', select_num=20 SEED)",
        "stratified_sample('source', by='lang', select_ratio=0.3 SEED)",
        "balanced_sample('source', by='lang', select_num=90 SEED)",
    ],
)
def test_a_seed_chooses_the_same_on_any_threads_and_another_seed_others(
    bench: Workbench, given: list[Row], macro: str
) -> None:
    first = places(chosen(bench, macro.replace("SEED", ""), threads=1)[0])
    assert places(chosen(bench, macro.replace("SEED", ", seed=42"), threads=2)[0]) == first
    assert places(chosen(bench, macro.replace("SEED", ", seed=7"))[0]) != first


def test_a_larger_random_sample_holds_the_smaller_and_its_rows_are_spread(bench: Workbench, given: list[Row]) -> None:
    small, large = (places(chosen(bench, f"random_sample('source', select_num={n})")[0]) for n in (100, 350))
    assert small < large
    assert 130 < sum(i < MANY / 2 for i in large) < 220  # 175 expected; the standard deviation is 6.6


def test_rows_of_one_sample_are_drawn_apart_by_a_key(bench: Workbench, given: list[Row]) -> None:
    for key, pairs in (("", 30), (", key='sample_id, part'", 0)):
        bench.write(
            "r.sql.j2",
            HEAD
            + "with parts as (select i, unnest(['a', 'b']) as part from source),"
            + "chosen as ({{ random_sample('parts', select_num=60"
            + key
            + ") }}) select * from chosen",
        )
        result = bench.run()
        bench.check_accounts(result)
        counts = Counter(row["i"] for row in bench.out())
        assert counts.total() == 60
        assert sum(n == 2 for n in counts.values()) >= pairs and (not key or len(counts) > 45)


def test_stratified_sample_takes_as_many_of_each_group(bench: Workbench, given: list[Row]) -> None:
    out, _ = chosen(bench, "stratified_sample('source', by='meta.site', select_num=9)")
    sizes = by(given, lambda r: r["meta"]["site"])
    assert by(out, lambda r: r["meta"]["site"]) == {site: min(n, 9) for site, n in sizes.items()}


@pytest.mark.parametrize("share", ["0.1", "0.03", "0.5", "1", "0"])
def test_a_stratified_share_is_exact_and_each_group_has_its_own(bench: Workbench, given: list[Row], share: str) -> None:
    out, _ = chosen(bench, f"stratified_sample('source', by='meta.site', select_ratio={share})")
    assert len(out) == math.floor(Fraction(share) * MANY)
    kept = by(out, lambda r: r["meta"]["site"])
    for site, size in by(given, lambda r: r["meta"]["site"]).items():
        assert math.floor(Fraction(share) * size) <= kept[site] <= math.ceil(Fraction(share) * size)


def test_of_a_number_and_a_share_of_each_group_the_smaller_holds(bench: Workbench, given: list[Row]) -> None:
    out, _ = chosen(bench, "stratified_sample('source', by='lang', select_ratio=0.5, select_num=40)")
    kept, sizes = by(out, lambda r: r["lang"]), by(given, lambda r: r["lang"])
    assert all(kept[lang] in {min(40, size // 2), min(40, -(-size // 2))} for lang, size in sizes.items())
    assert set(kept) == set(sizes) and kept["en"] == 40


@pytest.mark.parametrize(
    ("mix", "most"),
    [
        ({"en": 0.6, "zh": 0.3, "de": 0.1}, 200),
        ({"en": 0.6, "zh": 0.3, "de": 0.1}, None),
        ({"en": 1, "de": 2}, None),
        ({"en": 1, "zh": 1, "de": 1}, 100),
        ({"zh": 0.3, "en": 0.7, "de": 0}, 123),
        ({"en": 1, "none has it": 1}, 50),
    ],
)
def test_balanced_sample_keeps_the_mix(
    bench: Workbench, given: list[Row], mix: dict[str, float], most: int | None
) -> None:
    asked = f", select_num={most}" if most else ""
    out, _ = chosen(bench, f"balanced_sample('source', by='lang', mix={mix}{asked})")
    sizes = by(given, lambda r: r["lang"])
    parts = {lang: Fraction(str(w)) / sum(Fraction(str(v)) for v in mix.values()) for lang, w in mix.items() if w}
    largest = min(math.floor(sizes[lang] / part) for lang, part in parts.items())
    total = min(largest, most) if most else largest
    kept = by(out, lambda r: r["lang"])
    assert len(out) == total and set(kept) <= set(parts)
    assert all(abs(kept[lang] - total * part) < 1 for lang, part in parts.items())


def test_without_a_mix_all_values_get_the_same(bench: Workbench, given: list[Row]) -> None:
    out, _ = chosen(bench, "balanced_sample('source', by='lang')")
    least = min(n for lang, n in by(given, lambda r: r["lang"]).items() if lang)
    assert by(out, lambda r: r["lang"]) == {"en": least, "zh": least, "de": least}


@pytest.mark.parametrize(
    ("asked", "topk", "ratio", "most"),
    [
        ("topk=3", 3, None, True),
        ("topk=3, reverse=false", 3, None, False),
        ("top_ratio=0.25", None, "0.25", True),
        ("top_ratio=0.5, topk=4", 4, "0.5", True),
        ("top_ratio=0", None, "0", True),
        ("topk=9999", 9999, None, True),
    ],
)
@pytest.mark.parametrize("field", ["lang", "meta.site"])
def test_frequent_values_counts_values(
    bench: Workbench, given: list[Row], field: str, asked: str, topk: int | None, ratio: str | None, most: bool
) -> None:
    def of(row: Row) -> Any:
        return row["lang"] if field == "lang" else row["meta"]["site"]

    counts = by(given, of)  # in the order of the first appearance, which the stable sort keeps
    limits = [n for n in (topk, ratio and math.floor(Fraction(ratio) * len(counts))) if n is not None]
    ranked = sorted(counts, key=lambda v: -counts[v] if most else counts[v])[: int(min(limits))]
    out, _ = chosen(bench, f"frequent_values('source', '{field}', {asked})")
    assert out == [row for row in given if of(row) in ranked]


BOUNDS = [
    ({"lower_percentile": 0.1, "upper_percentile": 0.45}),
    ({"lower_rank": 10, "upper_rank": 30}),
    ({"lower_percentile": 0.29, "lower_rank": 150, "upper_percentile": 0.9, "upper_rank": 380}),
    ({"upper_percentile": 0.5}),
    ({"lower_rank": 400}),
    ({"lower_rank": 50, "upper_rank": 20}),
    ({"lower_percentile": 0, "upper_percentile": 1}),
]


@pytest.mark.parametrize("bounds", BOUNDS)
def test_rank_range_takes_the_ranks_in_between(bench: Workbench, given: list[Row], bounds: dict[str, float]) -> None:
    ranked = sorted((row for row in given if row["score"] is not None), key=lambda r: (r["score"], r["i"]))

    def limit(side: str) -> list[int]:
        share = bounds.get(f"{side}_percentile")
        found = [] if share is None else [math.floor(Fraction(str(share)) * len(ranked))]
        return found + [int(bounds[r]) for r in [f"{side}_rank"] if r in bounds]

    expected = ranked[max([0, *limit("lower")]) : min([len(ranked), *limit("upper")])]
    asked = ", ".join(f"{k}={v}" for k, v in bounds.items())
    out, result = chosen(bench, f"rank_range('source', 'score', {asked})")
    assert places(out) == places(expected)
    cut = next(r for r in result.funnel if r.kind == "cut")
    assert cut.dropped == len(given) - len(ranked)


def test_the_plain_clauses_of_the_guide(bench: Workbench, given: list[Row]) -> None:
    ranked = sorted(given, key=lambda r: (r["score"] is None, -(r["score"] or 0), r["i"]))
    for clause, expected in {
        "order by score desc limit 10": ranked[:10],
        "qualify row_number() over (order by score desc) <= least(50, 0.1 * count(*) over ())": sorted(
            ranked[:50], key=lambda r: r["i"]
        ),
        "where lang in ('zh', 'de')": [r for r in given if r["lang"] in ("zh", "de")],
    }.items():
        bench.write("r.sql.j2", HEAD + "select * from source " + clause)
        bench.check_accounts(bench.run())
        assert bench.out() == expected


@pytest.mark.parametrize(
    "step",
    [
        "select * from source qualify row_number() over (partition by n order by i) = 1",
        "select source.* from source semi join (select 7 as n) using (n)",
        "{{ random_sample('source', select_ratio=0.1) }}",
    ],
)
def test_many_rows_stay_in_order(bench: Workbench, step: str) -> None:
    bench.write("data.jsonl", "".join(f'{{"i": {i}, "n": {i * 7919 % 5003}}}\n' for i in range(120_000)))
    bench.write("r.sql.j2", HEAD + f"with a as ({step}) select * from a")
    places_by_threads = []
    for threads in (1, 2):
        bench.run(threads=threads)
        places_by_threads.append([row["i"] for row in bench.out()])
    assert places_by_threads[0] == places_by_threads[1] == sorted(places_by_threads[0]) != []


@pytest.mark.parametrize(
    "macro",
    [
        "random_sample('source')",
        "stratified_sample('source', by='lang')",
        "frequent_values('source', 'lang')",
        "rank_range('source', 'score')",
    ],
)
def test_a_selector_that_is_told_nothing_is_refused(bench: Workbench, given: list[Row], macro: str) -> None:
    with pytest.raises(RecipeError, match=r"error\[macro\] r\.sql\.j2:2: \w+ is (not )?told"):
        chosen(bench, macro)


@pytest.mark.parametrize(
    "macro",
    [
        "random_sample('source', select_ratio=0.5)",
        "stratified_sample('source', by='lang', select_ratio=0.5)",
        "balanced_sample('source', by='lang')",
        "frequent_values('source', 'lang', topk=1)",
        "rank_range('source', 'score', upper_percentile=0.5)",
    ],
)
def test_no_rows_give_no_rows(bench: Workbench, given: list[Row], macro: str) -> None:
    none = macro.replace("'source'", "'none'")
    bench.write("r.sql.j2", HEAD + "with none as (from source where i < 0), a as ({{ " + none + " }}) select * from a")
    result = bench.run()
    bench.check_accounts(result)
    assert (result.kept, result.dropped) == (0, MANY)
