"""Shredding: the key tree and all blobs' keys that stay go under a new root key; then the old one is destroyed.

Subjects' keys are many, and lie in the tree: only the pages on the way to those that go are sealed anew. Keys of blobs
are few (some for each model and dataset), and each is wrapped by the root itself: all that stay are wrapped anew.

Invariants
----------
- Between the two transactions both roots exist and nothing is lost: a kill there leaves the old one to be destroyed by
  the next run.
- What goes (the batch's subject keys, superseded states) is unreadable from `destroy_old` on, in every copy of the
  workspace, of whatever time.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Delete, bindparam, delete, select, update

from expunge.errors import VaultError
from expunge.vault import pages
from expunge.vault.database import BLOB_KEY, ROOT, SUBJECT, run_many
from expunge.vault.keys import Wrapper
from expunge.vault.store import Vault, now


def rewrap(vault: Vault, connection: Connection, subjects: Collection[bytes], blobs: Collection[str]) -> int:
    """Put all keys but those of `subjects` and `blobs` under a new root key; returns its version.

    Runs in the caller's transaction. The old root key still exists afterwards: see `destroy_old`.
    """
    old = vault.wrapper(connection)
    vault.roots.renew(old.version + 1)
    new = Wrapper(old.version + 1, vault.roots.read(old.version + 1))
    _drop(connection, delete(SUBJECT).where(SUBJECT.c.ref == bindparam("gone")), subjects)
    _drop(connection, delete(BLOB_KEY).where(BLOB_KEY.c.id == bindparam("gone")), blobs)
    _rewrap_blobs(connection, old, new)
    pages.erase(connection, old, new, subjects)
    return new.version


def _drop(connection: Connection, statement: Delete, owners: Collection[bytes] | Collection[str]) -> None:
    run_many(connection, statement, ["gone"], [(owner,) for owner in owners])


def _rewrap_blobs(connection: Connection, old: Wrapper, new: Wrapper) -> None:
    rows = connection.execute(select(BLOB_KEY.c.id, BLOB_KEY.c.wrapped, BLOB_KEY.c.root_version)).all()
    for version in {version for *_, version in rows} - {old.version}:
        raise VaultError(
            f"a key is wrapped under root version {version}, not {old.version}.",
            mend="Restore the workspace and its keys from the same moment.",
        )
    keys = old.unwrap_all((blob.encode(), wrapped) for blob, wrapped, _ in rows)
    fresh = new.wrap_all([(blob.encode(), key) for (blob, *_), key in zip(rows, keys, strict=True)])
    change = update(BLOB_KEY).where(BLOB_KEY.c.id == bindparam("owner"))
    change = change.values(wrapped=bindparam("fresh"), root_version=bindparam("version"))
    changes = [(wrapped, new.version, blob) for wrapped, (blob, *_) in zip(fresh, rows, strict=True)]
    run_many(connection, change, ("fresh", "version", "owner"), changes)


def destroy_old(vault: Vault, version: int) -> None:
    """Destroy every root key older than `version` and note when. Safe to repeat; there is no way back."""
    vault.roots.destroy_before(version)
    with vault.transaction() as connection:
        connection.execute(
            update(ROOT).where(ROOT.c.version < version, ROOT.c.destroyed.is_(None)).values(destroyed=now())
        )
