"""Threads: the same digest for any number of them, and errors are not lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from expunge.errors import InputError
from expunge.learners.exact import (
    BlendClassifier,
    BlendRegressor,
    BoostingClassifier,
    ForestClassifier,
    ForestRegressor,
    grown,
)
from expunge.learners.exact.threads import FEW, in_threads, workers

LEARNERS = [
    BoostingClassifier(6),
    ForestClassifier(7, subject_fraction=0.6, min_samples_leaf=2),
    ForestRegressor(3, subject_fraction=0.6, min_samples_leaf=2),
    BlendClassifier(2, 6, 5, min_samples_leaf=3, judges=0.4),
    BlendRegressor(2, 6, 5, min_samples_leaf=3, judges=0.4),
]


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda own: type(own).__name__)
def test_any_number_of_threads_learns_and_forgets_the_same(monkeypatch: pytest.MonkeyPatch, learner: Any) -> None:
    monkeypatch.setattr(grown, "MANY", 2)
    rng = np.random.default_rng(0)
    X, ids = rng.normal(size=(900, 4)), np.arange(900)
    y = np.digitize(X[:, 0] * X[:, 1] + rng.normal(size=900) / 3, [-0.3, 0.3])
    fitted = [clone(learner).set_params(n_jobs=jobs).fit(X, y, subjects=ids) for jobs in (None, 2, 5, -1)]
    assert len({own.digest() for own in fitted}) == 1
    for batch in ([3], list(range(50, 60 + FEW)), [7, 8]):
        for own in fitted:
            own.forget(batch)
        assert len({own.digest() for own in fitted}) == 1
    stays = ~np.isin(ids, [3, 7, 8, *range(50, 60 + FEW)])
    assert clone(learner).fit(X[stays], y[stays], subjects=ids[stays]).digest() == fitted[1].digest()


@pytest.mark.parametrize("wrong", [0, -2, 1.5, True, "2"])
def test_what_is_no_number_of_threads_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="n_jobs="):
        workers(wrong)
    with pytest.raises(InputError, match="n_jobs="):
        ForestClassifier(n_jobs=wrong).fit([[1.0], [2.0]], [0, 1])


@pytest.mark.parametrize("n_workers", [1, 2])
def test_results_keep_their_order_and_errors_are_raised(n_workers: int) -> None:
    assert in_threads(n_workers, [lambda: 3, lambda: 1, lambda: 2]) == [3, 1, 2]
    with pytest.raises(ZeroDivisionError):
        in_threads(n_workers, [lambda: 1, lambda: 1 // 0])
