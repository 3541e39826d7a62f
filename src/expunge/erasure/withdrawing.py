"""Withdrawal: the person takes the request back, until the keys are gone."""

from __future__ import annotations

from expunge.access.actions import Action
from expunge.domain.request import Outcome, Request, State
from expunge.erasure import closing, execute, office, requests
from expunge.erasure.leaving import leave
from expunge.errors import IllegalMoveError
from expunge.workspace.folder import Workspace


def withdraw(workspace: Workspace, request_id: str) -> Request:
    """Close a request because the person wants it no more; the rest of its batch waits. Repeating changes nothing.

    Raises
    ------
    IllegalMoveError
        Where the request was answered otherwise, or its keys are gone.
    """
    workspace.authorise(Action.REQUEST_WITHDRAW)
    with office.at_work(workspace):
        with workspace.vault.transaction() as connection:
            request = requests.load(connection, request_id)
            if request.outcome is Outcome.WITHDRAWN:
                return request
            if request.outcome is not Outcome.OPEN:
                raise IllegalMoveError(
                    f"request {request.id} is over: {request.outcome}.", mend="There is nothing to withdraw."
                )
            own = leave(workspace, connection, request)
            gone = requests.move(
                workspace, connection, own, State.WITHDRAWN, outcome=Outcome.WITHDRAWN, approver=None, batch=None
            )
        execute.tidy(workspace)
        return closing.close(workspace, [gone])[0]
