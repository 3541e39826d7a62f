"""The actors of a workspace: entered, proven, disabled; every change is in the audit log.

Invariants
----------
- An actor is who the log says: a row of the table that differs from what was last logged of the actor proves nobody.
  (Whoever can write the files can write both; but the log is append-only under signed checkpoints, and tells.)
- A wrong credential, an actor who is not there and one who is disabled give the same answer.
- A failed attempt is logged before it is answered, under a keyed hash of the name: a name may be mistyped, or be a
  passphrase typed in the wrong place.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from filelock import FileLock
from sqlalchemy import Connection, func, select

from expunge.access import actors, credentials
from expunge.access.actions import Action, Role
from expunge.access.actors import Actor
from expunge.access.credentials import Method
from expunge.errors import AuthenticationError, CorruptedError, InputError
from expunge.vault.database import LOG_LEAF
from expunge.vault.store import now
from expunge.workspace import journal

if TYPE_CHECKING:
    from expunge.workspace.folder import Workspace

ATTEMPTS: Final = 5
WINDOW: Final = timedelta(minutes=15)
_FAILED: Final = "authentication failed"
_PATIENCE: Final = 5.0
_MEND: Final = "Try again, or ask an administrator for `expunge actor passwd`."


def authenticate(workspace: Workspace, name: str, credential: str) -> Actor:
    """Return the actor of this name, if the credential proves it.

    Raises
    ------
    AuthenticationError
        Where it does not, or after too many attempts, or where table and log disagree.
    WorkspaceBusyError
        Where it does not, and that could not be logged.
    """
    with workspace.vault.transaction() as connection:
        actor = actors.find(connection, name)
        logged = _last_logged(connection, name)
    if (actor.fingerprint if actor else None) != logged:
        raise AuthenticationError(
            f"table and log disagree on actor {name!r}: somebody changed the database by hand.",
            mend="See `expunge doctor`; restore the workspace, and compare its log with a checkpoint kept elsewhere.",
        )
    if actor is not None and actor.method is Method.KEY and actor.disabled is None:  # no guess can hit: nothing to slow
        if not credentials.proves(Method.KEY, actor.verifier, credential):
            _refuse(workspace, name)
        return actor
    with _one_at_a_time(workspace):
        _refuse_after_many(workspace, name)
        known = actor is not None and actor.disabled is None
        stored = actor.verifier if actor is not None and known else credentials.nobodys()
        if not credentials.proves(Method.PASSPHRASE, stored, credential) or actor is None:
            _refuse(workspace, name)
    return actor


def add(workspace: Workspace, name: str, roles: Sequence[str], method: Method, credential: str) -> Actor:
    """Enter an actor.

    Raises
    ------
    InputError
        Where the name is taken or is no name, a role is not known, or the passphrase is too short.
    """
    wanted = actors.valid_roles(roles)
    actors.valid_name(name)
    workspace.authorise(Action.ACTOR_ADD, actor=name, roles=[role.value for role in wanted])
    made = Actor(name, wanted, method, _verifier(method, credential), now())
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        if actors.find(connection, name) is not None:
            raise InputError(f"there is an actor {name!r} already.", mend="Choose another name.")
        enter(workspace, connection, "added", made)
    return made


def every(workspace: Workspace) -> list[Actor]:
    """Return all actors, by name."""
    workspace.authorise(Action.ACTOR_LIST)
    with workspace.vault.transaction() as connection:
        return actors.every(connection)


def disable(workspace: Workspace, name: str) -> Actor:
    """Disable an actor for good; doing it again changes nothing.

    Raises
    ------
    NotFoundError
        Where there is none of this name.
    InputError
        Where nobody would be left who may do everything.
    """
    with _changing(workspace, Action.ACTOR_DISABLE, name) as (connection, actor):
        if actor.disabled is not None:
            return actor
        owners = [one.name for one in actors.every(connection) if Role.OWNER in one.roles and one.disabled is None]
        if owners == [name]:
            raise InputError(f"{name!r} is the only owner.", mend="Add another first, with --role owner.")
        return enter(workspace, connection, "disabled", replace(actor, disabled=now()))


def renew(workspace: Workspace, name: str, method: Method, credential: str) -> Actor:
    """Give an actor another passphrase or key.

    Raises
    ------
    NotFoundError
        Where there is none of this name.
    InputError
        Where the actor is disabled, or the passphrase is too short.
    """
    with _changing(workspace, Action.ACTOR_PASSWD, name) as (connection, actor):
        if actor.disabled is not None:
            raise InputError(f"actor {name!r} is disabled.", mend="Add an actor under another name.")
        renewed = replace(actor, method=method, verifier=_verifier(method, credential))
        return enter(workspace, connection, "renewed", renewed)


def disagreements(connection: Connection) -> list[str]:
    """Return the names of the actors in the table who are not as the log has them."""
    return [one.name for one in actors.every(connection) if one.fingerprint != _last_logged(connection, one.name)]


def enter(workspace: Workspace, connection: Connection, event: str, actor: Actor) -> Actor:
    """Store an actor and log what was stored; the caller has authorised it."""
    actors.store(connection, actor)
    facts = {"name": actor.name, "roles": [role.value for role in actor.roles], "method": actor.method.value}
    journal.append(workspace, connection, f"actor {event}", **facts, fingerprint=actor.fingerprint)
    return actor


def authorise_change(workspace: Workspace, action: Action, name: str) -> None:
    """Let the actor change this one, whose roles count; nobody has been told yet whether there is one."""
    with workspace.vault.transaction() as connection:
        actor = actors.find(connection, name)
    workspace.authorise(action, actor=name, roles=[] if actor is None else [role.value for role in actor.roles])


@contextmanager
def _changing(workspace: Workspace, action: Action, name: str) -> Iterator[tuple[Connection, Actor]]:
    """Authorise a change of an actor, and open the transaction for it."""
    authorise_change(workspace, action, name)
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        yield connection, actors.by_name(connection, name)


def _verifier(method: Method, credential: str) -> str:
    return credentials.verifier(method, credentials.accepted(credential) if method is Method.PASSPHRASE else credential)


def _last_logged(connection: Connection, name: str) -> str | None:
    """Return the fingerprint in the last entry about an actor."""
    told = (entry.get("fingerprint") for entry in _latest_first(connection, "actor ") if entry.get("name") == name)
    return next(told, None)


def _refuse(workspace: Workspace, name: str) -> NoReturn:
    with journal.recording(workspace, _PATIENCE), workspace.vault.transaction() as connection:
        journal.append(workspace, connection, _FAILED, claimed=_claimed(workspace, name))
    raise AuthenticationError("name or credential is wrong.", mend=_MEND)


def _refuse_after_many(workspace: Workspace, name: str) -> None:
    """Slow down who guesses: a name has so many attempts in any quarter of an hour."""
    claimed = _claimed(workspace, name)
    with workspace.vault.transaction() as connection:
        failed = [at for at, entry in _lately(connection) if entry.get("claimed") == claimed]
    if len(failed) >= ATTEMPTS:
        again = sorted(failed)[-ATTEMPTS] + WINDOW
        raise AuthenticationError(
            f"{len(failed)} attempts failed in the last {WINDOW.seconds // 60} minutes.",
            mend=f"Try again after {again:%H:%M} UTC.",
        )


def _lately(connection: Connection) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield the failed attempts of the window, latest first."""
    current = datetime.now(UTC)
    for entry in _latest_first(connection, _FAILED):
        at = datetime.fromisoformat(entry["at"])
        if at < current - WINDOW:
            return
        if at <= current + WINDOW:  # a clock that jumped back locks nobody out for long
            yield at, entry


def _latest_first(connection: Connection, event: str) -> Iterator[dict[str, Any]]:
    """Yield the log's entries whose event begins so, the last one first."""
    begins = f'"event":"{event}'.encode()
    query = select(LOG_LEAF.c.entry).where(func.instr(LOG_LEAF.c.entry, begins) > 0).order_by(LOG_LEAF.c.idx.desc())
    for row in connection.execute(query):
        try:
            entry = json.loads(row.entry)
            told = entry["event"].startswith(event)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptedError(
                "an entry of the log is not as it was written.", mend="See `expunge doctor`."
            ) from error
        if told:
            yield entry


@contextmanager
def _one_at_a_time(workspace: Workspace) -> Iterator[None]:
    """Let attempts queue, or many at once would each see none that failed."""
    with FileLock(workspace.folder / ".attempt"):
        yield


def _claimed(workspace: Workspace, name: str) -> str:
    return hmac.new(workspace.vault.derive("claimed actor"), name.encode(), hashlib.sha256).hexdigest()[:12]
