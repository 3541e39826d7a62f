"""The audit log of a workspace: append-only leaves, signed checkpoints, proofs.

Invariants
----------
- An entry is written in the transaction that does what it tells.
- Entries name nobody: opaque ids, names of datasets and models, actors, counts.
- Every entry says who acted, and under which version of the policy.
- Every stored checkpoint was the log's true head when it was signed; the log only grows from there.
- The order of entries is their index. Times are those of the wall clock; where it was set back, the entry says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, insert, select

from expunge.access.actions import Action
from expunge.certificates.file import MAX_BYTES, read_file
from expunge.domain.digest import canonical_json
from expunge.errors import EnvelopeFormatError, NotFoundError, NotVerifiedError
from expunge.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint, verify_checkpoint
from expunge.log.merkle import leaf_hash, root
from expunge.vault import ledger
from expunge.vault.database import CERTIFICATE, CHECKPOINT, LOG_LEAF, run_many
from expunge.vault.store import now

if TYPE_CHECKING:
    from expunge.workspace.folder import Workspace

CLOCK_SLACK: Final = timedelta(minutes=5)
"""Clocks are set by so much without anybody minding."""
_MEND: Final = (
    "Compare with a checkpoint kept elsewhere (--since), do not trust what was signed since, and see `expunge doctor`; "
    "if the workspace was restored from a backup, give `expunge ledger check`."
)


def append(workspace: Workspace, connection: Connection, event: str, **facts: Any) -> int:
    """Append an entry; returns its index."""
    return append_all(workspace, connection, event, [facts])


def append_all(workspace: Workspace, connection: Connection, event: str, many: Iterable[Mapping[str, Any]]) -> int:
    """Append an entry about the same event for each of these facts, in order; returns the index of the first."""
    common = {"event": event, **_stamp(workspace, connection)}
    return _append(connection, [canonical_json({**common, **facts}) for facts in many])


def _stamp(workspace: Workspace, connection: Connection) -> dict[str, str]:
    at, last = now(), last_time(connection)
    behind = last is not None and datetime.fromisoformat(at) < last - CLOCK_SLACK
    made = {"at": at, "actor": workspace.actor, "policy": workspace.policy.version}
    return made | ({"clock": "behind"} if behind else {})


def append_entry(connection: Connection, entry: bytes) -> int:
    """Append an entry that was made elsewhere; returns its index."""
    return _append(connection, [entry])


def _append(connection: Connection, entries: Sequence[bytes]) -> int:
    first = _next(connection)
    run_many(connection, insert(LOG_LEAF), ("idx", "entry"), list(enumerate(entries, first)))
    return first


def _next(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(LOG_LEAF.c.idx), -1))).scalar_one()) + 1


def size(connection: Connection) -> int:
    """Return the number of entries: one more than the last index, which is found without counting them."""
    last = connection.execute(select(func.max(LOG_LEAF.c.idx))).scalar()
    return 0 if last is None else last + 1


def entries(connection: Connection) -> list[bytes]:
    """Return all entries, in order."""
    return list(connection.execute(select(LOG_LEAF.c.entry).order_by(LOG_LEAF.c.idx)).scalars().all())


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
    if (covers := _agreed(workspace, hashes, note, "a checkpoint")) != signed:
        raise NotVerifiedError(
            "log", f"a checkpoint covers {covers} entries, and is kept as one of {signed}.", mend=_MEND
        )


@contextmanager
def recording(workspace: Workspace, wait: float | None = None) -> Iterator[None]:
    """Be the one writer; what was logged is under a signed checkpoint at the end.

    Suppression ends here for whom it has lasted long enough: no write leaves an entry behind that is past its end.

    Parameters
    ----------
    wait : float, optional
        Seconds to wait for another writer; by default as the workspace is patient.
    """
    with workspace.writing(wait):
        _ = workspace.log_key  # without it nothing that is done could be signed for
        yield
        with workspace.vault.transaction() as connection:
            if ended := ledger.expire(connection):
                append(workspace, connection, "suppression ended", people=ended)
            covered = connection.execute(select(func.max(CHECKPOINT.c.size))).scalar() or 0
            if size(connection) > covered:
                sign_head(workspace, connection)


def checkpoint(workspace: Workspace) -> str:
    """Return the signed head of the log, to be kept where nobody who can write the workspace can."""
    workspace.authorise(Action.LOG_VERIFY)
    with workspace.writing(), workspace.vault.transaction() as connection:
        return sign_head(workspace, connection)


def read_pinned(file: Path) -> str:
    """Return the signed checkpoint in a file: what `checkpoint` returned, or the one in a certificate.

    Raises
    ------
    NotFoundError
        Where the file cannot be read.
    EnvelopeFormatError
        Where it is neither.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotFoundError(f"checkpoint {file} cannot be read: {error.strerror}.", mend="Check the path.") from error
    if data.startswith(b"{"):
        return read_file(data).log.checkpoint
    try:
        note = data.decode()
    except UnicodeDecodeError as error:
        raise EnvelopeFormatError(
            f"{file} is neither a checkpoint nor a certificate.", mend="Give what `expunge log checkpoint` wrote."
        ) from error
    parse_checkpoint(note)
    return note


@dataclass(frozen=True)
class Verified:
    """What a check of the log found.

    Parameters
    ----------
    entries : int
        How many there are.
    covered : int
        How many of them are under the last stored checkpoint.
    checkpoints : int
        How many are stored.
    pinned : int or None
        How many entries the checkpoint covers that was kept elsewhere; None where none was given.
    """

    entries: int
    covered: int
    checkpoints: int
    pinned: int | None = None


def verify(workspace: Workspace, connection: Connection, pinned: str | None = None) -> Verified:
    """Check the log against every checkpoint that it keeps, those in certificates included, and one kept elsewhere.

    Only the latter shows that the log was cut back, restored or written anew by somebody who has the log's key: they
    can rewrite whatever lies beside the log.

    Parameters
    ----------
    pinned : str, optional
        Signed checkpoint, as `read_pinned` returns it.

    Raises
    ------
    NotVerifiedError
        Where an entry that a checkpoint covers was changed, removed, reordered or cut off, or a checkpoint is false.
    EnvelopeFormatError
        Where `pinned` is no checkpoint.
    """
    rows = connection.execute(select(LOG_LEAF).order_by(LOG_LEAF.c.idx)).all()
    if [row.idx for row in rows] != list(range(len(rows))):
        raise NotVerifiedError("log", "entries are missing or misnumbered.", mend=_MEND)
    hashes = [leaf_hash(row.entry) for row in rows]
    stored = [(row.size, row.note) for row in connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size))]
    issued = [read_file(content).log for content in connection.execute(select(CERTIFICATE.c.content)).scalars()]
    for signed, note in (*stored, *((log.size, log.checkpoint) for log in issued)):
        _refuse_unless(signed, note, workspace, hashes)
    if hashes and not (stored or issued or pinned):
        raise NotVerifiedError("log", f"no checkpoint is there to hold {len(hashes)} entries against.", mend=_MEND)
    covered = max((signed for signed, _ in stored), default=0)
    since = None if pinned is None else _agreed(workspace, hashes, pinned, "the pinned checkpoint")
    return Verified(len(hashes), covered, len(stored), since)


def _agreed(workspace: Workspace, hashes: list[bytes], note: str, which: str) -> int:
    """Hold the log against a checkpoint; returns how many entries it covers."""
    head = verify_checkpoint(note, origin(workspace), workspace.log_public)
    if head.size > len(hashes):
        raise NotVerifiedError(
            "log", f"{which} covers {head.size} entries, the log has {len(hashes)}: it was cut or restored.", mend=_MEND
        )
    if root(hashes[: head.size]) != head.root:
        raise NotVerifiedError(
            "log", f"the first {head.size} entries are not those that were signed, says {which}.", mend=_MEND
        )
    return head.size
