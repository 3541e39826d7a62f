"""The audit log of a workspace: append-only leaves, signed checkpoints, proofs.

Invariants
----------
- An entry is written in the transaction that does what it tells.
- Entries name nobody: opaque ids, names of datasets and models, actors, counts.
- Every stored checkpoint was the log's true head when it was signed; the log only grows from there.
- The order of entries is their index. Times are those of the wall clock; where it was set back, the entry says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from expunge.certificates.file import read_file
from expunge.domain.digest import canonical_json
from expunge.errors import NotVerifiedError
from expunge.log.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from expunge.log.merkle import leaf_hash, root
from expunge.vault.database import CERTIFICATE, CHECKPOINT, LOG_LEAF
from expunge.vault.store import now
from expunge.workspace.folder import Workspace

CLOCK_SLACK: Final = timedelta(minutes=5)
"""Clocks are set by so much without anybody minding."""
_MEND: Final = "Compare with a checkpoint kept elsewhere; do not trust what was signed since. See `expunge doctor`."


def append(workspace: Workspace, connection: Connection, event: str, **facts: Any) -> int:
    """Append an entry; returns its index."""
    at, last = now(), last_time(connection)
    clock = {"clock": "behind"} if last is not None and datetime.fromisoformat(at) < last - CLOCK_SLACK else {}
    entry = {"event": event, "at": at, "actor": workspace.actor, **clock, **facts}
    return append_entry(connection, canonical_json(entry))


def append_entry(connection: Connection, entry: bytes) -> int:
    """Append an entry that was made elsewhere; returns its index."""
    index = size(connection)
    connection.execute(insert(LOG_LEAF).values(idx=index, entry=entry))
    return index


def size(connection: Connection) -> int:
    """Return the number of entries."""
    return connection.execute(select(func.count()).select_from(LOG_LEAF)).scalar_one()


def entries(connection: Connection) -> list[bytes]:
    """Return all entries, in order."""
    return [row.entry for row in connection.execute(select(LOG_LEAF.c.entry).order_by(LOG_LEAF.c.idx))]


def last_time(connection: Connection) -> datetime | None:
    """Return what the clock said when the last entry was written; None where there is none, or it does not say."""
    entry = connection.execute(select(LOG_LEAF.c.entry).order_by(LOG_LEAF.c.idx.desc()).limit(1)).scalar()
    try:
        return None if entry is None else datetime.fromisoformat(json.loads(entry)["at"])
    except (ValueError, KeyError, TypeError):
        return None  # what stands there instead is the business of `verify` and of `expunge doctor`


def leaves(connection: Connection) -> list[bytes]:
    """Return the hashes of all entries, in order."""
    return [leaf_hash(entry) for entry in entries(connection)]


def origin(workspace: Workspace) -> str:
    """Return the name of this log, as its checkpoints carry it."""
    return workspace.log_origin


def sign_head(workspace: Workspace, connection: Connection) -> str:
    """Sign and store the head of the log as it stands in this transaction; returns the note.

    Raises
    ------
    NotVerifiedError
        Where the log is not the one that was signed before: nothing is signed on top of it.
    """
    hashes = leaves(connection)
    refuse_changed(workspace, connection, hashes)
    note = sign_checkpoint(Checkpoint(origin(workspace), len(hashes), root(hashes)), workspace.log_key)
    if connection.execute(select(CHECKPOINT.c.size).where(CHECKPOINT.c.size == len(hashes))).scalar() is None:
        connection.execute(insert(CHECKPOINT).values(size=len(hashes), note=note))
    return note


def refuse_changed(workspace: Workspace, connection: Connection, hashes: list[bytes]) -> None:
    """Hold the log, given by its leaves, against its last checkpoint.

    Raises
    ------
    NotVerifiedError
        Where it does not agree.
    """
    last = connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(1)).one_or_none()
    if last is not None:
        _refuse_unless(last.size, last.note, workspace, hashes)


def _refuse_unless(signed: int, note: str, workspace: Workspace, hashes: list[bytes]) -> None:
    head = verify_checkpoint(note, origin(workspace), workspace.log_public)
    if head.size != signed or head.size > len(hashes):
        raise NotVerifiedError(
            "log", f"a checkpoint covers {head.size} entries, the log has {len(hashes)}.", mend=_MEND
        )
    if root(hashes[: head.size]) != head.root:
        raise NotVerifiedError("log", f"the first {head.size} entries are not those that were signed.", mend=_MEND)


@contextmanager
def recording(workspace: Workspace) -> Iterator[None]:
    """Be the one writer; what was logged is under a signed checkpoint at the end."""
    with workspace.writing():
        _ = workspace.log_key  # without it nothing that is done could be signed for
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
    if [row.idx for row in rows] != list(range(len(rows))):
        raise NotVerifiedError("log", "entries are missing or misnumbered.", mend=_MEND)
    hashes = [leaf_hash(row.entry) for row in rows]
    stored = [(row.size, row.note) for row in connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size))]
    issued = [read_file(content).log for content in connection.execute(select(CERTIFICATE.c.content)).scalars()]
    for signed, note in (*stored, *((log.size, log.checkpoint) for log in issued)):
        _refuse_unless(signed, note, workspace, hashes)
    return Verified(len(hashes), max((signed for signed, _ in stored), default=0), len(stored))
