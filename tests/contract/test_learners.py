"""Every built-in learner keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest

from expunge.learners import LEARNERS, check_learner, create
from expunge.learners.base import Learner
from expunge.learners.exact import AdditiveClassifier, Ridge, RidgeClassifier, TableEncoder

CASES: list[tuple[Learner, dict[str, Any]]] = [
    (RidgeClassifier(), {}),
    (RidgeClassifier(alpha=0.01), {}),
    (Ridge(), {}),
    (AdditiveClassifier(), {}),
    (AdditiveClassifier(alpha=1.0, max_bins=6), {}),
    (TableEncoder("bins"), {"encoding": ["scaled"]}),
    (TableEncoder("scaled"), {"encoding": ["bins"], "max_bins": ()}),
]


@pytest.mark.parametrize(("learner", "alternatives"), CASES, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("seed", [0, 100])
def test_a_built_in_learner_keeps_the_contract(learner: Learner, alternatives: dict[str, Any], seed: int) -> None:
    check_learner(learner, seed=seed, alternatives=alternatives)


def test_every_registered_learner_is_checked() -> None:
    registered = {type(create(name, task)) for name, tasks in LEARNERS.items() for task in tasks}
    assert registered <= {type(learner) for learner, _ in CASES}
