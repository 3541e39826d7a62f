"""A network that forgets by a method: what is kept, what is drawn, and what it never claims."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from torch import nn, optim

from expunge.domain.guarantee import Empirical
from expunge.errors import CorruptedError, InputError
from expunge.learners import create, dump, load, recipes
from expunge.learners.empirical import NegGradPlus, TorchClassifier

RNG = np.random.default_rng(5)
X = RNG.normal(size=(300, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
PEOPLE = np.repeat(np.arange(150), 2)


def fitted(**params: Any) -> TorchClassifier:
    return TorchClassifier(**{"epochs": 4, **params}).fit(X, Y, subjects=PEOPLE)


def test_a_method_is_a_name_or_an_object() -> None:
    named, made = fitted(), fitted(method=NegGradPlus())
    assert named.digest() == made.digest()
    stronger = fitted(method=NegGradPlus(alpha=0.5))
    for learner in (named, stronger):
        learner.forget([3])
    assert named.digest() != stronger.digest()


def test_the_guarantee_is_empirical_and_never_says_erased() -> None:
    guarantee = fitted().guarantee
    assert isinstance(guarantee, Empirical)
    assert "erase" not in str(guarantee)


@pytest.mark.parametrize("method", ["neggrad", "amnesiac", "fisher"])
def test_it_goes_on_forgetting_after_it_was_saved(method: str) -> None:
    learner = fitted(method=method)
    learner.forget([3])
    again = load(dump(learner), key=None, cls=TorchClassifier)
    for one in (learner, again):
        one.forget([9, 10])
    assert learner.digest() == again.digest()


def test_steps_of_who_left_are_gone_and_saved_only_where_they_are_wanted() -> None:
    learner = fitted(method="amnesiac")
    before = learner.state_.history
    learner.forget([3])
    after = learner.state_.history
    assert len(after.steps) == int((~before.present[:, 3]).sum())
    assert fitted().state_.history is None


def test_a_range_that_moves_fits_the_network_anew() -> None:
    cells = X.copy()
    cells[14:16, 2] = 1000.0  # person 7 has the largest numbers
    learner = TorchClassifier(epochs=2).fit(cells, Y, subjects=PEOPLE)
    assert learner.forget([7]).work["refits"] == 1
    assert learner.forget([8]).work["refits"] == 0
    assert max(column.high or 0 for column in learner.serve().signature.columns) < 10


def test_who_leaves_twice_in_a_row_is_drawn_for_anew() -> None:
    assert fitted().state_.n_forgets == 0
    learner = fitted()
    learner.forget([3])
    learner.forget([4])
    assert learner.state_.n_forgets == 2


def test_it_is_made_by_name_with_its_method() -> None:
    learner: Any = create("network", "classification", method="scrub", method__lr=0.01, epochs=3)
    assert learner.method.lr == 0.01
    with pytest.raises(InputError, match="method=neggrad, say"):
        create("network", "classification")
    with pytest.raises(InputError, match="does classification"):
        create("network", "regression", method="scrub")


@pytest.mark.parametrize(
    ("params", "said"),
    [({"device": "abacus"}, "device='abacus'"), ({"epochs": 0}, "epochs=0"), ({"method": "no"}, "no method 'no'")],
)
def test_what_it_cannot_use_is_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said) as raised:
        fitted(**params)
    assert type(raised.value).__module__ == "expunge.errors"


def test_a_recipe_that_cannot_learn_from_the_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="inputs are no images of 28 by 28 pixels"):
        fitted(recipe="digits")
    narrow = replace(recipes.find("perceptron"), name="narrow", module=lambda _, n_outputs: nn.Linear(3, n_outputs))
    wild = replace(recipes.find("perceptron"), name="wild", optimizer=lambda own: optim.SGD(own, lr=1e30))
    monkeypatch.setattr(recipes, "_added", {one.name: one for one in (narrow, wild)})
    with pytest.raises(InputError, match="recipe 'narrow' cannot learn from these rows"):
        fitted(recipe="narrow")
    with pytest.raises(InputError, match="a weight is not finite"):
        fitted(recipe="wild")


def test_a_forged_state_is_refused() -> None:
    learner = fitted(method="amnesiac")
    meta, arrays = learner.to_parts()
    for wrong in ({"present": arrays["present"][:, 1:]}, {"model": arrays["model"][:-1]}):
        with pytest.raises(CorruptedError):
            TorchClassifier(method="amnesiac", epochs=4).restore(meta, {**arrays, **wrong})
