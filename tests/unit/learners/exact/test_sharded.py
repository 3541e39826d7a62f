"""Sharded estimators: forgetting learns again what somebody leaves, and nothing else; it is a refit all the same."""

from __future__ import annotations

import itertools
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import (
    Lasso,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier, XGBRegressor

from expunge.errors import CannotForgetError, InputError
from expunge.learners import create, dump, load
from expunge.learners.exact import Retrained, Sharded, shards
from expunge.learners.networks import NetworkClassifier, NetworkRegressor
from expunge.learners.people import People, random_people
from expunge.learners.reach import Needles, reachable
from expunge.learners.served import from_files

KEY = bytes(range(32))
CLASSIFIERS: dict[str, Any] = {
    "logistic": LogisticRegression(max_iter=1000),
    "sgd": SGDClassifier(loss="log_loss", max_iter=9, tol=None),
    "histogram": HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=2),
    "lightgbm": LGBMClassifier(n_estimators=7, min_child_samples=2, subsample=0.5, subsample_freq=1),
    "xgboost": XGBClassifier(n_estimators=7, subsample=0.5),
    "network": NetworkClassifier(epochs=6, batch_size=16),
}
REGRESSIONS: dict[str, Any] = {
    "ridge": Ridge(solver="sag"),
    "sgd": SGDRegressor(max_iter=9, tol=None),
    "histogram": HistGradientBoostingRegressor(max_iter=4, min_samples_leaf=2),
    "lightgbm": LGBMRegressor(n_estimators=7, min_child_samples=2),
    "xgboost": XGBRegressor(n_estimators=7, colsample_bynode=0.5),
    "network": NetworkRegressor(epochs=6, batch_size=16),
}
GOES_ON = ("sgd", "lightgbm", "xgboost", "network")


def fitted(estimator: Any, people: People, key: bytes | None = KEY, **params: Any) -> Sharded:
    learner = Sharded(clone(estimator), **({"n_shards": 3, "n_slices": 3} | params), schema=people.schema, key=key)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return learner.fit(people.X, people.y, subjects=people.ids)


def table(n: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "c": rng.choice(["x", "y", "z"], n)})
    return X, (X["a"] * X["b"] + (X["c"] == "x") + rng.normal(size=n) > 0.3).to_numpy(copy=True)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *(f"{name} regression" for name in REGRESSIONS)])
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**16), data=st.data())
def test_forgetting_equals_a_refit_of_permuted_rows(name: str, seed: int, data: st.DataObject) -> None:
    base, regression, _ = name.partition(" regression")
    estimator = REGRESSIONS[base] if regression else CLASSIFIERS[base]
    classes = data.draw(st.sampled_from([2, 3]))
    people = random_people(
        seed, "regression" if regression else "classification", text_ids=True, declared=False, classes=classes
    )
    leaving = data.draw(st.lists(st.sampled_from(people.subjects), min_size=1, max_size=5, unique=True))
    order = np.array(data.draw(st.permutations(range(len(people.ids)))))
    try:
        learner = fitted(estimator, people)
        learner.forget(leaving[:1])
        learner.forget(leaving[1:])
    except (CannotForgetError, InputError):  # a class left whole; or a shard is too small for the library
        return
    refit = fitted(estimator, people.only(order).without(leaving))
    assert learner.digest() == refit.digest()
    assert dump(learner) == dump(refit)
    assert learner.serve().digest() == refit.serve().digest()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_loaded_state_predicts_and_forgets_without_a_pickle(name: str) -> None:
    people = random_people(1, "classification", text_ids=False, declared=True, classes=3)
    learner = fitted(CLASSIFIERS[name], people)
    saved = dump(learner)
    again = load(saved, key=KEY)
    assert type(again) is Sharded
    assert again.predict(people.X).tolist() == learner.predict(people.X).tolist()
    assert (again.environment, again.explanation_) == (learner.environment, learner.explanation_)
    assert not any(word in saved for word in (b"pickle", b"sklearn.", b"lightgbm.", b"xgboost."))
    learner.forget([people.lone])
    again.forget([people.lone])
    assert dump(again) == dump(learner)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_only_what_somebody_leaves_is_learned_again(name: str) -> None:
    X, y = table(400)
    learner = Sharded(clone(CLASSIFIERS[name]), n_shards=4, n_slices=3, key=KEY).fit(X, y)
    placed, before = learner.state_.placed, learner.state_.shards
    person = int(np.flatnonzero((placed.shard == 2) & (placed.part == 1))[0])
    work = learner.forget([person]).work
    assert (work["shards_learned_again"], work["stages_learned_again"]) == (1, 2)
    after = learner.state_.shards
    for shard in (0, 1, 3):
        assert after[shard] is before[shard]
    assert after[2][0] is before[2][0]
    assert after[2][2] is not before[2][2]
    assert all((stage is None) == (name not in GOES_ON) for stages in after for stage in stages[:-1])


def test_a_superseded_checkpoint_is_nowhere() -> None:
    X, y = table(400)
    X["a"] = X["a"].round(6)
    learner = Sharded(LGBMClassifier(n_estimators=9), n_shards=2, n_slices=3, key=KEY).fit(X, y)
    lines = {
        text: {line for line in text.split("\n") if line.startswith(("leaf_value=", "threshold="))}
        for stages in learner.state_.shards
        for text in (stage.text for stage in stages)
    }
    learner.forget([0, 1, 2, 3])
    kept = {stage.text for stages in learner.state_.shards for stage in stages}
    still = {line for text in kept for line in text.split("\n")}
    gone = tuple({line for text, own in lines.items() if text not in kept for line in own} - still)
    assert len(gone) > 10
    assert not reachable(learner, Needles(texts=gone))
    saved = dump(learner)
    assert not [line for line in gone if line.encode() in saved]


def test_a_word_keeps_its_number_from_slice_to_slice() -> None:
    X, y = table(300)
    X.loc[:40, "c"] = [f"w{number}" for number in range(41)]
    for estimator in (LGBMClassifier(n_estimators=6), XGBClassifier(n_estimators=6)):
        learner = Sharded(estimator, n_shards=1, n_slices=3).fit(X, y)
        known = [stage.signature.columns[2].words for stage in learner.state_.shards[0]]
        for fewer, more in itertools.pairwise(known):
            assert more[: len(fewer)] == fewer
        assert set(known[-1]) == {f"s:{word}" for word in X["c"]}


@pytest.mark.parametrize("estimator", [LGBMClassifier(n_estimators=30), XGBClassifier(n_estimators=30)])
def test_slices_go_on_from_the_trees_of_before(estimator: Any) -> None:
    X, y = table(3000)
    stages = Sharded(clone(estimator), n_shards=1, n_slices=3).fit(X, y).state_.shards[0]
    counts = [_n_trees(stage) for stage in stages]
    assert counts == [10, 20, 30]
    whole, sliced = (Sharded(clone(estimator), n_shards=1, n_slices=n).fit(X[:2000], y[:2000]) for n in (1, 3))
    aucs = [roc_auc_score(y[2000:], one.decision_function(X[2000:])) for one in (whole, sliced)]
    assert min(aucs) > 0.65
    assert abs(aucs[0] - aucs[1]) < 0.05


def _n_trees(model: Any) -> int:
    if model.kind == "lightgbm":
        return int(model._booster.num_trees())
    return int(model._booster.num_boosted_rounds())


def test_one_shard_is_a_refit() -> None:
    X, y = table(200)
    for estimator in (LGBMClassifier(n_estimators=5), LogisticRegression()):
        alone = Sharded(clone(estimator), n_shards=1, n_slices=1, key=KEY).fit(X, y)
        whole = Retrained(clone(estimator), key=KEY).fit(X, y)
        assert np.array_equal(np.sign(alone.decision_function(X)), np.sign(whole.decision_function(X)))


def test_the_mean_of_probabilities_is_what_the_members_say() -> None:
    X, y = table(600)
    for estimator in (LGBMClassifier(n_estimators=5), XGBClassifier(n_estimators=5), LogisticRegression()):
        learner = Sharded(estimator, n_shards=3, n_slices=1).fit(X, y)
        shares = []
        for stages in learner.state_.shards:
            score = stages[-1].decision_function(X)
            shares.append(1 / (1 + np.exp(-score)))
        assert np.allclose(learner.predict_proba(X)[:, 1], np.mean(shares, axis=0))
        assert np.allclose(learner.decision_function(X), np.mean(shares, axis=0) - 0.5)
        assert np.allclose(
            Sharded(estimator, n_shards=3, n_slices=1, aggregate="median").fit(X, y).predict_proba(X)[:, 1],
            np.median(shares, axis=0),
        )
        voted = Sharded(estimator, n_shards=3, n_slices=1, aggregate="vote").fit(X, y).predict_proba(X)[:, 1]
        assert np.allclose(voted, np.mean(np.array(shares) > 0.5, axis=0))


def test_lightgbms_own_probabilities_of_three_classes_are_served() -> None:
    X, y = table(600)
    y = y.astype(int) + (X["b"] > 1).to_numpy()
    model = LGBMClassifier(n_estimators=5)
    learner = Sharded(model, n_shards=1, n_slices=1, key=KEY).fit(X, y)
    told = learner.state_.shards[0][0]
    assert np.allclose(learner.predict_proba(X), told._booster.predict(_plain(told, X)), atol=1e-12)


def _plain(model: Any, X: pd.DataFrame) -> Any:
    from expunge.learners.encoding.plain import plain  # noqa: PLC0415

    return plain(model.signature.columns, model.signature.read(X))


def test_a_shard_may_know_one_class_only_or_nobody() -> None:
    X, y = table(60)
    y[:] = False
    y[:3] = True
    learner = Sharded(LGBMClassifier(n_estimators=3), n_shards=16, n_slices=2, key=KEY).fit(X, y)
    assert {len(stages[-1].signature.words) for stages in learner.state_.shards if stages[-1]} == {1, 2}
    assert learner.predict_proba(X).sum(axis=1) == pytest.approx(1)
    lonely = Sharded(LogisticRegression(), n_shards=200, key=KEY).fit(X, y)
    assert any(stages[-1] is None for stages in lonely.state_.shards)
    lonely.forget(range(3, 50))
    rest = [0, 1, 2, *range(50, 60)]
    again = Sharded(LogisticRegression(), n_shards=200, key=KEY).fit(X.iloc[rest], y[rest], subjects=rest)
    assert lonely.digest() == again.digest()


def test_where_fewer_people_want_fewer_shards_all_is_learned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "LEAST", 50)
    X, y = table(205)
    learner = Sharded(LogisticRegression(), key=KEY).fit(X, y)
    assert learner.n_shards_ == 4
    assert learner.forget([0]).work["shards_learned_again"] == 1
    assert learner.forget(range(1, 7)).work == {
        "rows_touched": 6,
        "rows_learned_again": 198,
        "shards_learned_again": 3,
    }
    rest = range(7, 205)
    again = Sharded(LogisticRegression(), key=KEY).fit(X.iloc[7:], y[7:], subjects=rest)
    assert learner.digest() == again.digest()


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_any_number_of_workers_of_any_engine_learns_the_same(backend: str) -> None:
    X, y = table(300)
    for estimator in (LGBMClassifier(n_estimators=4), SGDClassifier(loss="log_loss", max_iter=5, tol=None)):
        one = Sharded(clone(estimator), n_shards=3, n_slices=2, key=KEY).fit(X, y)
        with joblib.parallel_config(backend):
            two = Sharded(clone(estimator), n_shards=3, n_slices=2, n_jobs=2, key=KEY).fit(X, y)
            one.forget([5, 6])
            two.forget([5, 6])
        assert one.digest() == two.digest()


def test_an_error_comes_back_whole_from_another_process() -> None:
    X, y = table(100)
    estimator = HistGradientBoostingClassifier(early_stopping=True, validation_fraction=0.0)
    with pytest.raises(InputError, match="cannot learn from these rows"):
        Sharded(estimator, n_shards=2, n_jobs=2).fit(X, y)
    error = pickle.loads(pickle.dumps(InputError("this.", mend="that.")))  # noqa: S301  (our own)
    assert (str(error), error.mend) == ("this. that.", "that.")


def test_what_is_served_survives_its_files_and_holds_no_ids() -> None:
    people = random_people(2, "classification", text_ids=True, declared=False, classes=3)
    for estimator in CLASSIFIERS.values():
        served = fitted(estimator, people).serve()
        again = from_files(served.files)
        assert again.digest() == served.digest()
        assert again.decision_function(people.X).tolist() == served.decision_function(people.X).tolist()
        held = b"".join(served.files.values())
        assert not Needles(texts=tuple(map(str, people.subjects))).in_bytes(held)


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"n_shards": 0}, "n_shards=0"),
        ({"n_shards": 5000}, "too many"),
        ({"n_slices": 1.5}, r"n_slices=1\.5"),
        ({"aggregate": "sum"}, "aggregate='sum'"),
        ({"expected_requests": 0}, "expected_requests=0"),
        ({"random_state": -1}, "random_state=-1"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
)
def test_hyperparameters_out_of_bounds_are_refused(params: dict[str, Any], match: str) -> None:
    X, y = table(50)
    with pytest.raises(InputError, match=match):
        Sharded(LogisticRegression(), **params).fit(X, y)


def test_who_gives_no_probabilities_votes() -> None:
    X, y = table(200)
    for estimator in (SGDClassifier(), RidgeClassifier()):
        with pytest.raises(InputError, match="gives no probabilities"):
            Sharded(estimator, n_shards=3).fit(X, y)
        shares = Sharded(estimator, n_shards=3, aggregate="vote").fit(X, y).predict_proba(X)
        assert set(np.unique((3 * shares).round(6))) <= {0, 1, 2, 3}
    with pytest.raises(InputError, match="nobody votes for a number"):
        Sharded(Lasso(), aggregate="vote").fit(X[["a"]], X["b"])


def test_it_is_made_by_name() -> None:
    made = create(
        "sharded", "classification", estimator="lightgbm.LGBMClassifier", n_shards=4, estimator__n_estimators=9
    )
    assert isinstance(made, Sharded)
    assert (made.n_shards, made.estimator.n_estimators) == (4, 9)
    assert isinstance(create("retrained", "regression", estimator="sklearn.linear_model.Lasso", alpha=0.5), Retrained)
    with pytest.raises(InputError, match="wraps an estimator"):
        create("sharded", "classification")
    with pytest.raises(InputError, match="does regression, not classification"):
        create("sharded", "classification", estimator="LGBMRegressor")
    with pytest.raises(InputError, match=r"no adapter for 'os\.LGBMClassifier'"):
        create("sharded", "classification", estimator="os.LGBMClassifier")
    with pytest.raises(InputError, match="shards"):
        create("sharded", "classification", estimator="LGBMClassifier", shards=4)
