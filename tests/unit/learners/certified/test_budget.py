"""The budget is the Gaussian mechanism's, and an attack finds no more than is claimed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import beta, norm

from expunge.learners.certified.bound import residual_above
from expunge.learners.certified.budget import delta_of, distance_allowed
from expunge.learners.certified.objective import Objective

CONFIDENCE = 0.999


@pytest.mark.parametrize(("distance", "epsilon"), [(0.5, 0.3), (1.0, 1.0), (2.0, 0.1), (1.5, 3.0)])
def test_delta_is_what_integrating_the_densities_gives(distance: float, epsilon: float) -> None:
    def over(x: float) -> float:
        return max(0.0, float(norm.pdf(x - distance) - math.exp(epsilon) * norm.pdf(x)))

    start = epsilon / distance + distance / 2
    assert delta_of(distance, epsilon) == pytest.approx(quad(over, start, start + 12)[0], rel=1e-6)


@given(st.floats(0.01, 20), st.floats(-10, -0.5))
@settings(max_examples=300, deadline=None)
def test_what_is_allowed_keeps_delta_and_no_more_would(epsilon: float, exponent: float) -> None:
    delta = 10.0**exponent
    allowed = distance_allowed(epsilon, delta)
    assert 0 < delta_of(allowed, epsilon) <= delta
    assert delta_of(allowed * 1.001, epsilon) > delta * (1 - 1e-6)


@given(st.floats(0.05, 2.0), st.floats(-10, -2))
def test_the_papers_constant_allows_less(epsilon: float, exponent: float) -> None:
    """Guo et al., Theorem 3: delta = 1.5 exp(-c^2 / 2), epsilon = c |r| / sigma."""
    c = math.sqrt(2 * math.log(1.5 / 10.0**exponent))
    assert epsilon / c <= distance_allowed(epsilon, 10.0**exponent)


def minima(rows: np.ndarray, target: np.ndarray, penalty: float, noise: np.ndarray) -> np.ndarray:
    """Return the minimum for each draw of noise: Newton's method, all draws at once."""
    weights = np.zeros_like(noise)
    for _ in range(40):
        chances = expit(weights @ rows.T)
        step = _steps(rows, chances, penalty, (chances - target) @ rows + penalty * weights + noise)
        weights = weights + step
    return weights


def _steps(rows: np.ndarray, chances: np.ndarray, penalty: float, gradients: np.ndarray) -> np.ndarray:
    bends = np.einsum("kn,ni,nj->kij", chances * (1 - chances), rows, rows, optimize=True)
    return -np.linalg.solve(bends + penalty * np.eye(rows.shape[1]), gradients[..., None])[..., 0]


def epsilon_below(hits: int, false: int, draws: int, delta: float) -> float:
    """Return the empirical epsilon's lower end (Clopper and Pearson, both at once)."""
    tail = (1 - CONFIDENCE) / 2
    low = beta.ppf(tail, hits, draws - hits + 1) if hits else 0.0
    high = beta.ppf(1 - tail, false + 1, draws - false) if false < draws else 1.0
    return math.log((low - delta) / high) if low > delta else 0.0


@pytest.mark.parametrize("removed", [1, 4])
def test_an_attack_finds_no_more_than_is_claimed(removed: int) -> None:
    """The best linear test, along the mean residual, between removed and retrained: thresholds from other draws."""
    rng = np.random.default_rng(removed)
    n_rows, width, penalty, delta, draws = 24, 3, 0.5, 0.01, 20_000
    rows = rng.uniform(-1, 1, (n_rows, width)) / math.sqrt(width)
    rows[:removed] = [1.0, 0.0, 0.0]
    target = (rows[:, 0] > 0).astype(np.float64)
    target[:removed] = 0.0
    rest, labels = rows[removed:], target[removed:]
    noise = rng.normal(size=(2, 2 * draws, width))

    def run(sigma: float) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the largest bound, and the noise that each model shows: of those removed from, and retrained."""
        before = minima(rows, target, penalty, sigma * noise[0])
        chances = expit(before @ rest.T)
        gradients = (chances - labels) @ rest + penalty * before + sigma * noise[0]
        after = before + _steps(rest, chances, penalty, gradients)
        shown = [
            -((expit(weights @ rest.T) - labels) @ rest + penalty * weights)
            for weights in (after, minima(rest, labels, penalty, sigma * noise[1]))
        ]
        bounds = [
            residual_above(Objective(rest, labels, penalty, sigma * noise[0][k]), before[k], after[k])
            for k in range(200)
        ]
        return max(bounds), shown[0], shown[1]

    sigma = 0.3
    bound, ours, theirs = run(sigma)
    claimed = next(e for e in np.arange(0.01, 60, 0.01) if delta_of(bound / sigma, e) <= delta)
    along = ours[:draws].mean(axis=0) - theirs[:draws].mean(axis=0)
    found = 0.0
    for side in (1, -1):
        scores, fresh = side * ours @ along, side * theirs @ along
        cut = max(
            np.quantile(fresh[:draws], np.linspace(0.5, 0.999, 60)),
            key=lambda cut: epsilon_below((scores[:draws] > cut).sum(), (fresh[:draws] > cut).sum(), draws, delta),
        )
        found = max(found, epsilon_below((scores[draws:] > cut).sum(), (fresh[draws:] > cut).sum(), draws, delta))
    assert found <= claimed


def test_the_attack_sees_what_is_there() -> None:
    """Of two Gaussians as far apart as is claimed it finds most of epsilon: it could say no."""
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(2.0, 1, 200_000), rng.normal(0.0, 1, 200_000)
    found = max(
        epsilon_below(int((ours > cut).sum()), int((theirs > cut).sum()), 200_000, 0.01) for cut in np.arange(0, 4, 0.1)
    )
    claimed = next(e for e in np.arange(0.01, 60, 0.01) if delta_of(2.0, e) <= 0.01)
    assert 0.5 * claimed < found <= claimed
