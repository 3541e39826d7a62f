"""Approved or refused: by whom, on what ground, and only while it can still be decided."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from expunge.domain.request import Law, Outcome, State
from expunge.erasure import decide, execute, intake, requests
from expunge.errors import IllegalMoveError, InputError, KeyDestroyedError, NotFoundError, PolicyError
from expunge.vault import subjects
from expunge.workspace import data, journal
from expunge.workspace.folder import Workspace, open_workspace

Acting: TypeAlias = Callable[..., Workspace]


def held(workspace: Workspace) -> set[object]:
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        return set(data.load(workspace, connection, dataset.id).subject_ids())


def test_the_approver_is_noted(workspace: Workspace, acting: Acting) -> None:
    as_dora = acting(workspace, "dora", "privacy_officer")
    request = decide.approve(as_dora, intake.submit(workspace, "71001", Law.GDPR).id)
    assert (request.state, request.approver) == (State.APPROVED, "dora")
    with workspace.vault.transaction() as connection:
        last = json.loads(journal.entries(connection)[-1])
    assert (last["event"], last["actor"], last["request"]) == ("request approved", "dora", request.id)


def test_approving_twice_is_no_move(workspace: Workspace) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    approved = decide.approve(workspace, request.id)
    with workspace.vault.transaction() as connection:
        size = journal.size(connection)
    assert decide.approve(workspace, request.id) == approved
    with workspace.vault.transaction() as connection:
        assert journal.size(connection) == size
    other = open_workspace(workspace.folder, actor="dora")
    with pytest.raises(IllegalMoveError, match=r"is approved and cannot become approved.*owner approved it"):
        decide.approve(other, request.id)


def test_a_refused_person_stays(workspace: Workspace) -> None:
    before = held(workspace)
    request = decide.refuse(workspace, intake.submit(workspace, "71001", Law.GDPR).id, "Art. 17(3)(d)")
    assert (request.state, request.outcome, request.ground) == (State.CLOSED, Outcome.REFUSED, "17(3)(d)")
    assert held(workspace) == before
    with workspace.vault.transaction() as connection:
        assert subjects.everywhere(workspace.vault, connection, [71001])
        with pytest.raises(KeyDestroyedError):
            requests.identity(workspace, connection, request.id)
    with pytest.raises(IllegalMoveError, match="not approved"):
        execute.erase(workspace, [request.id])
    assert list(workspace.certificates.iterdir()) == []


def test_refusing_again_on_the_same_ground_changes_nothing(workspace: Workspace) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    first = decide.refuse(workspace, request.id, "12(5)")
    with workspace.vault.transaction() as connection:
        size = journal.size(connection)
    assert decide.refuse(workspace, request.id, "12-5") == first
    with pytest.raises(IllegalMoveError, match="already, on ground 12"):
        decide.refuse(workspace, request.id, "17(3)(b)")
    with workspace.vault.transaction() as connection:
        assert journal.size(connection) == size


def test_an_unknown_ground_changes_nothing(workspace: Workspace) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    with pytest.raises(InputError, match=r"1798\.105"):
        decide.refuse(workspace, request.id, "1798.105(d)")
    with workspace.vault.transaction() as connection:
        assert requests.load(connection, request.id) == request


def test_an_approved_or_erased_request_cannot_be_refused(workspace: Workspace) -> None:
    request = decide.approve(workspace, intake.submit(workspace, "71001", Law.GDPR).id)
    for state in (State.APPROVED, State.CLOSED):
        with pytest.raises(IllegalMoveError):
            decide.refuse(workspace, request.id, "12(5)")
        with workspace.vault.transaction() as connection:
            assert requests.load(connection, request.id).ground is None
        if state is State.APPROVED:
            execute.erase(workspace, [request.id])


@pytest.mark.parametrize("cut_at", [State.REFUSED, State.NOTIFIED])
@pytest.mark.parametrize("again", ["refuse", "approve"])
def test_a_refusal_that_was_cut_short_goes_on(
    workspace: Workspace, cut_at: State, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    real: Callable[..., object] = requests.move_all

    def killed(*arguments: object, **changes: object) -> object:
        if any(request.state is cut_at for request in arguments[2]):  # type: ignore[attr-defined]
            raise RuntimeError("killed")
        return real(*arguments, **changes)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):  # noqa: PT012  # cut short in the middle
        patch.setattr(requests, "move_all", killed)
        decide.refuse(workspace, request.id, "12(5)")
    if again == "refuse":
        decide.refuse(workspace, request.id, "12(5)")
    else:
        with pytest.raises(IllegalMoveError, match="is closed"):
            decide.approve(workspace, request.id)
    with workspace.vault.transaction() as connection:
        found = requests.load(connection, request.id)
    assert (found.state, found.outcome, found.ground) == (State.CLOSED, Outcome.REFUSED, "12(5)")
    assert not (workspace.keys / "requests" / f"{request.id}.key").exists()
    assert "Art. 12(5)" in (workspace.letters / request.id / "refusal.txt").read_text()


def test_four_eyes_are_two_people(workspace: Workspace, acting: Acting) -> None:
    (workspace.folder / "policy.json").write_bytes(replace(workspace.policy, four_eyes=True).to_json())
    owner = open_workspace(workspace.folder)
    dora = acting(owner, "dora", "privacy_officer")
    request = decide.approve(owner, intake.submit(owner, "71001", Law.GDPR).id)
    with pytest.raises(PolicyError, match=r"'owner'.*four eyes"):
        execute.erase(owner, [request.id])
    assert 71001 in held(owner)
    (done,) = execute.erase(dora, [request.id]).requests
    assert (done.outcome, done.approver) == (Outcome.ERASED, "owner")


def test_an_unfinished_batch_is_not_finished_by_its_approver(workspace: Workspace, acting: Acting) -> None:
    (workspace.folder / "policy.json").write_bytes(replace(workspace.policy, four_eyes=True).to_json())
    owner = open_workspace(workspace.folder)
    dora = acting(owner, "dora", "privacy_officer")
    request = decide.approve(owner, intake.submit(owner, "71001", Law.GDPR).id)

    def stop(_state: State) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):  # cut short in the middle
        execute.erase(dora, [request.id], stop)
    with pytest.raises(PolicyError):
        execute.erase(owner, [])
    assert execute.erase(dora, []).certificate is not None


def test_an_unknown_request_cannot_be_decided(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        decide.approve(workspace, "R-none")
    with pytest.raises(NotFoundError):
        decide.refuse(workspace, "R-none", "12(5)")
