"""Weights of rows: whole numbers, and a state that is forgotten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.errors import CorruptedError, InputError
from expunge.learners.exact import (
    BlendClassifier,
    BlendRegressor,
    BoostingClassifier,
    BoostingRegressor,
    ForestClassifier,
    ForestRegressor,
)
from expunge.learners.exact.weights import Weights, check_weights
from expunge.learners.state import dump, load

LEARNERS: list[tuple[Any, bool]] = [
    (BoostingClassifier(12, 0.3), True),
    (BoostingRegressor("squared_error", 12, 0.3), False),
    (BoostingRegressor("poisson", 12, 0.3), False),
    (BoostingClassifier(8, 0.3, structure="staged", n_stages=2, max_depth=4), True),
    (BoostingRegressor("squared_error", 8, 0.3, structure="staged", n_stages=2, max_depth=4), False),
    (ForestClassifier(8, subject_fraction=0.6, min_samples_leaf=3), True),
    (ForestRegressor(8, subject_fraction=0.6, min_samples_leaf=3), False),
    (BlendClassifier(2, 10, 6, min_samples_leaf=3, judges=0.3), True),
    (BlendRegressor(2, 10, 6, min_samples_leaf=3, judges=0.3), False),
]
NAMES = [f"{type(own).__name__} {getattr(own, 'loss', '')} {getattr(own, 'structure', '')}" for own, _ in LEARNERS]


def table(seed: int, n: int) -> tuple[pd.DataFrame, Any, Any]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"age": rng.integers(18, 60, n), "ward": rng.choice(["north", "south"], n)})
    days = rng.poisson(np.exp((X["age"] > 40) * 1.0 + (X["ward"] == "north") * 0.4))
    return X, days, rng.integers(0, n // 2, n)


def fresh(learner: Any, X: Any, y: Any, ids: Any, weight: Any) -> Any:
    return type(learner)(**learner.get_params()).fit(X, y, subjects=ids, sample_weight=weight)


WEIGHTS = st.one_of(
    st.lists(st.integers(1, 255).map(float), min_size=2, max_size=40),
    st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=40),
)


@settings(deadline=None, max_examples=200)
@given(WEIGHTS, st.sampled_from([10**6, 600, 60]), st.data())
def test_weights_that_say_nothing_moved_are_those_of_who_stays(given: list[float], most: int, data: Any) -> None:
    each = np.array(given)
    weights = Weights(each, len(each), most)
    leaving = data.draw(st.lists(st.integers(0, len(each) - 1), max_size=len(each) - 1, unique=True))
    moved = weights.leave(np.array(leaving, np.int32))
    stays = np.delete(each, leaving)
    again = Weights(stays, len(stays), most)
    assert moved == (again.facts != weights.facts)
    if not moved:
        assert np.array_equal(np.delete(weights.units, leaving), again.units)
        assert weights.one == again.one
    assert int(again.units.sum()) <= max(most, len(stays))
    assert again.units.min() >= 1


def test_whole_numbers_count_as_they_are_and_others_by_what_is_usual() -> None:
    assert Weights(np.array([1.0, 3.0, 255.0]), 3, 10**6).units.tolist() == [1, 3, 255]
    relative = Weights(np.array([0.5, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1000.0]) / 1024, 8, 10**6)
    assert (relative.units / relative.one).tolist()[:3] == [0.25, 0.5, 1]
    assert relative.units[7] == 255
    assert Weights(None, 3, 10).units.tolist() == [1, 1, 1]


@pytest.mark.parametrize("scale", [1e-90, 1e-3, 1e90])
def test_what_is_relative_does_not_depend_on_the_unit(scale: float) -> None:
    given = np.random.default_rng(0).lognormal(size=500)
    near = Weights(given * 2.0 ** round(np.log2(scale)), 500, 10**6)
    assert np.array_equal(near.units, Weights(given, 500, 10**6).units)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([0.0, 0.0], "every sample_weight is zero"),
        ([1.0, 1e-200], "1e-200 in row 2"),
        ([np.nan, 1.0], "nan in row 1"),
        ([1.0, -2.0], r"-2\.0 in row 2"),
        ([1.0, np.inf], "inf in row 2"),
        ([1.0], "1 numbers for 2 rows"),
        ([[1.0], [1.0]], "2 dimensions"),
        (["a", "b"], "sample_weight"),
    ],
)
def test_what_is_no_weight_is_refused(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_weights(given, 2)


@pytest.mark.parametrize(("learner", "classes"), LEARNERS, ids=NAMES)
@pytest.mark.parametrize("whole", [True, False])
def test_with_weights_forgetting_is_a_refit(learner: Any, classes: bool, whole: bool) -> None:
    X, y, ids = table(1, 500)
    y = (y > 1).astype(int) if classes else y
    rng = np.random.default_rng(2)
    weight = rng.integers(1, 9, 500).astype(float) if whole else rng.lognormal(size=500)
    model = fresh(learner, X, y, ids, weight)
    order, gone = rng.permutation(np.unique(ids)).tolist(), []
    for size in (1, 1, 1, 3, 1, 1, 6, 60):
        batch, order = order[:size], order[size:]
        model.forget(batch)
        gone += batch
        stays = rng.permutation(np.flatnonzero(~np.isin(ids, gone)))
        again = fresh(learner, X.iloc[stays], y[stays], ids[stays], weight[stays])
        assert model.digest() == again.digest(), size
    assert load(dump(model)).digest() == model.digest()


@pytest.mark.parametrize(("learner", "classes"), LEARNERS, ids=NAMES)
def test_a_row_of_weight_three_is_as_three_rows(learner: Any, classes: bool) -> None:
    X, y, ids = table(3, 300)
    y = (y > 1).astype(int) if classes else y
    weight = np.random.default_rng(4).integers(1, 4, 300)
    thrice = np.repeat(np.arange(300), weight)
    weighed = fresh(learner, X, y, ids, weight)
    repeated = fresh(learner, X.iloc[thrice], y[thrice], ids[thrice], None)
    assert np.array_equal(weighed.predict(X), repeated.predict(X))
    if classes:
        assert np.array_equal(weighed.predict_proba(X), repeated.predict_proba(X))


@pytest.mark.parametrize(("learner", "classes"), LEARNERS, ids=NAMES)
def test_weights_count(learner: Any, classes: bool) -> None:
    X, y, ids = table(5, 400)
    y = (y > 1).astype(int) if classes else y
    heavy = np.where(X["ward"] == "north", 9.5, 0.5)
    told = fresh(learner, X, y, ids, heavy).predict(X)
    assert not np.array_equal(told, fresh(learner, X, y, ids, None).predict(X))
    assert np.array_equal(
        fresh(learner, X, y, ids, np.ones(400)).predict(X), fresh(learner, X, y, ids, None).predict(X)
    )


def test_a_saved_state_with_a_row_of_weight_nought_is_refused() -> None:
    X, y, ids = table(9, 60)
    learner = fresh(BoostingClassifier(3), X, (y > 1).astype(int), ids, np.full(60, 2.0))
    meta, arrays = learner.to_parts()
    arrays["numbers"][5, 1] = 0.0
    with pytest.raises(CorruptedError, match="weight 0"):
        BoostingClassifier(3).restore(meta, arrays)


@pytest.mark.parametrize("as_list", [True, False])
def test_a_row_of_weight_nought_is_as_if_it_were_not_there(as_list: bool) -> None:
    X, y, ids = table(8, 300)
    y, counts = (y > 1).astype(int), ids % 7 > 0
    whose: Any = ids.tolist() if as_list else ids
    learner = fresh(BoostingClassifier(8), X, y, whose, counts)
    rest = fresh(BoostingClassifier(8), X[counts], y[counts], ids[counts], np.ones(int(counts.sum())))
    assert learner.digest() == rest.digest()
    assert learner.subjects_held() == rest.subjects_held()
    with pytest.raises(InputError, match="299 subjects for 300 rows"):
        fresh(BoostingClassifier(8), X, y, whose[1:], counts)


def test_more_records_have_weights_where_the_first_had() -> None:
    X, y, ids = table(6, 200)
    y, weight = (y > 1).astype(int), np.random.default_rng(7).lognormal(size=200)
    first, second = np.flatnonzero(ids % 2 == 0), np.flatnonzero(ids % 2 == 1)
    learner = fresh(BoostingClassifier(8), X.iloc[first], y[first], ids[first], weight[first])
    digest = learner.digest()
    with pytest.raises(InputError, match="had weights"):
        learner.learn(X.iloc[second], y[second], subjects=ids[second])
    assert learner.digest() == digest
    learner.learn(X.iloc[second], y[second], subjects=ids[second], sample_weight=weight[second])
    assert learner.digest() == fresh(BoostingClassifier(8), X, y, ids, weight).digest()
    plain = fresh(BoostingClassifier(8), X.iloc[first], y[first], ids[first], None)
    with pytest.raises(InputError, match="had no weights"):
        plain.learn(X.iloc[second], y[second], subjects=ids[second], sample_weight=weight[second])
