"""The person takes the request back: nothing is erased, and who asked is forgotten."""

from __future__ import annotations

import json

import pytest

from expunge.domain.request import Law, Outcome, Request, State
from expunge.erasure import decide, execute, intake, requests, withdrawing
from expunge.errors import IllegalMoveError, KeyDestroyedError
from expunge.vault import subjects
from expunge.workspace import journal
from expunge.workspace.folder import Workspace


def ended(workspace: Workspace, request: str) -> Request:
    with workspace.vault.transaction() as connection:
        with pytest.raises(KeyDestroyedError):
            requests.identity(workspace, connection, request)
        assert subjects.everywhere(workspace.vault, connection, [71001])
        return requests.load(connection, request)


def test_a_withdrawn_request_is_closed_and_its_letter_written(workspace: Workspace) -> None:
    request = decide.approve(workspace, intake.submit(workspace, "71001", Law.GDPR).id)
    done = withdrawing.withdraw(workspace, request.id)
    assert (done.state, done.outcome) == (State.CLOSED, Outcome.WITHDRAWN)
    assert ended(workspace, request.id) == done
    assert "withdrawn" in (workspace.letters / request.id / "withdrawal.txt").read_text()
    with pytest.raises(IllegalMoveError):
        execute.erase(workspace, [request.id])


def test_withdrawing_again_changes_nothing(workspace: Workspace) -> None:
    request = withdrawing.withdraw(workspace, intake.submit(workspace, "71001", Law.GDPR).id)
    with workspace.vault.transaction() as connection:
        size = journal.size(connection)
    assert withdrawing.withdraw(workspace, request.id) == request
    with workspace.vault.transaction() as connection:
        assert journal.size(connection) == size


def test_who_withdrew_may_ask_again(workspace: Workspace) -> None:
    first = withdrawing.withdraw(workspace, intake.submit(workspace, "71001", Law.GDPR).id)
    assert intake.submit(workspace, "71001", Law.GDPR).id != first.id


def test_what_was_answered_is_not_withdrawn(workspace: Workspace) -> None:
    request = decide.refuse(workspace, intake.submit(workspace, "71001", Law.GDPR).id, "12(5)")
    with pytest.raises(IllegalMoveError, match="over: refused"):
        withdrawing.withdraw(workspace, request.id)


@pytest.mark.parametrize("cut_at", [State.WITHDRAWN, State.NOTIFIED])
@pytest.mark.parametrize("again", ["withdraw", "another command"])
def test_a_withdrawal_that_was_cut_short_goes_on(
    workspace: Workspace, cut_at: State, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    real = requests.move_all

    def killed(*arguments: object, **changes: object) -> object:
        if any(one.state is cut_at for one in arguments[2]):  # type: ignore[attr-defined]
            raise RuntimeError("killed")
        return real(*arguments, **changes)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):  # noqa: PT012  # cut short in the middle
        patch.setattr(requests, "move_all", killed)
        withdrawing.withdraw(workspace, request.id)
    if again == "withdraw":
        withdrawing.withdraw(workspace, request.id)
    else:
        intake.submit(workspace, "71014", Law.GDPR)
    found = ended(workspace, request.id)
    assert (found.state, found.outcome) == (State.CLOSED, Outcome.WITHDRAWN)
    with workspace.vault.transaction() as connection:
        entries = [json.loads(entry) for entry in journal.entries(connection)]
    moves = [entry["event"] for entry in entries if entry.get("request") == request.id]
    assert moves[-3:] == ["request withdrawn", "request notified", "request closed"]
