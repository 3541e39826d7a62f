"""The actors of a workspace, in table ``actor``: who they are, what their roles are, how they prove it.

Invariants
----------
- No credential is stored: a passphrase's Argon2id hash, a key's SHA-256.
- A name is never used again: a disabled actor stays, so that the log keeps meaning one person by it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select

from expunge.access.actions import Role
from expunge.access.credentials import Method
from expunge.domain.digest import canonical_json
from expunge.errors import CorruptedError, InputError, NotFoundError
from expunge.vault.database import ACTOR

OWNER: Final = "owner"
NOBODY: Final = "nobody"
"""Who acts in the log before anybody has proven who they are."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class Actor:
    """An actor.

    Parameters
    ----------
    name : str
    roles : tuple of Role
    method : Method
    verifier : str
        What the credential is recognised by; never shown.
    created : str
    disabled : str or None
        When the actor was disabled.
    """

    name: str
    roles: tuple[Role, ...]
    method: Method
    verifier: str = field(repr=False)
    created: str
    disabled: str | None = None

    @property
    def fingerprint(self) -> str:
        """Digest of what the actor may and by what it is proven, as the log keeps it; tells nothing of a passphrase."""
        said = [self.name, sorted(self.roles), self.method, self.verifier, self.disabled]
        return hashlib.sha256(canonical_json(said)).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return {
            "name": self.name,
            "roles": [role.value for role in self.roles],
            "method": self.method.value,
            "created": self.created,
            "disabled": self.disabled,
        }


def valid_name(name: str) -> str:
    """Return the name of an actor, or refuse it.

    Raises
    ------
    InputError
        Where it is no name.
    """
    if not _NAME.fullmatch(name) or name == NOBODY:
        raise InputError(
            f"{name!r} is no actor's name.", mend="Use up to 64 letters, digits, dots, dashes, underscores or @."
        )
    return name


def valid_roles(roles: Iterable[str]) -> tuple[Role, ...]:
    """Return roles in the order of `Role`.

    Raises
    ------
    InputError
        Where there is none, or one that is not known.
    """
    wanted = set(roles)
    if unknown := sorted(wanted - set(Role)):
        raise InputError(f"there is no role {unknown[0]!r}.", mend=f"Roles are: {', '.join(Role)}.")
    if not wanted:
        raise InputError("an actor needs a role.", mend=f"Roles are: {', '.join(Role)}.")
    return tuple(role for role in Role if role in wanted)


def find(connection: Connection, name: str) -> Actor | None:
    """Return the actor of this name, if there is one."""
    row = connection.execute(select(ACTOR).where(ACTOR.c.name == name)).one_or_none()
    return None if row is None else _actor(row)


def by_name(connection: Connection, name: str) -> Actor:
    """Return the actor of this name.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    actor = find(connection, name)
    if actor is None:
        raise NotFoundError(f"there is no actor {name!r}.", mend="See `expunge actor list`.")
    return actor


def every(connection: Connection) -> list[Actor]:
    """Return all actors, by name."""
    return [_actor(row) for row in connection.execute(select(ACTOR).order_by(ACTOR.c.name))]


def store(connection: Connection, actor: Actor) -> None:
    """Store an actor, in the place of what is known under the name."""
    connection.execute(delete(ACTOR).where(ACTOR.c.name == actor.name))
    connection.execute(
        insert(ACTOR).values(
            **actor.to_dict() | {"roles": json.dumps([role.value for role in actor.roles]), "verifier": actor.verifier}
        )
    )


def _actor(row: Row[Any]) -> Actor:
    try:
        roles = tuple(Role(role) for role in json.loads(row.roles))
        return Actor(row.name, roles, Method(row.method), row.verifier, row.created, row.disabled)
    except (ValueError, TypeError) as error:
        raise CorruptedError(
            f"actor {row.name!r} is not as it was written: {error}.", mend="Restore the database with its keys."
        ) from error
