"""Comparisons of two runs against scipy and plain Python, and clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from juicesql.inspect.clusters import (
    cluster_sizes,
    cluster_totals,
    clusters_of,
    largest_clusters,
    members,
    of_earlier_runs,
    similarities,
)
from juicesql.inspect.comparison import Side, StatDifference, funnel_pairs, shared_stats, stat_difference
from juicesql.inspect.samples import Filter, find_samples


def values(con: Any, run: Any, label: str, kept: bool) -> Any:
    wanted = Filter(verdicts=("kept",) if kept else ())
    rows = find_samples(con, run, wanted, limit=1000, show=[label]).rows
    return np.array([r.values[0] for r in rows if r.values[0] is not None], dtype=float)


@pytest.mark.parametrize("kept", [False, True])
def test_differences_equal_those_of_numpy_and_scipy(con: Any, ready: Any, kept: bool) -> None:
    stats = pytest.importorskip("scipy.stats")
    left, right = Side(ready.old, kept), Side(ready.new, kept)
    for pair in shared_stats(left, right):
        found = stat_difference(con, left, right, pair)
        a, b = (values(con, side.run, pair[0].label, kept) for side in (left, right))
        assert isinstance(found, StatDifference) and found.ks is not None
        assert (found.left.count, found.right.count) == (len(a), len(b))
        assert found.left.mean == pytest.approx(a.mean()) and found.right.std == pytest.approx(b.std(ddof=1))
        assert found.ks.statistic == pytest.approx(stats.ks_2samp(a, b).statistic)
        assert found.left_bins is not None and found.right_bins is not None
        assert found.left_bins.edges == found.right_bins.edges
        assert sum(found.left_bins.counts) + found.left_bins.below + found.left_bins.above == len(a)


def test_a_run_compared_with_what_it_kept(con: Any, ready: Any) -> None:
    left, right = Side(ready.new), Side(ready.new, kept=True)
    found = stat_difference(con, left, right, shared_stats(left, right)[0])
    assert isinstance(found, StatDifference)
    assert (found.left.count, found.right.count) == (39, ready.new.kept)
    assert found.right.min is not None and found.right.min >= 100
    assert found.shift is not None and found.shift > 0


def test_funnels_stand_side_by_side(con: Any, ready: Any) -> None:
    pairs = funnel_pairs(con, ready.old, ready.new)
    assert (pairs[0].left, pairs[0].right) == (39, 39)
    moved = [p for p in pairs if p.left_sql != p.right_sql]
    assert [(p.left_sql, p.right_sql) for p in moved] == [("text_len(text) >= 20", "text_len(text) >= 100")]
    assert (pairs[-1].left, pairs[-1].right) == (ready.old.kept, ready.new.kept)
    assert [p.right for p in funnel_pairs(con, ready.old, ready.old)] == [p.left for p in pairs]


def test_clusters_add_up(con: Any, ready: Any) -> None:
    run = ready.old.run_id
    totals = cluster_totals(con, run)
    assert {t.step for t in totals} == {"exact", "near"}
    everything = largest_clusters(con, run, limit=1000)
    assert len(everything) == sum(t.clusters for t in totals) == sum(n for _, n in cluster_sizes(con, run))
    assert [c.size for c in everything] == sorted((c.size for c in everything), reverse=True)
    paged = [c for o in range(len(everything)) for c in largest_clusters(con, run, offset=o, limit=1)]
    assert tuple(paged) == everything
    exact = largest_clusters(con, run, "exact")
    assert [(c.representative, c.size, c.least_similarity) for c in exact] == [(1, 2, 1.0)]
    assert members(con, run, "exact", 1) == [(7, 1.0)]
    assert ("exact", 1) in clusters_of(con, run, 7)
    assert clusters_of(con, run, 6) == []
    assert sum(n for _, n in similarities(con, run)) == sum(t.samples - t.clusters for t in totals)
    assert similarities(con, run, "exact") == [(0.95, 1)]
    assert of_earlier_runs(con, run) == 0
