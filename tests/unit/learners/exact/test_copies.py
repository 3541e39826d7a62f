"""A copy of a fitted learner forgets on its own, in place as the original does, and nothing of the original."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from expunge.learners.exact import (
    BlendClassifier,
    BlendRegressor,
    BoostingClassifier,
    BoostingRegressor,
    ForestClassifier,
    ForestRegressor,
)

LEARNERS = [
    BoostingClassifier(10),
    BoostingClassifier(10, structure="staged", n_stages=2),
    BoostingClassifier(10, structure="auto"),
    BoostingRegressor(n_estimators=10),
    ForestClassifier(8),
    ForestClassifier(8, n_jobs=2),
    ForestRegressor(8),
    BlendClassifier(1, 5, 5),
    BlendRegressor(1, 5, 5),
]


def pickled(learner: Any) -> Any:
    """Copy as scikit-learn's parallel searches do."""
    return pickle.loads(pickle.dumps(learner))  # noqa: S301  # our own bytes


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
@pytest.mark.parametrize("learner", LEARNERS, ids=str)
def test_a_copy_forgets_like_a_refit_and_the_original_keeps_all(learner: Any, copied: Callable[[Any], Any]) -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(1500, 4)).round(2)
    y, leaving = (X[:, 0] * X[:, 1] > 0.1).astype(int), [5, 80, 81, 700, 1400]
    fitted = type(learner)(**learner.get_params()).fit(X, y)
    before, again = fitted.digest(), copied(fitted)
    works = [again.forget([person]).work for person in leaving]
    assert any("rows_learned_again" not in work for work in works)
    stay = np.delete(np.arange(1500), leaving)
    refitted = type(learner)(**learner.get_params()).fit(X[stay], y[stay], subjects=stay)
    assert again.digest() == refitted.digest()
    np.testing.assert_array_equal(again.predict(X), refitted.predict(X))
    assert fitted.digest() == before
    fitted.forget(leaving)
    assert fitted.digest() == refitted.digest()
