"""Predictions: every kind of classifier gives the same columns; figures are one for each person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC

from expunge.errors import InputError
from expunge.learners.exact import AdditiveClassifier, ForestClassifier
from expunge.verification.predictions import MARGIN_BOUND, accuracy, margins, per_subject, probabilities

X, y = load_iris(return_X_y=True)
WORDS = np.array(["setosa", "versicolor", "virginica"])


def boosters() -> list[Any]:
    lightgbm, xgboost = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    return [
        lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1).fit(X, y),
        xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(X, y),
    ]


def test_every_kind_of_classifier_gives_probabilities_of_the_same_classes() -> None:
    own = [learner.fit(X, y) for learner in (AdditiveClassifier(), ForestClassifier(n_estimators=5))]
    models = [LogisticRegression(max_iter=500).fit(X, y), RidgeClassifier().fit(X, y), *boosters(), *own]
    for model in [*models, *(learner.serve() for learner in own)]:
        proba = probabilities(model, X, [0, 1, 2])
        assert proba.shape == (150, 3)
        assert proba.sum(axis=1) == pytest.approx(1)
        assert accuracy(proba, y) > 0.8


def test_columns_come_in_the_order_asked_for() -> None:
    model = LogisticRegression(max_iter=500).fit(X, WORDS[y])
    shuffled = ["virginica", "setosa", "versicolor"]
    assert probabilities(model, X, shuffled) == pytest.approx(probabilities(model, X, WORDS)[:, [2, 0, 1]])


def test_a_class_that_a_model_never_saw_has_probability_nought() -> None:
    model = LogisticRegression(max_iter=500).fit(X[y < 2], y[y < 2])
    proba = probabilities(model, X, [0, 1, 2])
    assert (proba[:, 2] == 0).all()
    assert accuracy(proba, y) == pytest.approx(2 / 3)


def test_scores_of_two_classes_are_log_odds() -> None:
    model = SVC(kernel="linear").fit(X[y < 2], y[y < 2])
    served = AdditiveClassifier().fit(X[y < 2], y[y < 2])
    for one in (model, served):
        scores = one.decision_function(X)
        assert probabilities(one, X, [0, 1])[:, 1] == pytest.approx(1 / (1 + np.exp(-scores)))


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (lambda X: np.ones((len(X), 2)), "shape"),
        (lambda X: np.full((len(X), 3), np.nan), "no probabilities"),
        (lambda X: np.ones((len(X), 3)), "no probabilities"),
        (lambda X: np.tile([1.5, -0.5, 0], (len(X), 1)), "no probabilities"),
        (lambda X: np.tile([1 / 3] * 3, (len(X) - 1, 1)), "shape"),
        (object(), "gives no probabilities"),
    ],
)
def test_what_is_no_probability_is_refused(model: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        probabilities(model, X, [0, 1, 2])


def test_a_class_that_is_not_listed_is_named() -> None:
    with pytest.raises(InputError, match=r"\[2\]"):
        probabilities(LogisticRegression(max_iter=500).fit(X, y), X, [0, 1])


@given(st.floats(1e-12, 1 - 1e-12))
def test_a_margin_is_the_log_odds_of_the_true_class(p: float) -> None:
    proba = np.array([[p, 1 - p]])
    assert margins(proba, np.array([0]))[0] == pytest.approx(np.log(p) - np.log(1 - p), abs=1e-9)
    assert margins(proba, np.array([1])) == -margins(proba, np.array([0]))


def test_margins_of_certainty_are_clipped() -> None:
    assert margins(np.array([[1.0, 0], [0, 1.0]]), np.array([0, 0])).tolist() == [MARGIN_BOUND, -MARGIN_BOUND]


def test_margins_keep_their_digits_beside_one() -> None:
    assert margins(np.array([[1.0, 1e-12]]), np.array([0]))[0] == pytest.approx(12 * np.log(10))


@pytest.mark.parametrize("target", [[0], [0, 3], [-1, 0], [0.0, 1.0]])
def test_targets_that_are_no_places_are_refused(target: list[Any]) -> None:
    with pytest.raises(InputError, match="target"):
        margins(np.full((2, 3), 1 / 3), np.array(target))


@given(arrays(np.float64, (3, 12), elements=st.floats(-9, 9)), st.lists(st.integers(0, 4), min_size=12, max_size=12))
def test_a_person_is_the_mean_of_their_rows(values: Any, owners: list[int]) -> None:
    subjects = np.array(owners)
    ids, means = per_subject(values, subjects)
    assert ids.tolist() == sorted(set(owners))
    for place, person in enumerate(ids):
        assert means[:, place] == pytest.approx(values[:, subjects == person].mean(axis=1))
    assert per_subject(values[0], subjects)[1] == pytest.approx(means[0])


def test_rows_without_an_owner_are_refused() -> None:
    with pytest.raises(InputError, match="do not belong together"):
        per_subject(np.zeros(3), np.array([1, 2]))
