"""Kernels of generalised linear models equal their NumPy twins, and are never further off than they say."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels import optima
from expunge.learners.exact import fixed
from expunge.learners.exact.entries import Entries

FORMS = (optima.LOGISTIC, optima.POISSON)
Floats = npt.NDArray[np.float64]


def made_up(seed: int, n: int, form: int, scale: float = 1.0) -> tuple[Entries, Floats]:
    """Rows of two numbers and two columns of three words, and weights."""
    rng = np.random.default_rng(seed)
    blocks = np.array([0, 2, 4, 7])
    numbers = rng.integers(-(2**15), 2**15 + 1, (n, 2)).astype(np.int32)
    places = np.column_stack([np.zeros(n), np.full(n, 2), 4 + rng.integers(0, 3, n), 7 + rng.integers(0, 3, n)])
    missing = rng.random((n, 2)) < 0.1
    numbers[missing] = 2**15
    places[:, :2] += missing
    y = rng.poisson(2.0, n) * rng.choice([1.0, 0.3]) if form == optima.POISSON else rng.integers(0, 2, n)
    entries = Entries(places.astype(np.int32), numbers, y.astype(np.float64), blocks, 10)
    return entries, scale * rng.normal(size=11)


def dense(entries: Entries) -> Floats:
    """The rows as a matrix, the intercept's ones at last."""
    X = np.zeros((len(entries), entries.width + 1))
    rows = np.arange(len(entries))
    for j in range(entries.places.shape[1]):
        X[rows, entries.places[:, j]] = entries.numbers[:, j] / 2**15 if j < entries.numbers.shape[1] else 1.0
    X[:, -1] = 1.0
    return X


def twin(entries: Entries, weights: Floats, form: int) -> tuple[Floats, Floats]:
    X = dense(entries)
    z = X @ weights
    mean = np.exp(z) if form == optima.POISSON else 1 / (1 + np.exp(-z))
    tail = np.exp(-np.abs(z))
    d = mean if form == optima.POISSON else tail / (1 + tail) ** 2  # 1 - mean would lose what is left of a mean near 1
    return X.T @ (mean - entries.target), (X.T * d) @ X


def summed(entries: Entries, weights: Floats, form: int) -> tuple[Floats, Any]:
    high, low = np.zeros(len(weights)), np.zeros(len(weights))
    said = optima.gradient(entries.places, entries.numbers, entries.target, weights, form, high, low)
    return high + low, said


CASES = (st.integers(0, 2**32), st.integers(1, 60), st.sampled_from(FORMS), st.sampled_from([0.01, 1.0, 5.0]))


@given(*CASES)
@settings(max_examples=50, deadline=None)
def test_gradient_and_curvature_are_the_twins(seed: int, n: int, form: int, scale: float) -> None:
    entries, weights = made_up(seed, n, form, scale)
    gradient, _ = summed(entries, weights, form)
    high, low = np.zeros(121), np.zeros(121)
    total = optima.curvature(entries.places, entries.numbers, weights, form, high, low)
    expected, matrix = twin(entries, weights, form)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(expected).max()))
    once = (high + low).reshape(11, 11)
    np.testing.assert_allclose(once + once.T - np.diag(np.diag(once)), matrix, rtol=1e-9, atol=1e-9 * total)
    assert np.trace(matrix) <= total * (1 + 1e-9)


@given(*CASES)
@settings(max_examples=60, deadline=None)
def test_a_gradient_is_never_further_off_than_is_said(seed: int, n: int, form: int, scale: float) -> None:
    """Against whole numbers of 200 bits, measured as the proof measures it: in the curvature's inverse."""
    entries, weights = made_up(seed, n, form, scale)
    found, (near, far, total) = summed(entries, weights, form)
    whole = np.array([int(Fraction(one) * 2**200) for one in weights.tolist()], dtype=object)
    rows, wrong = fixed.gradient(entries, entries.target, form, whole, 200)
    off = np.array([float(Fraction(int(a), 2**215) - Fraction(b)) for a, b in zip(rows, found.tolist(), strict=True)])
    assert wrong < 2**100
    # No error of a row's residual explains more; beside it the two parts are added up once.
    matrix = twin(entries, weights, form)[1] + 1e-3 * np.eye(11)
    length = math.sqrt(max(0.0, float(off @ np.linalg.solve(matrix, off))))
    summing = optima.U * float(np.linalg.norm(found)) + 8 * ((n + 128) * optima.U) ** 2 * 5 * total
    assert length <= math.sqrt(near) + (math.sqrt(5) * far + summing) / math.sqrt(1e-3)


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_rows_changes_last_digits_at_most(form: int) -> None:
    entries, weights = made_up(0, 5000, form)
    order = np.random.default_rng(0).permutation(5000)
    found, _ = summed(entries, weights, form)
    other, _ = summed(entries.take(order), weights, form)
    np.testing.assert_allclose(found, other, rtol=1e-14)


def test_a_row_far_out_is_counted_apart() -> None:
    """A class that a score of 60 speaks against has no curvature left, and its residual is wrong by a rounding."""
    entries = Entries(np.array([[0]], np.int32), np.array([[2**15]], np.int32), np.array([0.0]), np.array([0]), 2)
    _, (near, far, total) = summed(entries, np.array([60.0, 0.0, 0.0]), optima.LOGISTIC)
    assert near == 0.0
    assert 1e-17 < far < 1e-14
    assert total == 1.0
