"""FID, KID, IS, precision and recall against their definitions, scipy and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from juicesql.sandbox.metrics.inception import (
    ClassShares,
    Moments,
    frechet_distance,
    kernel_distance,
    precision_recall,
    squared_mmd,
)

numbers = st.floats(-100, 100, allow_nan=False, width=32)


def moments(rows, batch=3):
    found = Moments()
    for start in range(0, len(rows), batch):
        found.add(np.asarray(rows)[start : start + batch])
    return found


def of(mean, covariance):
    """Moments as they are wanted."""
    return Moments(2, np.asarray(mean, float), np.asarray(covariance, float))


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(2, 12), st.integers(1, 4)), elements=numbers), st.integers(1, 5))
def test_moments_in_batches_are_those_of_numpy(rows, batch):
    found = moments(rows, batch)
    assert found.count == len(rows)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.covariance, np.cov(rows.T).reshape(found.covariance.shape), rtol=1e-7, atol=1e-6)


def test_frechet_of_gaussians_in_closed_form():
    # Diagonal covariances commute: |m|^2 + sum of (s1 - s2)^2. Here 3^2 + 4^2 + (2-5)^2 + (1-1)^2 = 34.
    one, other = of([0, 0], np.diag([4.0, 1.0])), of([3, 4], np.diag([25.0, 1.0]))
    assert frechet_distance(one, other) == pytest.approx(34, rel=1e-12)
    # Turned together by 30 degrees, only the means' difference stays as it was.
    turn = np.array([[math.cos(0.5), -math.sin(0.5)], [math.sin(0.5), math.cos(0.5)]])
    turned = [of(turn @ m.mean, turn @ m.covariance @ turn.T) for m in (one, other)]
    assert frechet_distance(*turned) == pytest.approx(34, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(7, 30))
def test_frechet_against_scipy_root_of_the_product(seed, width, rows):
    linalg = pytest.importorskip("scipy.linalg")
    random = np.random.default_rng(seed)
    sets = [random.normal(size=(rows, width)) @ random.normal(size=(width, width)) + random.normal() for _ in range(2)]
    one, other = (moments(s, 4) for s in sets)
    c1, c2 = (np.atleast_2d(np.cov(s.T)) for s in sets)
    moved = sets[0].mean(axis=0) - sets[1].mean(axis=0)
    expected = moved @ moved + np.trace(c1 + c2 - 2 * linalg.sqrtm(c1 @ c2).real)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert frechet_distance(other, one) == pytest.approx(frechet_distance(one, other), rel=1e-9, abs=1e-9)


def test_frechet_of_a_set_with_itself_is_nothing_even_with_fewer_samples_than_features():
    rows = np.random.default_rng(1).normal(size=(20, 64)) * 10
    assert frechet_distance(moments(rows), moments(rows, 7)) < 1e-6


def test_a_single_sample_has_no_covariance():
    with pytest.raises(ValueError, match="two samples"):
        frechet_distance(moments([[1.0, 2.0]]), moments([[1.0, 2.0], [2.0, 3.0]]))


def slow_mmd(x, y):
    """The estimate as it is defined, pair by pair."""

    def kernel(a, b):
        return (float(np.dot(a, b)) / len(a) + 1) ** 3

    xs = [kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    ys = [kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    xys = [kernel(a, b) for a in x for b in y]
    return np.mean(xs) + np.mean(ys) - 2 * np.mean(xys)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.tuples(
            arrays(np.float64, st.tuples(st.integers(2, 8), st.just(width)), elements=st.floats(-3, 3)),
            arrays(np.float64, st.tuples(st.integers(2, 8), st.just(width)), elements=st.floats(-3, 3)),
        )
    )
)
def test_kernel_distance_is_the_loop_over_pairs(sets):
    assert squared_mmd(*sets) == pytest.approx(slow_mmd(*sets), rel=1e-9, abs=1e-9)


def test_kernel_distance_is_unbiased():
    # Two draws of one distribution: the estimates scatter around 0, on both sides.
    random = np.random.default_rng(3)
    found = [squared_mmd(*random.normal(size=(2, 20, 3))) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / math.sqrt(400)
    assert min(found) < 0 < max(found)


def test_subsets_are_drawn_by_the_seed_and_all_of_both_is_one_subset():
    random = np.random.default_rng(4)
    real, generated = random.normal(size=(30, 3)), random.normal(size=(40, 3)) + 1
    first = kernel_distance(real, generated, subsets=7, size=10, seed=1)
    assert first == kernel_distance(real, generated, subsets=7, size=10, seed=1)
    assert first != kernel_distance(real, generated, subsets=7, size=10, seed=2)
    assert first[1] > 0
    mean, spread = kernel_distance(real, generated[:30], size=1000)
    assert mean == pytest.approx(slow_mmd(real, generated[:30]), rel=1e-9) and spread == 0


def slow_precision(real, generated, k):
    def distance(a, b):
        return float(np.linalg.norm(np.asarray(a) - np.asarray(b)))

    radii = [sorted(distance(a, b) for j, b in enumerate(real) if j != i)[k - 1] for i, a in enumerate(real)]
    inside = [any(distance(g, r) <= radius + 1e-9 for r, radius in zip(real, radii, strict=True)) for g in generated]
    return sum(inside) / len(inside)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 12), st.integers(4, 12), st.integers(1, 3))
def test_precision_and_recall_are_those_of_brute_force(seed, reals, fakes, k):
    # Whole numbers: distances that are equal are exactly so.
    random = np.random.default_rng(seed)
    real, generated = random.integers(-3, 4, (reals, 2)), random.integers(-5, 6, (fakes, 2))
    expected = slow_precision(real, generated, k), slow_precision(generated, real, k)
    assert precision_recall(real, generated, k) == expected


def test_precision_without_recall():
    # Everything generated lies in the middle of what is real, and says nothing of its ends.
    real = np.arange(0.0, 11.0)[:, None]
    generated = np.array([5.0, 5.1, 5.2, 5.3, 5.4])[:, None]
    precision, recall = precision_recall(real, generated, 1)
    assert precision == 1.0 and recall == pytest.approx(1 / 11)


def test_blocks_do_not_change_precision(monkeypatch):
    random = np.random.default_rng(5)
    real, generated = random.normal(size=(23, 3)), random.normal(size=(17, 3)) + 0.5
    whole = precision_recall(real, generated)
    monkeypatch.setattr("juicesql.sandbox.metrics.inception.BLOCK", 4)
    assert precision_recall(real, generated) == whole


def test_inception_score_by_definition():
    # Two classes, each certain and equally frequent: exp(log 2). One class only: 1. No idea at all: 1.
    for rows, expected in [([[1, 0], [0, 1]], 2.0), ([[1, 0], [1, 0]], 1.0), ([[0.5, 0.5], [0.5, 0.5]], 1.0)]:
        shares = ClassShares(splits=1)
        shares.add(np.array(rows))
        assert shares.score() == (pytest.approx(expected), 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(4, 20))
def test_inception_score_is_the_mean_divergence_of_each_split(seed, splits, rows):
    stats = pytest.importorskip("scipy.stats")
    given = np.random.default_rng(seed).dirichlet(np.ones(5) * 0.3, rows)
    shares = ClassShares(splits)
    for start in range(0, rows, 3):
        shares.add(given[start : start + 3])
    parts = [given[place::splits] for place in range(splits)]
    expected = [math.exp(np.mean([stats.entropy(row, part.mean(axis=0)) for row in part])) for part in parts]
    assert shares.score() == (pytest.approx(np.mean(expected)), pytest.approx(np.std(expected), abs=1e-12))


def test_too_few_samples_are_said():
    with pytest.raises(ValueError, match="10 splits"):
        ClassShares().score()
    with pytest.raises(ValueError, match="more than 3"):
        precision_recall(np.zeros((3, 2)), np.zeros((9, 2)))
    with pytest.raises(ValueError, match="two samples"):
        squared_mmd(np.zeros((1, 2)), np.zeros((2, 2)))
