"""Leaving a batch: while nothing is shredded, a request may still be held or withdrawn; the rest of its batch waits.

Invariants
----------
- A batch is given up as a whole: what it staged was staged for all of its people. Those who stay in it stay approved,
  and the next `erase` takes them.
- Once the new root key wraps everything there is no way back, whatever state the requests read: the keys are gone.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from expunge.domain.request import Request, State
from expunge.erasure import batch as batches
from expunge.erasure import requests, tasks
from expunge.erasure.batch import Batch
from expunge.erasure.steps import unlearn
from expunge.errors import IllegalMoveError
from expunge.workspace import journal
from expunge.workspace.folder import Workspace


def dissolve(workspace: Workspace, connection: Connection, batch: Batch, wanted_by: str) -> list[Request]:
    """Discard what a batch staged; returns its requests, back from where they failed. They still name the batch.

    Raises
    ------
    IllegalMoveError
        Where the keys are gone.
    """
    if workspace.vault.root_version(connection) != batch.root_version:
        raise IllegalMoveError(
            f"request {wanted_by} can only go forward: the keys are gone.",
            mend="Finish the erasure: give `expunge erase` again.",
        )
    unlearn.discard_staged(connection, batch)
    batches.close(connection, batch)
    journal.append(workspace, connection, "batch given up", batch=batch.id)
    return [
        requests.move(workspace, connection, request, State(request.failed[0])) if request.failed else request
        for request in requests.in_batch(connection, batch.id)
    ]


def leave(workspace: Workspace, connection: Connection, request: Request) -> Request:
    """Take an open request out of its batch, if it is in one that is not shredded; the others are `approved` again.

    Its open tasks go; what recipients were told stays told.

    Raises
    ------
    IllegalMoveError
        Where the keys are gone.
    """
    tasks.drop_open(workspace, connection, [request.id])
    if request.batch is None:
        return request
    waiting = dissolve(workspace, connection, batches.load(workspace, connection, request.batch), request.id)
    for other in waiting:
        if other.id != request.id:
            _approved_again(workspace, connection, other)
    (own,) = (one for one in waiting if one.id == request.id)
    return replace(own, batch=None)


def _approved_again(workspace: Workspace, connection: Connection, request: Request) -> None:
    if request.state is State.APPROVED:
        requests.amend(workspace, connection, replace(request, batch=None), "approved again")
    else:
        requests.move(workspace, connection, request, State.APPROVED, batch=None)
