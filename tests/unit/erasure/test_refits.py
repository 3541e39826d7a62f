"""Estimators of other libraries in a workspace: planned as refits, replayed, certified; not comparable elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import func, select, update

from expunge.certificates.verify import Verified
from expunge.domain.guarantee import Exact
from expunge.domain.plan import Method
from expunge.domain.report import Verdict
from expunge.domain.request import State
from expunge.erasure import decide, execute, plan
from expunge.erasure.replay import replay_certificate
from expunge.erasure.scope import Scope
from expunge.errors import CheckFailedError, InputError
from expunge.learners import state
from expunge.vault import blobs, subjects
from expunge.vault.database import CERTIFICATE, MODEL_VERSION
from expunge.workspace import models, register
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]
Certified = Callable[[Workspace, str | None], Verified]
Make = Callable[..., Workspace]
LEARNERS: dict[str, dict[str, Any]] = {
    "sklearn-logistic": {"max_iter": 1000},
    "hist-gradient-boosting": {"max_iter": 10, "early_stopping": False},
    "lightgbm": {"n_estimators": 10},
    "xgboost": {"n_estimators": 10, "subsample": 0.5},
    "sharded": {"estimator": "lightgbm.LGBMClassifier", "n_shards": 3, "n_slices": 2, "estimator__n_estimators": 6},
}


@pytest.fixture
def trained(make: Make, people: pd.DataFrame) -> Workspace:
    """A workspace with one model of every family."""
    workspace = make(people, learners=(), confirm=True, roles=("name=direct-identifier", "note=free-text"))
    for name, params in LEARNERS.items():
        models.train(workspace, name, "visits", name, params)
    return workspace


def member_of_all(workspace: Workspace) -> int:
    with workspace.vault.transaction() as connection:
        held = [
            set(register.open_learner(workspace, connection, register.current(connection, model.id)).subjects_held())
            for model in register.every(connection)
        ]
    return int(min(set.intersection(*held), key=int))


def moved_elsewhere(workspace: Workspace, model: str, status: str) -> None:
    """Make a version say that it was learned with another NumPy."""
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, model)
        version = register.version_with(connection, row.id, status)
        assert version is not None
        learner: Any = register.open_learner(workspace, connection, version)
        learner.state_ = replace(learner.state_, environment=learner.environment | {"numpy": "1.0"})
        blob = blobs.put(workspace.vault, connection, "training state", state.dump(learner))
        where = (MODEL_VERSION.c.model_id == row.id, MODEL_VERSION.c.version == version.version)
        connection.execute(update(MODEL_VERSION).where(*where).values(state_blob=blob))


def stop_at(there: State) -> Callable[[State], None]:
    def stop(reached: State) -> None:
        if reached is there:
            raise RuntimeError("stopped")

    return stop


def test_forgetting_is_planned_as_the_refit_that_it_is(trained: Workspace) -> None:
    person = member_of_all(trained)
    with trained.vault.transaction() as connection:
        made = plan.make(trained, connection, Scope(subjects.everywhere(trained.vault, connection, [person])))
    copies = [copy for copy in made.copies if copy.kind == "model"]
    assert len(copies) == len(LEARNERS)
    (sharded,) = (copy for copy in copies if copy.name == "sharded")
    copies.remove(sharded)
    assert sharded.method is Method.FORGET
    assert [one.how for one in sharded.candidates] == ["shards learned again", "full refit", "retired"]
    assert sharded.guarantee == "Exact (environment)"
    for copy in copies:
        assert copy.method is Method.REFIT
        assert copy.seconds == copy.refit_seconds
        assert copy.guarantee == "Exact (environment)"
        assert "forgets by a full refit" in copy.why


def test_models_below_the_floor_are_retired_and_no_more_are_trained(
    make: Make, people: pd.DataFrame, approve: Approve, certified: Certified
) -> None:
    workspace = make(people, learners=("ridge",), confirm=True, roles=("name=direct-identifier", "note=free-text"))
    models.train(workspace, "booster", "visits", "lightgbm", {"n_estimators": 3})
    person = member_of_all(workspace)
    approved = approve(workspace, person)
    strict = replace(workspace, policy=replace(workspace.policy, guarantee_floor="portable"))
    sent_back = execute.erase(strict, approved).sent_back
    assert [reason for _, reason in sent_back] == ["its plan changed since it was approved"], (
        "who approved kept a model"
    )
    decide.approve(strict, approved[0])
    done = execute.erase(strict, approved)
    statement = certified(strict, done.certificate).statement
    methods = {copy.name: copy.method for copy in statement.copies if copy.kind == "model"}
    assert methods == {"ridge": Method.FORGET, "booster": Method.RETIRE}
    with strict.vault.transaction() as connection:
        assert register.by_name(connection, "booster").version is None
    with pytest.raises(InputError, match=r"guarantees: Exact \(environment\); the policy asks for: portable"):
        models.train(strict, "again", "visits", "lightgbm", {"n_estimators": 3})


def test_a_person_leaves_models_of_every_family_and_the_certificate_says_where(
    trained: Workspace, approve: Approve, certified: Certified
) -> None:
    person = member_of_all(trained)
    done = execute.erase(trained, approve(trained, person))
    statement = certified(trained, done.certificate).statement
    for copy in statement.copies:
        if copy.kind == "model":
            assert copy.method is (Method.FORGET if copy.name == "sharded" else Method.REFIT)
            assert copy.guarantee == Exact("environment")
            assert {check.name: check.verdict for check in copy.checks}["replay"] is Verdict.PASSED
    assert {"lightgbm", "xgboost", "scikit-learn", "processor", "threads"} <= statement.environment.keys()
    file = trained.certificates / f"{done.certificate}.json"
    assert {one.verdict for one in replay_certificate(trained, file)} == {Verdict.PASSED}
    moved_elsewhere(trained, "lightgbm", register.CURRENT)
    found = {one.name: one for one in replay_certificate(trained, file)}
    assert found["model lightgbm"].verdict is Verdict.NOT_COMPARABLE
    assert "numpy 1.0 there" in found["model lightgbm"].detail
    assert found["model xgboost"].verdict is Verdict.PASSED


def test_what_was_staged_in_another_environment_is_not_certified_and_is_staged_afresh(
    trained: Workspace, approve: Approve, certified: Certified
) -> None:
    ids = approve(trained, member_of_all(trained))
    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(trained, ids, stop_at(State.UNLEARNED))
    moved_elsewhere(trained, "xgboost", register.STAGED)
    with pytest.raises(CheckFailedError, match=r"'xgboost'.*NOT COMPARABLE.*numpy 1\.0 there"):
        execute.erase(trained, ids)
    with trained.vault.transaction() as connection:
        assert connection.execute(select(func.count()).select_from(CERTIFICATE)).scalar() == 0
    done = execute.erase(trained, ids)
    assert certified(trained, done.certificate)


def test_published_models_predict_and_are_measured(trained: Workspace) -> None:
    for name in LEARNERS:
        assert models.score(trained, name).verdict is not Verdict.FAILED


@pytest.mark.parametrize("params", [{"key": "k"}, {"schema": None}, {"n_jobs": 2}, {"leaves": 3}, {"max_bin": [1]}])
def test_hyperparameters_that_do_not_count_are_refused(trained: Workspace, params: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        models.train(trained, "new", "visits", "lightgbm", params)
    with trained.vault.transaction() as connection:
        assert {model.name for model in register.every(connection)} == LEARNERS.keys()
