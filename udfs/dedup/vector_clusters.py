"""Mapper `vector_clusters`."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, mapper

from ._vectors import close_clusters


@mapper(
    "vector_clusters(ids BIGINT[], vectors FLOAT[][], threshold DOUBLE := 0.9) -> STRUCT(id BIGINT, cluster BIGINT)[]"
)
def vector_clusters(ids: pa.ListArray, vectors: pa.ListArray, threshold: float) -> pa.ListArray:
    """The clusters of close vectors of one list: for each vector in a cluster its id, and the first id of the cluster.

    Two vectors are close when their cosine is at least `threshold`; clusters are what pairs of close vectors connect.
    `ids` names the vectors, in their order. A vector that is close to no other is left out, and so is one of zeros, or
    with a number that is NULL, infinite or NaN; an empty list gives an empty list.

    Exact, up to the rounding of 32-bit vectors of length 1 (1e-6): no index is searched. Most pairs are told apart by
    their first principal components, which bound the distance. 100,000 vectors of 384 numbers take about 11 seconds of
    one core, and twice as many four times as long. `semantic_dedup` is built on it.
    Source: SemDeDup (Abbas and others 2023) for the criterion; the bound is the triangle inequality.
    """
    if not 0 < threshold <= 1:
        raise FunctionError.of("bad-parameter", f"threshold is {threshold}", "give a cosine above 0, up to 1")
    id_bounds, vector_bounds = np.asarray(ids.offsets), np.asarray(vectors.offsets)
    names = np.asarray(ids.values)
    found, clusters, ends = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [0]
    for row in range(len(ids)):
        own = names[id_bounds[row] : id_bounds[row + 1]]
        matrix = _matrix(vectors.values[vector_bounds[row] : vector_bounds[row + 1]])
        if len(own) != len(matrix):
            message = f"{len(own)} ids for {len(matrix)} vectors"
            raise FunctionError.of("bad-parameter", message, "give an id for each vector")
        cluster = close_clusters(matrix, threshold)
        members = np.flatnonzero(np.bincount(cluster, minlength=len(cluster))[cluster] > 1)
        found.append(own[members])
        clusters.append(own[cluster[members]])
        ends.append(ends[-1] + len(members))
    fields = [pa.array(np.concatenate(found), pa.int64()), pa.array(np.concatenate(clusters), pa.int64())]
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.StructArray.from_arrays(fields, ["id", "cluster"]))


def _matrix(vectors: pa.ListArray) -> np.ndarray:
    """The vectors as rows of length 1; NaN where that cannot be."""
    sizes = np.unique(np.asarray(vectors.value_lengths().fill_null(0)))
    if len(sizes) > 1:
        message = f"vectors have {sizes[0]} and {sizes[-1]} numbers"
        raise FunctionError.of("bad-parameter", message, "give vectors of one embedding model")
    size = int(sizes[0]) if len(sizes) else 0
    flat = vectors.flatten().to_numpy(zero_copy_only=False).reshape(len(vectors), size)
    with np.errstate(all="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", flat, flat, dtype=np.float64))[:, None]
        return np.where(np.isfinite(lengths) & (lengths > 0), flat / lengths, np.nan).astype(np.float32)
