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
from expunge.vault.database import BLOB_KEY, ROOT, SUBJECT, run_many
from expunge.vault.keys import Wrapper
from expunge.vault.store import Vault, now


def rewrap(vault: Vault, connection: Connection, subjects: Collection[bytes], blobs: Collection[str]) -> int:
    """Re-wrap all keys but those of `subjects` and `blobs`, whose wrapped keys are deleted; returns the new version.

    Runs in the caller's transaction. The old root key still exists afterwards: see `destroy_old`.
    """
    old = vault.wrapper(connection)
    vault.roots.create(old.version + 1)
    new = Wrapper(old.version + 1, vault.roots.read(old.version + 1))
    for table, key, gone in ((SUBJECT, SUBJECT.c.ref, subjects), (BLOB_KEY, BLOB_KEY.c.id, blobs)):
        run_many(connection, delete(table).where(key == bindparam("gone")), ["gone"], [(owner,) for owner in gone])
        rows = connection.execute(select(key, table.c.wrapped, table.c.root_version).order_by(key)).all()
        for version in {version for *_, version in rows} - {old.version}:
            raise VaultError(
                f"a key is wrapped under root version {version}, not {old.version}.",
                mend="Restore the workspace and its keys from the same moment.",
            )
        names = [owner if isinstance(owner, bytes) else owner.encode() for owner, *_ in rows]
        keys = old.unwrap_all((name, wrapped) for name, (_, wrapped, _) in zip(names, rows, strict=True))
        fresh = new.wrap_all(list(zip(names, keys, strict=True)))
        change = update(table).where(key == bindparam("owner"))
        change = change.values(wrapped=bindparam("fresh"), root_version=bindparam("version"))
        changes = [(wrapped, new.version, owner) for wrapped, (owner, *_) in zip(fresh, rows, strict=True)]
        run_many(connection, change, ("fresh", "version", "owner"), changes)
    connection.execute(insert(ROOT).values(version=new.version, created=now()))
    return new.version


def destroy_old(vault: Vault, version: int) -> None:
    """Destroy every root key older than `version` and note when. Safe to repeat; there is no way back."""
    vault.roots.destroy_before(version)
    with vault.transaction() as connection:
        connection.execute(
            update(ROOT).where(ROOT.c.version < version, ROOT.c.destroyed.is_(None)).values(destroyed=now())
        )
