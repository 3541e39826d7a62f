"""Who is held or withdrawn leaves the batch while nothing is shredded; the others stay approved and are erased."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from expunge.domain.request import STEPS, Outcome, Request, State
from expunge.domain.subject import SubjectId
from expunge.erasure import batch as batches
from expunge.erasure import clock, execute, holding, requests, withdrawing
from expunge.erasure.steps import verify
from expunge.errors import CheckFailedError, IllegalMoveError
from expunge.vault import blobs
from expunge.vault.database import BLOB_KEY, MODEL_VERSION
from expunge.workspace import data
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]


def hold(workspace: Workspace, request: str) -> Request:
    return holding.hold(workspace, request, "17(3)(e)", clock.today() + timedelta(days=40))


WAYS = {State.HELD: hold, State.CLOSED: withdrawing.withdraw}


def everybody(workspace: Workspace) -> set[SubjectId]:
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        return set(data.load(workspace, connection, dataset.id).subject_ids())


def stopped_at(workspace: Workspace, ids: list[str], state: State | None) -> None:
    """Erase until a state is reached; None: until the batch is begun."""

    def stop(reached: State) -> None:
        if reached is state:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"), pytest.MonkeyPatch.context() as patch:  # noqa: PT012  # in the middle
        if state is None:
            patch.setattr(execute, "_run", lambda *_: stop(None))  # type: ignore[arg-type]
        execute.erase(workspace, ids, stop)


def loaded(workspace: Workspace, request: str) -> Request:
    with workspace.vault.transaction() as connection:
        return requests.load(connection, request)


@pytest.mark.parametrize("state", [None, State.UNLEARNED, State.VERIFIED])
@pytest.mark.parametrize("end", WAYS)
def test_one_leaves_and_the_next_erase_takes_the_others(
    workspace: Workspace, approve: Approve, certified: Any, end: State, state: State | None
) -> None:
    ids = approve(workspace, 71001, 71014, 71027)
    stopped_at(workspace, ids, state)
    gone = WAYS[end](workspace, ids[1])
    assert (gone.state, gone.batch, gone.approver) == (end, None, None)
    with workspace.vault.transaction() as connection:
        assert batches.unfinished(workspace, connection) is None
        assert connection.execute(select(func.count()).select_from(MODEL_VERSION)).scalar() == 2
        known = set(connection.execute(select(BLOB_KEY.c.id)).scalars())
    assert {path.name for path in workspace.vault.blobs.iterdir()} == known
    others = [loaded(workspace, one) for one in (ids[0], ids[2])]
    assert {(one.state, one.approver, one.batch) for one in others} == {(State.APPROVED, "owner", None)}
    done = execute.erase(workspace, [one.id for one in others])
    assert {line.id for line in certified(workspace, done.certificate).statement.requests} == {ids[0], ids[2]}
    assert everybody(workspace) & {71001, 71014, 71027} == {71014}


@pytest.mark.parametrize("end", WAYS)
def test_from_the_new_root_key_on_nobody_leaves(workspace: Workspace, approve: Approve, end: State) -> None:
    """The keys go before the state says so: a kill in between leaves `verified`, and no way back."""
    ids = approve(workspace, 71001, 71014)
    stopped_at(workspace, ids, State.VERIFIED)
    with workspace.vault.transaction() as connection:
        batch = batches.unfinished(workspace, connection)
    assert batch is not None
    execute.WORK[State.SHREDDED].prepare(workspace, batch)
    assert loaded(workspace, ids[0]).state is State.VERIFIED
    with pytest.raises(IllegalMoveError, match="the keys are gone"):
        WAYS[end](workspace, ids[0])
    assert {request.outcome for request in execute.erase(workspace, ids).requests} == {Outcome.ERASED}


@pytest.mark.parametrize("state", [one for one in STEPS[2:] if one is not State.CLOSED])
def test_later_nobody_leaves_either(workspace: Workspace, approve: Approve, state: State) -> None:
    ids = approve(workspace, 71001)
    stopped_at(workspace, ids, state)
    for way in WAYS.values():
        with pytest.raises(IllegalMoveError):
            way(workspace, ids[0])
    assert execute.erase(workspace, ids).requests[0].outcome is Outcome.ERASED


def test_one_leaves_a_batch_that_failed(
    workspace: Workspace, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = approve(workspace, 71001, 71014)

    def broken(*_: object) -> None:
        raise CheckFailedError("it is broken.", mend="Mend it.")

    with monkeypatch.context() as patch, pytest.raises(CheckFailedError):  # noqa: PT012  # in the middle
        patch.setitem(execute.WORK, State.VERIFIED, execute.Step(broken))
        execute.erase(workspace, ids)
    assert loaded(workspace, ids[0]).state is State.FAILED
    assert verify.commit is execute.WORK[State.VERIFIED].commit
    withdrawing.withdraw(workspace, ids[0])
    other = loaded(workspace, ids[1])
    assert (other.state, other.failed, other.approver) == (State.APPROVED, None, "owner")
    assert execute.erase(workspace, [other.id]).certificate is not None
    assert 71001 in everybody(workspace)


def test_what_was_staged_for_who_left_is_destroyed(workspace: Workspace, approve: Approve) -> None:
    (request,) = approve(workspace, 71001)
    stopped_at(workspace, [request], State.UNLEARNED)
    with workspace.vault.transaction() as connection:
        before = {blob for blob, _, _ in blobs.every(workspace.vault, connection)}
    withdrawing.withdraw(workspace, request)
    with workspace.vault.transaction() as connection:
        after = {blob for blob, _, _ in blobs.every(workspace.vault, connection)}
    assert after < before
