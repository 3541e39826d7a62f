"""Networks as estimators: hyperparameters alone, which take their recipe to other processes."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from sklearn.base import clone, is_classifier, is_regressor

from expunge.learners import recipes
from expunge.learners.networks import NetworkClassifier, NetworkRegressor
from expunge.learners.recipes import Recipe


def nothing(*_: Any) -> None:
    """A part of a recipe that is never made."""


LINE = Recipe("line", nothing, nothing, nothing)


def test_scikit_learn_knows_what_they_are_and_copies_them() -> None:
    assert is_classifier(NetworkClassifier())
    assert is_regressor(NetworkRegressor())
    for made in (NetworkClassifier("line", epochs=3), NetworkRegressor("line", batch_size=9)):
        assert clone(made).get_params() == made.get_params()


def test_an_estimator_takes_its_recipe_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "_added", {"line": LINE})
    sent = pickle.dumps(NetworkClassifier("line", epochs=3))
    monkeypatch.setattr(recipes, "_added", {})
    got = pickle.loads(sent)  # noqa: S301  # our own
    assert (got.get_params(), set(vars(got))) == (
        NetworkClassifier("line", epochs=3).get_params(),
        set(got.get_params()),
    )
    assert recipes.find("line") == LINE
