"""Refusal: from planned to closed for requests that are not granted."""

from __future__ import annotations

from collections.abc import Sequence

from expunge.domain.request import Outcome, Request, State
from expunge.erasure import closing, following, requests
from expunge.errors import IllegalMoveError
from expunge.workspace.folder import Workspace


def close_refused(workspace: Workspace, request: Request, ground_id: str) -> Request:
    """Take a request from planned to closed by refusal; goes on from wherever it was cut short.

    Raises
    ------
    IllegalMoveError
        Where the request is neither planned nor refused already.
    """
    return refuse_all(workspace, [request], ground_id)[0]


def refuse_all(workspace: Workspace, some: Sequence[Request], ground_id: str) -> list[Request]:
    """Refuse several requests on the same ground, as `close_refused` does.

    What they retain until a day, where they retain anything, is followed (`following`).
    """
    for request in some:
        if request.state is not State.PLANNED and request.outcome is not Outcome.REFUSED:
            raise IllegalMoveError(
                f"request {request.id} is {request.state} and cannot be refused.",
                mend="Only a planned request can be refused.",
            )
    if not some:
        return []
    planned = [request for request in some if request.state is State.PLANNED]
    with workspace.vault.transaction() as connection:
        refused = requests.move_all(
            workspace, connection, planned, State.REFUSED, ground=ground_id, outcome=Outcome.REFUSED
        )
        following.follow_all(workspace, connection, [request for request in refused if request.refusals])
    return closing.close(workspace, [*refused, *(one for one in some if one.state is not State.PLANNED)])
