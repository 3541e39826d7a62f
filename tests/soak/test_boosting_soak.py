"""Twenty thousand people leave one after another: no drift, and nothing grows. `make soak` runs it."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from expunge.learners.exact import BoostingClassifier

PEOPLE, LEAVING = 24_000, 20_000


@pytest.mark.soak
def test_twenty_thousand_leave_one_by_one() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.lognormal(size=PEOPLE), rng.integers(0, 90, PEOPLE), rng.normal(size=(PEOPLE, 4))])
    y = X[:, 1] / 30 + X[:, 2] * X[:, 3] + rng.normal(size=PEOPLE) > 1.5
    learner = BoostingClassifier().fit(X, y, subjects=np.arange(PEOPLE))
    order = rng.permutation(PEOPLE).tolist()
    for person in order[:2_000]:
        learner.forget([person])
    early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for person in order[2_000:LEAVING]:
        learner.forget([person])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < early + 30_000, "kilobytes"
    stays = np.array(sorted(order[LEAVING:]))
    assert learner.digest() == BoostingClassifier().fit(X[stays], y[stays], subjects=stays).digest()
