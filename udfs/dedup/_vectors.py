"""Which vectors lie close together: exact, and cheap because most pairs are told apart by their first coordinates.

The vectors are turned so that their variance is in the first coordinates (principal components). The distance of two
vectors is at least that of their first m coordinates together with the lengths of what is left, so a pair that is too
far apart by these needs no further look; the others are measured.
"""

import numpy as np

from juicesql.api import kernel

TILE = 256  # pairs of one vector that are bounded together, in the nearest cache
STEP = 4  # coordinates that are added at once
ROUNDING = 1e-4  # room for the rounding of 32-bit sums, which are at most 2
SAMPLE = 1024  # vectors that choose the number of coordinates
FAR_LOOK = 20  # measuring one pair costs as much as bounding it by so many times its coordinates


def close_clusters(vectors: np.ndarray, threshold: float) -> np.ndarray:
    """For each vector the number of the first one that it is connected with, by pairs of at least that cosine.

    `vectors` (float32, one a row) have length 1, or hold NaN, which is close to nothing.
    """
    cluster = np.arange(len(vectors))
    good = np.flatnonzero(~np.isnan(vectors).any(axis=1))
    if len(good) > 1 and vectors.shape[1]:
        chosen = np.ascontiguousarray(vectors[good]) if len(good) < len(vectors) else vectors
        left, right = _bounds(chosen, 1 - threshold)
        within = np.arange(len(good))
        bound = np.float32(threshold - 1 - ROUNDING)
        # As large as the work, up to a limit: by its first argument a kernel decides whether compiling is worth it.
        sums = np.empty(max(TILE, min(len(good) * left.size, 1 << 14)), np.float32)
        _join_close(sums, left, right, chosen, bound, threshold, within)
        cluster[good] = good[within]
    return cluster


def _bounds(vectors: np.ndarray, most: float) -> tuple[np.ndarray, np.ndarray]:
    """Two matrices, the second lying on its side, whose product is at least minus half of a pair's squared distance."""
    centred = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    turned = centred @ np.ascontiguousarray(axes[:, ::-1]).astype(np.float32)
    squares = np.einsum("ij,ij->i", turned, turned)
    m = _coordinates(turned, most)
    first = turned[:, :m]
    rest = np.sqrt(np.maximum(squares - np.einsum("ij,ij->i", first, first), 0))[:, None]
    half, one = -0.5 * squares[:, None], np.ones((len(vectors), 1), np.float32)
    none = np.zeros((len(vectors), -(m + 3) % STEP), np.float32)
    left, right = np.hstack([first, rest, half, one, none]), np.hstack([first, rest, one, half, none])
    return left, np.ascontiguousarray(right.T)


def _coordinates(turned: np.ndarray, most: float) -> int:
    """How many coordinates make the least work, by the share of pairs of a sample that they cannot tell apart."""
    some = turned[:: max(1, len(turned) // SAMPLE)][:SAMPLE]
    size = turned.shape[1]
    half = 0.5 * np.einsum("ij,ij->i", some, some)
    best, least = size, float(size)
    for m in range(13, size, 16):
        first = some[:, :m]
        rest = np.sqrt(np.maximum(2 * half - np.einsum("ij,ij->i", first, first), 0))
        distances = half[:, None] + half - first @ first.T - np.outer(rest, rest)
        near = np.count_nonzero(distances <= most + ROUNDING) - len(some)
        work = m + FAR_LOOK * size * near / max(1, len(some) * (len(some) - 1))
        if work < least:
            best, least = m, work
    return best


@kernel
def _join_close(sums, left, right, vectors, bound, threshold, cluster):
    """Connect all pairs of at least the threshold; at last each vector has the first one of its cluster."""
    for start in range(0, len(left), TILE):
        stop = min(start + TILE, len(left))
        for a in range(stop - 1):
            _bound_pairs(left[a], right, start, stop, sums)
            some = False
            for b in range(stop - start):
                some |= sums[b] >= bound
            if some:
                for b in range(max(start, a + 1), stop):
                    if sums[b - start] >= bound:
                        _join(vectors, a, b, threshold, cluster)
    for a in range(len(left)):
        cluster[a] = _root(cluster, a)


@kernel
def _bound_pairs(own, right, start, stop, sums):
    """The products of one row of the left matrix with the columns from `start` to `stop` of the right one."""
    sums[: stop - start] = 0
    for k in range(0, len(own), STEP):
        w, x, y, z = own[k], own[k + 1], own[k + 2], own[k + 3]
        of_w, of_x = right[k, start:stop], right[k + 1, start:stop]
        of_y, of_z = right[k + 2, start:stop], right[k + 3, start:stop]
        for b in range(stop - start):
            sums[b] += w * of_w[b] + x * of_x[b] + y * of_y[b] + z * of_z[b]


@kernel
def _join(vectors, a, b, threshold, cluster):
    """Connect two vectors when they are close and not connected yet."""
    root_a, root_b = _root(cluster, a), _root(cluster, b)
    if root_a != root_b and cosine(vectors, a, b) >= threshold:
        cluster[max(root_a, root_b)] = min(root_a, root_b)


@kernel
def _root(cluster, a):
    while cluster[a] != a:
        cluster[a] = cluster[cluster[a]]
        a = cluster[a]
    return a


@kernel
def cosine(vectors, a, b):
    """The dot product of two rows, added up in 64 bits."""
    total = 0.0
    for k in range(vectors.shape[1]):
        total += float(vectors[a, k]) * float(vectors[b, k])
    return total
