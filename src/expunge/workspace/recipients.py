"""Recipients: who received which dataset or model, and still has it.

Invariants
----------
- A recipient has what was disclosed to it until it is said to have given back or destroyed it; that the contract ended
  does not end the disclosure.
- Names are those of organisations; the audit log and certificates carry the opaque ids.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from expunge.access.actions import Action
from expunge.domain.recipient import RecipientKind, Told
from expunge.errors import IllegalMoveError, InputError, NotFoundError
from expunge.vault.database import DATASET, DISCLOSURE, MODEL, RECIPIENT, TASK
from expunge.vault.store import now, today
from expunge.workspace import journal
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import refuse_while_erasing

LONGEST: Final = 100


@dataclass(frozen=True)
class Disclosure:
    """What a recipient received: a dataset or model, by its id and name, and since when it has it."""

    object: str
    name: str
    at: str


@dataclass(frozen=True)
class Recipient:
    """Somebody who received data, with what is not known to be given back or destroyed.

    Parameters
    ----------
    id : str
        Opaque.
    name : str
    kind : RecipientKind
    created : str
    ended : str or None
        When it had given back or destroyed everything.
    has : tuple of Disclosure
    """

    id: str
    name: str
    kind: RecipientKind
    created: str
    ended: str | None
    has: tuple[Disclosure, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind.value,
            "created": self.created,
            "ended": self.ended,
            "has": [one.__dict__ for one in self.has],
        }


def add(workspace: Workspace, name: str, kind: RecipientKind) -> Recipient:
    """Enter a recipient.

    Raises
    ------
    InputError
        Where the name is taken or is no name.
    """
    workspace.authorise(Action.RECIPIENT_ADD)
    plain = " ".join(name.split())
    if not plain or len(plain) > LONGEST or not plain.isprintable():
        raise InputError(f"{name!r} is no recipient's name.", mend=f"Give 1 to {LONGEST} printable characters.")
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        if connection.execute(select(RECIPIENT.c.id).where(RECIPIENT.c.name == plain)).scalar() is not None:
            raise InputError(f"there is a recipient {plain!r} already.", mend="See `expunge recipient list`.")
        number = connection.execute(select(func.count()).select_from(RECIPIENT)).scalar_one() + 1
        made = workspace.opaque_id("P", number)
        connection.execute(insert(RECIPIENT).values(id=made, number=number, name=plain, kind=kind.value, created=now()))
        journal.append(workspace, connection, "recipient added", recipient=made, kind=kind.value)
        return by_name(connection, plain)


def disclose(workspace: Workspace, name: str, object_name: str, kind: str, on: date | None = None) -> Recipient:
    """Note that a recipient received a dataset or model.

    Parameters
    ----------
    object_name : str
    kind : {"dataset", "model"}
    on : date, optional
        When; today by default.

    Raises
    ------
    InputError
        Where the day lies ahead, or the recipient was ended.
    WorkspaceBusyError
        Where an erasure is not finished: it knows whom it must be passed on to.
    """
    workspace.authorise(Action.RECIPIENT_DISCLOSE)
    if on is not None and on > today():
        raise InputError(f"disclosed on {on}, which lies ahead.", mend="Give the day on which it was.")
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        refuse_while_erasing(connection)
        table = {"dataset": DATASET, "model": MODEL}[kind]
        object_id = connection.execute(select(table.c.id).where(table.c.name == object_name)).scalar()
        if object_id is None:
            raise NotFoundError(f"there is no {kind} {object_name!r}.", mend=f"See `expunge {kind} list`.")
        note(workspace, connection, name, object_id, (on or today()).isoformat())
        return by_name(connection, name)


def note(workspace: Workspace, connection: Connection, name: str, object_id: str, at: str) -> None:
    """Note a disclosure in a transaction of the caller's; what a recipient has already, it has since the first time."""
    recipient = by_name(connection, name)
    if recipient.ended:
        raise InputError(f"recipient {name!r} was ended on {recipient.ended}.", mend="Enter it anew, under a new name.")
    this = (DISCLOSURE.c.recipient_id == recipient.id, DISCLOSURE.c.object_id == object_id)
    there = connection.execute(select(DISCLOSURE).where(*this)).one_or_none()
    if there is None:
        connection.execute(insert(DISCLOSURE).values(recipient_id=recipient.id, object_id=object_id, at=at))
    else:
        first = at if there.ended else min(at, there.at)
        connection.execute(update(DISCLOSURE).where(*this).values(at=first, ended=None))
    journal.append(workspace, connection, "disclosed", recipient=recipient.id, object=object_id, on=at)


def end(workspace: Workspace, name: str) -> Recipient:
    """Note that a recipient gave back or destroyed all that it had; ending it again changes nothing.

    Raises
    ------
    IllegalMoveError
        Where somebody's erasure waits for it to be told: whether it was must be settled first.
    """
    workspace.authorise(Action.RECIPIENT_END)
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        found = by_name(connection, name)
        if found.ended is None:
            _refuse_untold(connection, found)
            connection.execute(update(RECIPIENT).where(RECIPIENT.c.id == found.id).values(ended=now()))
            still = (DISCLOSURE.c.recipient_id == found.id, DISCLOSURE.c.ended.is_(None))
            connection.execute(update(DISCLOSURE).where(*still).values(ended=now()))
            journal.append(workspace, connection, "recipient ended", recipient=found.id)
        return by_name(connection, name)


def _refuse_untold(connection: Connection, recipient: Recipient) -> None:
    untold = (TASK.c.recipient_id == recipient.id, TASK.c.state == Told.OPEN.name)
    waiting = connection.execute(select(TASK.c.id).where(*untold)).scalars().all()
    if waiting:
        raise IllegalMoveError(
            f"recipient {recipient.name!r} is not told yet of {len(waiting)} erasures: {', '.join(waiting[:5])}.",
            mend=f"It gave back or destroyed what it had? Then say so first: expunge task done {waiting[0]}",
        )


def every(connection: Connection) -> list[Recipient]:
    """Return all recipients, in the order in which they were entered."""
    return [_recipient(connection, row) for row in connection.execute(select(RECIPIENT).order_by(RECIPIENT.c.number))]


def by_name(connection: Connection, name: str) -> Recipient:
    """Return a recipient by its name.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    row = connection.execute(select(RECIPIENT).where(RECIPIENT.c.name == " ".join(name.split()))).one_or_none()
    if row is None:
        known = ", ".join(repr(one.name) for one in every(connection)) or "none"
        raise NotFoundError(f"there is no recipient {name!r}.", mend=f"Recipients are: {known}.")
    return _recipient(connection, row)


def of_objects(connection: Connection, objects: Collection[str]) -> list[Recipient]:
    """Return the recipients who have some of these objects, each with those of them that it has."""
    found = [(one, tuple(had for had in one.has if had.object in objects)) for one in every(connection)]
    return [Recipient(one.id, one.name, one.kind, one.created, one.ended, has) for one, has in found if has]


def _recipient(connection: Connection, row: Row[Any]) -> Recipient:
    query = select(DISCLOSURE).where(DISCLOSURE.c.recipient_id == row.id, DISCLOSURE.c.ended.is_(None))
    names = {
        one.id: one.name for table in (DATASET, MODEL) for one in connection.execute(select(table.c.id, table.c.name))
    }
    has = tuple(
        Disclosure(one.object_id, names[one.object_id], one.at)
        for one in connection.execute(query.order_by(DISCLOSURE.c.at, DISCLOSURE.c.object_id))
    )
    return Recipient(row.id, row.name, RecipientKind(row.kind), row.created, row.ended, has)
