"""Transformers: scikit-learn's own where it has them, and forgotten like the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import impute, preprocessing
from sklearn.base import clone

from expunge.errors import InputError
from expunge.learners.exact import OneHotEncoder, QuantileBinner, SimpleImputer, StandardScaler
from expunge.learners.people import random_people

RNG = np.random.default_rng(3)
NUMBERS = np.where(RNG.random((301, 3)) < 0.1, np.nan, RNG.gamma(2.0, 9.0, (301, 3)))
WORDS = pd.DataFrame({"v": RNG.choice(["p", "q", "r"], 301), "w": RNG.choice(np.array(["x", None], dtype=object), 301)})
TRANSFORMERS = [
    StandardScaler(),
    OneHotEncoder(),
    OneHotEncoder("first"),
    SimpleImputer(),
    SimpleImputer("median"),
    SimpleImputer("most_frequent"),
    QuantileBinner(3),
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(6)), cut=st.integers(1, 6))
def test_any_sequence_of_forgetting_is_a_refit(transformer: Any, seed: int, order: list[int], cut: int) -> None:
    """Of the six, the first owns all extremes and the second a word."""
    people = random_people(seed, None, text_ids=seed % 2 == 0, declared=False)
    order_of = [people.extreme, people.lone, *people.plain[:4]]
    leaving = [order_of[place] for place in order]
    own = clone(transformer).fit(people.X, subjects=people.ids)
    own.forget(leaving[:cut])
    for one in leaving[cut:]:
        own.forget([one])
    rest = people.without(leaving)
    again = clone(transformer).fit(rest.X, subjects=rest.ids)
    assert own.digest() == again.digest()
    pd.testing.assert_frame_equal(pd.DataFrame(own.transform(people.X)), pd.DataFrame(again.transform(people.X)))


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_scaling_is_scikit_learns_to_a_step(with_mean: bool, with_std: bool) -> None:
    own = StandardScaler(with_mean, with_std).fit(NUMBERS)
    theirs = preprocessing.StandardScaler(with_mean=with_mean, with_std=with_std).fit(NUMBERS)
    np.testing.assert_allclose(own.transform(NUMBERS), theirs.transform(NUMBERS), rtol=1e-4, atol=2e-3)
    step = np.ptp(NUMBERS[~np.isnan(NUMBERS).any(axis=1)], axis=0) / 2**15
    both = preprocessing.StandardScaler().fit(NUMBERS)
    assert (np.abs(own.mean_ - both.mean_) < step).all()
    assert (np.abs(own.scale_ - both.scale_) < step).all()


def test_numbers_that_are_all_alike_or_all_missing_are_divided_by_1() -> None:
    own = StandardScaler().fit([[2.5, np.nan], [2.5, np.nan]])
    assert own.mean_.tolist() == [2.5, 0.0]
    assert own.scale_.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("drop", [None, "first", "if_binary"])
def test_places_are_scikit_learns(drop: Any) -> None:
    own = OneHotEncoder(drop).fit(WORDS)
    theirs = preprocessing.OneHotEncoder(drop=drop, sparse_output=False).fit(WORDS)
    assert own.transform(WORDS).tolist() == theirs.transform(WORDS).tolist()


def test_a_word_that_is_not_known_is_nothing_or_refused() -> None:
    X, other = pd.DataFrame({"w": ["x", "y"]}), pd.DataFrame({"w": ["x", "z"]})
    assert OneHotEncoder().fit(X).transform(other).tolist() == [[1.0, 0.0], [0.0, 0.0]]
    with pytest.raises(InputError, match="row 2: 'z' was not learned"):
        OneHotEncoder(handle_unknown="error").fit(X).transform(other)


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_fillings_are_scikit_learns(strategy: Any) -> None:
    own, theirs = SimpleImputer(strategy).fit(NUMBERS), impute.SimpleImputer(strategy=strategy).fit(NUMBERS)
    atol = np.nanmax(NUMBERS) / 2**16 if strategy == "mean" else 0.0
    np.testing.assert_allclose(own.transform(NUMBERS), theirs.transform(NUMBERS), rtol=1e-15, atol=atol)


def test_words_are_filled_with_the_first_of_the_most_frequent() -> None:
    X = pd.DataFrame({"n": [1.0, np.nan, 3.0], "w": ["b", "a", None]})
    assert SimpleImputer("most_frequent").fit(X).transform(X)["w"].tolist() == ["b", "a", "a"]
    assert SimpleImputer("constant").fit(X).transform(X)["w"].tolist() == ["b", "a", "missing_value"]
    kept = SimpleImputer("median").fit(X)
    assert kept.transform(X)["n"].tolist() == [1.0, 2.0, 3.0]
    assert kept.transform(X)["w"].tolist() == ["b", "a", None]
    assert kept.statistics_.tolist() == [2.0, None]


def test_bins_hold_equally_many_and_equal_numbers_are_in_one() -> None:
    values = RNG.permutation(np.arange(31.0))  # 6 * 5 + 1 rows: edges are numbers that are present in both
    own = QuantileBinner(5).fit(values[:, None])
    assert own.transform(values[:, None])[:, 0].tolist() == pd.qcut(values, 5, labels=False).tolist()
    ties = np.array([1.0, 1, 1, 1, 1, 2, 9, 9])[:, None]
    assert QuantileBinner(4).fit(ties).bin_edges_[0].tolist() == [1.0, 2.0]


def test_numbers_stay_numbers_beside_words() -> None:
    X = pd.DataFrame({"n": [1.0, 2.0], "w": ["a", "b"]}, index=[5, 7])
    out = StandardScaler().fit(X).transform(X)
    assert out["n"].dtype == np.float64
    assert out.index.tolist() == [5, 7]
    assert out["w"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (StandardScaler(with_mean=1), "with_mean=1"),  # type: ignore[arg-type]
        (OneHotEncoder("last"), "drop='last'"),  # type: ignore[arg-type]
        (OneHotEncoder(handle_unknown="warn"), "handle_unknown='warn'"),  # type: ignore[arg-type]
        (SimpleImputer("mode"), "strategy='mode'"),  # type: ignore[arg-type]
        (SimpleImputer("constant", float("nan")), "fill_value=nan"),
        (QuantileBinner(1), "n_bins=1"),
    ],
    ids=repr,
)
def test_parameters_that_are_none_are_refused(wrong: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        wrong.fit(NUMBERS)
