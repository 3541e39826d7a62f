"""Requests in the database: stored, moved, listed.

Invariants
----------
- A move is logged in the transaction that makes it.
- The identity is sealed under the request's own key; the database row names nobody.
- While a request is open a keyed hash of the typed id tells whether somebody asks again; it is deleted with the
  identity, in the same transaction.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import unicodedata
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from expunge.domain.request import Extension, Hold, Law, Outcome, Refusal, Request, State
from expunge.errors import InputError, NotFoundError
from expunge.vault.database import REQUEST
from expunge.vault.identity import open_identity, seal_identity
from expunge.workspace import journal
from expunge.workspace.folder import Workspace

_NESTED: Final = ("failed", "refusals", "hold", "extension")
"""Fields that are stored as JSON."""
MOST_WORDS: Final = 500
"""So many characters may be typed as a reason or a note."""
_PASSING: Final = (State.RECEIVED, State.IDENTIFIED, State.REFUSED, State.WITHDRAWN, State.NOTIFIED)
_SOMEBODY: Final = '"subjects":[1-9]'
"""What stands in the plan of a request whose person is held somewhere."""


def next_number(connection: Connection) -> int:
    """Return the number of the request to come."""
    return connection.execute(select(func.count()).select_from(REQUEST)).scalar_one() + 1


def tag(workspace: Workspace, typed: str) -> bytes:
    """Return the keyed hash by which a request of the same person, typed alike, is found again."""
    plain = unicodedata.normalize("NFC", typed.strip())
    return hmac.new(workspace.vault.derive("request tag"), plain.encode(), hashlib.sha256).digest()


def open_by_tag(connection: Connection) -> dict[tuple[Law, bytes], Request]:
    """Return the requests that nothing came of yet, by law and tag; the oldest where there are several."""
    query = select(REQUEST).where(REQUEST.c.tag.is_not(None), REQUEST.c.outcome == Outcome.OPEN.value)
    rows = connection.execute(query.order_by(REQUEST.c.number.desc())).all()
    return {(Law(row.law), row.tag): _request(row) for row in rows}


def enter(workspace: Workspace, connection: Connection, request: Request, number: int, identity: dict[str, Any]) -> None:
    """Store a new request with its sealed identity."""
    sealed = seal_identity(workspace.vault, request.id, identity)
    row = {"id": request.id, "number": number, "identity": sealed, "tag": tag(workspace, identity["subject"])}
    connection.execute(insert(REQUEST).values(**row, **_columns(request)))
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


def unclosed(connection: Connection) -> list[Request]:
    """Return the requests that are not at their end, oldest first."""
    query = select(REQUEST).where(REQUEST.c.state != State.CLOSED.value).order_by(REQUEST.c.number)
    return [_request(row) for row in connection.execute(query).all()]


def cut_short(connection: Connection) -> list[Request]:
    """Return the requests that a kill left where nobody has to decide anything, outside batches, oldest first."""
    passing = REQUEST.c.state.in_([state.value for state in _PASSING])
    nobody = and_(REQUEST.c.state == State.PLANNED.value, ~REQUEST.c.plan.regexp_match(_SOMEBODY))
    query = select(REQUEST).where(REQUEST.c.batch.is_(None), or_(passing, nobody)).order_by(REQUEST.c.number)
    return [_request(row) for row in connection.execute(query).all()]


def delayed(connection: Connection) -> list[Request]:
    """Return the requests that are held, and the open ones whose time was extended, oldest first."""
    extended = and_(REQUEST.c.extension.is_not(None), REQUEST.c.state != State.CLOSED.value)
    query = select(REQUEST).where(or_(REQUEST.c.state == State.HELD.value, extended)).order_by(REQUEST.c.number)
    return [_request(row) for row in connection.execute(query).all()]


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


def anonymous(workspace: Workspace, connection: Connection, request: str, words: str) -> str:
    """Return what somebody typed about a request, without the white space around it, if it does not name the person.

    Raises
    ------
    InputError
        Where nothing is left, it is long, or the person's id stands in it.
    """
    plain = " ".join(words.split())
    if not plain or len(plain) > MOST_WORDS or not plain.isprintable():
        raise InputError(
            f"{len(plain)} characters are no reason.", mend=f"Give one line of 1 to {MOST_WORDS} printable characters."
        )
    named = re.escape(identity(workspace, connection, request)["subject"])
    if re.search(rf"(?<!\w){named}(?!\w)", plain, re.IGNORECASE):
        raise InputError("the text holds the person's id.", mend="Say it without naming anybody: it is kept.")
    return plain


def seal_again(workspace: Workspace, connection: Connection, request: str, content: dict[str, Any]) -> None:
    """Replace a request's sealed identity."""
    sealed = seal_identity(workspace.vault, request, content)
    connection.execute(update(REQUEST).where(REQUEST.c.id == request).values(identity=sealed))


def forget_identity(connection: Connection, request: str) -> None:
    """Delete the sealed identity and the tag; the identity's key is destroyed apart."""
    connection.execute(update(REQUEST).where(REQUEST.c.id == request).values(identity=None, tag=None))


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
        batch=row.batch,
        policy=row.policy,
        failed=(failed[0], failed[1]) if failed else None,
        refusals=tuple(Refusal.from_dict(one) for one in nested["refusals"] or ()),
        hold=Hold.from_dict(hold) if hold else None,
        extension=Extension.from_dict(extension) if extension else None,
    )
