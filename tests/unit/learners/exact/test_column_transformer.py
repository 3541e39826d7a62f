"""Transformers side by side: scikit-learn's results, and one forget for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import compose, preprocessing
from sklearn.base import clone

from expunge.domain.guarantee import Exact
from expunge.errors import InputError, UnknownSubjectError
from expunge.learners import check_learner
from expunge.learners.exact import (
    PCA,
    ColumnTransformer,
    OneHotEncoder,
    Pipeline,
    QuantileBinner,
    Ridge,
    SimpleImputer,
    StandardScaler,
)
from expunge.learners.people import random_people
from expunge.learners.state import dump, load

COLUMNS = ColumnTransformer(
    [("scale", StandardScaler(), ["visits"]), ("bin", QuantileBinner(3), ["amount"]), ("words", OneHotEncoder(), [1])],
    "passthrough",
)
X = pd.DataFrame({"n": [1.0, 2, 2, 7], "w": ["a", "b", "a", "b"], "m": [4.0, 3, 2, 1]})


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(6)), cut=st.integers(1, 6))
def test_any_sequence_of_forgetting_is_a_refit_within_a_pipeline_too(seed: int, order: list[int], cut: int) -> None:
    people = random_people(seed, "regression", text_ids=seed % 2 == 0, declared=False)
    order_of = [people.extreme, people.lone, *people.plain[:4]]
    leaving = [order_of[place] for place in order]
    own = Pipeline([("columns", COLUMNS), ("fill", SimpleImputer()), ("learn", Ridge())])
    own.fit(people.X, people.y, subjects=people.ids).forget(leaving[:cut])
    own = load(dump(own))
    for one in leaving[cut:]:
        own.forget([one])
    rest = people.without(leaving)
    again = clone(own).fit(rest.X, rest.y, subjects=rest.ids)
    assert own.digest() == again.digest()
    assert dump(own) == dump(again)


def test_it_keeps_the_contract() -> None:
    parts = [("scale", StandardScaler(), [0]), ("words", OneHotEncoder(), [1])]
    check_learner(ColumnTransformer(parts, "passthrough"), alternatives={"transformers": (), "remainder": ["drop"]})


@pytest.mark.parametrize("remainder", ["drop", "passthrough"])
def test_columns_come_out_as_scikit_learns(remainder: Any) -> None:
    own = ColumnTransformer([("words", OneHotEncoder(), ["w"]), ("scale", StandardScaler(), [0])], remainder).fit(X)
    words = preprocessing.OneHotEncoder(sparse_output=False)
    parts = [("words", words, ["w"]), ("scale", preprocessing.StandardScaler(), [0])]
    theirs = compose.ColumnTransformer(parts, remainder=remainder).fit(X)
    np.testing.assert_allclose(own.transform(X), theirs.transform(X), atol=1e-3)
    names = ["words__w=s:a", "words__w=s:b", "scale__n", "remainder__m"]
    assert own.get_feature_names_out().tolist() == names[: 3 + (remainder == "passthrough")]


def test_a_refused_forget_leaves_every_part_as_it_was() -> None:
    own = ColumnTransformer([("scale", StandardScaler(), ["n"]), ("words", OneHotEncoder(), ["w"])]).fit(X)
    before = dump(own)
    with pytest.raises(UnknownSubjectError):
        own.forget([1, 9])
    assert dump(own) == before


def test_parameters_of_parts_are_set_and_the_weakest_part_decides() -> None:
    own = clone(COLUMNS).set_params(bin__n_bins=7)
    assert own.get_params()["bin__n_bins"] == 7
    assert COLUMNS.get_params()["bin__n_bins"] == 3
    components = ColumnTransformer([("pca", PCA(), ["n", "m"])])
    assert components.guarantee == Exact("portable")
    assert Pipeline([("columns", components), ("learn", Ridge())]).guarantee == Exact("environment")


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (ColumnTransformer([("scale", StandardScaler())]), "are none"),
        (ColumnTransformer([("scale", preprocessing.StandardScaler(), ["n"])]), "none of Expunge"),
        (ColumnTransformer([("learn", Ridge(), ["n"])]), "transforms nothing"),
        (ColumnTransformer([("scale", StandardScaler(), ["q"])]), "'q', which is not there"),
        (ColumnTransformer([("scale", StandardScaler(), ["n"])], "keep"), "remainder='keep'"),  # type: ignore[arg-type]
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_none_is_refused(wrong: ColumnTransformer, match: str) -> None:
    with pytest.raises(InputError, match=match):
        wrong.fit(X)
