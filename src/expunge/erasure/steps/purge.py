"""purged: the ciphertexts go too, though nobody can read them any more."""

from __future__ import annotations

from sqlalchemy import Connection

from expunge.erasure.batch import Batch
from expunge.vault import records
from expunge.workspace.folder import Workspace


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Rewrite the segments without the batch's records; old files are removed right after the commit."""
    records.purge(workspace.vault, connection, batch.refs)
