"""The vault: root keys against the database, every ciphertext against its key, every file against a row."""

from __future__ import annotations

from sqlalchemy import Column, Connection, select

from expunge.erasure.doctor.finding import AGAIN, RESTORE, TIDIED, Finding, Findings, attention, broken
from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault import blobs as sealed_blobs
from expunge.vault import ledger, pages, records, subjects
from expunge.vault.database import BATCH, BLOB_KEY, DATASET, MODEL_VERSION, ROOT, SEGMENT, SUBJECT
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import erasing


def root_keys(workspace: Workspace, connection: Connection) -> Findings:
    """Check that the current root key is there, and that older ones are gone."""
    now = workspace.vault.root_version(connection)
    try:
        workspace.vault.roots.read(now)
    except (KeyDestroyedError, CorruptedError) as error:
        yield broken(f"root-{now}.key", error.problem, f"Restore it to {workspace.keys}: nothing opens without it.")
    underway = erasing(connection)
    for version in workspace.vault.roots.versions():
        if version > now:
            why = "is newer than the database knows: a process died before it was used."
            yield attention(f"root-{version}.key", why, "Nothing needs to be done: the next erasure makes another.")
        elif version < now:
            yield _old(f"root-{version}.key", "is an old root key: what was shredded can still be read.", underway)
    for version in connection.execute(
        select(ROOT.c.version).where(ROOT.c.version < now, ROOT.c.destroyed.is_(None))
    ).scalars():
        yield _old(f"table root, version {version}", "is not noted as destroyed.", underway)


def _old(where: str, what: str, underway: bool) -> Finding:
    if underway:
        return attention(where, what, AGAIN)
    return broken(where, what, "Restore the database of after the erasure, or destroy the key: `shred -u`.")


def key_tree(workspace: Workspace, connection: Connection) -> Findings:
    """Check that every page of keys opens and is in the tree, and that exactly those who are known have a key."""
    keys = pages.every(workspace.vault, connection)
    known = set(connection.execute(select(SUBJECT.c.ref)).scalars())
    if lost := len(known - keys.keys()):
        yield broken("key tree", f"{lost} of {len(known)} people have no key.")
    if unknown := len(keys.keys() - known):
        yield broken("key tree", f"{unknown} keys are of nobody who is known.")
    for place in pages.strays(workspace.vault, connection):
        yield broken(f"table key_page, place {place}", "is not in the key tree.", RESTORE)


def suppression(workspace: Workspace, connection: Connection) -> Findings:
    """Check that the key of the suppression ledger is there, and is the one that its entries were made under."""
    try:
        ledger.suppressed(workspace.vault, connection, ())
    except (KeyDestroyedError, CorruptedError) as error:
        yield broken("ledger.key", error.problem, error.mend)


def segments(workspace: Workspace, connection: Connection) -> Findings:
    """Check that every byte of a segment belongs to a record, and every record opens with its person's key."""
    keys = subjects.keys_of(workspace.vault, connection)
    underway = erasing(connection)
    known = set()
    for segment in connection.execute(select(SEGMENT).order_by(SEGMENT.c.id)).all():
        known.add(segment.file)
        try:
            found = records.examine(workspace.vault, connection, segment, keys)
        except CorruptedError as error:
            yield broken(f"segments/{segment.file}", error.problem)
            continue
        if found.unowned:
            yield broken(f"segments/{segment.file}", f"{found.unowned} bytes belong to no record.")
        if found.closed:
            yield broken(f"segments/{segment.file}", f"{found.closed} of {found.records} ciphertexts do not open.")
        if found.keyless and not underway:
            yield broken(f"segments/{segment.file}", f"{found.keyless} of {found.records} ciphertexts have no key.")
    for path in sorted(workspace.vault.segments.iterdir()):
        if path.name not in known:
            yield attention(f"segments/{path.name}", "is known to no row.", TIDIED)


def blobs(workspace: Workspace, connection: Connection) -> Findings:
    """Check that every sealed blob opens, is used by something, and everything used is there."""
    known = set()
    for blob in connection.execute(select(BLOB_KEY.c.id).order_by(BLOB_KEY.c.id)).scalars():
        known.add(blob)
        try:
            sealed_blobs.get(workspace.vault, connection, blob)
        except (CorruptedError, KeyDestroyedError) as error:
            yield broken(f"blobs/{blob}", error.problem)
    for path in sorted(workspace.vault.blobs.iterdir()):
        if path.name not in known:
            yield attention(f"blobs/{path.name}", "is known to no row.", TIDIED)
    if erasing(connection):
        return  # between shredding and publishing, and for what is staged, the two differ rightly
    sealed = (MODEL_VERSION.c.state_blob, MODEL_VERSION.c.served_blob, MODEL_VERSION.c.facts_blob)
    columns: tuple[Column[str], ...] = (DATASET.c.schema_blob, BATCH.c.evidence_blob, *sealed)
    used = {blob for column in columns for blob in connection.execute(select(column)).scalars() if blob}
    for blob in sorted(used - known):
        yield broken(f"blobs/{blob}", "has no key, and is still needed.")
    for blob in sorted(known - used):
        yield broken(f"blobs/{blob}", "has a key, and nothing needs it.", RESTORE)
