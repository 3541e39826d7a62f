"""Models that forget within a bound, or as measured: where the policy's floor allows, judged, and never overstated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from expunge.certificates.verify import Verified
from expunge.domain.certificate import Copy
from expunge.domain.guarantee import Certified, Empirical
from expunge.domain.plan import Method
from expunge.domain.report import Verdict
from expunge.erasure import decide, execute
from expunge.erasure.replay import replay_certificate
from expunge.errors import BudgetSpentError, InputError
from expunge.learners.certified import CertifiedLogisticRegression
from expunge.learners.empirical import TorchClassifier
from expunge.reporting import words
from expunge.reporting.page import render
from expunge.workspace import models, register
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]
Made = Callable[[Workspace, str | None], Verified]
Make = Callable[..., Workspace]

NETWORK: dict[str, Any] = {"method": "neggrad", "epochs": 8, "batch_size": 16}


def under(workspace: Workspace, floor: str) -> Workspace:
    return replace(workspace, policy=replace(workspace.policy, guarantee_floor=floor))


@pytest.fixture
def allowed(make: Make, people: pd.DataFrame) -> Workspace:
    """A workspace whose policy takes whatever was measured, with a model of each class of guarantee."""
    fresh = make(people, learners=("ridge",), confirm=True, roles=("name=direct-identifier", "note=free-text"))
    workspace = under(fresh, "empirical")
    models.train(workspace, "bounded", "visits", "certified-logistic", {"sigma": 5.0})
    models.train(workspace, "network", "visits", "network", NETWORK)
    return workspace


def members(workspace: Workspace, count: int) -> list[int]:
    with workspace.vault.transaction() as connection:
        held = [
            set(register.open_learner(workspace, connection, register.current(connection, model.id)).subjects_held())
            for model in register.every(connection)
        ]
    return sorted(map(int, set.intersection(*held)))[:count]


def copies(verified: Verified) -> dict[str, Copy]:
    return {copy.name: copy for copy in verified.statement.copies if copy.kind == "model"}


def untouched(_learner: Any, before: Any, *_: Any) -> Any:
    return before.model


def barely_touched(_learner: Any, before: Any, *_: Any) -> Any:
    """Change a weight by what no prediction shows: what is learned is another, and nothing was done."""
    name, *_others = sorted(before.model.arrays)
    moved = before.model.arrays[name] + 1e-12
    return replace(before.model, arrays={**before.model.arrays, name: moved})


def verdicts(copy: Copy) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in copy.checks}


@pytest.mark.parametrize(
    ("floor", "learner", "params"),
    [("exact", "network", NETWORK), ("certified", "network", NETWORK), ("exact", "certified-logistic", {})],
)
def test_what_guarantees_less_than_the_floor_is_not_trained(
    make: Make, people: pd.DataFrame, floor: str, learner: str, params: dict[str, Any]
) -> None:
    workspace = under(make(people, learners=(), confirm=True), floor)
    with pytest.raises(InputError, match=f"the policy asks for: {floor}"):
        models.train(workspace, "less", "visits", learner, params)


def test_certificates_state_class_evidence_and_no_more(allowed: Workspace, approve: Approve, certified: Made) -> None:
    leaving = members(allowed, 6)
    done = execute.erase(allowed, [one for person in leaving for one in approve(allowed, person)])
    verified = certified(allowed, done.certificate)
    found = copies(verified)

    bounded, network = found["bounded"], found["network"]
    assert isinstance(bounded.guarantee, Certified)
    assert 0 < bounded.guarantee.spent <= 1
    assert verdicts(bounded)["budget"] is Verdict.PASSED
    assert isinstance(network.guarantee, Empirical)
    if network.method is Method.FORGET:
        assert "verdict" in network.guarantee.measured
        assert verdicts(network)["unlearning: effect"] is Verdict.PASSED
        assert Verdict.FAILED not in verdicts(network).values()
    for copy in (bounded, network):
        assert verdicts(copy)["replay"] is (Verdict.NOT_RUN if copy.method is Method.FORGET else Verdict.PASSED)
        assert "eras" not in copy.guarantee_in_words.lower()
        assert "eras" not in words.guarantee(copy).lower()
    assert verdicts(found["ridge"])["replay"] is Verdict.PASSED
    page = render(verified)
    assert words.BOUNDED in page
    answers = {
        one.name: one.verdict for one in replay_certificate(allowed, allowed.certificates / f"{done.certificate}.json")
    }
    assert answers["model ridge"] is Verdict.PASSED
    assert answers["model bounded"] is Verdict.NOT_COMPARABLE


def test_a_network_that_the_judge_fails_is_refitted_and_replayed(
    allowed: Workspace, approve: Approve, certified: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TorchClassifier, "_forgotten", barely_touched)
    done = execute.erase(allowed, [one for person in members(allowed, 4) for one in approve(allowed, person)])
    network = copies(certified(allowed, done.certificate))["network"]
    assert network.method is Method.REFIT
    assert verdicts(network)["replay"] is Verdict.PASSED
    assert network.guarantee == Empirical("nothing, for no method was used on it in this batch")
    assert "its method was not taken, since effect: The model did nothing" in network.guarantee_in_words


@pytest.mark.parametrize("policy", ["always", "on-demand"])
def test_a_method_that_does_nothing_is_a_refit_judged_or_not(
    allowed: Workspace, approve: Approve, certified: Made, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    """Its rows go, its weights stay: what its peers were found to do, and to sign for."""
    models.set_replay(allowed, "network", policy)
    monkeypatch.setattr(TorchClassifier, "_forgotten", untouched)
    done = execute.erase(allowed, approve(allowed, members(allowed, 1)[0]))
    network = copies(certified(allowed, done.certificate))["network"]
    assert network.method is Method.REFIT


def test_a_method_that_is_not_judged_says_so(allowed: Workspace, approve: Approve, certified: Made) -> None:
    models.set_replay(allowed, "network", "on-demand")
    done = execute.erase(allowed, approve(allowed, members(allowed, 1)[0]))
    network = copies(certified(allowed, done.certificate))["network"]
    assert network.method is Method.FORGET
    assert verdicts(network)["unlearning: effect"] is Verdict.NOT_RUN
    assert network.guarantee == Empirical("nothing in this batch")


def test_a_spent_budget_is_a_refit(
    allowed: Workspace, approve: Approve, certified: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spent(*_: Any) -> None:
        raise BudgetSpentError("enough.", mend="Fit again.")

    monkeypatch.setattr(CertifiedLogisticRegression, "forget", spent)
    done = execute.erase(allowed, approve(allowed, members(allowed, 1)[0]))
    bounded = copies(certified(allowed, done.certificate))["bounded"]
    assert bounded.method is Method.REFIT
    assert verdicts(bounded)["replay"] is Verdict.PASSED


def test_models_below_a_raised_floor_are_retired(allowed: Workspace, approve: Approve, certified: Made) -> None:
    approved = approve(allowed, members(allowed, 1)[0])
    strict = under(allowed, "certified")
    assert execute.erase(strict, approved).sent_back
    decide.approve(strict, approved[0])
    found = copies(certified(strict, execute.erase(strict, approved).certificate))
    assert {name: copy.method for name, copy in found.items()} == {
        "ridge": Method.FORGET,
        "bounded": Method.FORGET,
        "network": Method.RETIRE,
    }
