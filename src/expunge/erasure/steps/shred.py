"""shredded: the keys go. From here there is no way back.

The order matters. Re-wrapping everything that stays and dropping what goes is one transaction; only then is the old
root key destroyed. A kill between the two leaves both roots, and the next run destroys the old one.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from expunge.domain.plan import Method
from expunge.domain.subject import spelling
from expunge.erasure import batch as batches
from expunge.erasure import requests
from expunge.erasure.batch import Batch
from expunge.erasure.scope import scope_of
from expunge.errors import CorruptedError
from expunge.log.sparse import removal
from expunge.vault import ledger
from expunge.vault.database import DATASET, ROOT, truncate_wal
from expunge.vault.rotation import destroy_old, rewrap
from expunge.workspace import journal, members, register, restrictions, suppression
from expunge.workspace.folder import Workspace


def prepare(workspace: Workspace, batch: Batch) -> None:
    """Re-wrap what stays under a new root key, then destroy the old one; repeating it changes nothing."""
    with workspace.vault.transaction() as connection:
        if workspace.vault.root_version(connection) == batch.root_version:
            fresh = batches.load(workspace, connection, batch.id)
            note_members(connection, fresh)
            suppress(workspace, connection, fresh)
            batches.save(workspace, connection, fresh)
            restrictions.lift(connection, fresh.refs)
            rewrap(workspace.vault, connection, fresh.refs, superseded(workspace, connection, fresh))
            swap_schemas(connection, fresh)
    destroy_old(workspace.vault, batch.root_version + 1)
    truncate_wal(workspace.vault.engine)


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Note when the old root key became unusable."""
    old = connection.execute(select(ROOT).where(ROOT.c.version == batch.root_version)).one()
    batch.evidence["keys"] = {
        "store": workspace.vault.roots.describe(),
        "version_destroyed": old.version,
        "version_now": old.version + 1,
        "unusable_since": old.destroyed,
    }
    batches.save(workspace, connection, batch)


def suppress(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Enter the batch's people in the suppression ledger; who is retained somewhere is entered with that exception.

    This is in the transaction that takes their keys: the last that knows them, and from which there is no way back.
    """
    scope = scope_of(workspace, connection, *requests.in_batch(connection, batch.id))
    people: dict[str, dict[str, str]] = {spelling(scope.people[ref][1]): {} for ref in batch.refs}
    for kept in scope.retained:
        dataset, subject = scope.people[kept.ref]
        if spelling(subject) in people:
            people[spelling(subject)][dataset] = kept.ground.covers
    if people:
        ledger.suppress(workspace.vault, connection, people, batch.id, suppression.until(workspace.policy))
        journal.append(workspace, connection, "suppressed", batch=batch.id, people=len(people))


def swap_schemas(connection: Connection, batch: Batch) -> None:
    """Put the staged schemas in the place of those whose keys are gone: whoever asks reads them, even after a kill."""
    for dataset, blob in batch.sealed["schemas"].items():
        connection.execute(update(DATASET).where(DATASET.c.id == dataset).values(schema_blob=blob))


def note_members(connection: Connection, batch: Batch) -> None:
    """Note who leaves which object, with the proof that nobody else does, while their commitments are there."""
    for copy in batch.plan:
        leaving = set(batch.leaving(copy))
        held = members.commitments(connection, copy["object"])
        left = {ref for ref in held if ref in leaving}
        gone = [held[ref] for ref in left]
        before, after, proof = removal(held.values(), gone)
        if before.hex() != members.current_root(connection, copy["object"]):
            raise CorruptedError(
                f"the members of {copy['kind']} {copy['name']!r} are not those that the register was left with.",
                mend="Nothing was shredded. Restore the database with its keys from the same moment.",
            )
        entry = batch.evidence["copies"].setdefault(copy["object"], {"method": copy["method"], "checks": []})
        entry["members"] = {
            "before": before.hex(),
            "after": after.hex(),
            "count_before": len(held),
            "count_after": len(held) - len(left),
            "left": sorted(commitment.hex() for commitment in gone),
            "proof": proof,
        }
        entry["records"] = sum(members.records(connection, copy["object"], left).values())


def superseded(workspace: Workspace, connection: Connection, batch: Batch) -> list[str]:
    """Return the blobs whose keys go with the subjects': training states, facts and schemas that knew them.

    An old served model that holds no row keeps predicting until the next step, and its key goes then; one that holds
    rows goes at once.
    """
    blobs = []
    for copy in batch.touched("model"):
        version = register.current(connection, copy["object"])
        blobs += [version.state_blob, version.facts_blob]
        retired = batch.evidence["copies"][copy["object"]]["method"] == Method.RETIRE.value
        if retired or register.open_served(workspace, connection, version).holds_rows:
            blobs.append(version.served_blob)
    for copy in batch.touched("dataset"):
        blobs.append(
            connection.execute(select(DATASET.c.schema_blob).where(DATASET.c.id == copy["object"])).scalar_one()
        )
    return blobs
