"""Replay: a refit from raw rows has the digest of the model that forgot, or it says that it has not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from expunge.domain.report import Verdict
from expunge.learners.base import Learner
from expunge.learners.exact import AdditiveClassifier, Retrained, RidgeClassifier
from expunge.verification.replay import replay

FEATURES = pd.DataFrame({"age": [30.0, 41.0, 52.0, 63.0, 74.0, 85.0], "ward": ["a", "b", "a", "b", "lone", "a"]})
TARGET: npt.NDArray[Any] = np.array(["no", "yes", "no", "yes", "no", "yes"], dtype=object)
PEOPLE = np.array([11, 12, 13, 14, 15, 16])
STAY = PEOPLE != 15


@pytest.mark.parametrize("learner", [RidgeClassifier, AdditiveClassifier])
def test_a_model_that_forgot_equals_its_refit(learner: type[Learner]) -> None:
    model = learner().fit(FEATURES, TARGET, subjects=PEOPLE)
    model.forget([15])
    found = replay(learner(), FEATURES[STAY], TARGET[STAY], PEOPLE[STAY], model.digest())
    assert found.check.verdict is Verdict.PASSED
    assert found.digest == found.learner.digest() == model.digest()
    assert found.check.figures["records"] == "5"
    assert float(found.check.figures["full_retrain_seconds"]) == pytest.approx(found.seconds, abs=1e-3)


def test_a_model_that_forgot_nobody_fails() -> None:
    model = RidgeClassifier().fit(FEATURES, TARGET, subjects=PEOPLE)
    found = replay(RidgeClassifier(), FEATURES[STAY], TARGET[STAY], PEOPLE[STAY], model.digest())
    assert found.check.verdict is Verdict.FAILED
    assert found.digest != model.digest()


def test_a_model_that_forgot_somebody_else_fails() -> None:
    model = RidgeClassifier().fit(FEATURES, TARGET, subjects=PEOPLE)
    model.forget([14])
    found = replay(RidgeClassifier(), FEATURES[STAY], TARGET[STAY], PEOPLE[STAY], model.digest())
    assert found.check.verdict is Verdict.FAILED


def test_another_environment_is_neither_a_pass_nor_a_failure() -> None:
    model = Retrained(LogisticRegression(), key=bytes(32)).fit(FEATURES, TARGET, subjects=PEOPLE)
    elsewhere = model.environment | {"processor": "Pentium", "cuda": "13"}
    for expected in (model.digest(), "0" * 64):
        fresh = Retrained(LogisticRegression(), key=bytes(32))
        found = replay(fresh, FEATURES, TARGET, PEOPLE, expected, elsewhere)
        assert found.check.verdict is Verdict.NOT_COMPARABLE
        assert "cuda 13 there, absent here; processor Pentium there" in found.check.detail
        assert "same learned state" not in found.check.detail


def test_in_the_same_environment_a_refitted_estimator_passes_or_fails() -> None:
    model = Retrained(LogisticRegression(), key=bytes(32)).fit(FEATURES, TARGET, subjects=PEOPLE)
    before = model.digest()
    model.forget([15])
    for expected, verdict in ((model.digest(), Verdict.PASSED), (before, Verdict.FAILED)):
        fresh = Retrained(LogisticRegression(), key=bytes(32))
        found = replay(fresh, FEATURES[STAY], TARGET[STAY], PEOPLE[STAY], expected, model.environment)
        assert found.check.verdict is verdict


def test_what_runs_anywhere_has_no_environment() -> None:
    assert RidgeClassifier().fit(FEATURES, TARGET).environment == {}


def test_no_digest_stands_in_what_is_published() -> None:
    model = RidgeClassifier().fit(FEATURES, TARGET, subjects=PEOPLE)
    found = replay(RidgeClassifier(), FEATURES, TARGET, PEOPLE, model.digest())
    assert model.digest() not in str(found.check.to_dict())
