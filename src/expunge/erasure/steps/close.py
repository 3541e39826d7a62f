"""closed: who the requests were about is forgotten too."""

from __future__ import annotations

from sqlalchemy import Connection

from expunge.domain.plan import Method
from expunge.erasure import batch as batches
from expunge.erasure import requests
from expunge.erasure.batch import Batch
from expunge.vault.identity import destroy_identities
from expunge.workspace import members
from expunge.workspace.folder import Workspace


def prepare(workspace: Workspace, batch: Batch) -> None:
    """Destroy the requests' keys."""
    with workspace.vault.transaction() as connection:
        served = requests.in_batch(connection, batch.id)
    destroy_identities(workspace.vault, (request.id for request in served))


def commit(_workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Delete the sealed identities, the sealed evidence, and who else was in a model that was retired."""
    for copy in batch.touched("model"):
        if batch.evidence["copies"][copy["object"]]["method"] == Method.RETIRE.value:
            members.disband(connection, copy["object"])
    requests.forget_identities(connection, (request.id for request in requests.in_batch(connection, batch.id)))
    batches.close(connection, batch)
