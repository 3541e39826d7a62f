"""Shredding: everything that stays is re-wrapped under a new root key; then the old one is destroyed.

Invariants
----------
- Between the two transactions both roots exist and nothing is lost: a kill there leaves the old one to be destroyed by
  the next run.
- What is not re-wrapped (the batch's subject keys, superseded states) is unreadable from `destroy_old` on, in every
  copy of the workspace.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from expunge.errors import VaultError
from expunge.vault.database import BLOB_KEY, ROOT, SUBJECT
from expunge.vault.keys import Wrapper
from expunge.vault.store import Vault, now


def rewrap(vault: Vault, connection: Connection, subjects: Collection[bytes], blobs: Collection[str]) -> int:
    """Re-wrap all keys but those of `subjects` and `blobs`, whose wrapped keys are deleted; returns the new version.

    Runs in the caller's transaction. The old root key still exists afterwards: see `destroy_old`.
    """
    old = vault.wrapper(connection)
    vault.roots.create(old.version + 1)
    new = Wrapper(old.version + 1, vault.roots.read(old.version + 1))
    for ref in subjects:
        connection.execute(delete(SUBJECT).where(SUBJECT.c.ref == ref))
    for blob in blobs:
        connection.execute(delete(BLOB_KEY).where(BLOB_KEY.c.id == blob))
    for table, key in ((SUBJECT, SUBJECT.c.ref), (BLOB_KEY, BLOB_KEY.c.id)):
        fresh = []
        for owner, wrapped, version in connection.execute(select(key, table.c.wrapped, table.c.root_version)):
            if version != old.version:
                raise VaultError(
                    f"a key is wrapped under root version {version}, not {old.version}.",
                    mend="Restore the workspace and its keys from the same moment.",
                )
            name = owner if isinstance(owner, bytes) else owner.encode()
            fresh.append({"owner": owner, "fresh": new.wrap(old.unwrap(wrapped, name), name)})
        if fresh:
            change = update(table).where(key == bindparam("owner"))
            connection.execute(change.values(wrapped=bindparam("fresh"), root_version=new.version), fresh)
    connection.execute(insert(ROOT).values(version=new.version, created=now()))
    return new.version


def destroy_old(vault: Vault, version: int) -> None:
    """Destroy every root key older than `version` and note when. Safe to repeat; there is no way back."""
    vault.roots.destroy_before(version)
    with vault.transaction() as connection:
        connection.execute(
            update(ROOT).where(ROOT.c.version < version, ROOT.c.destroyed.is_(None)).values(destroyed=now())
        )
