"""Replay: a refit from raw rows has the digest of the model that forgot, or it says that it has not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from expunge.domain.report import Verdict
from expunge.learners.base import Learner
from expunge.learners.exact import AdditiveClassifier, RidgeClassifier
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


def test_no_digest_stands_in_what_is_published() -> None:
    model = RidgeClassifier().fit(FEATURES, TARGET, subjects=PEOPLE)
    found = replay(RidgeClassifier(), FEATURES, TARGET, PEOPLE, model.digest())
    assert model.digest() not in str(found.check.to_dict())
