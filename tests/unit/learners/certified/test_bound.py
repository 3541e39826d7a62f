"""The true gradient, in extended precision, is never longer than what is claimed of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from expunge.errors import InputError
from expunge.learners.certified.bound import norm_above, residual_above
from expunge.learners.certified.objective import Objective, drawn

Wide = np.longdouble


def problem(seed: int, n_rows: int, width: int, penalty: float, sigma: float, shape: str) -> Objective:
    """Rows no longer than 1, the last column the same in all."""
    rng = np.random.default_rng(seed)
    rows = rng.uniform(-1, 1, (n_rows, width))
    if shape == "correlated":
        rows[:, :-1] = rows[:, :1] * (1 + 1e-9 * rng.normal(size=(n_rows, width - 1)))
    if shape == "duplicates":
        rows = rows[rng.integers(0, max(1, n_rows // 4), n_rows)]
    if shape == "rare":
        rows = np.where(rng.random((n_rows, width)) < 2 / n_rows, rows, 0.0)
    rows[:, -1] = 1.0
    rows /= np.maximum(1.0, np.sqrt((rows**2).sum(axis=1, keepdims=True))) * (1 + 1e-15)
    target = (rows[:, 0] + 0.3 * rng.normal(size=n_rows) > 0).astype(np.float64)
    return Objective(rows, target, penalty, sigma * rng.normal(size=width))


def without(whole: Objective, gone: int) -> Objective:
    return Objective(whole.rows[gone:], whole.target[gone:], whole.penalty, whole.noise)


def true_length(objective: Objective, weights: np.ndarray) -> np.longdouble:
    rows, at = objective.rows.astype(Wide), weights.astype(Wide)
    with np.errstate(over="ignore"):  # 1 / (1 + inf) is nought, as it should be
        off = 1 / (1 + np.exp(-(rows @ at))) - objective.target.astype(Wide)
    gradient = rows.T @ off + Wide(objective.penalty) * at + objective.noise.astype(Wide)
    return Wide(np.sqrt((gradient**2).sum()))


@given(
    st.integers(0, 2**32),
    st.integers(5, 60),
    st.integers(2, 7),
    st.floats(-9, 3),
    st.floats(-4, 1),
    st.sampled_from(["plain", "correlated", "duplicates", "rare"]),
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.integers(1, 3),
)
@settings(max_examples=1000, deadline=None)
@example(0, 5, 2, -9.0, 1.0, "duplicates", [3, 1], 1)
def test_the_true_gradient_is_never_longer_than_the_bound(
    seed: int, n_rows: int, width: int, penalty: float, sigma: float, shape: str, removals: list[int], scores: int
) -> None:
    """Scores are stacked, and bounds summed over removals, as the learner does."""
    assert np.finfo(Wide).eps < 1e-18, "extended precision is not there to judge by"
    wholes = [problem(seed + k, n_rows, width, 10.0**penalty, 10.0**sigma, shape) for k in range(scores)]
    points = [whole.minimise(1e-9) for whole in wholes]
    stack = [residual_above(whole, point, point) for whole, point in zip(wholes, points, strict=True)]
    for whole, point, bound in zip(wholes, points, stack, strict=True):
        assert true_length(whole, point) <= bound
    total, gone = float(np.hypot.reduce(stack)), 0
    for count in removals:
        gone = min(gone + count, n_rows - 1)
        bounds, lengths = [], []
        for k, whole in enumerate(wholes):
            rest, before = without(whole, gone), points[k]
            after = before + rest.step(before, rest.gradient(before))
            bounds.append(residual_above(rest, before, after))
            lengths.append(true_length(rest, after))
            assert lengths[-1] <= bounds[-1]
            points[k] = after
        total += float(np.hypot.reduce(bounds))
        assert np.sqrt(np.sum(np.square(np.array(lengths, Wide)))) <= total


@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_the_spectral_norm_is_bounded_from_above(seed: int, n_rows: int, width: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(n_rows, width))
    assert np.linalg.norm(rows, 2) <= norm_above(rows) * (1 + 1e-12)


def test_a_solver_that_stops_early_is_not_trusted() -> None:
    """A step of half the length leaves half the gradient, and the bound says so."""
    whole = problem(1, 50, 4, 0.1, 0.5, "plain")
    start = np.zeros(4)
    half = start + whole.step(start, whole.gradient(start)) / 2
    assert residual_above(whole, start, half) >= 0.5 * np.linalg.norm(whole.gradient(start))


def test_the_bound_is_of_second_order() -> None:
    """A person's removal leaves less than a hundredth of what the person pulled."""
    whole = problem(2, 2000, 5, 1.0, 0.5, "plain")
    point = whole.minimise(1e-9)
    rest = without(whole, 1)
    pulled = float(np.linalg.norm(rest.gradient(point)))
    after = point + rest.step(point, rest.gradient(point))
    assert 0 < residual_above(rest, point, after) < pulled / 100


@pytest.mark.parametrize("shape", ["plain", "correlated", "duplicates", "rare"])
def test_a_fit_ends_where_rounding_does(shape: str) -> None:
    whole = problem(3, 400, 6, 1e-3, 1.0, shape)
    assert np.linalg.norm(whole.gradient(whole.minimise(0.0))) < 1e-9


def test_a_penalty_that_rounding_takes_away_is_refused() -> None:
    rows = np.array([[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(InputError, match="lost in rounding"):
        Objective(rows, np.array([0.0, 1.0]), 1e-30, np.ones(2)).minimise(0.0)


def test_noise_is_gaussian_and_of_each_place_by_itself() -> None:
    found = drawn(bytes(32), 2.0, [["c", str(k)] for k in range(20_000)])
    assert abs(found.mean()) < 0.06
    assert abs(found.std() - 2.0) < 0.05
    assert drawn(bytes(32), 2.0, [["c", "777"]])[0] == found[777]
    assert (drawn(b"\x01" * 32, 2.0, [["c", str(k)] for k in range(100)]) != found[:100]).all()
