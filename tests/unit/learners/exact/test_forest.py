"""Forests as learners: they predict, and forget to the byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from expunge._kernels import drawing
from expunge.errors import CannotForgetError, InputError
from expunge.learners.encoding import adaptive
from expunge.learners.exact import ForestClassifier, ForestRegressor, grown
from expunge.learners.state import dump, load


def table(seed: int, n: int, classes: int = 2) -> tuple[pd.DataFrame, Any, Any]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "dose": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n).round(3)),
            "ward": rng.choice(["north", "south", "east"], n),
        }
    )
    score = (X["age"] > 50) * 1.5 + X["dose"].fillna(0) * (X["ward"] == "north") + rng.normal(size=n)
    return X, np.digitize(score, np.quantile(score, np.arange(1, classes) / classes)), rng.integers(0, n // 2 + 1, n)


def small(**params: Any) -> ForestClassifier:
    return ForestClassifier(**({"n_estimators": 6, "subject_fraction": 0.6, "min_samples_leaf": 3} | params))


def refit(learner: ForestClassifier, X: pd.DataFrame, y: Any, ids: Any, left: list[int]) -> str:
    """The digest of the same learner, from the raw rows of those who stay, in another order."""
    stays = np.random.default_rng(0).permutation(np.flatnonzero(~np.isin(ids, left)))
    fresh = ForestClassifier(**learner.get_params())
    return fresh.fit(X.iloc[stays], y[stays], subjects=ids[stays]).digest()


def test_it_predicts_as_well_as_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (6000, 5))
    y = (np.hypot(X[:, 0], X[:, 1]) < 0.8) ^ (rng.random(6000) < 0.1)
    ours = ForestClassifier(subject_fraction=0.6, max_features=0.5).fit(X[:4000], y[:4000])
    theirs = RandomForestClassifier(100, min_samples_leaf=5, random_state=0).fit(X[:4000], y[:4000])
    scores = ours.predict_proba(X[4000:])[:, 1], theirs.predict_proba(X[4000:])[:, 1]
    aucs = [roc_auc_score(y[4000:], score) for score in scores]
    assert aucs[0] > aucs[1] - 0.01


@pytest.mark.parametrize("classes", [2, 3])
def test_one_by_one_until_few_are_left_it_is_a_refit(classes: int) -> None:
    X, y, ids = table(1, 400, classes)
    learner = small().fit(X, y, subjects=ids)
    order = np.random.default_rng(2).permutation(np.unique(ids)).tolist()
    for count, person in enumerate(order[:-12], start=1):
        try:
            learner.forget([person])
        except CannotForgetError:
            break
        if count % 19 == 0:
            assert learner.digest() == refit(learner, X, y, ids, order[:count])
    assert count > 100


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([3, 64]), st.integers(1, 60))
def test_any_batch_is_a_refit_whatever_moves(seed: int, least: int, batch: int) -> None:
    X, y, ids = table(seed, 300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptive, "LEAST", least)
        patch.setattr(grown, "MANY", 3)
        learner = small(random_state=seed).fit(X, y, subjects=ids)
        leaving = np.random.default_rng(seed).permutation(np.unique(ids))[:batch].tolist()
        learner.forget(leaving)
        assert learner.digest() == refit(learner, X, y, ids, leaving)


def test_a_tree_sees_the_share_of_people_that_was_asked_for() -> None:
    X, y, _ = table(3, 3000)
    learner = small(n_estimators=50, subject_fraction=0.3).fit(X, y, subjects=[f"person {n}" for n in range(3000)])
    seen = drawing.seen(learner.state_.grown.grove.draws)
    assert abs(seen.mean() - 0.3) < 0.01
    together = (seen[:, None, :] & seen[None, :, :]).mean(axis=2)
    assert abs(together[~np.eye(50, dtype=bool)].mean() - 0.09) < 0.01, "one tree does not tell of another"


def test_all_rows_of_somebody_are_in_the_same_trees() -> None:
    X, y, ids = table(4, 500)
    seen = drawing.seen(small().fit(X, y, subjects=ids).state_.grown.grove.draws)
    owners = np.sort(ids)
    for person in np.unique(ids)[:30]:
        own = seen[:, owners == person]
        assert (own == own[:, :1]).all()


def test_probabilities_are_those_of_the_leaves() -> None:
    X, y, ids = table(5, 400, 3)
    learner = small().fit(X, y, subjects=ids)
    found = learner.predict_proba(X)
    assert found.shape == (400, 3)
    assert np.allclose(found.sum(axis=1), 1)
    assert np.array_equal(learner.classes_[found.argmax(axis=1)], learner.predict(X))


def test_a_saved_state_goes_on_forgetting() -> None:
    X, y, ids = table(6, 300)
    learner = small(key=bytes(32)).fit(X, y, subjects=ids)
    again = load(dump(learner), key=bytes(32))
    for one in (learner, again):
        one.forget([int(ids[3])])
    assert dump(again) == dump(learner)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"n_estimators": 0}, "n_estimators=0"),
        ({"subject_fraction": 0.0}, "subject_fraction=0.0 is no share"),
        ({"max_features": 1.5}, "max_features=1.5 is no share"),
        ({"max_depth": 0}, "max_depth=0"),
        ({"min_samples_leaf": 0}, "min_samples_leaf=0"),
    ],
)
def test_parameters_out_of_bounds_are_refused(params: dict[str, Any], said: str) -> None:
    X, y, ids = table(9, 50)
    with pytest.raises(InputError, match=said):
        small(**params).fit(X, y, subjects=ids)


@pytest.mark.parametrize(
    "learner", [ForestClassifier(1, min_samples_leaf=200), ForestRegressor(1, min_samples_leaf=200)]
)
def test_a_lone_tree_that_is_a_leaf_forgets(learner: Any) -> None:
    X, y = np.arange(100.0).reshape(-1, 1), np.arange(100) % 2
    fitted = clone(learner).fit(X, y)
    fitted.forget([3])
    stay = np.delete(np.arange(100), 3)
    assert fitted.digest() == clone(learner).fit(X[stay], y[stay], subjects=stay).digest()


def test_nodes_that_are_free_tell_nothing() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 3)), rng.normal(size=400)
    learner = ForestRegressor(2, subject_fraction=1.0, min_samples_leaf=1).fit(X, y)
    for person in rng.permutation(400)[:60].tolist():
        learner.forget([person])
    trees = learner.state_.grown.grove.trees
    for t, pairs in enumerate(trees.free):
        left = pairs[: trees.n_free[t]]
        for node in (*left, *(left + 1)):
            assert not trees.classes[t, node].any()
            assert trees.count[t, node] == 0


def test_too_many_columns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grown, "MOST_COLUMNS", 2)
    with pytest.raises(InputError, match="3 columns are too many"):
        ForestClassifier(2).fit(np.zeros((20, 3)), np.arange(20) % 2)
