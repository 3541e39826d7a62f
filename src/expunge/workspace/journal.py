"""The audit log of a workspace: append-only leaves, signed checkpoints, proofs.

Invariants
----------
- An entry is written in the transaction that does what it tells.
- Entries name nobody: opaque ids, names of datasets and models, actors, counts.
- Every stored checkpoint was the log's true head when it was signed; the log only grows from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from expunge.certificates.file import read_file
from expunge.domain.digest import canonical_json
from expunge.errors import NotVerifiedError
from expunge.log.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from expunge.log.merkle import leaf_hash, root
from expunge.vault.database import CERTIFICATE, CHECKPOINT, LOG_LEAF, run_many
from expunge.vault.store import now
from expunge.workspace.folder import Workspace


def append(workspace: Workspace, connection: Connection, event: str, **facts: Any) -> int:
    """Append an entry; returns its index."""
    return append_all(workspace, connection, event, [facts])


def append_all(workspace: Workspace, connection: Connection, event: str, facts: Iterable[Mapping[str, Any]]) -> int:
    """Append an entry of the same event for each of many facts, in order; returns the index of the first."""
    common = {"event": event, "at": now(), "actor": workspace.actor}
    return _append(connection, [canonical_json({**common, **one}) for one in facts])


def append_entry(connection: Connection, entry: bytes) -> int:
    """Append an entry that was made elsewhere; returns its index."""
    return _append(connection, [entry])


def _append(connection: Connection, entries: Sequence[bytes]) -> int:
    first = size(connection)
    run_many(connection, insert(LOG_LEAF), ("idx", "entry"), list(enumerate(entries, first)))
    return first


def size(connection: Connection) -> int:
    """Return the number of entries: one more than the last index, which is found without counting them."""
    last = connection.execute(select(func.max(LOG_LEAF.c.idx))).scalar()
    return 0 if last is None else last + 1


def entries(connection: Connection) -> list[bytes]:
    """Return all entries, in order."""
    return list(connection.execute(select(LOG_LEAF.c.entry).order_by(LOG_LEAF.c.idx)).scalars().all())


def leaves(connection: Connection) -> list[bytes]:
    """Return the hashes of all entries, in order."""
    return [leaf_hash(entry) for entry in entries(connection)]


def origin(workspace: Workspace) -> str:
    """Return the name of this log, as its checkpoints carry it."""
    return f"expunge-log/{workspace.opaque_id('L', 0)}"


def sign_head(workspace: Workspace, connection: Connection) -> str:
    """Sign and store the head of the log as it stands in this transaction; returns the note."""
    hashes = leaves(connection)
    note = sign_checkpoint(Checkpoint(origin(workspace), len(hashes), root(hashes)), workspace.log_key)
    if connection.execute(select(CHECKPOINT.c.size).where(CHECKPOINT.c.size == len(hashes))).scalar() is None:
        connection.execute(insert(CHECKPOINT).values(size=len(hashes), note=note))
    return note


@contextmanager
def recording(workspace: Workspace) -> Iterator[None]:
    """Be the one writer; what was logged is under a signed checkpoint at the end."""
    with workspace.writing():
        yield
        with workspace.vault.transaction() as connection:
            covered = connection.execute(select(func.max(CHECKPOINT.c.size))).scalar() or 0
            if size(connection) > covered:
                sign_head(workspace, connection)


@dataclass(frozen=True)
class Verified:
    """What a check of the log found: `covered` of its `entries` are under one of its `checkpoints`."""

    entries: int
    covered: int
    checkpoints: int


def verify(workspace: Workspace, connection: Connection) -> Verified:
    """Check the log against every checkpoint that was ever signed, those in certificates included.

    Raises
    ------
    NotVerifiedError
        Where an entry that a checkpoint covers was changed, removed, reordered or cut off, or a checkpoint is false.
    """
    rows = connection.execute(select(LOG_LEAF).order_by(LOG_LEAF.c.idx)).all()
    mend = "Compare with a checkpoint kept elsewhere; do not trust what was signed since."
    if [row.idx for row in rows] != list(range(len(rows))):
        raise NotVerifiedError("log", "entries are missing or misnumbered.", mend=mend)
    hashes = [leaf_hash(row.entry) for row in rows]
    stored = [(row.size, row.note) for row in connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size))]
    issued = [read_file(content).log for content in connection.execute(select(CERTIFICATE.c.content)).scalars()]
    for signed, note in (*stored, *((log.size, log.checkpoint) for log in issued)):
        head = verify_checkpoint(note, origin(workspace), workspace.log_key.public_key())
        if head.size != signed or head.size > len(hashes):
            raise NotVerifiedError(
                "log", f"a checkpoint covers {head.size} entries, the log has {len(hashes)}.", mend=mend
            )
        if root(hashes[: head.size]) != head.root:
            raise NotVerifiedError("log", f"the first {head.size} entries are not those that were signed.", mend=mend)
    return Verified(len(hashes), max((signed for signed, _ in stored), default=0), len(stored))
