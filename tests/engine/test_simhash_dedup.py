"""`simhash_dedup` against all pairs: no pair within the distance is missed, and of each cluster one row stays."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from .conftest import Workbench

HEAD = '{{ config(source="data.jsonl", export="out.jsonl", keep_sample_id=true) }}\n'
ALL = (1 << 64) - 1


def hashes(seed: int, many: int = 600) -> list[int | None]:
    """Random ones; then neighbours of those before at 0 to 7 bits, so chains; ones of few bits; 0 and NULL."""
    chosen = random.Random(seed)
    out: list[int | None] = [chosen.getrandbits(64) for _ in range(many)]
    for _ in range(many):
        flipped = chosen.sample(range(64), chosen.randrange(8))
        out.append((chosen.choice(out) or 1) ^ sum(1 << b for b in flipped))
    crowd = 0x0123456789ABCDEF  # many hashes that have most blocks in common
    out += [crowd ^ (chosen.getrandbits(20) << 40) for _ in range(many // 4)]
    out += [0, 0, None, None, 1, ALL, ALL]
    chosen.shuffle(out)
    return out


def clusters(values: list[int | None], distance: int) -> dict[int, list[int]]:
    """The rows of each component of the graph of all pairs, by its least row."""
    rows = [i for i, v in enumerate(values) if v]
    known = np.array([values[i] for i in rows], np.uint64)
    first = dict(zip(rows, rows, strict=True))

    def root(row: int) -> int:
        while first[row] != row:
            row = first[row]
        return row

    for k, row in enumerate(rows):
        near = np.bitwise_count(known[:k] ^ known[k]) <= distance
        for other in np.flatnonzero(near):
            a, b = sorted((root(row), root(rows[other])))
            first[b] = a
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(root(row), []).append(row)
    return found


def put(bench: Workbench, values: list[int | None]) -> None:
    rows = [{"simhash": None if v is None else str(v), "quality": i * 7 % 13} for i, v in enumerate(values)]
    bench.write("data.jsonl", "".join(json.dumps(r) + "\n" for r in rows))


def recipe(bench: Workbench, options: str) -> None:
    call = f"simhash_dedup('source', {options})"
    bench.write("r.sql.j2", HEAD + "with near as ({{ " + call + " }}) select * from near")


def verdicts(bench: Workbench) -> dict[int, int]:
    newest = "run_id = (select max(run_id) from runs)"
    return dict(bench.query(f"select sample_id, duplicate_of from verdicts where verdict = 'duplicate' and {newest}"))


@pytest.mark.parametrize(
    ("seed", "blocks", "distance"), [(1, 6, 4), (2, 6, 4), (3, 4, 3), (4, 8, 5), (5, 6, 0), (6, 2, 4)]
)
def test_clusters_are_those_of_all_pairs(bench: Workbench, seed: int, blocks: int, distance: int) -> None:
    values = hashes(seed)
    put(bench, values)
    recipe(bench, f"key='simhash::ubigint', num_blocks={blocks}, hamming_distance={distance}")
    bench.check_accounts(bench.run(threads=1 + seed % 4))
    expected = {row: kept for kept, rows in clusters(values, distance).items() for row in rows if row != kept}
    assert len(expected) > 5
    assert verdicts(bench) == expected
    similar = bench.query("select sample_id, cluster, similarity from clusters where not representative")
    assert similar == [(s, c, 1 - (values[s] ^ values[c]).bit_count() / 64) for s, c, _ in similar]


def test_the_best_row_of_a_cluster_stays(bench: Workbench) -> None:
    values = hashes(7)
    put(bench, values)
    recipe(bench, "key='simhash::ubigint', order_by='quality desc'")
    bench.check_accounts(bench.run())
    expected = {}
    for rows in clusters(values, 4).values():
        best = max(rows, key=lambda row: (row * 7 % 13, -row))
        expected |= {row: best for row in rows if row != best}
    assert verdicts(bench) == expected


def test_texts_of_nearly_equal_words(bench: Workbench) -> None:
    chosen = random.Random(8)
    words = [f"w{i}" for i in range(3000)]
    texts = [" ".join(chosen.choices(words, k=400)) for _ in range(30)]
    texts += [t + " end" for t in texts[:10]] + ["", "", None, "one two", "three four", "One  two!"]
    bench.data(texts)
    recipe(bench, "options=\"tokenization := 'auto'\"")
    bench.check_accounts(bench.run())
    assert verdicts(bench) == {**{30 + i: i for i in range(10)}, 45: 43}
