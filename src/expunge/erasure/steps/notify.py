"""notified: the certificate and the letters are written out, and what was retained for a time is put on hold.

What a ground keeps until a day must go on that day, and the person need not ask again: a request of its own, held until
then, follows the one that is answered.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from expunge.erasure import intake, letters, requests
from expunge.erasure.batch import Batch
from expunge.vault.database import CERTIFICATE
from expunge.vault.store import write_atomically
from expunge.workspace.folder import Workspace


def prepare(workspace: Workspace, batch: Batch) -> None:
    """Write the files; repeating it writes the same."""
    with workspace.vault.transaction() as connection:
        certificate = connection.execute(select(CERTIFICATE).where(CERTIFICATE.c.batch == batch.id)).one()
        served = requests.in_batch(connection, batch.id)
    write_atomically(workspace.certificates / f"{certificate.id}.json", certificate.content)
    for request in served:
        letters.write(workspace, request, certificate.id)


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Enter the requests that follow."""
    for request in requests.in_batch(connection, batch.id):
        ends = sorted({refusal.until for refusal in request.refusals if refusal.until is not None})
        for until in ends:
            intake.follow(workspace, connection, request, until)
