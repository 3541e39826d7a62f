"""Decisions: approved or refused, by whom, on what ground."""

from __future__ import annotations

from expunge.domain.request import Outcome, Request, State
from expunge.erasure import office, requests
from expunge.erasure.law.rules import ground
from expunge.erasure.refusal import close_refused
from expunge.errors import IllegalMoveError
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import refuse_while_erasing


def approve(workspace: Workspace, request_id: str) -> Request:
    """Approve a planned request; the actor becomes its approver, and approving again changes nothing.

    Raises
    ------
    IllegalMoveError
        Where the request is not planned.
    WorkspaceBusyError
        Where it could not be planned yet, since an erasure is not finished.
    """
    with office.at_work(workspace), workspace.vault.transaction() as connection:
        request = requests.load(connection, request_id)
        if request.state is State.IDENTIFIED:
            refuse_while_erasing(connection)
        if request.state is State.APPROVED and request.approver == workspace.actor:
            return request
        if request.state is not State.PLANNED:
            raise IllegalMoveError(
                f"request {request.id} is {request.state} and cannot become approved.", mend=_instead(request)
            )
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
    with office.at_work(workspace):
        with workspace.vault.transaction() as connection:
            request = requests.load(connection, request_id)
        found = ground(request.law, ground_name, workspace.policy.packs).id
        if request.outcome is Outcome.REFUSED and request.state is State.CLOSED:
            if request.ground != found:
                raise IllegalMoveError(
                    f"request {request.id} was refused already, on ground {request.ground}.",
                    mend="A refusal that was sent is not changed; take a new request in.",
                )
            return request
        return close_refused(workspace, request, found)


def _instead(request: Request) -> str:
    if request.outcome is not Outcome.OPEN:
        return f"It is over: {request.outcome}."
    if request.state is State.APPROVED:
        return f"{request.approver} approved it; erase it with `expunge erase {request.id}`."
    if request.state is State.HELD and request.hold:
        return f"It is held until {request.hold.until}; end that with `expunge request resume {request.id}`."
    return f"Its erasure is on its way; finish it with `expunge erase {request.id}`."
