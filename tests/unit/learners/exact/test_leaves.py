"""The least size of a leaf is what exact fractions say, however the counts came about."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from expunge.errors import InputError
from expunge.learners.exact import ForestClassifier
from expunge.learners.exact.leaves import BIG, MANY, MIDDLE, SMALL, STRONG, Leaves


def table(seed: int, n: int, n_classes: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 5, (n, 3)).astype(np.uint8)
    y = np.where(rng.random(n) < rng.random(), X[:, 0], rng.integers(0, 9, n)).astype(np.uint8)
    return X, y % n_classes if n_classes else y * 20, rng.integers(0, 4, n).astype(np.uint8)


def spread(y: Any, weight: Any, n_classes: int) -> Fraction:
    """Impurity of rows, or what their squares sum to about the mean."""
    n, heavy = int(weight.sum()), weight.astype(int)
    if n == 0:
        return Fraction(0)
    if n_classes:
        return n - Fraction(sum(int(heavy[y == c].sum()) ** 2 for c in range(n_classes)), n)
    return int((heavy * y.astype(int) ** 2).sum()) - Fraction(int((heavy * y).sum()) ** 2, n)


def share(X: Any, y: Any, weight: Any, n_classes: int) -> Fraction:
    """What the best split explains of all that there is; 1 where there is nothing."""
    whole = spread(y, weight, n_classes)
    sides = [(X[:, f] <= b, X[:, f] > b) for f in range(X.shape[1]) for b in range(5)]
    split = [sum(spread(y[side], weight[side], n_classes) for side in both) for both in sides]
    return 1 - min(split) / whole if whole else Fraction(1)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10**6), st.integers(2, 80), st.sampled_from([0, 2, 3]))
@example(362_880, 2, 0)
def test_leaves_are_small_where_a_split_explains_a_twentieth(seed: int, n: int, n_classes: int) -> None:
    X, y, weight = table(seed, n, n_classes)
    expected = SMALL if STRONG * share(X, y, weight, n_classes) >= 1 else MIDDLE
    assert Leaves(X, y, weight, n_classes).least(np.full(3, 5)) == expected


@pytest.mark.parametrize(("told", "least"), [(0.0, MIDDLE), (0.15, BIG), (0.5, SMALL)])
def test_many_rows_whose_columns_tell_a_little_have_big_leaves(told: float, least: int) -> None:
    rng = np.random.default_rng(0)
    X, ones = rng.integers(0, 5, (MANY, 3)).astype(np.uint8), np.ones(MANY, np.uint8)
    y = np.where(rng.random(MANY) < told, X[:, 0] > 2, rng.integers(0, 2, MANY)).astype(np.uint8)
    leaves = Leaves(X, y, ones, 2)
    assert leaves.least(np.full(3, 5)) == least
    leaves.leave(X, y, ones, np.zeros(1, np.int32))
    assert leaves.least(np.full(3, 5)) == min(least, MIDDLE)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(2, 80), st.sampled_from([0, 2, 3]), st.integers(0, 3))
def test_leaving_and_merging_give_the_counts_of_those_who_stay(seed: int, n: int, n_classes: int, before: int) -> None:
    X, y, weight = table(seed, n, n_classes)
    leaves, stays = Leaves(X, y, weight, n_classes), np.random.default_rng(seed).random(n) < 0.6
    leaves.leave(X, y, weight, np.flatnonzero(~stays).astype(np.int32))
    leaves.merge(1, before)
    X[:, 1] -= X[:, 1] > before
    fresh = Leaves(X[stays], y[stays], weight[stays], n_classes)
    assert np.array_equal(leaves._counts, fresh._counts)
    assert leaves._squares == fresh._squares


def test_where_the_choice_turns_over_it_is_a_refit() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(4000, 3)), rng.integers(0, 2, 4000)
    X[:700, 0] = 4 * y[:700] - 2
    learner = ForestClassifier(6).fit(X, y)
    found = [learner.min_samples_leaf_]
    for begin in range(0, 700, 50):
        work = learner.forget(list(range(begin, begin + 50))).work
        found.append(learner.min_samples_leaf_)
        assert (found[-1] != found[-2]) <= ("rows_learned_again" in work)
    assert (found[0], found[-1]) == (SMALL, MIDDLE)
    rest = np.arange(700, 4000)
    fresh = ForestClassifier(6).fit(X[rest], y[rest], subjects=rest)
    assert learner.digest() == fresh.digest()
    stated = ForestClassifier(6, min_samples_leaf=MIDDLE).fit(X[rest], y[rest], subjects=rest)
    assert np.array_equal(stated.predict_proba(X[:50]), fresh.predict_proba(X[:50])), "the same trees"


@pytest.mark.parametrize("value", ["some", True, 2.5])
def test_other_sizes_are_refused(value: Any) -> None:
    with pytest.raises(InputError, match=f"min_samples_leaf={value!r}"):
        ForestClassifier(3, min_samples_leaf=value).fit([[0.0], [1.0]], [0, 1])
