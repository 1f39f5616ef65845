"""Near-duplicates against all pairs by exact Jaccard, in English and Chinese, on any number of threads."""

from __future__ import annotations

import json
import random

import pytest

import juicesql

from .conftest import Workbench

SURE = "num_bands := 60, num_rows_per_band := 3"  # misses a pair at 0.65 once in a hundred million


def planted(seed: int, words: list[str], join: str, bases: int = 60) -> list[str]:
    """Texts of 30 to 60 words, each with up to five copies in which 0 to 10 % of the words are others."""
    chosen = random.Random(seed)
    out = []
    for _ in range(bases):
        base = [chosen.choice(words) for _ in range(chosen.randrange(30, 60))]
        out.append(base)
        for _ in range(chosen.randrange(6)):
            rate = chosen.random() * 0.1
            out.append([chosen.choice(words) if chosen.random() < rate else w for w in base])
    chosen.shuffle(out)
    return [join.join(words) for words in out]


ENGLISH = planted(1, [f"word{i}" for i in range(400)], " ")
CHINESE = planted(2, [chr(0x4E00 + i) for i in range(900)], "")


def shingles(text: str) -> set[tuple[str, ...]]:
    tokens = text.lower().split() if " " in text else list(text)
    return {tuple(tokens[i : i + 5]) for i in range(max(1, len(tokens) - 4))} if tokens else set()


def jaccard(a: str, b: str) -> float:
    one, other = shingles(a), shingles(b)
    return len(one & other) / len(one | other) if one | other else 0.0


def similar(texts: list[str], least: float) -> dict[int, dict[int, float]]:
    """For each text its near-duplicates with their similarity, by comparing all pairs."""
    near: dict[int, dict[int, float]] = {i: {} for i in range(len(texts))}
    for i in range(len(texts)):
        for j in range(i):
            if (value := jaccard(texts[i], texts[j])) >= least:
                near[i][j] = near[j][i] = value
    return near


def run(bench: Workbench, texts: list[str], call: str, **options: object) -> juicesql.RunResult:
    rows = [{"text": t, "rank": (7 * i) % len(texts)} for i, t in enumerate(texts)]
    bench.write("data.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    head = '{{ config(source="data.jsonl", export="out.jsonl") }}\n'
    bench.write("r.sql.j2", head + "with near as ({{ " + call + " }}) select * from near")
    result = bench.run(**options)
    bench.check_accounts(result)
    return result


def duplicates(bench: Workbench, result: juicesql.RunResult) -> dict[int, tuple[int, float]]:
    rows = bench.query(
        f"select sample_id, cluster, similarity from clusters where not representative and run_id = '{result.run_id}'"
    )
    return {sample: (cluster, similarity) for sample, cluster, similarity in rows}


@pytest.mark.parametrize("texts", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_rows_stay_unless_near_to_one_that_stays(bench: Workbench, texts: list[str]) -> None:
    result = run(bench, texts, f"near_dedup('source', lsh='{SURE}')")
    near = similar(texts, 0.65)
    kept: set[int] = set()
    for i in range(len(texts)):
        if not kept & near[i].keys():
            kept.add(i)
    found = duplicates(bench, result)
    assert set(found) == set(range(len(texts))) - kept
    assert len(found) > 50
    for sample, (representative, similarity) in found.items():
        best = max(near[sample][k] for k in kept & near[sample].keys())
        assert representative in kept
        assert similarity == pytest.approx(near[sample][representative]) == pytest.approx(best)


def test_transitive_clusters_are_the_connected_components(bench: Workbench) -> None:
    result = run(bench, ENGLISH, f"near_dedup('source', transitive=true, lsh='{SURE}')")
    near = similar(ENGLISH, 0.65)
    first: dict[int, int] = {}
    for start in range(len(ENGLISH)):
        todo = [start]
        while todo:
            i = todo.pop()
            if i not in first:
                first[i] = start
                todo += near[i]
    found = duplicates(bench, result)
    assert {s: c for s, (c, _) in found.items()} == {i: f for i, f in first.items() if i != f}
    assert all(value == pytest.approx(max(near[s].values())) for s, (_, value) in found.items())


def test_the_best_row_stays_and_threads_change_nothing(bench: Workbench) -> None:
    outputs = []
    for threads in (1, 2):
        run(bench, ENGLISH, f"near_dedup('source', order_by='rank', lsh='{SURE}')", threads=threads)
        outputs.append((bench.root / "out.jsonl").read_bytes())
    assert outputs[0] == outputs[1]
    near = similar(ENGLISH, 0.65)
    kept: set[int] = set()
    for i in sorted(range(len(ENGLISH)), key=lambda i: (7 * i) % len(ENGLISH)):
        if not kept & near[i].keys():
            kept.add(i)
    assert {row["text"] for row in bench.out()} == {ENGLISH[i] for i in kept}


def test_short_and_empty_texts_are_never_merged_by_accident(bench: Workbench) -> None:
    texts = ["", "", "!?", "one two", "One  two!", "one three", "你好", "你好。", "你们好", "短", "长"]
    result = run(bench, texts, "near_dedup('source')")
    assert {s: c for s, (c, _) in duplicates(bench, result).items()} == {4: 3, 7: 6}


def test_another_run_computes_no_key_again(bench: Workbench) -> None:
    run(bench, ENGLISH, "near_dedup('source')")
    again = run(bench, ENGLISH, "near_dedup('source')")
    assert (again.measured, again.reused > 0) == (0, True)


def test_thousands_of_equal_texts_are_one(bench: Workbench) -> None:
    texts = ["the same words again and again in this text"] * 3000 + ["another text that has nothing of it at all"]
    result = run(bench, texts, "near_dedup('source')")
    assert (result.kept, result.duplicates) == (2, 2999)


@pytest.mark.parametrize("name", ["kept", "pairs", "duplicates", "links"])
def test_a_relation_may_have_the_name_of_an_inner_one(bench: Workbench, name: str) -> None:
    rows = [{"text": t} for t in ["a text of six plain words", "a text of six plain words", "quite another text here"]]
    bench.write("data.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    head = '{{ config(source="data.jsonl", export="out.jsonl") }}\n'
    steps = f"with {name} as (select * from source where text_len(text) > 3), near as ({{{{ near_dedup('{name}') }}}})"
    bench.write("r.sql.j2", head + steps + " select * from near")
    result = bench.run()
    bench.check_accounts(result)
    assert (result.kept, result.duplicates) == (2, 1)
