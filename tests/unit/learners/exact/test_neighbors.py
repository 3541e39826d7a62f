"""Nearest neighbours: those that scikit-learn finds, chosen by nothing but what rows hold, and gone when they leave."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import neighbors
from sklearn.base import clone

from expunge.bench import tasks
from expunge.errors import InputError
from expunge.learners import create
from expunge.learners.encoding.codes import ONE
from expunge.learners.exact import KNeighborsClassifier, KNeighborsRegressor, TableEncoder
from expunge.learners.served import neighbors as served
from expunge.learners.served.onnx import to_onnx
from expunge.learners.state import dump

RNG = np.random.default_rng(8)
X = pd.DataFrame(
    {
        "a": RNG.normal(size=300),
        "b": np.where(RNG.random(300) < 0.1, np.nan, RNG.normal(size=300)),
        "w": RNG.choice(np.array(["p", "q", None], dtype=object), 300),
    }
)
Y = (X["a"] + RNG.normal(size=300) > 0).astype(int).to_numpy() + 2 * (X["w"] == "p").to_numpy()
U = X["a"].to_numpy() + RNG.normal(size=300)

real = pytest.mark.skipif(not os.environ.get(tasks.VARIABLE), reason=f"{tasks.VARIABLE} is not set")


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("count", [1, 5, 400])
def test_they_are_scikit_learns(weights: Any, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "AT_ONCE", 1000)
    asked, known = slice(0, 100), slice(100, 300)
    encoded = TableEncoder().fit(X[known])
    Z, Q = encoded.transform(X[known]) / ONE, encoded.transform(X[asked]) / ONE
    classes = neighbors.KNeighborsClassifier(min(count, 200), weights=weights).fit(Z, Y[known])
    own = KNeighborsClassifier(count, weights).fit(X[known], Y[known])
    np.testing.assert_allclose(own.predict_proba(X[asked]), classes.predict_proba(Q), atol=1e-9)
    assert own.predict(X[asked]).tolist() == classes.predict(Q).tolist()
    numbers = neighbors.KNeighborsRegressor(min(count, 200), weights=weights).fit(Z, U[known])
    mean = KNeighborsRegressor(count, weights).fit(X[known], U[known])
    np.testing.assert_allclose(mean.predict(X[asked]), numbers.predict(Q), atol=1e-9)
    np.testing.assert_allclose(mean.predict(X[known]), numbers.predict(Z), atol=1e-9)


@real
def test_they_rank_real_people_as_scikit_learns_do() -> None:
    task = tasks.adult().some(4000, np.random.default_rng(0))
    encoded = TableEncoder().fit(task.X[:3000])
    theirs = neighbors.KNeighborsClassifier(15).fit(encoded.transform(task.X[:3000]) / ONE, task.y[:3000])
    own = KNeighborsClassifier(15).fit(task.X[:3000], task.y[:3000])
    told = own.predict_proba(task.X[3000:]) - theirs.predict_proba(encoded.transform(task.X[3000:]) / ONE)
    assert (np.abs(told) > 1e-9).any(axis=1).mean() < 0.02  # equally near: here by what they hold, there as they came


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 10**6), n=st.integers(6, 40), weights=st.sampled_from(["uniform", "distance"]))
def test_any_sequence_in_any_order_is_a_refit(seed: int, n: int, weights: Any) -> None:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"n": rng.integers(0, 4, n) / 2, "w": rng.choice(["a", "b", "rare"], n, p=[0.5, 0.4, 0.1])})
    table.loc[rng.random(n) < 0.1, "n"] = np.nan
    ids, y = rng.integers(0, n, n), rng.integers(0, 2, n)
    ids[:2], y[:2] = [n, n + 1], [0, 1]
    for learner in (KNeighborsClassifier(3, weights), KNeighborsRegressor(3, weights)):
        own = clone(learner).fit(table, y, subjects=ids)
        leaving = rng.permutation(np.unique(ids[2:]))[: int(rng.integers(1, 9))].tolist()
        for one in leaving:
            own.forget([one])
        stays = rng.permutation(np.flatnonzero(~np.isin(ids, leaving)))
        fresh = clone(learner).fit(table.iloc[stays], y[stays], subjects=ids[stays])
        assert own.digest() == fresh.digest()
        assert dump(own) == dump(fresh)
        assert own.predict(table).tolist() == fresh.predict(table).tolist()


def test_of_equally_near_rows_those_with_smaller_codes_come_first_whosever_they_are() -> None:
    rows, y = np.array([[0.0], [2.0], [0.0], [2.0], [-9.0], [9.0]]), np.array([0, 1, 0, 1, 0, 1])
    for ids in (np.arange(6), np.arange(6)[::-1]):
        own = KNeighborsClassifier(3).fit(rows, y, subjects=ids)
        np.testing.assert_allclose(own.predict_proba([[1.0]]), [[2 / 3, 1 / 3]])


def test_it_holds_rows_and_is_not_exported() -> None:
    model = KNeighborsClassifier().fit(X, Y).serve()
    assert model.holds_rows
    assert len(model.rows) == 300
    with pytest.raises(InputError, match="kind 'neighbors' is not exported to ONNX"):
        to_onnx(model)


@pytest.mark.parametrize(
    ("params", "says"),
    [({"n_neighbors": 0}, "n_neighbors=0"), ({"n_neighbors": 2.5}, "n_neighbors=2.5"), ({"weights": "near"}, "'near'")],
)
def test_a_hyperparameter_out_of_bounds_is_named(params: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        KNeighborsClassifier(**params).fit([[0.0], [1.0]], [0, 1])


def test_they_have_one_name_for_classes_and_numbers() -> None:
    assert type(create("k-neighbors", "classification")) is KNeighborsClassifier
    assert type(create("k-neighbors", "regression", n_neighbors=3)) is KNeighborsRegressor
