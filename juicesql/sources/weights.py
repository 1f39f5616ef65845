"""How often each row of a weighted input is read: seeded, exact over every ten rows, stable when rows are appended."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

STRATUM = 10


def copies(first: int, count: int, weight: Fraction, seed: int) -> npt.NDArray[np.int64]:
    """Copies of each of the rows `first .. first + count` of an input.

    Stratum j, the rows 10j to 10j + 9, gets floor(10(j + 1)w) - floor(10jw) copies: whole rounds for every row, the
    rest for the first rows of a permutation drawn from the seed and j.

    >>> copies(0, 1000, Fraction("0.5"), seed=42).sum()
    np.int64(500)
    >>> copies(0, 3, Fraction(2), seed=42)
    array([2, 2, 2])
    """
    if count == 0:
        return np.zeros(0, np.int64)
    start, stop = first // STRATUM, (first + count - 1) // STRATUM + 1
    edges = [j * STRATUM * weight.numerator // weight.denominator for j in range(start, stop + 1)]
    bounds = np.array(edges, np.int64)
    quota = (bounds[1:] - bounds[:-1])[:, None]
    rank = _ranks(start, stop, seed)
    rounds, rest = np.divmod(quota, STRATUM)
    per_row: npt.NDArray[np.int64] = (rounds + (rank < rest)).astype(np.int64)
    offset = first - start * STRATUM
    return per_row.ravel()[offset : offset + count]


def _ranks(start: int, stop: int, seed: int) -> npt.NDArray[np.int64]:
    """The place of each row in its stratum's permutation, one row of the result per stratum."""
    row = np.arange(start * STRATUM, stop * STRATUM, dtype=np.uint64)
    keys = _mix(row ^ _mix(np.array([seed % 2**64], np.uint64))).reshape(-1, STRATUM)
    return keys.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """splitmix64 (Steele, Lea and Flood 2014, figure 17)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
