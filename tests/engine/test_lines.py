"""Documents as lines and back: against plain Python on random documents, with every row accounted for."""

from __future__ import annotations

import json
import random
import re
import unicodedata

import pytest

import juicesql

from .conftest import Workbench

HEAD = '{{ config(source="data.jsonl", export="out.jsonl") }}\n'
PIECES = ["menu", "Menu!", "", " ", "a b c", "A  b c.", "page 12", "Page 77", "é", "E", "中文 一行", "last\r", "x y"]


def documents(seed: int, many: int = 300) -> list[str]:
    chosen = random.Random(seed)
    joined = ["\n", "\n", "\n\n", "\n\n\n"]
    out = []
    for _ in range(many):
        parts = [
            chosen.choice(PIECES) + chosen.choice(["", f" {chosen.randrange(60)} y"])
            for _ in range(chosen.randrange(7))
        ]
        out.append("".join(p + chosen.choice(joined) for p in parts)[: chosen.choice([None, -1])])
    return out


def run(bench: Workbench, recipe: str, **options: object) -> juicesql.RunResult:
    bench.write("r.sql.j2", HEAD + recipe)
    result = bench.run(**options)
    bench.check_accounts(result)
    return result


def texts(bench: Workbench) -> list[str]:
    return [row["text"] for row in bench.out()]


@pytest.mark.parametrize(("unit", "separator"), [("line", "\n"), ("paragraph", "\n\n")])
def test_lines_and_back_lose_nothing(bench: Workbench, unit: str, separator: str) -> None:
    bench.data(documents(1))
    recipe = """with pieces as ({{ explode_lines('source', unit='UNIT') }}),
        kept as (select * from pieces where text_len(UNIT) <> 1),
        docs as ({{ join_lines('kept', unit='UNIT') }})
        select * from docs"""
    result = run(bench, recipe.replace("UNIT", unit))
    expected = [[p for p in t.split(separator) if len(p) != 1] for t in documents(1)]
    assert texts(bench) == [separator.join(parts) for parts in expected if parts]
    assert result.dropped == sum(not parts for parts in expected)


def test_keep_lines_is_the_same_in_one_step_and_its_cuts_count(bench: Workbench) -> None:
    bench.data(documents(2))
    recipe = """with cleaned as ({% call keep_lines('source') %}
            text_len(line) >= {{ var('least', 3) }}
            and line_number <= 4
        {% endcall %})
        select * from cleaned"""
    lines = [p for t in documents(2) for p in t.split("\n")]
    for least in (3, 5):
        result = run(bench, recipe, variables={"least": least})
        expected = [[p for p in t.split("\n")[:4] if len(p) >= least] for t in documents(2)]
        assert texts(bench) == ["\n".join(parts) for parts in expected if parts]
        first = next(r for r in result.funnel if r.kind == "cut")
        assert (first.rows_in, first.dropped) == (len(lines), sum(len(p) < least for p in lines))
    bounds = bench.query("select distinct bounds from cuts where stat = 'text_len'")
    assert bounds and all("var:least" in str(b) for b in bounds)


def plain_key(line: str) -> str:
    """CCNet's: lower case, no accents, digits as 0, no punctuation, no white space."""
    bare = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", line.lower()))
    zeros = re.sub(r"\d", "0", unicodedata.normalize("NFC", bare))
    return "".join(c for c in zeros if not unicodedata.category(c).startswith("P") and not c.isspace())


@pytest.mark.parametrize("shortest", [1, 4])
def test_dedup_lines_keeps_the_first_of_equal_lines(bench: Workbench, shortest: int) -> None:
    bench.data(documents(3))
    result = run(
        bench,
        """with unique_lines as ({{ dedup_lines('source', shortest=SHORTEST) }})
        select * from unique_lines""".replace("SHORTEST", str(shortest)),
    )
    seen: set[str] = set()
    expected = []
    for text in documents(3):
        left = []
        for line in text.split("\n"):
            key = plain_key(line)
            if len(key) < shortest or key not in seen:
                left.append(line)
            if len(key) >= shortest:
                seen.add(key)
        if left:
            expected.append("\n".join(left))
    assert texts(bench) == expected
    assert result.duplicates == len(documents(3)) - len(expected) > 0
    orphans = bench.query("select count(*) from verdicts where verdict = 'duplicate' and duplicate_of is null")
    assert orphans == [(0,)]


def test_exact_lines_differ_by_case_and_other_columns_stay(bench: Workbench) -> None:
    rows = [{"text": "One\none \nTwo", "id": 1}, {"text": " One\nthree", "id": 2}, {"text": "Two", "id": 3}]
    bench.write("data.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    run(bench, "with a as ({{ dedup_lines('source', normalize=false) }}) select * from a")
    assert bench.out() == [{"text": "One\none \nTwo", "id": 1}, {"text": "three", "id": 2}]


def test_lines_of_other_vowel_signs_are_no_duplicates(bench: Workbench) -> None:
    lines = ["की बात", "का बात", "กา", "กี", "ΟΔΟΣ", "οδος", "ÉTÉ", "ete"]
    bench.data(["\n".join(lines)])
    run(bench, "with unique_lines as ({{ dedup_lines('source') }}) select * from unique_lines")
    assert texts(bench) == ["की बात\nका बात\nกา\nกี\nΟΔΟΣ\nÉTÉ"]
