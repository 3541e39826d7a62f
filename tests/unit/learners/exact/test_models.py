"""Whether what is learned is any good: against scikit-learn's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge as PlainRidge
from sklearn.linear_model import RidgeClassifier as PlainClassifier
from sklearn.metrics import r2_score, roc_auc_score

from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.learners.exact import AdditiveClassifier, AdditiveRegressor, Ridge, RidgeClassifier, TableEncoder


def _linear(n_rows: int = 1500, seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-3, 3, (n_rows, 6))
    return X, X @ np.array([1.0, -0.5, 0.25, 0.0, 0.0, 2.0]) + rng.normal(size=n_rows)


def test_a_ridge_classifier_ranks_as_well_as_scikit_learns() -> None:
    X, t = _linear()
    y = t > 0
    ours = roc_auc_score(y[1000:], RidgeClassifier().fit(X[:1000], y[:1000]).decision_function(X[1000:]))
    theirs = roc_auc_score(y[1000:], PlainClassifier().fit(X[:1000], y[:1000]).decision_function(X[1000:]))
    assert ours > 0.9
    assert abs(ours - theirs) < 0.002


def test_three_classes_are_told_apart_as_well_as_by_scikit_learns() -> None:
    X, t = _linear()
    y = np.digitize(t, [-1.5, 1.5])
    ours, theirs = RidgeClassifier().fit(X[:1000], y[:1000]), PlainClassifier().fit(X[:1000], y[:1000])
    assert ours.decision_function(X).shape == (1500, 3)
    assert (ours.predict(X[1000:]) == theirs.predict(X[1000:])).mean() > 0.98


def test_a_regression_fits_as_well_as_scikit_learns() -> None:
    X, t = _linear()
    ours = r2_score(t[1000:], Ridge(alpha=0.1).fit(X[:1000], t[:1000]).predict(X[1000:]))
    theirs = r2_score(t[1000:], PlainRidge(alpha=0.1).fit(X[:1000], t[:1000]).predict(X[1000:]))
    assert abs(ours - theirs) < 0.001


def test_a_constant_target_is_predicted() -> None:
    assert Ridge().fit([[0.0], [1.0]], [3.0, 3.0]).predict([[5.0]]).tolist() == [3.0]


def test_a_declared_target_range_is_kept_when_its_extreme_leaves() -> None:
    schema = Schema(
        (
            Column("id", Role.SUBJECT, Kind.NUMERIC),
            Column("x", Role.FEATURE, Kind.NUMERIC, 0.0, 10.0, 1.0),
            Column("t", Role.TARGET, Kind.NUMERIC, 0.0, 100.0, 1.0),
        ),
        "int",
    )
    learner = Ridge(alpha=1e-3, schema=schema).fit([[0.0], [5.0], [10.0]], [0.0, 50.0, 100.0])
    assert learner.forget([2]).work["rows_reencoded"] == 0
    np.testing.assert_allclose(learner.predict([[3.0]]), [30.0], atol=0.2)


def test_an_additive_model_learns_what_a_line_cannot() -> None:
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"x": rng.uniform(-3, 3, 3000), "c": rng.choice(["a", "b", "c"], 3000)})
    y = (np.abs(X["x"]) > 1.5) ^ (X["c"] == "b") & (rng.random(3000) < 0.3)
    additive = roc_auc_score(y[2000:], AdditiveClassifier().fit(X[:2000], y[:2000]).decision_function(X[2000:]))
    line = roc_auc_score(y[2000:], RidgeClassifier().fit(X[:2000], y[:2000]).decision_function(X[2000:]))
    assert additive > 0.85
    assert additive > line + 0.2


def test_an_additive_regression_learns_what_a_line_cannot() -> None:
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.uniform(-3, 3, 3000), "c": rng.choice(["a", "b", "c"], 3000)})
    y = 1000 + X["x"] ** 2 + 3.0 * (X["c"] == "b") + rng.normal(scale=0.5, size=3000)
    learner = AdditiveRegressor(alpha=1.0).fit(X[:2000], y[:2000])
    assert r2_score(y[2000:], learner.predict(X[2000:])) > 0.85
    assert r2_score(y[2000:], Ridge().fit(X[:2000], y[:2000]).predict(X[2000:])) < 0.6


def test_an_additive_regressions_sums_are_those_of_one_hot_bins() -> None:
    rng = np.random.default_rng(4)
    X = pd.DataFrame({"x": rng.integers(0, 6, 200), "c": rng.choice(np.array(["a", "b", None], dtype=object), 200)})
    learner = AdditiveRegressor().fit(X, rng.normal(size=200), subjects=np.arange(200) // 2)
    for _ in range(2):
        state = learner.state_
        codes = state.encoding.encode(state.records.cells)
        one_hot = np.zeros((len(codes), int(state.encoding.offsets[-1])), np.int64)
        one_hot[np.arange(len(codes))[:, None], codes[:, :-1] + state.encoding.offsets[:-2]] = 1
        one_hot[:, -1] = codes[:, -1]
        assert np.array_equal(state.moments.products, one_hot.T @ one_hot)
        assert np.array_equal(state.moments.sums, [*one_hot[:, :-1].sum(axis=0), one_hot[:, -1].sum()])
        learner.forget(learner.subjects_held()[:30])


def test_missing_says_something_of_its_own() -> None:
    rng = np.random.default_rng(2)
    x = np.where(rng.random(400) < 0.5, np.nan, rng.normal(size=400)).reshape(-1, 1)
    y = np.isnan(x[:, 0])
    for learner in (RidgeClassifier(), AdditiveClassifier()):
        assert learner.fit(x, y).score(x, y) == 1.0


@pytest.mark.parametrize("learner", [RidgeClassifier(), AdditiveClassifier()], ids=repr)
def test_constant_and_empty_columns_do_no_harm(learner: Any) -> None:
    x = np.linspace(-1, 1, 40)
    X = pd.DataFrame(
        {"x": x, "same": 4.0, "none": np.nan, "word": "w", "no_word": pd.Series([None] * 40, dtype=object)}
    )
    assert learner.fit(X, x > 0).score(X, x > 0) > 0.9


def test_an_encoder_gives_the_same_codes_whoever_asks() -> None:
    X = pd.DataFrame({"n": [0.0, 10.0, np.nan], "c": ["a", None, "b"]})
    encoder = TableEncoder("scaled").fit(X)
    codes = encoder.transform(X)
    assert codes.dtype == np.int32
    assert codes.tolist() == [[-32768, 0, 32768, 0, 0], [32768, 0, 0, 0, 32768], [0, 32768, 0, 32768, 0]]
    assert encoder.transform(X[["c", "n"]][["n", "c"]].iloc[1:]).tolist() == codes[1:].tolist()
