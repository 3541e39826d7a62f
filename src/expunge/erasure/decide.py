"""Decisions: approved or refused, by whom, on what ground."""

from __future__ import annotations

from expunge.access.actions import Action
from expunge.domain.request import Outcome, Request, State
from expunge.erasure import intake, requests
from expunge.erasure.law.rules import ground
from expunge.erasure.refusal import close_refused
from expunge.errors import IllegalMoveError
from expunge.workspace import journal
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import refuse_while_erasing


def approve(workspace: Workspace, request_id: str) -> Request:
    """Approve a planned request; the actor becomes its approver.

    Raises
    ------
    IllegalMoveError
        Where the request is not planned.
    WorkspaceBusyError
        Where it could not be planned yet, since an erasure is not finished.
    """
    workspace.authorise(Action.REQUEST_APPROVE)
    with journal.recording(workspace):
        request = _current(workspace, request_id)
        with workspace.vault.transaction() as connection:
            if request.state is State.IDENTIFIED:
                refuse_while_erasing(connection)
            return requests.move(workspace, connection, request, State.APPROVED, approver=workspace.actor)


def refuse(workspace: Workspace, request_id: str, ground_name: str) -> Request:
    """Refuse a request on a ground of its law, write the letter, and close it.

    Repeating a refusal on the same ground changes nothing.

    Raises
    ------
    InputError
        Where the law knows no such ground.
    IllegalMoveError
        Where the request is past deciding.
    """
    workspace.authorise(Action.REQUEST_REFUSE)
    with journal.recording(workspace):
        request = _current(workspace, request_id)
        found = ground(request.law, ground_name).id
        if request.outcome is Outcome.REFUSED and request.state is State.CLOSED:
            if request.ground != found:
                raise IllegalMoveError(
                    f"request {request.id} was refused already, on ground {request.ground}.",
                    mend="A refusal that was sent is not changed; take a new request in.",
                )
            return request
        return close_refused(workspace, request, found)


def _current(workspace: Workspace, request_id: str) -> Request:
    with workspace.vault.transaction() as connection:
        request = requests.load(connection, request_id)
    if request.state in {State.RECEIVED, State.IDENTIFIED}:
        request = intake.advance(workspace, request)
    if request.outcome is Outcome.REFUSED and request.state is not State.CLOSED:
        request = close_refused(workspace, request, request.ground or "")
    return request
