"""Distances between two sets of features, and scores of one: FID, KID, IS, precision and recall.

Over features of videos the same formulas are called FVD, KVD, ISV and PRV. All of them depend on the model that gives
the features: numbers of two models cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
BLOCK = 1024  # rows of a matrix of distances at a time


@dataclass
class Moments:
    """Mean and covariance of features that come in batches, in memory that does not grow with them."""

    count: int = 0
    mean: Array = field(default_factory=lambda: np.zeros(0))
    scatter: Array = field(default_factory=lambda: np.zeros((0, 0)))  # sum of outer products of deviations

    def add(self, features: Array) -> None:
        """Take in a batch: one row a sample. (Chan, Golub and LeVeque 1979.)"""
        batch = np.asarray(features, np.float64)
        if not len(batch):
            return
        mean = batch.mean(axis=0)
        if not self.count:
            self.mean, self.scatter = np.zeros_like(mean), np.zeros((len(mean), len(mean)))
        centred, moved, total = batch - mean, mean - self.mean, self.count + len(batch)
        self.scatter += centred.T @ centred + np.outer(moved, moved) * (self.count * len(batch) / total)
        self.mean = self.mean + moved * (len(batch) / total)
        self.count = total

    @property
    def covariance(self) -> Array:
        """Of a sample: divided by one less than the count. ValueError for fewer than two samples."""
        if self.count < 2:
            raise ValueError(f"a covariance needs two samples; there is {self.count}")
        return self.scatter / (self.count - 1)


def frechet_distance(one: Moments, other: Moments) -> float:
    """FID (Heusel and others 2017): |m1 - m2|^2 + tr(C1 + C2 - 2 sqrt(C1 C2)), at least 0.

    With C1 = R R', the eigenvalues of C1 C2 are those of R' C2 R, which is symmetric: no root of a matrix that is not
    has to be found. Eigenvalues that are rounding errors count as 0.
    """
    first, second = one.covariance, other.covariance
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(_without_noise(values))
    shared = np.sqrt(_without_noise(np.linalg.eigvalsh(root.T @ second @ root))).sum()
    moved = one.mean - other.mean
    return max(float(moved @ moved + np.trace(first) + np.trace(second) - 2 * shared), 0.0)


def _without_noise(eigenvalues: Array) -> Array:
    least = max(eigenvalues[-1], 0.0) * len(eigenvalues) * np.finfo(np.float64).eps
    return np.where(eigenvalues > least, eigenvalues, 0.0)


def kernel_distance(
    real: Array, generated: Array, subsets: int = 100, size: int = 1000, seed: int = 42
) -> tuple[float, float]:
    """KID (Binkowski and others 2018): mean and standard deviation of `squared_mmd` over random subsets.

    A subset takes `size` of each set, or as many as the smaller has; when that is all of both, there is only one.
    """
    most = min(len(real), len(generated), size)
    rounds = 1 if most == len(real) == len(generated) else subsets
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rounds):
        chosen = [s[random.permutation(len(s))[:most]] if rounds > 1 else s for s in (real, generated)]
        found.append(squared_mmd(chosen[0], chosen[1]))
    return float(np.mean(found)), float(np.std(found))


def squared_mmd(one: Array, other: Array) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy with the kernel (x.y / width + 1)^3; may be below 0."""
    if min(len(one), len(other)) < 2:
        raise ValueError("a kernel distance needs two samples of each set")
    x, y = np.asarray(one, np.float64), np.asarray(other, np.float64)

    def kernel(a: Array, b: Array) -> Array:
        return np.asarray((a @ b.T / a.shape[1] + 1) ** 3)

    def within(a: Array) -> float:
        values = kernel(a, a)
        return float((values.sum() - np.trace(values)) / (len(a) * (len(a) - 1)))

    return within(x) + within(y) - 2 * float(kernel(x, y).mean())


def precision_recall(real: Array, generated: Array, neighbours: int = 3) -> tuple[float, float]:
    """Precision and recall of Kynkäänniemi and others (2019).

    Precision is the share of generated samples within the manifold of the real ones, recall the other way round. A
    sample is within the manifold of a set when it is no further from some member than that member's k-th nearest
    neighbour in the set.
    """
    if min(len(real), len(generated)) <= neighbours:
        raise ValueError(f"precision and recall need more than {neighbours} samples of each set")
    x, y = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    return _share_within(y, x, neighbours), _share_within(x, y, neighbours)


def _share_within(samples: Array, members: Array, neighbours: int) -> float:
    radii = np.empty(len(members))
    for start in range(0, len(members), BLOCK):
        distances = _squared_distances(members[start : start + BLOCK], members)
        own = np.arange(len(distances))
        distances[own, start + own] = np.inf
        radii[start : start + BLOCK] = np.partition(distances, neighbours - 1, axis=1)[:, neighbours - 1]
    inside = [
        (_squared_distances(samples[start : start + BLOCK], members) <= radii).any(axis=1)
        for start in range(0, len(samples), BLOCK)
    ]
    return float(np.concatenate(inside).mean())


def _squared_distances(one: Array, other: Array) -> Array:
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squares - 2 * one @ other.T, 0.0))


class ClassShares:
    """Sums over rows of class probabilities from which the inception score follows, in constant memory.

    Rows are dealt out to the splits in turn, so files sorted by class do not end up in one split.
    """

    def __init__(self, splits: int = 10) -> None:
        self.splits, self.count = splits, 0
        self._sums: list[Any] = [0.0] * splits
        self._entropies, self._counts = np.zeros(splits), np.zeros(splits, int)

    def add(self, probabilities: Array) -> None:
        """Take in a batch: one row a sample, which sums to 1."""
        for row in np.asarray(probabilities, np.float64):
            place = self.count % self.splits
            self._sums[place] = self._sums[place] + row
            self._entropies[place] += float(np.where(row > 0, row * np.log(np.where(row > 0, row, 1.0)), 0.0).sum())
            self._counts[place] += 1
            self.count += 1

    def score(self) -> tuple[float, float]:
        """IS (Salimans and others 2016): mean and standard deviation over splits of exp(mean KL(p(y|x) || p(y)))."""
        if self.count < self.splits:
            raise ValueError(f"{self.count} samples cannot be dealt out to {self.splits} splits")
        scores = []
        for total, entropy, count in zip(self._sums, self._entropies, self._counts, strict=True):
            share = total / count
            marginal = float(np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0).sum())
            scores.append(np.exp(entropy / count - marginal))
        return float(np.mean(scores)), float(np.std(scores))
