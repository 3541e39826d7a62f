"""Boosting by tables as a learner: it predicts, and forgets to the byte."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from expunge.errors import CannotForgetError, InputError
from expunge.learners.encoding import adaptive
from expunge.learners.exact import BoostingClassifier, grown, series
from expunge.learners.exact.boosting import MultiClass
from expunge.learners.state import dump, load


def table(seed: int, n: int, classes: int = 2) -> tuple[pd.DataFrame, Any, Any]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "dose": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n).round(3)),
            "ward": rng.choice(["north", "south", "east"], n),
            "flag": rng.random(n) < 0.3,
        }
    )
    score = (X["age"] > 50) * 1.5 + X["dose"].fillna(0) * (X["ward"] == "north") + rng.normal(size=n)
    return X, np.digitize(score, np.quantile(score, np.arange(1, classes) / classes)), rng.integers(0, n // 2 + 1, n)


def small(**params: Any) -> BoostingClassifier:
    return BoostingClassifier(**({"n_estimators": 12, "learning_rate": 0.3} | params))


def refit(learner: BoostingClassifier, X: pd.DataFrame, y: Any, ids: Any, left: list[int], order: Any = None) -> str:
    """The digest of the same learner, from the raw rows of those who stay."""
    stays = np.flatnonzero(~np.isin(ids, left))
    stays = stays if order is None else stays[np.argsort(order[stays])]
    fresh = BoostingClassifier(**learner.get_params())
    return fresh.fit(X.iloc[stays], y[stays], subjects=ids[stays]).digest()


def test_it_finds_what_no_single_column_tells() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (6000, 3))
    y = (X[:, 0] * X[:, 1] > 0) ^ (rng.random(6000) < 0.1)
    learner = BoostingClassifier().fit(X[:4000], y[:4000])
    assert roc_auc_score(y[4000:], learner.decision_function(X[4000:])) > 0.85


@pytest.mark.parametrize(("classes", "multi"), [(2, "ovr"), (3, "ovr"), (3, "softmax")])
def test_one_by_one_until_few_are_left_it_is_a_refit(classes: int, multi: str) -> None:
    X, y, ids = table(1, 400, classes)
    learner = small(multi_class=multi).fit(X, y, subjects=ids)
    order = np.random.default_rng(2).permutation(np.unique(ids)).tolist()
    for count, person in enumerate(order[:-12], start=1):
        try:
            learner.forget([person])
        except CannotForgetError:
            break
        if count % 19 == 0:
            assert learner.digest() == refit(learner, X, y, ids, order[:count], np.random.default_rng(3).random(400))
    assert count > 100


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 10**6), st.sampled_from([3, 64]), st.integers(1, 60), st.booleans(), st.sampled_from([1, 64, 10**9])
)
def test_any_batch_is_a_refit_whatever_moves(seed: int, least: int, batch: int, one: bool, patience: int) -> None:
    """With few rows to an interval bins move often, with many seldom; without patience it learns afresh."""
    X, y, ids = table(seed, 300, 2 + seed % 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptive, "LEAST", least)
        patch.setattr(grown, "MANY", 3)
        patch.setattr(series, "PATIENCE", patience)
        params = {"n_candidates": 1 if one else 4, "random_state": seed, "multi_class": "softmax"}
        learner = small(**params).fit(X, y, subjects=ids)
        leaving = np.random.default_rng(seed).permutation(np.unique(ids))[:batch].tolist()
        learner.forget(leaving)
        assert learner.digest() == refit(learner, X, y, ids, leaving)


def test_most_single_people_move_no_more_than_sums() -> None:
    X, y, ids = table(4, 4000)
    learner = BoostingClassifier().fit(X, y, subjects=ids)
    work = [learner.forget([int(person)]).work for person in np.unique(ids)[5:45]]
    assert sum("rows_learned_again" in own for own in work) < 15
    assert min(own["values_moved"] for own in work if "values_moved" in own) < 20
    assert learner.digest() == refit(learner, X, y, ids, np.unique(ids)[5:45].tolist())


def test_the_state_before_is_still_itself() -> None:
    """The rounds went on to the state after; the one before learns its own again."""
    X, y, ids = table(5, 500)
    learner = small().fit(X, y, subjects=ids)
    before, digest = learner.state_, learner.digest()
    learner.forget([int(ids[0])])
    after = learner.digest()
    learner.state_, kept = before, learner.state_
    assert learner.digest() == digest != after
    learner.state_ = kept
    assert learner.digest() == after


def test_a_saved_state_goes_on_forgetting() -> None:
    X, y, ids = table(6, 300)
    learner = small(key=bytes(range(32))).fit(X, y, subjects=ids)
    again = load(dump(learner), key=bytes(range(32)))
    learner.forget([int(ids[3])])
    again.forget([int(ids[3])])
    assert again.digest() == learner.digest()
    assert dump(again) == dump(learner)


@pytest.mark.parametrize("multi", ["ovr", "softmax"])
def test_a_copy_forgets_on_its_own(multi: MultiClass) -> None:
    X, y, ids = table(17, 300, 3)
    learner = small(multi_class=multi).fit(X, y, subjects=ids)
    digest, other = learner.digest(), copy.deepcopy(learner)
    other.forget([int(ids[0])])
    assert learner.digest() == digest
    assert other.digest() == refit(other, X, y, ids, [int(ids[0])])


def test_other_keys_draw_other_tables() -> None:
    X, y, ids = table(7, 300)
    digests = {
        small(random_state=state, key=key).fit(X, y, subjects=ids).digest()
        for state in (0, 1)
        for key in (None, bytes(32), bytes(range(32)))
    }
    assert len(digests) == 6


def test_it_serves_what_it_learned_and_no_row() -> None:
    X, y, ids = table(8, 600, 3)
    learner = small().fit(X, y, subjects=ids)
    scores = learner.decision_function(X)
    assert scores.shape == (600, 3)
    for chain, own in zip(learner.state_.grown.series.chains, scores.T, strict=True):
        rows = learner.state_.records.rows
        by_row = np.empty(600)
        by_row[np.argsort(ids, kind="stable")] = chain.scores[-1, rows] / 256
        assert np.array_equal(own, by_row)
    assert len(learner.serve().body()) < 300_000


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"n_estimators": 0}, "n_estimators=0"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"n_candidates": 0}, "n_candidates"),
        ({"max_features": 4}, "max_features=4 is too many"),
        ({"min_signal": -0.1}, "min_signal=-0.1 is not"),
        ({"min_signal": "a"}, "min_signal='a' is not"),
        ({"min_signal": 1e200}, "is too much"),
        ({"value_step": 0}, "value_step"),
        ({"multi_class": "ova"}, "multi_class='ova' is not known"),
        ({"random_state": -1}, "random_state"),
        ({"structure": "trees"}, "structure='trees' is not known"),
        ({"structure": ["staged"]}, "is not known"),
        ({"structure": "auto", "multi_class": "softmax"}, "multi_class='softmax' says nothing where structure='auto'"),
        ({"n_stages": 2}, "n_stages=2 says nothing where structure='tables'"),
        ({"max_depth": 3}, "max_depth=3 says nothing"),
        ({"n_stages": 0}, "n_stages=0"),
        ({"structure": "staged", "max_depth": 9}, "max_depth=9 is too deep"),
        ({"structure": "staged", "max_depth": 0}, "max_depth=0"),
        ({"structure": "staged", "n_candidates": 2}, "n_candidates=2 says nothing where structure='staged'"),
        ({"structure": "staged", "max_features": 1}, "max_features=1 says nothing"),
    ],
)
def test_parameters_out_of_bounds_are_refused(params: dict[str, Any], said: str) -> None:
    X, y, ids = table(9, 50)
    with pytest.raises(InputError, match=said):
        small(**params).fit(X, y, subjects=ids)


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grown, "MOST_ROWS", 49)
    X, y, ids = table(9, 50)
    with pytest.raises(InputError, match="50 rows are too many"):
        small().fit(X, y, subjects=ids)


@pytest.mark.parametrize("hue", ["all alike", "only words", "all missing but one"])
def test_strange_tables_are_learned_and_forgotten(hue: str) -> None:
    n = 60
    ids, y = np.arange(n), np.arange(n) % 2
    X = {
        "all alike": pd.DataFrame({"a": np.ones(n), "b": ["same"] * n}),
        "only words": pd.DataFrame({"a": [f"w{number % 7}" for number in range(n)]}),
        "all missing but one": pd.DataFrame({"a": [1.5] + [np.nan] * (n - 1), "b": np.arange(n) % 5}),
    }[hue]
    learner = small().fit(X, y, subjects=ids)
    for person in (0, 7):
        learner.forget([person])
    assert learner.digest() == refit(learner, X, y, ids, [0, 7])
    assert len(learner.predict(X)) == n


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_go_with_the_scores(classes: int) -> None:
    X, y, ids = table(10, 500, classes)
    learner = BoostingClassifier().fit(X, y, subjects=ids)
    found = learner.predict_proba(X)
    assert found.shape == (500, classes)
    assert np.allclose(found.sum(axis=1), 1)
    assert np.array_equal(learner.classes_[found.argmax(axis=1)], learner.predict(X))
    if classes == 2:
        assert np.allclose(np.log(found[:, 1] / found[:, 0]), learner.decision_function(X))


def test_what_matters_is_seen_to_matter() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 3))
    learner = BoostingClassifier(max_features=1).fit(X, X[:, 1] + 0.3 * rng.normal(size=3000) > 0)
    found = learner.feature_importances_
    assert found.argmax() == 1
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()


@pytest.mark.parametrize("multi", ["ovr", "softmax"])
def test_several_classes_are_told_apart(multi: MultiClass) -> None:
    X, y, ids = table(15, 3000, 4)
    learner = BoostingClassifier(multi_class=multi).fit(X[:2000], y[:2000], subjects=ids[:2000])
    told = learner.predict_proba(X[2000:])
    assert np.allclose(told.sum(axis=1), 1)
    assert np.array_equal(learner.classes_[told.argmax(axis=1)], learner.predict(X[2000:]))
    assert log_loss(y[2000:], told) < 0.87 * np.log(4)


@pytest.mark.parametrize("multi", ["ovr", "softmax"])
def test_any_number_of_threads_learns_the_same(multi: str) -> None:
    X, y, ids = table(16, 600, 3)
    one, four = (small(multi_class=multi, n_jobs=n).fit(X, y, subjects=ids) for n in (None, 4))
    many = np.unique(ids)[3:60].tolist()
    assert one.digest() == four.digest()
    one.forget(many)
    four.forget(many)
    assert one.digest() == four.digest() == refit(one, X, y, ids, many)


def test_learning_in_two_parts_is_learning_at_once() -> None:
    X, y, ids = table(11, 300)
    first = np.flatnonzero(ids % 2 == 0)
    second = np.flatnonzero(ids % 2 == 1)
    learner = small().fit(X.iloc[first], y[first], subjects=ids[first])
    learner.learn(X.iloc[second], y[second], subjects=ids[second])
    assert learner.digest() == small().fit(X, y, subjects=ids).digest()
    more = table(12, 40)
    learner.learn(*more[:2], subjects=more[2])  # more records of people who are known
    everything = pd.concat([X, more[0]]), np.concatenate([y, more[1]]), np.concatenate([ids, more[2]])
    assert learner.digest() == small().fit(everything[0], everything[1], subjects=everything[2]).digest()


def test_learning_more_needs_ids_and_the_same_columns() -> None:
    X, y, ids = table(13, 100)
    learner = small().fit(X, y, subjects=ids)
    digest = learner.digest()
    with pytest.raises(InputError, match="not said"):
        learner.learn(X, y)
    with pytest.raises(InputError, match="not of the kinds"):
        learner.learn(X.assign(ward=1), y, subjects=ids)
    with pytest.raises(InputError, match=r"(?i)feature names"):
        learner.learn(X.rename(columns={"age": "years"}), y, subjects=ids)
    assert learner.digest() == digest


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_somebody_with_much_of_the_data_can_leave(share: float) -> None:
    X, y, ids = table(14, 2000)
    ids[: int(2000 * share)] = 99_999
    learner = small().fit(X, y, subjects=ids)
    learner.forget([99_999])
    assert learner.digest() == refit(learner, X, y, ids, [99_999])
