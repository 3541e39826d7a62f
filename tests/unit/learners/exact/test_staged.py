"""Boosting in stages as a learner: it predicts what tables cannot, and forgets to the byte."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import r2_score, roc_auc_score

from expunge.errors import CannotForgetError
from expunge.learners.encoding import adaptive
from expunge.learners.exact import BoostingClassifier, BoostingRegressor, grown, staged
from expunge.learners.served import unpacked
from expunge.learners.state import dump, load

SMALL: dict[str, Any] = {"n_estimators": 9, "learning_rate": 0.4, "structure": "staged", "n_stages": 3, "max_depth": 5}
KINDS = [
    (BoostingClassifier(**SMALL), 2),
    (BoostingClassifier(**SMALL), 3),
    (BoostingClassifier(**(SMALL | {"n_stages": 1})), 2),
    (BoostingRegressor(**SMALL), 0),
    (BoostingRegressor("poisson", **SMALL), 0),
]


def table(seed: int, n: int, classes: int = 2) -> tuple[pd.DataFrame, Any, Any]:
    """Columns of all kinds; classes, or counts where there are none."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "dose": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n).round(3)),
            "ward": rng.choice(["north", "south", "east"], n),
            "flag": rng.random(n) < 0.3,
        }
    )
    score = (X["age"] > 50) * 1.5 + X["dose"].fillna(0).clip(upper=2) * (X["ward"] == "north") + rng.normal(size=n)
    y = (
        np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
        if classes
        else rng.poisson(np.exp(score))
    )
    return X, y.astype(int if classes else float), rng.integers(0, n // 2 + 1, n)


def refit(learner: Any, X: pd.DataFrame, y: Any, ids: Any, left: list[int], order: Any = None) -> str:
    """The digest of the same learner, from the raw rows of those who stay."""
    stays = np.flatnonzero(~np.isin(ids, left))
    stays = stays if order is None else stays[np.argsort(order[stays])]
    return str(clone(learner).fit(X.iloc[stays], y[stays], subjects=ids[stays]).digest())


def products(n: int) -> tuple[Any, Any]:
    """Nothing that a column, or its sum with others, could tell."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 8))
    logit = 1.5 * X[:, 0] * X[:, 1] + 1.5 * X[:, 2] * X[:, 3] + X[:, 4] * X[:, 5] * X[:, 6]
    return X, logit + rng.logistic(size=n)


def test_it_finds_what_tables_do_not() -> None:
    X, y = products(12_000)
    found = {}
    for structure in ("tables", "staged"):
        learner = BoostingClassifier(structure=structure).fit(X[:8000], y[:8000] > 0)
        found[structure] = roc_auc_score(y[8000:] > 0, learner.decision_function(X[8000:]))
    assert found["staged"] > found["tables"] + 0.02
    numbers = BoostingRegressor(structure="staged").fit(X[:8000], y[:8000])
    assert r2_score(y[8000:], numbers.predict(X[8000:])) > 0.3


@pytest.mark.parametrize("classes", [2, 3, 0])
def test_one_by_one_until_few_are_left_it_is_a_refit(classes: int) -> None:
    X, y, ids = table(1, 400, classes)
    learner: Any = (BoostingClassifier if classes else BoostingRegressor)(**SMALL).fit(X, y, subjects=ids)
    order = np.random.default_rng(2).permutation(np.unique(ids)).tolist()
    for count, person in enumerate(order[:-12], start=1):
        try:
            learner.forget([person])
        except CannotForgetError:
            break
        if count % 19 == 0:
            assert learner.digest() == refit(learner, X, y, ids, order[:count], np.random.default_rng(3).random(400))
    assert count > 100


@pytest.mark.parametrize(("learner", "classes"), KINDS, ids=lambda own: repr(own)[:40])
@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    least=st.sampled_from([3, 64]),
    batches=st.lists(st.integers(1, 25), min_size=1, max_size=5),
    afresh=st.sampled_from([2, 8, 10**6]),
    groups=st.sampled_from([4, 32]),
)
def test_any_batches_are_a_refit_whatever_moves(
    learner: Any, classes: int, seed: int, least: int, batches: list[int], afresh: int, groups: int
) -> None:
    """With few rows to an interval bins move often; by few groups seldom a cut; stages are grown afresh, or never."""
    X, y, ids = table(seed, 300, classes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptive, "LEAST", least)
        patch.setattr(grown, "MANY", 2)
        patch.setattr(staged, "MANY", afresh)
        patch.setattr(staged, "GROUPS", groups)
        patch.setattr(staged, "MIN_LEAF", 5)
        own = clone(learner).fit(X, y, subjects=ids)
        order = np.random.default_rng(seed).permutation(np.unique(ids)).tolist()
        done = 0
        for batch in batches:
            own.forget(order[done : done + batch])
            done += batch
        stays = ~np.isin(ids, order[:done])
        fresh = clone(learner).fit(X[stays], y[stays], subjects=ids[stays])
    assert own.digest() == fresh.digest()
    assert own.serve().digest() == fresh.serve().digest()


def test_nothing_is_noted_of_those_who_left() -> None:
    X, y, ids = table(3, 600)
    learner = BoostingClassifier(**SMALL).fit(X, y, subjects=ids)
    learner.forget(np.unique(ids)[:6].tolist())
    made = learner.state_.grown
    gone = np.flatnonzero(made._alive == 0)
    assert len(gone) > 3
    for chain, stages in zip(made.series.chains, made.series.stages, strict=True):
        assert not chain.scores[:, gone].any()
        assert not chain.cell[:, gone].any()
        for stage in stages:
            assert not stage.y[gone].any()
            assert not stage.view.rows[gone].any()
            assert not np.isin(stage.trees.rows, gone).any()


def test_it_serves_what_it_learned_and_no_row() -> None:
    X, y, ids = table(8, 600, 3)
    learner = BoostingClassifier(**SMALL).fit(X, y, subjects=ids)
    scores = learner.decision_function(X)
    for chain, own in zip(learner.state_.grown.series.chains, scores.T, strict=True):
        by_row = np.empty(600)
        by_row[np.argsort(ids, kind="stable")] = chain.scores[-1, learner.state_.records.rows] / 256
        assert np.array_equal(own, by_row)
    assert np.allclose(learner.predict_proba(X).sum(axis=1), 1)
    assert len(learner.serve().body()) < 60_000


@pytest.mark.parametrize(("learner", "classes"), KINDS, ids=lambda own: repr(own)[:40])
def test_a_saved_state_goes_on_forgetting(learner: Any, classes: int) -> None:
    X, y, ids = table(6, 300, classes)
    own = clone(learner).set_params(key=bytes(range(32))).fit(X, y, subjects=ids)
    again = load(dump(own), key=bytes(range(32)))
    own.forget([int(ids[3])])
    again.forget([int(ids[3])])
    assert again.digest() == own.digest()
    served = own.serve()
    assert unpacked(served.packed()).predict(X).tolist() == served.predict(X).tolist()


@pytest.mark.parametrize("kind", [BoostingClassifier, BoostingRegressor])
def test_other_stages_and_depths_learn_something_else(kind: Any) -> None:
    X, y, ids = table(7, 600, 2 if kind is BoostingClassifier else 0)
    told = [
        kind(**(SMALL | other)).fit(X, y, subjects=ids).serve().body()
        for other in ({}, {"n_stages": 1}, {"n_stages": 9}, {"max_depth": 3}, {"n_estimators": 10})
    ]
    assert len(set(told)) == len(told)


def test_threads_change_nothing() -> None:
    X, y, ids = table(9, 500, 3)
    one, two = (BoostingClassifier(**SMALL, n_jobs=n).fit(X, y, subjects=ids) for n in (1, 2))
    for learner in (one, two):
        learner.forget(np.unique(ids)[:4].tolist())
    assert one.state_.grown.arrays.keys() == two.state_.grown.arrays.keys()
    assert all(np.array_equal(own, two.state_.grown.arrays[name]) for name, own in one.state_.grown.arrays.items())


def test_what_matters_is_seen_to_matter() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 3))
    found = (
        BoostingClassifier(structure="staged").fit(X, X[:, 1] + 0.3 * rng.normal(size=3000) > 0).feature_importances_
    )
    assert found.argmax() == 1
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("hue", ["all alike", "only words", "all missing but one", "no word at all", "many words"])
def test_strange_tables_are_learned_and_forgotten(hue: str) -> None:
    n = 60
    ids, y = np.arange(n), np.arange(n) % 2
    X = {
        "all alike": pd.DataFrame({"a": np.ones(n), "b": ["same"] * n}),
        "only words": pd.DataFrame({"a": [f"w{number % 7}" for number in range(n)]}),
        "all missing but one": pd.DataFrame({"a": [1.5] + [np.nan] * (n - 1), "b": np.arange(n) % 5}),
        "no word at all": pd.DataFrame({"a": np.arange(n), "b": pd.Series([None] * n, dtype=object)}),
        "many words": pd.DataFrame({"a": [f"w{number % 40}" for number in range(n)]}),
    }[hue]
    learner = BoostingClassifier(**SMALL).fit(X, y, subjects=ids)
    for person in (0, 7):
        learner.forget([person])
    assert learner.digest() == refit(learner, X, y, ids, [0, 7])
    assert len(learner.predict(X)) == n


def test_learning_in_two_parts_is_learning_at_once() -> None:
    X, y, ids = table(11, 300)
    first, second = np.flatnonzero(ids % 2 == 0), np.flatnonzero(ids % 2 == 1)
    learner = BoostingClassifier(**SMALL).fit(X.iloc[first], y[first], subjects=ids[first])
    learner.learn(X.iloc[second], y[second], subjects=ids[second])
    assert learner.digest() == BoostingClassifier(**SMALL).fit(X, y, subjects=ids).digest()


AUTO: dict[str, Any] = {"n_estimators": 10, "learning_rate": 0.4, "structure": "auto", "max_depth": 4}


def pairs_of(seed: int, n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 8))
    return X, X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] + X[:, 4] * X[:, 5] + 0.5 * rng.normal(size=n) > 0


def test_people_apart_choose_the_structure_that_does_better_on_them() -> None:
    X, y = pairs_of(0, 8000)
    assert BoostingClassifier(structure="auto").fit(X, y).structure_ == "staged"
    alone = (X > 0.5).sum(axis=1) + 3 * np.random.default_rng(1).normal(size=8000) > 2.4
    learner = BoostingClassifier(structure="auto").fit(X, alone)
    assert learner.structure_ == "tables"
    made = learner.state_.grown
    judges = made._apart == 1
    assert 0.08 < judges.mean() < 0.12
    told = {}
    for name, one in made.contenders.items():
        score, y_of = one.chains[0].scores[-1][judges] / 256, made.target.pulls[0][judges] / 256
        told[name] = float((np.log1p(np.exp(score)) - y_of * score).mean())
    assert min(told, key=told.__getitem__) == "tables"


@pytest.mark.parametrize("classes", [2, 3])
def test_with_judges_forgetting_is_a_refit_and_the_choice_goes_with_it(classes: int) -> None:
    """What is chosen is what a refit chooses, whichever it is."""
    for seed in range(6):
        X, y = pairs_of(seed, 500)
        y = y if seed % 2 else (X[:, :3] > 0.5).sum(axis=1) > 1
        y = y.astype(int) + (X[:, 6] > 1) * (classes - 2)
        learner = BoostingClassifier(**AUTO, random_state=seed).fit(X, y)
        order = np.random.default_rng(seed).permutation(500).tolist()
        for begin, end in pairwise((0, 1, 2, 3, 9, 30, 120)):
            learner.forget(order[begin:end])
            stays = np.sort(order[end:])
            again = BoostingClassifier(**AUTO, random_state=seed).fit(X[stays], y[stays], subjects=stays)
            assert learner.digest() == again.digest(), (seed, end)
            assert learner.structure_ == again.structure_
