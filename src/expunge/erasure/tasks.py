"""Tasks: each recipient of what an erased person was in must be told, or it is explained why that cannot be.

GDPR Art. 19; CCPA 1798.105(c).

Invariants
----------
- The tasks of a request follow its approval: they are made with it, completed when its batch begins, and those that are
  open go when it is held, withdrawn or planned anew. What was told stays told.
- A batch is certified when none of its tasks is open (`certified` asks here).
- The letter to a recipient names nobody. Who it is, `show` tells the officer who passes it on; the log says for what.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from expunge.access.actions import Action
from expunge.domain.recipient import RecipientKind, Told
from expunge.domain.request import Law, Request, State
from expunge.erasure import letters, requests
from expunge.erasure.letters import Letter, LetterFacts
from expunge.errors import IllegalMoveError, InputError, NotFoundError, RecipientsOpenError
from expunge.vault.database import RECIPIENT, REQUEST, TASK, after_commit
from expunge.vault.store import now
from expunge.workspace import journal, recipients
from expunge.workspace.folder import Workspace
from expunge.workspace.recipients import Recipient

_MUST: Final = frozenset({RecipientKind.PROCESSOR, RecipientKind.SERVICE_PROVIDER, RecipientKind.CONTRACTOR})
"""For these the CCPA knows no "impossible or disproportionate effort" (1798.105(c)(1))."""
_COLUMNS: Final = (*TASK.c, RECIPIENT.c.name, RECIPIENT.c.kind)


@dataclass(frozen=True)
class Task:
    """One recipient to be told of one request.

    Parameters
    ----------
    id, request, recipient : str
        Opaque.
    name : str
        The recipient's.
    kind : RecipientKind
    state : Told
    note : str or None
        What the office noted; why, where it could not be done.
    actor : str or None
        Who settled it.
    created : str
    ended : str or None
        When it was settled.
    """

    id: str
    request: str
    recipient: str
    name: str
    kind: RecipientKind
    state: Told
    note: str | None
    actor: str | None
    created: str
    ended: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return {**self.__dict__, "kind": self.kind.value, "state": self.state.value}


def make(workspace: Workspace, connection: Connection, request: Request) -> None:
    """Make the tasks of a request by its plan, where they are not there yet."""
    have = {task.recipient for task in of_requests(connection, [request.id])}
    for one in concerned(connection, request.id):
        if one.id not in have:
            name = f"T{request.id[1:]}.{one.id[2:]}"
            row = {"id": name, "request": request.id, "recipient_id": one.id, "state": Told.OPEN.name, "created": now()}
            connection.execute(insert(TASK).values(**row))
            journal.append(workspace, connection, "task made", task=name, request=request.id, recipient=one.id)


def concerned(connection: Connection, request: str) -> list[Recipient]:
    """Return the recipients who have something that the person of a request leaves, by its plan."""
    return recipients.of_objects(connection, requests.touched(connection, request))


def drop_open(workspace: Workspace, connection: Connection, some: Iterable[str]) -> None:
    """Remove the open tasks of requests that are not to be executed now, and, once that is durable, their letters."""
    for task in _select(connection, TASK.c.request.in_(list(some)), TASK.c.state == Told.OPEN.name):
        connection.execute(delete(TASK).where(TASK.c.id == task.id))
        letter = letters.path_to(workspace, task.request, task.recipient)
        after_commit(connection, partial(letter.unlink, missing_ok=True))


def write_letters(workspace: Workspace, connection: Connection, some: Iterable[Request]) -> None:
    """Write to those recipients of these requests who are not told yet, of all that they have now."""
    for request in some:
        has = {one.id: one for one in concerned(connection, request.id)}
        waiting = [task for task in of_requests(connection, [request.id]) if task.state is Told.OPEN]
        facts = [
            LetterFacts(request, recipient=has[task.recipient], task=task.id)
            for task in waiting
            if task.recipient in has
        ]
        letters.write_all(workspace, Letter.RECIPIENT, facts)


def refuse_open(connection: Connection, batch: str) -> None:
    """Let a batch wait until all of its recipients are told, or it is explained why not.

    Raises
    ------
    RecipientsOpenError
        Naming the tasks.
    """
    waiting = [task for task in of_batch(connection, batch) if task.state is Told.OPEN]
    if waiting:
        named = ", ".join(task.id for task in waiting[:5]) + (" and others" if len(waiting) > 5 else "")
        raise RecipientsOpenError(
            f"everything of batch {batch} is erased and checked; its certificate waits for {len(waiting)} recipients "
            f"to be told: {named}.",
            mend="See `expunge task list`; settle them with `expunge task done` or `expunge task explain`, then give "
            "`expunge erase` again.",
        )


def done(workspace: Workspace, task_id: str, note: str | None = None) -> Task:
    """Note that a recipient was told; repeating it changes nothing."""
    workspace.authorise(Action.TASK_DONE)
    return _settle(workspace, task_id, Told.DONE, note)


def explain(workspace: Workspace, task_id: str, why: str) -> Task:
    """Note why a recipient could not be told: impossible, or disproportionate effort; repeating it changes nothing.

    Raises
    ------
    InputError
        Where no reason is given, or the law knows no such excuse for this recipient.
    """
    workspace.authorise(Action.TASK_EXPLAIN)
    return _settle(workspace, task_id, Told.EXPLAINED, why)


def show(workspace: Workspace, task_id: str) -> tuple[Task, Recipient, str]:
    """Return a task, its recipient with what it has, and the person's id, to be passed on; the log notes that.

    Raises
    ------
    KeyDestroyedError
        Where the request is closed: who it was is forgotten.
    """
    workspace.authorise(Action.TASK_SHOW)
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        task = load(connection, task_id)
        subject = requests.identity(workspace, connection, task.request)["subject"]
        journal.append(
            workspace, connection, "identity opened", request=task.request, task=task.id, purpose="to tell a recipient"
        )
        return task, recipients.by_name(connection, task.name), subject


def load(connection: Connection, task: str) -> Task:
    """Return a task by its id.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    found = _select(connection, TASK.c.id == task)
    if not found:
        raise NotFoundError(f"there is no task {task!r}.", mend="See `expunge task list`.")
    return found[0]


def every(connection: Connection) -> list[Task]:
    """Return all tasks, in the order of their requests."""
    return _select(connection)


def of_requests(connection: Connection, some: Iterable[str]) -> list[Task]:
    """Return the tasks of these requests."""
    return _select(connection, TASK.c.request.in_(list(some)))


def of_batch(connection: Connection, batch: str) -> list[Task]:
    """Return the tasks of the requests of a batch."""
    return _select(connection, REQUEST.c.batch == batch)


def _select(connection: Connection, *conditions: Any) -> list[Task]:
    joined = TASK.join(RECIPIENT, RECIPIENT.c.id == TASK.c.recipient_id).join(REQUEST, REQUEST.c.id == TASK.c.request)
    query = select(*_COLUMNS).select_from(joined).where(*conditions).order_by(REQUEST.c.number, RECIPIENT.c.number)
    return [_task(row) for row in connection.execute(query)]


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        request=row.request,
        recipient=row.recipient_id,
        name=row.name,
        kind=RecipientKind(row.kind),
        state=Told[row.state],
        note=row.note,
        actor=row.actor,
        created=row.created,
        ended=row.ended,
    )


def _settle(workspace: Workspace, task_id: str, to: Told, note: str | None) -> Task:
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        task = load(connection, task_id)
        if task.state is to:
            return task
        request = requests.load(connection, task.request)
        if request.state in {State.CERTIFIED, State.NOTIFIED, State.CLOSED}:
            raise IllegalMoveError(
                f"task {task.id} is settled, and the certificate of request {request.id} says how.",
                mend="Keep what came later beside it.",
            )
        if to is Told.EXPLAINED and task.state is Told.DONE:
            raise IllegalMoveError(f"recipient {task.name!r} was told.", mend="There is nothing to explain.")
        if to is Told.EXPLAINED and request.law is Law.CCPA and task.kind in _MUST:
            raise InputError(
                f"the CCPA knows no excuse for not telling a {task.kind} (1798.105(c)(1)).",
                mend=f"Tell {task.name!r}, then: expunge task done {task.id}",
            )
        said = None if note is None else requests.anonymous(workspace, connection, request.id, note)
        connection.execute(
            update(TASK)
            .where(TASK.c.id == task.id)
            .values(state=to.name, note=said, actor=workspace.actor, ended=now())
        )
        journal.append(workspace, connection, f"task {to.name.lower()}", task=task.id, request=request.id)
        return load(connection, task.id)
