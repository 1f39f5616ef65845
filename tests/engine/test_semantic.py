"""Near-duplicates by embeddings against all cosines in plain numpy, on random vectors with planted neighbours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import juicesql
from juicesql.call import apply
from juicesql.errors import FunctionError
from juicesql.registry import Registry

from .conftest import Workbench

HEAD = '{{ config(source="data.parquet", export="out.jsonl", keep_sample_id=true) }}\n'


def planted(seed: int, many: int, size: int, common: float = 0.0) -> np.ndarray:
    """Random vectors of any length; every third lies at a cosine of 0.75 to 1 to an earlier one."""
    draw = np.random.default_rng(seed)
    vectors = draw.standard_normal((many, size)) + common
    for i in range(3, many, 3):
        near = vectors[draw.integers(i)]
        cosine = draw.uniform(0.75, 1)
        away = draw.standard_normal(size)
        away -= away @ near / (near @ near) * near
        vectors[i] = cosine * near / np.linalg.norm(near) + np.sqrt(1 - cosine**2) * away / np.linalg.norm(away)
    return (vectors * draw.uniform(0.1, 10, (many, 1))).astype(np.float32)


def components(vectors: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """The first member of each vector's component, and all cosines. None may be near the threshold."""
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert np.abs(cosines - threshold).min() > 1e-6
    first = np.arange(len(vectors))
    while True:
        lower = np.where(cosines >= threshold, first[None, :], len(vectors)).min(axis=1)
        if (lower == first).all():
            return first, cosines
        first = lower


def clusters(vectors: object, threshold: float) -> list[list[dict[str, int]]]:
    function = Registry().get("vector_clusters")
    lists = pa.array(vectors, pa.list_(pa.list_(pa.float32())))
    ids = pa.array([[100 + i for i in range(len(one))] for one in lists.to_pylist()], pa.list_(pa.int64()))
    return apply(function, [ids, lists], {"threshold": threshold}).to_pylist()


@pytest.mark.parametrize(
    ("many", "size", "common", "threshold"),
    [(700, 96, 0.0, 0.9), (700, 40, 2.0, 0.93), (300, 3, 0.0, 0.999), (900, 24, 0.0, 0.8)],
)
def test_clusters_are_those_of_all_cosines(many: int, size: int, common: float, threshold: float) -> None:
    vectors = planted(many, many, size, common)
    first, _ = components(vectors, threshold)
    several = np.bincount(first)[first] > 1
    expected = [{"id": 100 + i, "cluster": 100 + int(first[i])} for i in np.flatnonzero(several)]
    assert clusters([vectors.tolist()], threshold) == [expected]


def test_odd_vectors_are_close_to_none_and_lists_are_apart() -> None:
    one = [[1, 0], [0, 0], [2, 0], [float("nan"), 1], [float("inf"), 0], [None, 1], [0, 0]]
    pair = [{"id": 100, "cluster": 100}, {"id": 102, "cluster": 100}]
    twin = [{"id": 100, "cluster": 100}, {"id": 101, "cluster": 100}]
    assert clusters([one, [], [[1, 0]], [[1, 0], [1, 0]], [[], []]], 0.9) == [pair, [], [], twin, []]
    with pytest.raises(FunctionError, match="1 and 2 numbers"):
        clusters([[[1], [1, 2]]], 0.9)


@pytest.fixture
def vectors(bench: Workbench) -> Iterator[np.ndarray]:
    made = planted(5, 240, 16)
    rows = {"e": [*made.tolist(), None], "quality": [i % 7 for i in range(241)], "part": [i % 2 for i in range(241)]}
    pq.write_table(pa.table(rows), bench.root / "data.parquet")
    yield made


def test_rows_name_the_best_of_their_cluster(bench: Workbench, vectors: np.ndarray) -> None:
    bench.write("r.sql.j2", HEAD + "with a as ({{ semantic_dedup('source', 'e', order_by='quality desc') }}) from a")
    result = bench.run()
    bench.check_accounts(result)
    first, cosines = components(vectors, 0.9)
    best = {f: min(np.flatnonzero(first == f), key=lambda i: (-(i % 7), i)) for f in first}
    kept = {row["sample_id"] for row in bench.out()}
    assert kept == {*map(int, best.values()), 240}
    found = bench.query("select sample_id, duplicate_of from verdicts where verdict = 'duplicate'")
    assert found and all(of == best[first[i]] for i, of in found)
    pairs = bench.query("select sample_id, cluster, similarity from clusters where not representative")
    assert {(i, of) for i, of, _ in pairs} == set(found)
    for i, of, similarity in pairs:
        assert similarity == pytest.approx(cosines[i, of], abs=1e-5)


def test_only_rows_of_one_part_are_compared_on_any_thread_count(bench: Workbench, vectors: np.ndarray) -> None:
    bench.write("r.sql.j2", HEAD + "with a as ({{ semantic_dedup('source', 'e::float[16]', by='part') }}) from a")
    outputs = []
    for threads in (1, 3):
        juicesql.run(bench.root / "r.sql.j2", threads=threads)
        outputs.append({row["sample_id"] for row in bench.out()})
    halves = [{p + 2 * int(f) for f in components(vectors[p::2], 0.9)[0]} for p in (0, 1)]
    assert outputs[0] == outputs[1] == halves[0] | halves[1] | {240}


def test_no_model_library_is_imported(bench: Workbench, vectors: np.ndarray) -> None:
    bench.write("r.sql.j2", HEAD + "with a as ({{ semantic_dedup('source', 'e') }}) from a")
    code = f"import juicesql, sys; juicesql.run({str(bench.root / 'r.sql.j2')!r}); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
