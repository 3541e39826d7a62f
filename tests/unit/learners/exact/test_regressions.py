"""Boosting and forests for numbers: they predict, and forget to the byte, scale of the target included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import mean_poisson_deviance, r2_score

from expunge.errors import InputError
from expunge.learners.exact import BoostingRegressor, ForestRegressor, grown
from expunge.learners.served import ServedModel
from expunge.learners.state import dump, load

SMALL = [
    BoostingRegressor(n_estimators=10, learning_rate=0.3),
    BoostingRegressor("poisson", n_estimators=10, learning_rate=0.3),
    ForestRegressor(4, subject_fraction=0.7, min_samples_leaf=2),
]


def table(seed: int, n: int) -> tuple[pd.DataFrame, Any, Any]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "dose": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n).round(3)),
            "ward": rng.choice(["north", "south", "east"], n),
        }
    )
    mean = np.exp((X["age"] > 50) * 1.2 + 0.5 * X["dose"].fillna(0).clip(upper=2) * (X["ward"] == "north") - 0.5)
    return X, rng.poisson(mean).astype(float), rng.integers(0, n // 2 + 1, n)


@pytest.mark.parametrize("learner", SMALL, ids=lambda own: repr(own)[:30])
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), batches=st.lists(st.integers(1, 25), min_size=1, max_size=5), many=st.booleans())
def test_any_batches_are_a_refit(learner: Any, seed: int, batches: list[int], many: bool) -> None:
    X, y, ids = table(seed, 300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grown, "MANY", 2 if many else 50)
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


@pytest.mark.parametrize("learner", [BoostingRegressor(), ForestRegressor()])
def test_numbers_are_predicted(learner: Any) -> None:
    X, y, ids = table(1, 6000)
    learner.fit(X[:4000], y[:4000], subjects=ids[:4000])
    assert r2_score(y[4000:], learner.predict(X[4000:])) > 0.35  # all that can be told apart from chance is .42
    assert learner.feature_importances_.sum() == pytest.approx(1)
    assert learner.feature_importances_.argmax() == 0


def test_counts_are_predicted_by_their_own_loss() -> None:
    X, y, ids = table(2, 6000)
    learner = BoostingRegressor("poisson").fit(X[:4000], y[:4000], subjects=ids[:4000])
    told = learner.predict(X[4000:])
    assert told.min() > 0
    assert told.mean() == pytest.approx(y[4000:].mean(), rel=0.05)
    blind = mean_poisson_deviance(y[4000:], np.full(2000, y[:4000].mean()))
    assert mean_poisson_deviance(y[4000:], told) < 0.75 * blind


@pytest.mark.parametrize("learner", SMALL, ids=lambda own: repr(own)[:30])
def test_what_was_saved_is_what_was_learned(learner: Any, tmp_path: Any) -> None:
    X, y, ids = table(3, 300)
    learner = clone(learner).fit(X, y, subjects=ids)
    again = load(dump(learner), key=None)
    assert again.digest() == learner.digest()
    learner.serve().save(tmp_path)
    assert np.array_equal(ServedModel.load(tmp_path).predict(X), learner.predict(X))


def test_who_alone_had_the_largest_number_is_gone_from_the_scale() -> None:
    X, y, ids = table(4, 400)
    y[7] = 90.0
    learner = BoostingRegressor(n_estimators=10).fit(X, y, subjects=ids)
    assert "rows_learned_again" in learner.forget([int(ids[7])]).work
    stays = ids != ids[7]
    fresh = BoostingRegressor(n_estimators=10).fit(X[stays], y[stays], subjects=ids[stays])
    assert learner.digest() == fresh.digest()


@pytest.mark.parametrize(("high", "low", "share"), [(50.0, 0.1, 0.02), (25.0, 1.0, 0.01), (3.0, 0.02, 0.5)])
def test_rates_far_from_the_mean_neither_run_away_nor_vanish(high: float, low: float, share: float) -> None:
    rng = np.random.default_rng(0)
    flag = rng.random(20_000) < share
    y = rng.poisson(np.where(flag, high, low)).astype(float)
    for rounds in (100, 400):
        told = BoostingRegressor("poisson", rounds).fit(np.c_[flag, rng.random(20_000)], y).predict(np.c_[flag, flag])
        assert np.median(told[flag]) == pytest.approx(high, rel=0.15)
        assert low / 1.15 < np.median(told[~flag]) < max(1.15 * low, 1 / 20)


def test_no_rate_above_54_units_is_predicted() -> None:
    flag = np.arange(20_000) < 20
    learner = BoostingRegressor("poisson").fit(np.c_[flag, flag], np.where(flag, 1e6, 1.0))
    served: Any = learner.serve()
    highest = served.link.scale * np.exp(4)
    assert learner.predict(np.c_[flag, flag]).max() == pytest.approx(highest)
    assert highest < 1e5


@pytest.mark.parametrize("loss", ["huber", ["squared_error"]])
def test_an_unknown_loss_is_refused(loss: Any) -> None:
    with pytest.raises(InputError, match="is not known"):
        BoostingRegressor(loss).fit([[1.0], [2.0]], [1.0, 2.0])
