"""Attacks: they find what is there, are not moved by what says nothing, and false alarms are as rare as stated."""

from __future__ import annotations

from math import log
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score

from expunge.errors import InputError
from expunge.verification import membership as attack
from expunge.verification.membership import FEW, epsilon, membership, rmia, ulira
from expunge.verification.shadows import halves

SCORES = st.floats(-30, 30)
WHOLE = st.integers(-30, 30).map(float)
"""Their sums are not rounded: variances that are nothing but rounding would divide by rounding."""


def worlds(n_models: int, people: int, apart: float, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    """Return scores and truth of a model under test, and scores and truth of its shadows."""
    rng = np.random.default_rng(seed)
    base = rng.normal(0, 5, people)  # what is easy is easy in either world
    member = halves(n_models, people, seed)
    truth = rng.permutation(people) < people // 2
    scores, shadow = (base + rng.normal(size=inside.shape) + apart * inside for inside in (truth, member))
    return scores, truth, shadow, member


@given(arrays(np.float64, (8, 6), elements=WHOLE), st.integers(-20, 20), st.integers(0, 5))
def test_a_shift_of_one_persons_scores_changes_nothing(shadow: Any, shift: float, person: int) -> None:
    member = halves(8, 6, seed=1)
    scores = shadow[0]
    moved = (np.arange(6) == person) * shift
    variances: tuple[Literal["own", "pooled"], ...] = ("own", "pooled")
    for variance in variances:
        before = ulira(scores, shadow, member, variance)
        after = ulira(scores + moved, shadow + moved, member, variance)
        assert after == pytest.approx(before, rel=1e-6, abs=1e-6)


@given(arrays(np.float64, (8, 6), elements=SCORES))
def test_worlds_that_change_places_change_the_sign(shadow: Any) -> None:
    member = halves(8, 6, seed=1)
    assert ulira(shadow[1], shadow, ~member) == pytest.approx(-ulira(shadow[1], shadow, member), rel=1e-9, abs=1e-9)


def test_it_is_the_ratio_of_two_gaussians() -> None:
    scores, _, shadow, member = worlds(2 * FEW, 5, apart=1.0)
    found = ulira(scores, shadow, member)
    for person in range(5):
        one, other = shadow[member[:, person], person], shadow[~member[:, person], person]
        expected = norm.logpdf(scores[person], one.mean(), one.std(ddof=1)) - norm.logpdf(
            scores[person], other.mean(), other.std(ddof=1)
        )
        assert found[person] == pytest.approx(expected)


def test_few_models_pool_their_variances() -> None:
    scores, _, shadow, member = worlds(16, 40, apart=1.0)
    assert (ulira(scores, shadow, member) == ulira(scores, shadow, member, "pooled")).all()
    assert (ulira(scores, shadow, member) != ulira(scores, shadow, member, "own")).any()


def test_exact_forgetting_tells_nothing() -> None:
    scores = np.array([1.0, -2.0, 3.0])
    assert (ulira(scores, np.tile(scores, (4, 1)), halves(4, 3, seed=0)) == 0).all()


def test_each_person_is_measured_by_themselves() -> None:
    scores, truth, shadow, member = worlds(16, 400, apart=2.0)
    raw = membership(scores, truth, seed=0).auc.value
    own = membership(ulira(scores, shadow, member), truth, seed=0).auc.value
    assert raw < 0.65
    assert own > 0.85


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda s, h, m: (s, h[:2], m[:2]), "1 shadow models only"),
        (lambda s, h, m: (s, h, np.ones_like(m)), "0 shadow models only"),
        (lambda s, h, m: (s[:2], h, m), "of 2 people"),
        (lambda s, h, m: (s * np.nan, h, m), "not finite"),
        (lambda s, h, m: (s, h, m.astype(int)), "int64"),
    ],
)
def test_shadows_that_say_nothing_are_refused(change: Any, problem: str) -> None:
    shadow = np.random.default_rng(0).normal(size=(4, 3))
    member = np.array([[True] * 3, [False] * 3, [True] * 3, [False] * 3])
    with pytest.raises(InputError, match=problem):
        ulira(*change(shadow[0], shadow, member))


@given(arrays(np.float64, (5, 7), elements=st.floats(0.01, 0.99)), st.floats(1, 4))
def test_rmia_counts_whom_a_person_stands_out_against(p: Any, gamma: float) -> None:
    people, crowd = p[:, :3], p[:, 3:]
    found = rmia(people[0], people, crowd[0], crowd, gamma)
    for person in range(3):
        own = people[0, person] / people[:, person].mean()
        ratios = own / (crowd[0] / crowd.mean(axis=0))
        clear = np.abs(ratios - gamma) > 1e-9
        assert (ratios[clear] >= gamma).sum() <= round(found[person] * 4) <= (ratios >= gamma).sum() + (~clear).sum()


@pytest.mark.parametrize(("p", "gamma"), [(1.5, 2.0), (np.nan, 2.0), (0.5, 0.5)])
def test_rmia_takes_probabilities(p: float, gamma: float) -> None:
    one = np.full((2, 2), 0.5)
    with pytest.raises(InputError, match="probabilities"):
        rmia(np.array([p, 0.5]), one, one[0], one, gamma)
    with pytest.raises(InputError, match="belong together"):
        rmia(one[0], one, one[0], one[:1])


@given(
    st.lists(st.integers(0, 5), min_size=6, max_size=40), st.lists(st.booleans(), min_size=40, max_size=40)
)  # few values, so that there are ties
@settings(max_examples=25)
def test_the_auc_is_the_textbooks(values: list[int], labels: list[bool]) -> None:
    member = np.array([True, True, False, False, *labels])[: len(values)]
    statistic = np.array(values, dtype=np.float64)
    found = membership(statistic, member, seed=0).auc
    assert found.value == pytest.approx(roc_auc_score(member, statistic))
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_the_interval_of_an_auc_holds_the_truth(apart: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attack, "PERMUTATIONS", 1)
    truth, runs, missed = norm.cdf(apart / np.sqrt(2)), 200, 0
    rng = np.random.default_rng(4)
    for _ in range(runs):
        statistic = rng.normal(size=80) + apart * (np.arange(80) < 40)
        found = membership(statistic, np.arange(80) < 40, seed=0).auc
        missed += not found.low <= truth <= found.high
    assert missed <= binom.ppf(0.999, runs, 0.05)


def test_a_rate_that_cannot_be_resolved_is_not_nought() -> None:
    member = np.arange(1100) < 100
    found = membership(np.where(member, 1.0, 0.0) + np.arange(1100) * 1e-6, member, seed=0)
    assert {rate: got and got.value for rate, got in found.above.items()} == {"0.1": 1, "0.01": 1, "0.001": 1}
    fewer = membership(np.arange(300.0), np.arange(300) < 150, seed=0)
    assert fewer.above["0.1"] is not None
    assert fewer.above["0.001"] is None
    assert fewer.below["0.1"] is not None
    assert fewer.below["0.1"].value == 1  # the forgotten ones are all below


def test_at_a_false_positive_rate_no_more_are_false() -> None:
    rng = np.random.default_rng(0)
    statistic, member = np.round(rng.normal(size=400), 1), np.arange(400) < 200
    found = membership(statistic, member, seed=0).above["0.1"]
    assert found is not None
    outside = np.sort(statistic[~member])
    threshold = outside[-21]
    assert (outside > threshold).mean() <= 0.1
    assert found.value == (statistic[member] > threshold).mean()


@pytest.mark.parametrize("apart", [2.0, -2.0])
def test_to_be_forgotten_too_well_is_found_as_well(apart: float) -> None:
    scores, truth, _, _ = worlds(4, 200, apart=apart)
    base = worlds(4, 200, apart=0.0)[0]
    found = membership(scores - base, truth, seed=0)
    assert (found.auc.value - 0.5) * apart > 0
    assert found.p_value == pytest.approx(1 / 10_000)
    assert found.epsilon.low > 1


def test_false_alarms_are_as_rare_as_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attack, "PERMUTATIONS", 99)
    rng = np.random.default_rng(1)
    runs = 500
    alarms = {0.05: 0, 0.2: 0, 0.5: 0}
    for run in range(runs):
        statistic = rng.standard_cauchy(24)
        found = membership(statistic, rng.permutation(24) < 12, seed=run).p_value
        for level in alarms:
            alarms[level] += found <= level
    for level, count in alarms.items():
        assert binom.ppf(0.001, runs, level * 0.8) <= count <= binom.ppf(0.999, runs, level)


@pytest.mark.parametrize("truth", [0.1, 0.5, 1.0, 2.0, 3.0])
def test_the_bound_of_epsilon_holds_for_randomised_response(truth: float) -> None:
    rng = np.random.default_rng(round(truth * 1e6))
    honest = np.exp(truth) / (1 + np.exp(truth))
    runs = 200
    above = sum(
        epsilon(
            (rng.random(300) < honest).astype(float), (rng.random(200) >= honest).astype(float), 0.0, confidence=0.95
        ).low
        > truth
        for _ in range(runs)
    )
    assert above <= binom.ppf(0.999, runs, 0.05)


@pytest.mark.parametrize("spread", [1.0, 2.0])
def test_the_bound_of_epsilon_holds_for_gaussians(spread: float) -> None:
    """The largest ratio of what is above or below any threshold, found on a grid, is the truth for such events."""
    grid = np.linspace(-8, 8, 4001)
    delta = 0.01
    inside, outside = norm(0.5, spread), norm(0, 1)
    ratios = []
    for one, other in ((inside, outside), (outside, inside)):
        for of in ("sf", "cdf"):
            first, second = getattr(one, of)(grid) - delta, getattr(other, of)(grid)
            ratios.append(np.log(first[first > 0] / second[first > 0]).max())
    truth, runs = max(ratios), 200
    rng = np.random.default_rng(3)
    lows = [
        epsilon(rng.normal(0.5, spread, 300), rng.normal(0, 1, 300), delta, confidence=0.95).low for _ in range(runs)
    ]
    assert sum(low > truth for low in lows) <= binom.ppf(0.999, runs, 0.05)
    assert max(lows) > 0


def test_enough_people_bring_the_bound_near_the_truth() -> None:
    rng = np.random.default_rng(0)
    honest = 0.75  # ε = log 3
    found = epsilon(
        (rng.random(20_000) < honest).astype(float), (rng.random(20_000) >= honest).astype(float), 0.0, confidence=0.95
    )
    assert 0.6 < found.low <= found.value <= found.high
    assert found.low < log(3)


@given(arrays(np.float64, 20, elements=SCORES), st.integers(2, 18))
@settings(max_examples=25)
def test_epsilon_is_never_negative(values: Any, inside: int) -> None:
    found = epsilon(values[:inside], values[inside:], 1e-5, confidence=0.95)
    assert 0 <= found.low <= found.value <= found.high


@pytest.mark.parametrize("statistic", [np.array([1.0, 2, 3]), np.array([1.0, np.nan, 2, 3])])
def test_too_few_people_and_broken_figures_are_refused(statistic: Any) -> None:
    with pytest.raises(InputError, match="never seen"):
        membership(statistic, np.arange(len(statistic)) < 2, seed=0)
    with pytest.raises(InputError, match="belong together"):
        membership(statistic, np.arange(2) < 1, seed=0)
