"""Sealed blobs: whole objects (schemas, training states, served models) under one random key each.

A blob's file is written before the transaction that makes it known commits; a file that no row knows is the leaving of
a kill and is removed by `collect`. It cannot be opened: its key was never stored.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from sqlalchemy import Connection, delete, insert, select

from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault.database import BLOB_KEY
from expunge.vault.keys import new_key, seal, unseal
from expunge.vault.store import Vault, write_atomically


def put(vault: Vault, connection: Connection, kind: str, content: bytes) -> str:
    """Seal bytes under a fresh key; returns the blob's id."""
    wrapper = vault.wrapper(connection)
    blob, key = secrets.token_hex(16), new_key()
    write_atomically(vault.blobs / blob, seal(key, content, _bound(blob, kind)))
    connection.execute(
        insert(BLOB_KEY).values(
            id=blob, kind=kind, root_version=wrapper.version, wrapped=wrapper.wrap(key, blob.encode())
        )
    )
    return blob


def get(vault: Vault, connection: Connection, blob: str) -> bytes:
    """Open a blob.

    Raises
    ------
    KeyDestroyedError
        Where its key went with an old root key.
    CorruptedError
        Where its file is missing or changed.
    """
    row = connection.execute(select(BLOB_KEY).where(BLOB_KEY.c.id == blob)).one_or_none()
    wrapper = vault.wrapper(connection)
    if row is None or row.root_version != wrapper.version:
        raise KeyDestroyedError(f"blob {blob} has no key.", mend="It was superseded and destroyed by an erasure.")
    try:
        sealed = (vault.blobs / blob).read_bytes()
    except FileNotFoundError as error:
        raise CorruptedError(f"blob {blob} is missing.", mend="Restore the workspace's blobs folder.") from error
    return unseal(wrapper.unwrap(row.wrapped, blob.encode()), sealed, _bound(blob, row.kind))


def drop(connection: Connection, *blobs: str | None) -> None:
    """Forget blobs' keys; their files go with the next `collect`."""
    for blob in blobs:
        if blob is not None:
            connection.execute(delete(BLOB_KEY).where(BLOB_KEY.c.id == blob))


def every(vault: Vault, connection: Connection) -> Iterator[tuple[str, str, bytes]]:
    """Yield (id, kind, content) of every blob that opens."""
    wrapper = vault.wrapper(connection)
    for row in connection.execute(select(BLOB_KEY).order_by(BLOB_KEY.c.id)).all():
        if row.root_version == wrapper.version:
            yield row.id, row.kind, get(vault, connection, row.id)


def collect(vault: Vault, connection: Connection) -> int:
    """Remove files that no row knows; returns how many."""
    known = {row.id for row in connection.execute(select(BLOB_KEY.c.id))}
    orphans = [path for path in vault.blobs.iterdir() if path.name not in known]
    for path in orphans:
        path.unlink()
    return len(orphans)


def _bound(blob: str, kind: str) -> bytes:
    return f"expunge blob v1|{kind}|{blob}".encode()
