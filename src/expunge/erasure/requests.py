"""Requests in the database: stored, moved, listed.

Invariants
----------
- A move is logged in the transaction that makes it.
- The identity is sealed under the request's own key; the database row names nobody.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from expunge.domain.request import Extension, Hold, Law, Outcome, Refusal, Request, State
from expunge.errors import NotFoundError
from expunge.vault.database import REQUEST
from expunge.vault.identity import open_identity, seal_identity
from expunge.workspace import journal
from expunge.workspace.folder import Workspace

_NESTED: Final = ("failed", "refusals", "hold", "extension")
"""Fields that are stored as JSON."""


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
    moved = request.move(to, **changes)
    connection.execute(update(REQUEST).where(REQUEST.c.id == request.id).values(**_columns(moved)))
    facts = {name: value for name in ("ground", "batch") if (value := changes.get(name)) is not None}
    journal.append(workspace, connection, f"request {to.value}", request=request.id, **facts)
    return moved


def amend(workspace: Workspace, connection: Connection, request: Request, event: str, **facts: Any) -> Request:
    """Store a request that changed without moving, and log what changed; returns it."""
    connection.execute(update(REQUEST).where(REQUEST.c.id == request.id).values(**_columns(request)))
    journal.append(workspace, connection, f"request {event}", request=request.id, **facts)
    return request


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
    connection.execute(update(REQUEST).where(REQUEST.c.id == request).values(identity=None))


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
    return fields | {name: json.dumps(fields[name]) if fields[name] else None for name in _NESTED}


def _request(row: Row[Any]) -> Request:
    nested = {name: json.loads(stored) if (stored := getattr(row, name)) else None for name in _NESTED}
    failed, hold, extension = nested["failed"], nested["hold"], nested["extension"]
    return Request(
        id=row.id,
        law=Law(row.law),
        received=datetime.fromisoformat(row.received),
        due=date.fromisoformat(row.due),
        state=State(row.state),
        outcome=Outcome(row.outcome),
        ground=row.ground,
        approver=row.approver,
        approved=datetime.fromisoformat(row.approved) if row.approved else None,
        batch=row.batch,
        policy=row.policy,
        failed=(failed[0], failed[1]) if failed else None,
        refusals=tuple(Refusal.from_dict(one) for one in nested["refusals"] or ()),
        hold=Hold.from_dict(hold) if hold else None,
        extension=Extension.from_dict(extension) if extension else None,
    )
