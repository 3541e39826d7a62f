"""notified: the certificate and the letters are written out, and what was retained for a time is put on hold.

What a ground keeps until a day must go on that day, and the person need not ask again: a request of its own, held until
the first such day, follows the one that is answered. What other grounds keep for longer stays refused in it, and has a
request that follows it in turn.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from expunge.domain.request import Request
from expunge.erasure import following, letters, requests
from expunge.erasure.batch import Batch
from expunge.erasure.letters import Letter, LetterFacts
from expunge.vault.database import CERTIFICATE
from expunge.vault.store import write_atomically
from expunge.workspace import data
from expunge.workspace.folder import Workspace


def prepare(workspace: Workspace, batch: Batch) -> None:
    """Write the files."""
    write(workspace, batch.id)


def write(workspace: Workspace, batch: str) -> None:
    """Write the certificate and the letters of a batch that is certified; repeating it writes the same."""
    with workspace.vault.transaction() as connection:
        certificate = connection.execute(select(CERTIFICATE).where(CERTIFICATE.c.batch == batch)).one()
        served = requests.in_batch(connection, batch)
        names = {dataset: name for dataset, name, _ in data.versions(connection)}
        told = [
            LetterFacts(
                request,
                certificate=certificate.id,
                packs=workspace.policy.packs,
                retained=letters.retained_in(request, names),
                erased=_erased(connection, request) if request.refusals else (),
            )
            for request in served
        ]
    write_atomically(workspace.certificates / f"{certificate.id}.json", certificate.content)
    letters.write_all(workspace, Letter.PARTIAL, [facts for facts in told if facts.request.refusals])
    letters.write_all(workspace, Letter.COMPLETION, [facts for facts in told if not facts.request.refusals])


def _erased(connection: Connection, request: Request) -> tuple[str, ...]:
    copies = requests.plan(connection, request.id)["copies"]
    return tuple(copy["name"] for copy in copies if copy["kind"] == "dataset" and copy["subjects"])


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Enter the requests that follow, one for each that kept something for a time."""
    following.follow_all(workspace, connection, requests.in_batch(connection, batch.id))
