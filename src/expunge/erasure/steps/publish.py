"""published: the staged versions take the place of the old ones, all at once."""

from __future__ import annotations

from sqlalchemy import Connection, update

from expunge.domain.plan import Method
from expunge.erasure.batch import Batch
from expunge.vault.database import DATASET, MODEL
from expunge.workspace import members, register, restrictions, seeds
from expunge.workspace.folder import Workspace


def commit(_workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Swap models, and let the batch's subjects leave every object; schemas were swapped with the keys.

    Records that are kept and no longer used are restricted from here on.
    """
    for copy in batch.touched("model"):
        _publish(connection, batch, copy["object"])
    for copy in batch.touched("dataset"):
        connection.execute(update(DATASET).where(DATASET.c.id == copy["object"]).values(version=copy["version"] + 1))
    for copy in batch.plan:
        if copy["subjects"]:
            after = batch.evidence["copies"][copy["object"]]["members"]
            members.leave(connection, copy["object"], batch.leaving(copy))
            members.new_version(
                connection, copy["object"], copy["version"] + 1, after["after"], after["count_after"], batch.id
            )

    restrictions.add(connection, [kept for kept in batch.sealed["retained"] if kept["restricts"]])


def _publish(connection: Connection, batch: Batch, model: str) -> None:
    register.discard(connection, register.current(connection, model))
    staged = register.version_with(connection, model, register.STAGED)
    if batch.evidence["copies"][model]["method"] == Method.RETIRE.value or staged is None:
        connection.execute(update(MODEL).where(MODEL.c.id == model).values(version=None))
        return
    register.set_status(connection, staged, register.CURRENT)
    seed = batch.evidence["copies"][model]["seed"]
    seeds.publish(connection, model, staged.version, seed["number"], seed["since"])
