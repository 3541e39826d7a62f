"""Requests in the database: stored, moved, listed.

Invariants
----------
- A move is logged in the transaction that makes it.
- The identity is sealed under the request's own key; the database row names nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, null, select, update

from expunge.domain.request import Law, Outcome, Request, State
from expunge.errors import NotFoundError
from expunge.vault.database import REQUEST, run_many
from expunge.vault.identity import open_identity, seal_identity
from expunge.workspace import journal
from expunge.workspace.folder import Workspace


def next_number(connection: Connection) -> int:
    """Return the number of the request to come."""
    return connection.execute(select(func.count()).select_from(REQUEST)).scalar_one() + 1


def enter(workspace: Workspace, connection: Connection, request: Request, number: int, identity: Any) -> None:
    """Store a new request with its sealed identity."""
    sealed = seal_identity(workspace.vault, request.id, identity)
    connection.execute(insert(REQUEST).values(id=request.id, number=number, identity=sealed, **_columns(request)))
    journal.append(workspace, connection, "request received", request=request.id, law=request.law.value)


def load(connection: Connection, request: str) -> Request:
    """Return a request by its id.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    row = connection.execute(select(REQUEST).where(REQUEST.c.id == request)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no request {request!r}.", mend="See `expunge request list`.")
    return _request(row)


def every(connection: Connection) -> list[Request]:
    """Return all requests, oldest first."""
    return [_request(row) for row in connection.execute(select(REQUEST).order_by(REQUEST.c.number)).all()]


def in_batch(connection: Connection, batch: str) -> list[Request]:
    """Return the requests of a batch, oldest first."""
    query = select(REQUEST).where(REQUEST.c.batch == batch).order_by(REQUEST.c.number)
    return [_request(row) for row in connection.execute(query).all()]


def move(workspace: Workspace, connection: Connection, request: Request, to: State, **changes: Any) -> Request:
    """Move a request to its next state, store it and log it; returns it as it is then."""
    return move_all(workspace, connection, [request], to, **changes)[0]


def move_all(
    workspace: Workspace, connection: Connection, requests: Sequence[Request], to: State, **changes: Any
) -> list[Request]:
    """Move many requests to the same state; each is stored and logged."""
    moved = [request.move(to, **changes) for request in requests]
    rows = [{**_columns(request), "request": request.id} for request in moved]
    names = list(rows[0]) if rows else []
    change = update(REQUEST).where(REQUEST.c.id == bindparam("request"))
    change = change.values({name: bindparam(name) for name in names if name != "request"})
    run_many(connection, change, names, [tuple(row.values()) for row in rows])
    facts = {name: value for name in ("ground", "batch") if (value := changes.get(name)) is not None}
    entries = ({"request": request.id, **facts} for request in moved)
    journal.append_all(workspace, connection, f"request {to.value}", entries)
    return moved


def identity(workspace: Workspace, connection: Connection, request: str) -> dict[str, Any]:
    """Open who a request is about.

    Raises
    ------
    KeyDestroyedError
        Where the request is closed.
    """
    sealed = connection.execute(select(REQUEST.c.identity).where(REQUEST.c.id == request)).scalar_one()
    found: dict[str, Any] = open_identity(workspace.vault, request, sealed or b"")
    return found


def seal_again(workspace: Workspace, connection: Connection, request: str, content: dict[str, Any]) -> None:
    """Replace a request's sealed identity."""
    sealed = seal_identity(workspace.vault, request, content)
    connection.execute(update(REQUEST).where(REQUEST.c.id == request).values(identity=sealed))


def forget_identity(connection: Connection, request: str) -> None:
    """Delete the sealed identity; its key is destroyed apart."""
    forget_identities(connection, [request])


def forget_identities(connection: Connection, requests: Iterable[str]) -> None:
    """Delete the sealed identities of many requests; their keys are destroyed apart."""
    change = update(REQUEST).where(REQUEST.c.id == bindparam("request")).values(identity=null())
    run_many(connection, change, ["request"], [(request,) for request in requests])


def set_plan(connection: Connection, request: str, plan: bytes) -> None:
    """Store the plan that an approval will cover."""
    connection.execute(update(REQUEST).where(REQUEST.c.id == request).values(plan=plan.decode()))


def plan(connection: Connection, request: str) -> dict[str, Any]:
    """Return the plan of a request."""
    stored = connection.execute(select(REQUEST.c.plan).where(REQUEST.c.id == request)).scalar_one()
    found: dict[str, Any] = json.loads(stored or '{"copies": []}')
    return found


def _columns(request: Request) -> dict[str, Any]:
    fields = request.to_dict()
    del fields["id"]
    return {**fields, "failed": json.dumps(fields["failed"]) if fields["failed"] else None}


def _request(row: Row[Any]) -> Request:
    failed = json.loads(row.failed) if row.failed else None
    return Request(
        id=row.id,
        law=Law(row.law),
        received=datetime.fromisoformat(row.received),
        due=date.fromisoformat(row.due),
        state=State(row.state),
        outcome=Outcome(row.outcome),
        ground=row.ground,
        approver=row.approver,
        batch=row.batch,
        policy=row.policy,
        failed=(failed[0], failed[1]) if failed else None,
    )
