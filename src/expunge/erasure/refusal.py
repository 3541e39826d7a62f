"""Refusal: the way from planned to closed for a request that is not granted."""

from __future__ import annotations

from expunge.domain.request import Outcome, Request, State
from expunge.erasure import letters, requests
from expunge.erasure.law.rules import ground
from expunge.errors import IllegalMoveError
from expunge.vault.identity import destroy_identity
from expunge.workspace.folder import Workspace


def close_refused(workspace: Workspace, request: Request, ground_id: str) -> Request:
    """Take a request from planned to closed by refusal; goes on from wherever it was cut short.

    Raises
    ------
    IllegalMoveError
        Where the request is neither planned nor refused already.
    """
    if request.state is not State.PLANNED and request.outcome is not Outcome.REFUSED:
        raise IllegalMoveError(
            f"request {request.id} is {request.state} and cannot be refused.",
            mend="Only a planned request can be refused.",
        )
    if request.state is State.PLANNED:
        with workspace.vault.transaction() as connection:
            request = requests.move(
                workspace, connection, request, State.REFUSED, ground=ground_id, outcome=Outcome.REFUSED
            )
    if request.state is State.REFUSED:
        packs = workspace.policy.packs
        kept = letters.Retained(ground(request.law, request.ground or "", packs))
        letters.write(workspace, request, letters.Letter.REFUSAL, retained=(kept,), packs=packs)
        with workspace.vault.transaction() as connection:
            request = requests.move(workspace, connection, request, State.NOTIFIED)
    if request.state is State.NOTIFIED:
        destroy_identity(workspace.vault, request.id)
        with workspace.vault.transaction() as connection:
            requests.forget_identity(connection, request.id)
            request = requests.move(workspace, connection, request, State.CLOSED)
    return request
