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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from expunge.domain.plan import Method
from expunge.domain.request import Extension, Hold, Law, Outcome, Refusal, Request, State
from expunge.errors import CorruptedError, InputError, NotFoundError
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
    """Return the requests that wait for an answer, by law and tag; the oldest where there are several.

    Those that wait to follow an answer are not among them: whoever asks again meanwhile asks for something new.
    """
    return {key: request for key, request in _tagged(connection) if not request.waits_to_follow}


def waiting_to_follow(connection: Connection) -> dict[tuple[Law, bytes], Request]:
    """Return the requests that wait for what an answered one retained, by law and tag."""
    return {key: request for key, request in _tagged(connection) if request.waits_to_follow}


def tags(connection: Connection, some: Sequence[str]) -> dict[str, bytes]:
    """Return the tags of requests whose identities are not forgotten."""
    rows = connection.execute(select(REQUEST.c.id, REQUEST.c.tag).where(REQUEST.c.id.in_(some))).all()
    return {row.id: row.tag for row in rows}


def _tagged(connection: Connection) -> Iterator[tuple[tuple[Law, bytes], Request]]:
    """Yield the open requests with law and tag, the oldest last."""
    query = select(REQUEST).where(REQUEST.c.tag.is_not(None), REQUEST.c.outcome == Outcome.OPEN.value)
    for row in connection.execute(query.order_by(REQUEST.c.number.desc())).all():
        yield (Law(row.law), row.tag), _request(row)


def enter(workspace: Workspace, connection: Connection, request: Request, number: int, typed: str) -> None:
    """Store a new request with the sealed id of the person, as it was typed."""
    enter_all(workspace, connection, [(request, typed)], number)


def enter_all(
    workspace: Workspace,
    connection: Connection,
    asked: Sequence[tuple[Request, str]],
    first: int,
    *,
    restored: bool = False,
) -> None:
    """Store new requests, numbered from `first` on, each with the sealed id of its person; the log says `restored`."""
    rows = [
        {
            "id": request.id,
            "number": number,
            "identity": seal_identity(workspace.vault, request.id, {"subject": typed}),
            "tag": tag(workspace, typed),
            **_columns(request),
        }
        for number, (request, typed) in enumerate(asked, start=first)
    ]
    if not rows:
        return
    connection.execute(insert(REQUEST), rows)
    more = {"restored": True} if restored else {}
    received = [{"request": one.id, "law": one.law.value, **more} for one, _ in asked]
    journal.append_all(workspace, connection, "request received", received)


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
    return move_all(workspace, connection, [request], to, **changes)[0]


def move_all(
    workspace: Workspace, connection: Connection, some: Sequence[Request], to: State, **changes: Any
) -> list[Request]:
    """Move several requests to the same next state, as `move` does."""
    moved = [request.move(to, **changes) for request in some]
    _update(connection, {request.id: _columns(request) for request in moved})
    facts = {name: value for name in ("ground", "batch") if (value := changes.get(name)) is not None}
    journal.append_all(
        workspace, connection, f"request {to.value}", [{"request": request.id, **facts} for request in moved]
    )
    return moved


def amend(workspace: Workspace, connection: Connection, request: Request, event: str, **facts: Any) -> Request:
    """Store a request that changed without moving, and log what changed; returns it."""
    _update(connection, {request.id: _columns(request)})
    journal.append(workspace, connection, f"request {event}", request=request.id, **facts)
    return request


def identity(workspace: Workspace, connection: Connection, request: str) -> dict[str, Any]:
    """Open who a request is about.

    Raises
    ------
    KeyDestroyedError
        Where the request is closed.
    """
    return identities(workspace, connection, [request])[request]


def identities(workspace: Workspace, connection: Connection, some: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Open who several requests are about, as `identity` does."""
    rows = connection.execute(select(REQUEST.c.id, REQUEST.c.identity).where(REQUEST.c.id.in_(some))).all()
    sealed = {row.id: row.identity for row in rows}
    return {one: open_identity(workspace.vault, one, sealed.get(one) or b"") for one in some}


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
    _update(connection, {request: {"identity": seal_identity(workspace.vault, request, content)}})


def forget_identities(connection: Connection, some: Iterable[str]) -> None:
    """Delete sealed identities and tags; the identities' keys are destroyed apart."""
    _update(connection, {request: {"identity": None, "tag": None} for request in some})


def set_plans(connection: Connection, plans: Mapping[str, bytes]) -> None:
    """Store, by request, the plan that an approval will cover."""
    _update(connection, {request: {"plan": plan.decode()} for request, plan in plans.items()})


def plan(connection: Connection, request: str) -> dict[str, Any]:
    """Return the plan of a request."""
    stored = connection.execute(select(REQUEST.c.plan).where(REQUEST.c.id == request)).scalar_one()
    found: dict[str, Any] = json.loads(stored or '{"copies": []}')
    return found


def touched(connection: Connection, request: str) -> set[str]:
    """Return the objects that the person of a request leaves, by its plan."""
    return {copy["object"] for copy in plan(connection, request)["copies"] if copy["subjects"]}


def retaining(connection: Connection, request: str) -> set[str]:
    """Return the objects in which the person of a request is retained, by its plan."""
    return {copy["object"] for copy in plan(connection, request)["copies"] if copy["method"] == Method.RETAINED}


def of_nobody(connection: Connection, some: Iterable[str]) -> set[str]:
    """Return those of these requests whose plan touches nothing."""
    query = select(REQUEST.c.id).where(REQUEST.c.id.in_(list(some)), ~REQUEST.c.plan.regexp_match(_SOMEBODY))
    return set(connection.execute(query).scalars())


def _update(connection: Connection, changes: Mapping[str, dict[str, Any]]) -> None:
    """Change columns of several requests, of all the same columns, in one statement."""
    if changes:
        names = next(iter(changes.values()))
        statement = update(REQUEST).where(REQUEST.c.id == bindparam("_id"))
        statement = statement.values({name: bindparam(f"_{name}") for name in names})
        rows = [{"_id": one, **{f"_{name}": new[name] for name in names}} for one, new in changes.items()]
        connection.execute(statement, rows)


def _columns(request: Request) -> dict[str, Any]:
    fields = request.to_dict()
    del fields["id"]
    return fields | {name: json.dumps(fields[name]) if fields[name] else None for name in _NESTED}


def _request(row: Row[Any]) -> Request:
    try:
        return _parsed(row)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise CorruptedError(
            f"request number {row.number} in the database is not what was written.",
            mend="See `expunge doctor`; restore expunge.db and its keys from the same moment.",
        ) from error


def _parsed(row: Row[Any]) -> Request:
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
