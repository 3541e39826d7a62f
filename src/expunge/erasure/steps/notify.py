"""notified: the certificate and the letters are written out."""

from __future__ import annotations

from sqlalchemy import Connection, select

from expunge.erasure import letters, requests
from expunge.erasure.batch import Batch
from expunge.vault.database import CERTIFICATE
from expunge.vault.store import side_by_side, write_atomically
from expunge.workspace.folder import Workspace


def prepare(workspace: Workspace, batch: Batch) -> None:
    """Write the files; repeating it writes the same."""
    with workspace.vault.transaction() as connection:
        certificate = connection.execute(select(CERTIFICATE).where(CERTIFICATE.c.batch == batch.id)).one()
        served = requests.in_batch(connection, batch.id)
    write_atomically(workspace.certificates / f"{certificate.id}.json", certificate.content)
    side_by_side(lambda request: letters.write(workspace, request, certificate.id), served)


def commit(_workspace: Workspace, _connection: Connection, _batch: Batch) -> None:
    """Nothing beside the move."""
