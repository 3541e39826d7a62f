"""Certified learners: the budget is kept, what is undeclared is read again, and the model stays close to a refit."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.bench.tasks import adult
from expunge.domain.digest import canonical_json
from expunge.domain.guarantee import Certified
from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.errors import BudgetSpentError, CannotForgetError, CorruptedError, InputError, NotFoundError
from expunge.learners import create, dump, extractors, load
from expunge.learners.base import Learner
from expunge.learners.certified import CertifiedLinearHead, CertifiedLogisticRegression
from expunge.learners.exact import LogisticRegression
from expunge.learners.extractors import Extractor
from expunge.learners.served import ServedModel
from expunge.learners.served.model import FACTS, from_files

KEY = bytes(range(32))
SCHEMA = Schema(
    (
        Column("id", Role.SUBJECT, Kind.NUMERIC),
        Column("a", Role.FEATURE, Kind.NUMERIC, -1.0, 1.0, 0.001),
        Column("b", Role.FEATURE, Kind.NUMERIC, -1.0, 1.0, 0.001),
        Column("y", Role.TARGET, Kind.CATEGORICAL),
    ),
    "int",
)
LEARNERS = (CertifiedLogisticRegression, CertifiedLinearHead)


def people(seed: int = 0, n_rows: int = 400, classes: int = 2) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows of people, three each."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.uniform(-1, 1, (n_rows, 2)), columns=["a", "b"])
    y = np.digitize(X["a"] + 0.3 * rng.normal(size=n_rows), [0.0, 0.5][: classes - 1])
    return X, y, np.arange(n_rows) // 3


def fitted(cls: Any, seed: int = 0, classes: int = 2, **params: Any) -> Any:
    X, y, ids = people(seed, classes=classes)
    return cls(schema=SCHEMA, key=KEY, **params).fit(X, y, subjects=ids)


@pytest.mark.parametrize("cls", LEARNERS)
@pytest.mark.parametrize("classes", [2, 3])
def test_removals_spend_and_the_promise_stays(cls: Any, classes: int) -> None:
    learner = fitted(cls, classes=classes)
    shares = [learner.spent]
    for person in range(5):
        report = learner.forget([person])
        assert report.records == 3
        assert 1 <= report.work["newton_steps"] <= 4
        shares.append(learner.spent)
        assert learner.guarantee == Certified(1.0, 1e-5, shares[-1])
    assert 0 <= shares[0] < 1e-3
    assert all(np.diff(shares) > 0)
    assert shares[-1] < 0.01


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from([2, 3]), st.lists(st.integers(0, 132), min_size=1, max_size=8, unique=True)
)
def test_the_model_is_as_close_to_a_refit_as_is_claimed(seed: int, classes: int, leaving: list[int]) -> None:
    """The optimum is no further than both gradients' lengths over the penalty."""
    X, y, ids = people(seed, classes=classes)
    learner = CertifiedLogisticRegression(schema=SCHEMA, key=KEY).fit(X, y, subjects=ids)
    for person in leaving:
        learner.forget([person])
    stay = ~np.isin(ids, leaving)
    again = CertifiedLogisticRegression(schema=SCHEMA, key=KEY).fit(X[stay], y[stay], subjects=ids[stay])
    apart = np.linalg.norm(learner.state_.coefficients - again.state_.coefficients)
    penalty = 1 / 3  # C = 1, and a row's squared length is at most 2 columns' and the intercept's
    assert apart <= (learner.state_.residual + again.state_.residual) / penalty
    assert again.spent <= learner.spent


def forgets(learner: Learner, person: int) -> bool:
    try:
        learner.forget([person])
    except BudgetSpentError:
        return False
    return True


def test_the_budget_is_enforced_and_a_refit_begins_afresh() -> None:
    """Under so little noise rounding spends the budget."""
    learner = fitted(CertifiedLogisticRegression, C=30.0, epsilon=0.01, delta=1e-9, sigma=1e-6)
    start, gone = learner.spent, 0
    room = True
    while room:
        before = learner.digest(), dump(learner), learner.spent, learner.subjects_held()
        room = forgets(learner, gone)
        gone += room
    assert gone > 1
    assert before == (learner.digest(), dump(learner), learner.spent, learner.subjects_held())
    assert start < learner.spent <= 1
    X, y, ids = people()
    stay = ids > gone
    assert learner.fit(X[stay], y[stay], subjects=ids[stay]).spent < before[2]


@pytest.mark.parametrize("cls", LEARNERS)
def test_nothing_changes_where_the_budget_does_not_suffice(cls: Any) -> None:
    learner = fitted(cls)
    learner.state_ = replace(learner.state_, residual=learner.budget * (1 - 1e-12))
    before = learner.digest(), dump(learner), learner.subjects_held()
    with pytest.raises(BudgetSpentError, match="fresh budget"):
        learner.forget([3, 4])
    assert before == (learner.digest(), dump(learner), learner.subjects_held())


def test_a_fit_that_the_noise_does_not_cover_is_refused() -> None:
    with pytest.raises(InputError, match="the noise covers"):
        fitted(CertifiedLogisticRegression, sigma=1e-14)


@pytest.mark.parametrize("cls", LEARNERS)
def test_what_nobody_declared_is_read_again(cls: Any) -> None:
    """The owner of a range's end and the only holder of a category leave by a refit; others by a step."""
    X, y, ids = people()
    X["c"] = np.where(ids == 7, "alone", "shared")
    X.loc[ids == 9, "a"] = 55.0
    learner = cls(key=KEY).fit(X, y, subjects=ids)
    assert "newton_steps" in learner.forget([30]).work
    for person in (7, 9):
        assert learner.forget([person]).work == {"rows_touched": 3, "refits": 1}
        assert learner.spent < 1e-3
    stay = ~np.isin(ids, [30, 7, 9])
    assert learner.digest() == cls(key=KEY).fit(X[stay], y[stay], subjects=ids[stay]).digest()


@pytest.mark.parametrize("cls", LEARNERS)
def test_a_state_that_was_loaded_goes_on_and_keeps_what_it_spent(cls: Any) -> None:
    learner = fitted(cls)
    learner.forget([3])
    again: Any = load(dump(learner), key=KEY)
    assert again.spent == learner.spent
    for one in (learner, again):
        one.forget([5])
    assert again.digest() == learner.digest()
    meta, arrays = learner.to_parts()
    for wrong in ({"residual": np.array([1.0])}, {"coefficients": arrays["coefficients"][:, 1:]}):
        with pytest.raises(CorruptedError):
            cls(schema=SCHEMA, key=KEY).restore(meta, arrays | wrong)


def test_the_noise_is_drawn_by_key_and_is_not_served() -> None:
    learner = fitted(CertifiedLogisticRegression)
    other = fitted(CertifiedLogisticRegression).set_params(key=bytes(32))
    assert other.fit(*people()[:2]).digest() != learner.digest()
    noise = learner._noise(learner.state_)[0]
    served = b"".join(learner.serve().files.values())
    assert not any(number.tobytes() in served for number in noise)
    assert fitted(CertifiedLogisticRegression, sigma=0.5)._noise(learner.state_)[0] == pytest.approx(noise)


def test_classes_and_people_are_refused_as_ever() -> None:
    learner = fitted(CertifiedLogisticRegression)
    with pytest.raises(CannotForgetError):
        learner.forget(range(134))


@pytest.mark.parametrize(
    ("name", "value"),
    [("C", 0.0), ("sigma", -1.0), ("epsilon", 0.0), ("epsilon", 101.0), ("delta", 1.0), ("delta", 1e-11)],
)
def test_hyperparameters_out_of_bounds_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        CertifiedLogisticRegression(schema=SCHEMA).set_params(**{name: value}).fit(*people()[:2])


def test_the_command_line_knows_them() -> None:
    assert isinstance(create("certified-logistic", "classification", C=2.0), CertifiedLogisticRegression)
    assert isinstance(create("certified-head", "classification"), CertifiedLinearHead)


def test_a_head_learns_from_an_extractor_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractors, "_added", {})
    extractors.add(Extractor("squares", lambda inputs: inputs**2))
    assert fitted(CertifiedLinearHead, extractor="squares").predict_proba(people()[0]).shape == (400, 2)
    with pytest.raises(NotFoundError, match="no extractor 'nobody'"):
        fitted(CertifiedLinearHead, extractor="nobody")
    with pytest.raises(InputError, match="is not a name"):
        fitted(CertifiedLinearHead, extractor=3)


@pytest.mark.parametrize("change", [{"extractor": "nobody"}, {"extractor": 3}, {"classes": None}])
def test_a_forged_head_is_refused(change: dict[str, Any]) -> None:
    model: ServedModel = fitted(CertifiedLinearHead).serve()
    facts = json.loads(model.files[FACTS]) | change
    with pytest.raises((CorruptedError, NotFoundError)):
        from_files({**model.files, FACTS: canonical_json(facts)})


@pytest.mark.skipif("EXPUNGE_DATA_DIR" not in os.environ, reason="Adult is not here: EXPUNGE_DATA_DIR is not set")
def test_adult_loses_little_to_the_noise_and_many_can_leave() -> None:
    task = adult()
    order = np.random.default_rng(0).permutation(len(task.y))
    train, test = order[:39_000], order[39_000:]
    learner: Learner = CertifiedLogisticRegression(key=KEY)
    models: list[Any] = [learner, LogisticRegression()]
    ours, exact = (
        model.fit(task.X.iloc[train], task.y[train], subjects=train).score(task.X.iloc[test], task.y[test])
        for model in models
    )
    assert abs(ours - exact) < 0.005
    start: float = models[0].spent
    for person in train[:12].tolist():
        assert "refits" not in learner.forget([person]).work
    assert (models[0].spent - start) / 12 < 1 / 500, "hundreds are to leave before a refit"
