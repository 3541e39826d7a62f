"""A model that lost too much waits for a decision, before anything is shredded; the deadline comes first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from expunge.certificates.verify import Verified
from expunge.domain.certificate import Copy, Fate
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.domain.request import Outcome, State
from expunge.erasure import execute, guard, requests
from expunge.errors import CheckFailedError, IllegalMoveError, InputError, NotFoundError, UtilityGuardError
from expunge.vault.database import REQUEST
from expunge.workspace import journal, register
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]
Certified = Callable[[Workspace, str | None], Verified]
Under = Callable[..., Workspace]
LEAVING = 6


def members_of(workspace: Workspace) -> list[int]:
    with workspace.vault.transaction() as connection:
        held = [
            set(register.open_learner(workspace, connection, register.current(connection, model.id)).subjects_held())
            for model in register.every(connection)
        ]
    return sorted(int(one) for one in set.intersection(*held))


@pytest.fixture
def guarded(workspace: Workspace, under: Under) -> Workspace:
    """A workspace that allows no loss at all."""
    return under(workspace, utility_drop=0.0)


@pytest.fixture
def held(guarded: Workspace, approve: Approve) -> tuple[Workspace, list[str], str]:
    """A batch that waits: its requests, and its id."""
    ids = approve(guarded, *members_of(guarded)[:LEAVING])
    with pytest.raises(UtilityGuardError, match="'ridge' would go from AUC"):
        execute.erase(guarded, ids)
    with guarded.vault.transaction() as connection:
        batch = requests.load(connection, ids[0]).batch
    assert batch is not None
    return guarded, ids, batch


def ridge(verified: Verified) -> Copy:
    (copy,) = (copy for copy in verified.statement.copies if copy.name == "ridge")
    return copy


def fell(copy: Copy) -> Decimal:
    (found,) = (check.figures for check in copy.checks if check.name == "utility")
    return Decimal(found["before"]) - Decimal(found["after"])


def waits(workspace: Workspace, ids: list[str]) -> None:
    """Nothing is shredded, nothing failed, both models are there, and the command says the same again."""
    with workspace.vault.transaction() as connection:
        assert {requests.load(connection, one).state for one in ids} == {State.VERIFIED}
        model = register.by_name(connection, "ridge").id
        assert register.open_served(workspace, connection, register.current(connection, model))
        staged = register.version_with(connection, model, register.STAGED)
        assert staged is not None
        assert register.open_learner(workspace, connection, staged)
        assert workspace.vault.root_version(connection) == 1
    with pytest.raises(UtilityGuardError, match="both models are kept"):
        execute.erase(workspace, ids)


def test_what_waits_is_verified_and_not_failed(held: tuple[Workspace, list[str], str]) -> None:
    workspace, ids, batch = held
    waits(workspace, ids)
    with pytest.raises(UtilityGuardError, match=f"decide ridge accept --batch {batch}"):
        execute.erase(workspace, [])


def test_an_accepted_loss_is_published_and_stated(held: tuple[Workspace, list[str], str], certified: Certified) -> None:
    workspace, ids, batch = held
    found = guard.decide(workspace, "ridge", batch, "accept")
    assert found.fate is Fate.ACCEPTED
    done = execute.erase(workspace, ids)
    assert {request.outcome for request in done.requests} == {Outcome.ERASED}
    copy = ridge(certified(workspace, done.certificate))
    assert copy.guard == found
    assert found.drop is not None
    assert Decimal(found.drop) == fell(copy) > 0
    assert found.by is not None
    assert found.by.startswith("A-")
    assert "owner" not in found.by
    with workspace.vault.transaction() as connection:
        (entry,) = (one for one in journal.entries(connection) if b"utility decided" in one)
    assert b'"decision":"accept"' in entry


def test_a_retired_model_is_gone_and_the_rest_go_on(
    held: tuple[Workspace, list[str], str], certified: Certified
) -> None:
    workspace, ids, batch = held
    guard.decide(workspace, "ridge", batch, "retire")
    done = execute.erase(workspace, ids)
    copy = ridge(certified(workspace, done.certificate))
    assert (copy.method, copy.version_after, copy.guarantee) == (Method.RETIRE, None, None)
    assert copy.guard is not None
    assert copy.guard.fate is Fate.RETIRED
    assert "so it was decided" in copy.guarantee_in_words
    with workspace.vault.transaction() as connection, pytest.raises(NotFoundError):
        register.current(connection, register.by_name(connection, "ridge").id)


def test_from_the_safe_days_on_it_goes_all_the_same(guarded: Workspace, approve: Approve, certified: Certified) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=29)
    ids = approve(guarded, *members_of(guarded)[:LEAVING], received=long_ago)
    done = execute.erase(guarded, ids)
    copy = ridge(certified(guarded, done.certificate))
    assert copy.guard is not None
    assert (copy.guard.fate, copy.guard.by) == (Fate.DEADLINE, None)
    assert copy.guard.at is not None
    assert Decimal(copy.guard.drop or "0") == fell(copy) > 0


def test_somebody_elses_deadline_ends_the_wait_too(guarded: Workspace, approve: Approve, certified: Certified) -> None:
    """While a batch waits nobody else can be erased: their last days count as well."""
    people = members_of(guarded)
    ids = approve(guarded, *people[:LEAVING])
    (other,) = approve(guarded, people[LEAVING])
    with pytest.raises(UtilityGuardError):
        execute.erase(guarded, ids)
    with guarded.vault.transaction() as connection:
        soon = (datetime.now(UTC) + timedelta(days=2)).date()
        connection.execute(update(REQUEST).where(REQUEST.c.id == other).values(due=soon.isoformat()))
    done = execute.erase(guarded, ids)
    copy = ridge(certified(guarded, done.certificate))
    assert copy.guard is not None
    assert copy.guard.fate is Fate.DEADLINE


def test_a_waiting_batch_can_be_given_up(held: tuple[Workspace, list[str], str], approve: Approve) -> None:
    workspace, ids, batch = held
    assert {request.state for request in execute.give_up(workspace, ids[0])} == {State.PLANNED}
    with pytest.raises(IllegalMoveError, match="does not wait"):
        guard.decide(workspace, "ridge", batch, "accept")


def test_only_what_waits_is_decided_and_only_once(held: tuple[Workspace, list[str], str]) -> None:
    workspace, ids, batch = held
    with pytest.raises(InputError, match="the decision is 'perhaps'"):
        guard.decide(workspace, "ridge", batch, "perhaps")
    with pytest.raises(IllegalMoveError, match="does not wait"):
        guard.decide(workspace, "ridge", "B-000000000000", "accept")
    waits(workspace, ids)
    guard.decide(workspace, "ridge", batch, "accept")
    with pytest.raises(IllegalMoveError, match="does not wait"):
        guard.decide(workspace, "ridge", batch, "retire")


def test_a_decision_outlives_a_step_that_fails(
    held: tuple[Workspace, list[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, ids, batch = held
    guard.decide(workspace, "ridge", batch, "accept")

    def fails(*_: object, **__: object) -> None:
        raise CheckFailedError("the disk is full.", mend="Mend it.")

    with monkeypatch.context() as broken:
        broken.setitem(execute.WORK, State.SHREDDED, execute.Step(fails))
        with pytest.raises(CheckFailedError):
            execute.erase(workspace, ids)
    assert execute.erase(workspace, ids).certificate


@pytest.mark.parametrize(
    ("bound", "figures", "fate"),
    [
        (1.0, {"before": "0.9", "after": "0.1"}, None),
        (0.05, {"before": "0.712", "after": "0.662"}, Fate.WITHIN),
        (0.05, {"before": "0.712", "after": "0.661"}, Fate.WAITS),
        (0.05, {"before": "-0.200", "after": "0.300"}, Fate.WITHIN),
        (0.0, {"before": "0.712", "after": "0.712"}, Fate.WITHIN),
        (0.05, {"before": "0.712", "after": "nan"}, Fate.UNMEASURED),
        (0.05, {}, Fate.UNMEASURED),
    ],
)
def test_a_loss_is_held_against_the_bound(bound: float, figures: dict[str, str], fate: Fate | None) -> None:
    found = guard.measured(bound, Check("utility", Verdict.PASSED, "", figures))
    assert (None if found is None else found["fate"]) == fate
