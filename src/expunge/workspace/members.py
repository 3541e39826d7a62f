"""Who is in which object: commitments in the register, and the root over them (DESIGN section 1, "members")."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from expunge.domain.subject import SubjectId
from expunge.errors import NotFoundError
from expunge.log.sparse import members_root
from expunge.vault import subjects
from expunge.vault.database import MEMBER, OBJECT_VERSION, run_many
from expunge.vault.store import Vault, now


def enter(
    vault: Vault,
    connection: Connection,
    object_id: str,
    refs: Mapping[SubjectId, bytes],
    records: Mapping[bytes, int],
    keys: Mapping[bytes, bytes] | None = None,
) -> str:
    """Enter the members of a new object, with their numbers of records; returns their root in hex.

    Parameters
    ----------
    keys : mapping of reference to key, optional
        Where they were unwrapped already.
    """
    keys = subjects.keys_of(vault, connection, refs.values()) if keys is None else keys
    entries = subjects.commitments(keys, object_id, refs)
    rows = [(object_id, ref, commitment, int(records[ref])) for ref, commitment in entries.items()]
    run_many(connection, insert(MEMBER), ("object_id", "ref", "commitment", "records"), rows)
    root = members_root(entries.values()).hex()
    new_version(connection, object_id, 1, root, len(entries), "made")
    return root


def commitments(connection: Connection, object_id: str) -> dict[bytes, bytes]:
    """Return reference -> commitment for all members of an object."""
    query = select(MEMBER.c.ref, MEMBER.c.commitment).where(MEMBER.c.object_id == object_id)
    return dict(connection.execute(query).all())


def records(connection: Connection, object_id: str, refs: Collection[bytes]) -> dict[bytes, int]:
    """Return reference -> number of records for those of `refs` who are members of an object."""
    query = select(MEMBER.c.ref, MEMBER.c.records).where(MEMBER.c.object_id == object_id)
    if len(refs) <= subjects.MANY:
        return dict(connection.execute(query.where(MEMBER.c.ref.in_(refs))).all())
    wanted = set(refs)
    return {ref: held for ref, held in connection.execute(query).all() if ref in wanted}


def totals(connection: Connection, object_id: str) -> tuple[int, int]:
    """Return how many members an object has, and how many records they have."""
    query = select(func.count(), func.coalesce(func.sum(MEMBER.c.records), 0)).where(MEMBER.c.object_id == object_id)
    members, held = connection.execute(query).one()
    return int(members), int(held)


def leave(connection: Connection, object_id: str, refs: Collection[bytes]) -> None:
    """Remove members from an object."""
    gone = delete(MEMBER).where(MEMBER.c.object_id == bindparam("object"), MEMBER.c.ref == bindparam("owner"))
    run_many(connection, gone, ("object", "owner"), [(object_id, ref) for ref in refs])


def disband(connection: Connection, object_id: str) -> None:
    """Remove all members of an object that is no more; the roots of its versions stay."""
    connection.execute(delete(MEMBER).where(MEMBER.c.object_id == object_id))


def new_version(connection: Connection, object_id: str, version: int, root: str, members: int, why: str) -> None:
    """Note the members of a version of an object."""
    connection.execute(
        insert(OBJECT_VERSION).values(
            object_id=object_id, version=version, members_root=root, members=members, why=why, created=now()
        )
    )


@dataclass(frozen=True)
class VersionRoot:
    """The members of one version of an object, by their root in hex."""

    version: int
    root: str
    members: int
    why: str
    created: str


def version_roots(connection: Connection, object_id: str) -> list[VersionRoot]:
    """Return the roots of every version of an object, oldest first."""
    query = select(OBJECT_VERSION).where(OBJECT_VERSION.c.object_id == object_id).order_by(OBJECT_VERSION.c.version)
    return [
        VersionRoot(row.version, row.members_root, row.members, row.why, row.created)
        for row in connection.execute(query)
    ]


def current_root(connection: Connection, object_id: str) -> str:
    """Return the members root of an object as it stands."""
    roots = version_roots(connection, object_id)
    if not roots:
        raise NotFoundError(f"there is no object {object_id!r}.", mend="Take an id that `list` shows.")
    return roots[-1].root
