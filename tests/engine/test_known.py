"""Stored values are found by their keys, whatever else is stored: against a dictionary on random keys."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from juicesql.known import KnownValues, merge

KEYS = st.tuples(st.integers(0, 3) | st.integers(0, 2**64 - 1), st.integers(0, 3))


@given(st.lists(KEYS, unique=True, max_size=40), st.lists(KEYS, max_size=40))
def test_find_agrees_with_a_dictionary(stored: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    stored.sort()
    high, low = (np.array([k[i] for k in stored], np.uint64) for i in range(2))
    known = KnownValues(high, low, pa.array([float(i) for i in range(len(stored))]))
    found = known.find(*(np.array([k[i] for k in asked], np.uint64) for i in range(2)))
    truth = {k: i for i, k in enumerate(stored)}
    crowded = {k[0] for k in stored if sum(k[0] == o[0] for o in stored) > 1}
    for key, place in zip(asked, found, strict=True):
        assert place in (truth.get(key, -1), -1)
        if key[0] not in crowded:  # keys with the same upper half may be measured again, never mixed up
            assert place == truth.get(key, -1)

    measured = pa.array([-1.0 - i for i in range(int((found < 0).sum()))], pa.float64())
    merged = merge(known, found, measured, pa.float64()).to_pylist()
    fresh = iter(measured.to_pylist())
    assert merged == [float(p) if p >= 0 else next(fresh) for p in found]
