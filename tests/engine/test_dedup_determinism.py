"""What stays does not depend on threads, on how rows are cut into morsels, or, in a given order, on that of the files."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from juicesql.engines import embedded

from .conftest import Workbench
from .test_near_dedup import CHINESE, ENGLISH, SURE


def crowd(count: int) -> list[str]:
    """Variants of one text at the edge of being near, more in a band than are compared with each other."""
    chosen, words = random.Random(1), [f"w{i}" for i in range(500)]
    base = [chosen.choice(words) for _ in range(120)]
    return [" ".join(chosen.choice(words) if chosen.random() < 0.045 else w for w in base) for _ in range(count)]


CROWD = crowd(100)
TEXTS = [
    *ENGLISH[:120],
    *CHINESE[:60],
    *CROWD,
    *ENGLISH[:15],
    *CROWD[:9],
    "",
    "",
    "two words",
    "Two words!",
    "短",
    "短",
]
VECTOR = "[length(text), length(replace(text, 'w', '')), unicode(text), 1]"
WHOLE = "order_by='length(text) desc, text'"  # tells all texts apart
MACROS = {
    "near": "near_dedup('source', {}jaccard=0.65)",
    "transitive": f"near_dedup('source', {{}}transitive=true, lsh='{SURE}')",
    "exact": "exact_dedup('source', {}lowercase=true, ignore_non_character=true)",
    "simhash": "simhash_dedup('source', {}hamming_distance=4, options='window_size := 3')",
    "semantic": f'semantic_dedup("source", "{VECTOR}", {{}}threshold=0.99999)',
    "substrings": "dedup_substrings('source', length=40)",
}


def run(bench: Workbench, files: list[list[str]], call: str, **options: Any) -> set[tuple[str, str | None]]:
    """The texts of the source, each with that of the row that it duplicates (None: it stays)."""
    for i, texts in enumerate(files):
        bench.write(f"data/{i:02}.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in texts))
    for left in sorted((bench.root / "data").iterdir())[len(files) :]:
        left.unlink()
    head = '{{ config(source="data", export="out.jsonl") }}\n'
    bench.write("r.sql.j2", head + "with near as ({{ " + call + " }}) select * from near")
    result = bench.run(**options)
    bench.check_accounts(result)
    texts = [t for file in files for t in file]
    rows = bench.query(f"select sample_id, duplicate_of from verdicts where run_id = '{result.run_id}'")
    return {(texts[s], None if other is None else texts[other]) for s, other in rows}


@pytest.mark.parametrize("name", MACROS)
def test_threads_and_morsels(bench: Workbench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    outputs = set()
    for threads, rows, size in ((1, 8192, 4 << 20), (2, 50, 4 << 20), (4, 100, 3000)):
        monkeypatch.setattr(embedded, "MORSEL_ROWS", rows)
        monkeypatch.setattr(embedded, "MORSEL_BYTES", size)
        run(bench, [TEXTS], MACROS[name].format(""), threads=threads)
        outputs.add((bench.root / "out.jsonl").read_bytes())
    assert len(outputs) == 1
    assert 0 < len(outputs.pop().splitlines()) < len(TEXTS)


@pytest.mark.parametrize("name", ["near", "transitive", "exact", "simhash", "semantic"])
def test_order_of_files_and_rows(bench: Workbench, name: str) -> None:
    call = MACROS[name].format(WHOLE + ", ")
    expected = run(bench, [TEXTS], call)
    for seed in range(2):
        shuffled = TEXTS.copy()
        random.Random(seed).shuffle(shuffled)
        assert run(bench, [shuffled[:50], shuffled[50:60], shuffled[60:]], call) == expected
    kept = {text for text, other in expected if other is None}
    assert len(kept) < len(set(TEXTS)) or name == "exact"
    assert {other for _, other in expected} - {None} <= kept


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60))
def test_connected_components_of_random_graphs(bench: Workbench, edges: list[tuple[int, int]]) -> None:
    pytest.importorskip("scipy")
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    nodes = sorted({n for edge in edges for n in edge})
    graph = coo_matrix(([1] * len(edges), tuple(zip(*edges, strict=True)) or ((), ())), shape=(41, 41))
    _, labels = connected_components(graph, directed=False)
    expected = {n: min(m for m in nodes if labels[m] == labels[n]) for n in nodes}
    bench.write("edges.jsonl", "".join(json.dumps({"a": a, "b": b}) + "\n" for a, b in edges) or '{"a": 1, "b": 1}\n')
    if not edges:
        expected = {1: 1}
    bench.write(
        "r.sql.j2",
        '{{ config(source="edges.jsonl", export="out.jsonl") }}\n'
        "with near as ({{ connected_components('source', 'a', 'b') }}) select * from near",
    )
    bench.run()
    assert {row["node"]: row["cluster"] for row in bench.out()} == expected
    assert len(bench.out()) == len(expected)
