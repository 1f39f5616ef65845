"""`decontaminate`: documents that hold a test item are found, wherever it stands in them, and no others."""

from __future__ import annotations

import json
import random
import re

import pytest

from .conftest import Workbench

HEAD = '{{ config(source="data.jsonl", export="out.jsonl", keep_sample_id=true) }}\n'
CHOSEN = random.Random(4)
WORDS = [f"word{i}" for i in range(60)]
ITEMS = [" ".join(CHOSEN.choices(WORDS, k=k)) for k in (13, 14, 20, 40, 13, 30)]
N = 13


def documents() -> list[str]:
    """Every other one holds a piece of a test item, of 9 to 20 words, in another case and with other punctuation."""
    out = []
    for number in range(400):
        before, after = (CHOSEN.choices(WORDS, k=CHOSEN.randrange(60)) for _ in range(2))
        piece = []
        if number % 2:
            item = CHOSEN.choice(ITEMS).split()
            start = CHOSEN.randrange(max(1, len(item) - 9))
            piece = item[start : start + CHOSEN.randrange(9, 21)]
            piece = [CHOSEN.choice([w, w.upper(), w + ",", f"({w})"]) for w in piece]
        out.append(CHOSEN.choice([" ", "\n", " - "]).join([*before, *piece, *after]))
    return out


def ngrams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    size = min(N, len(words))
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)} if words else set()


TEXTS = documents()
KNOWN = set().union(*map(ngrams, ITEMS))
SHARED = [len(ngrams(t) & KNOWN) for t in TEXTS]
SHARES = [len(ngrams(t) & KNOWN) / max(len(ngrams(t)), 1) for t in TEXTS]


@pytest.fixture
def ready(bench: Workbench) -> Workbench:
    bench.data(TEXTS)
    bench.write("items.jsonl", "".join(json.dumps({"question": t}) + "\n" for t in [*ITEMS, None, ""]))
    head = '{{ config(source="items.jsonl", export="test_set.jsonl") }}\n'
    bench.write("recipes_sql/test_set.sql.j2", head + "select * from source")
    bench.run("recipes_sql/test_set.sql.j2")
    return bench


def kept(bench: Workbench, options: str = "") -> list[int]:
    call = f"decontaminate('source', ref('test_set'), benchmark_text='question'{options})"
    bench.write("r.sql.j2", HEAD + "with clean as ({{ " + call + " }}) select * from clean")
    bench.check_accounts(bench.run())
    return [row["sample_id"] for row in bench.out()]


def test_planted_items_are_found_and_nothing_else(ready: Workbench) -> None:
    assert 50 < sum(s > 0 for s in SHARED) < 200, "some pieces are too short to count"
    assert kept(ready) == [i for i, s in enumerate(SHARED) if s == 0]
    [(sql, dropped)] = ready.query("select sql, dropped from cuts where step = 'clean'")
    assert (sql, dropped) == ("shared_ngrams < 1", sum(s > 0 for s in SHARED))
    assert list(ready.out()[0]) == ["sample_id", "text"]


def test_least_and_share(ready: Workbench) -> None:
    assert kept(ready, ", least=4") == [i for i, s in enumerate(SHARED) if s < 4]
    assert kept(ready, ", least=none, share=0.1") == [i for i, s in enumerate(SHARES) if s < 0.1]
    both = [i for i, (s, share) in enumerate(zip(SHARED, SHARES, strict=True)) if s < 4 and share < 0.1]
    assert kept(ready, ", least=4, share=0.1") == both


def test_without_a_cut_the_counts_are_columns(ready: Workbench) -> None:
    assert kept(ready, ", least=none") == list(range(len(TEXTS)))
    rows = ready.out()
    assert [r["shared_ngrams"] for r in rows] == SHARED
    assert [r["ngram_share"] for r in rows] == pytest.approx(SHARES)


def test_the_benchmark_may_be_rows_of_the_source(bench: Workbench) -> None:
    texts = ["甲乙丙丁戊 己庚辛", "前文甲乙丙丁戊后文", "甲乙丙戊丁", "戊己", None, ""]
    bench.data(texts)
    bench.write(
        "r.sql.j2",
        HEAD + "with items as (select * from source where sample_id = 0), "
        "others as (select * from source where sample_id > 0), "
        "clean as ({{ decontaminate('others', 'items', n=4) }}) select * from clean",
    )
    bench.check_accounts(bench.run())
    assert [row["sample_id"] for row in bench.out()] == [2, 3, 4, 5]
