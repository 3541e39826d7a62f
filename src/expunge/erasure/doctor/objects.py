"""Datasets and models: what is stored, against the register of members and the facts sealed with each version."""

from __future__ import annotations

from sqlalchemy import Connection, select

from expunge.domain.subject import SubjectId
from expunge.erasure.doctor.finding import Findings, broken
from expunge.log.sparse import members_root
from expunge.vault import records, subjects
from expunge.vault.database import BLOB_KEY, DATASET, MODEL, MODEL_VERSION
from expunge.workspace import data, members, register
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import erasing


def members_roots(_workspace: Workspace, connection: Connection) -> Findings:
    """Check that the root of every object is that of its members as they are registered now."""
    stored = connection.execute(select(DATASET.c.id)).scalars().all()
    published = connection.execute(select(MODEL.c.id).where(MODEL.c.version.is_not(None))).scalars().all()
    for object_id in (*stored, *published):
        held = members.commitments(connection, object_id)
        last = members.version_roots(connection, object_id)[-1]
        if (members_root(held.values()).hex(), len(held)) != (last.root, last.members):
            yield broken(object_id, f"its members are not those of version {last.version}: {len(held)} are registered.")


def datasets(workspace: Workspace, connection: Connection) -> Findings:
    """Check that every dataset reads back, and that its people, found from ids and keys, are its members."""
    keys = subjects.keys_of(workspace.vault, connection)
    for row in connection.execute(select(DATASET).order_by(DATASET.c.id)).all():
        held = members.commitments(connection, row.id)
        own = records.holders(connection, row.id) & keys.keys()
        table = data.load(workspace, connection, row.id, own)
        refs = subjects.find(workspace.vault, connection, row.id, table.subject_ids())
        yield from _compared(row.id, f"dataset {row.name!r}", refs, keys, held, len(own))


def models(workspace: Workspace, connection: Connection) -> Findings:
    """Check that every published model gives the digests sealed with it, and has learned from its members only."""
    keys = subjects.keys_of(workspace.vault, connection)
    underway = erasing(connection)
    opening = set(connection.execute(select(BLOB_KEY.c.id)).scalars())
    for row in connection.execute(select(MODEL).where(MODEL.c.version.is_not(None)).order_by(MODEL.c.id)).all():
        name, version = f"model {row.name!r}", register.version_with(connection, row.id, register.CURRENT)
        if version is None or version.version != row.version:
            yield broken(row.id, f"{name} has no version {row.version}.")
            continue
        if underway and version.state_blob not in opening:
            continue  # superseded and shredded; the next step publishes the staged one
        facts = register.open_facts(workspace, connection, version)
        learner = register.open_learner(workspace, connection, version)
        if learner.digest() != facts.learned:
            yield broken(row.id, f"{name}: what was learned is not what its facts say.")
        if register.open_served(workspace, connection, version).digest() != facts.served:
            yield broken(row.id, f"{name}: the served model is not the one that its facts say.")
        refs = subjects.find(workspace.vault, connection, row.dataset_id, learner.subjects_held())
        held = members.commitments(connection, row.id)
        yield from _compared(row.id, name, refs, keys, held, len(list(learner.subjects_held())), underway)
    if not underway:
        strays = select(MODEL_VERSION.c.model_id).where(MODEL_VERSION.c.status != register.CURRENT)
        for model in connection.execute(strays).scalars():
            yield broken(model, "a version that is not published is kept, and no erasure is on its way.")


def _compared(
    object_id: str,
    name: str,
    refs: dict[SubjectId, bytes],
    keys: dict[bytes, bytes],
    held: dict[bytes, bytes],
    people: int,
    underway: bool = False,
) -> Findings:
    """Commit to those who are found in an object, past the register, and compare with what is registered."""
    found = subjects.commitments(keys, object_id, refs)
    registered = {ref: commitment for ref, commitment in held.items() if ref in keys}
    if len(refs) < people and not underway:
        yield broken(object_id, f"{name} holds {people - len(refs)} people whom nobody can be found by.")
    if found != registered:
        many = len(found.items() ^ registered.items())
        yield broken(object_id, f"{name}: {many} entries differ between its members and who is in it.")
