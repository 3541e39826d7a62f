"""Transformers: scikit-learn's own where it has them, and forgotten like the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
