"""What a linear score is: a number, a class's, its log odds, or a number's logarithm."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from expunge.domain.digest import canonical_json
from expunge.errors import CorruptedError
from expunge.learners.exact import LogisticRegression, PoissonRegressor, Ridge, RidgeClassifier
from expunge.learners.served.linear import LinearModel
from expunge.learners.served.model import from_files

X = np.arange(12.0)[:, None]
Y = np.arange(12) % 5 > 1


def facts(served: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(served.files["model.json"])
    return found


def changed(served: Any, **said: Any) -> dict[str, bytes]:
    return {**served.files, "model.json": canonical_json({**facts(served), **said})}


@pytest.mark.parametrize("learner", [Ridge(), RidgeClassifier()])
def test_a_model_without_a_link_says_nothing_of_one_and_has_no_probabilities(learner: Any) -> None:
    served = learner.fit(X, Y.astype(int)).serve()
    assert "link" not in facts(served)
    assert not hasattr(served, "predict_proba")


def test_probabilities_and_numbers_survive_saving() -> None:
    logistic, poisson = LogisticRegression().fit(X, Y), PoissonRegressor().fit(X, X[:, 0])
    assert (facts(logistic.serve())["link"], facts(poisson.serve())["link"]) == ("logistic", "log")
    again = from_files(logistic.serve().files)
    assert isinstance(again, LinearModel)
    assert again.predict_proba(X).tolist() == logistic.predict_proba(X).tolist()
    np.testing.assert_allclose(again.predict_proba(X)[:, 1], 1 / (1 + np.exp(-again.decision_function(X))))
    assert from_files(poisson.serve().files).predict(X).tolist() == poisson.predict(X).tolist()


@pytest.mark.parametrize("link", ["log", "softmax", 3, ["logistic"]])
def test_a_link_that_classes_cannot_have_is_refused(link: Any) -> None:
    with pytest.raises(CorruptedError, match="link"):
        from_files(changed(LogisticRegression().fit(X, Y).serve(), link=link))


@pytest.mark.parametrize("link", ["logistic", "identity", True])
def test_a_link_that_numbers_cannot_have_is_refused(link: Any) -> None:
    with pytest.raises(CorruptedError, match="link"):
        from_files(changed(PoissonRegressor().fit(X, X[:, 0]).serve(), link=link))


def test_a_score_beyond_all_numbers_is_the_largest() -> None:
    served = PoissonRegressor().fit(X, X[:, 0]).serve()
    far = LinearModel(served.signature, "scaled", 2, served.coef + 1e6, served.intercept, "log")  # type: ignore[attr-defined]
    assert far.predict(X).max() == np.exp(700.0)
