"""The clusters of duplicates of a run, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

_CLUSTERS = """
select step, cluster, count(*) as size,
    min(similarity) filter (where not representative), avg(similarity) filter (where not representative)
from clusters where run_id = $run and ($step = '' or step = $step)
group by step, cluster order by size desc, cluster, step limit $limit offset $offset
"""
_TOTALS = """
select step, count(*), sum(size)::bigint, max(size) from (
    select step, cluster, count(*) as size from clusters where run_id = ? group by step, cluster
) group by step order by step
"""
_SIZES = """
select size, count(*) from (
    select count(*) as size from clusters where run_id = $run and ($step = '' or step = $step) group by step, cluster
) group by size order by size
"""
_SIMILARITIES = """
select least(floor(similarity * $bins) / $bins, 1 - 1 / $bins), count(*) from clusters
where run_id = $run and ($step = '' or step = $step) and not representative and similarity between 0 and 1
group by 1 order by 1
"""
_MEMBERS = """
select sample_id, similarity from clusters
where run_id = ? and step = ? and cluster = ? and not representative
order by similarity desc nulls last, sample_id limit ? offset ?
"""
_EARLIER = "select count(*) from verdicts where run_id = ? and verdict = 'duplicate' and duplicate_of is null"
_OF_SAMPLE = "select step, cluster from clusters where run_id = ? and sample_id = ? order by representative desc, step"


@dataclass(frozen=True)
class ClusterRow:
    """A group of duplicates. Similarities are those of the others to the sample that stayed."""

    step: str
    representative: int
    size: int
    least_similarity: float | None
    mean_similarity: float | None


@dataclass(frozen=True)
class StepClusters:
    """What one step of a run brought together."""

    step: str
    clusters: int
    samples: int
    largest: int


def cluster_totals(con: duckdb.DuckDBPyConnection, run_id: str) -> tuple[StepClusters, ...]:
    """Clusters and samples in them, for each step that found duplicates."""
    return tuple(StepClusters(*row) for row in con.execute(_TOTALS, [run_id]).fetchall())


def of_earlier_runs(con: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """Duplicates of rows that earlier runs kept, which are in no cluster."""
    found = con.execute(_EARLIER, [run_id]).fetchone()
    return int(found[0]) if found else 0


def largest_clusters(
    con: duckdb.DuckDBPyConnection, run_id: str, step: str = "", *, offset: int = 0, limit: int = 25
) -> tuple[ClusterRow, ...]:
    """The largest clusters, of one step or of all."""
    values = {"run": run_id, "step": step, "limit": limit, "offset": offset}
    return tuple(ClusterRow(*row) for row in con.execute(_CLUSTERS, values).fetchall())


def cluster_sizes(con: duckdb.DuckDBPyConnection, run_id: str, step: str = "") -> list[tuple[int, int]]:
    """Size and number of clusters of that size, the smallest first."""
    return con.execute(_SIZES, {"run": run_id, "step": step}).fetchall()


def similarities(
    con: duckdb.DuckDBPyConnection, run_id: str, step: str = "", bins: int = 20
) -> list[tuple[float, int]]:
    """Least similarity and number of duplicates of each of `bins` equal parts of 0 to 1 that has any."""
    return con.execute(_SIMILARITIES, {"run": run_id, "step": step, "bins": bins}).fetchall()


def members(
    con: duckdb.DuckDBPyConnection, run_id: str, step: str, representative: int, *, offset: int = 0, limit: int = 10
) -> list[tuple[int, float | None]]:
    """Samples that are duplicates of one, with their similarity, the most similar first."""
    values: list[Any] = [run_id, step, representative, limit, offset]
    return con.execute(_MEMBERS, values).fetchall()


def clusters_of(con: duckdb.DuckDBPyConnection, run_id: str, sample_id: int) -> list[tuple[str, int]]:
    """Step and representative of the clusters that a sample is in."""
    return con.execute(_OF_SAMPLE, [run_id, sample_id]).fetchall()
