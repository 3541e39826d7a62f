"""Records at rest: segments of ciphertexts, one per subject and segment.

::

    segment file = 8 bytes "EXPSEG01", then ciphertexts end to end: nonce (12) | AES-256-GCM ciphertext | tag (16)

Where each lies is in table ``record``. Authenticated with each: the record id, the dataset and the dataset version that
it was written for, so that no ciphertext can be moved to another place.

Invariants
----------
- Bytes of a segment = magic + exactly the ciphertexts that the table knows, without gaps: `check_segment` says so.
- `purge` copies the remaining ciphertexts to a new file before the old one is unlinked.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from expunge.domain.subject import SubjectId
from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault import codec, subjects
from expunge.vault.database import RECORD, SEGMENT
from expunge.vault.keys import seal, unseal
from expunge.vault.store import Vault, write_atomically

MAGIC: Final = b"EXPSEG01"


def write(
    vault: Vault,
    connection: Connection,
    place: tuple[str, int],
    layout: codec.Layout,
    rows: codec.Rows,
    refs: Mapping[SubjectId, bytes],
) -> dict[bytes, int]:
    """Encrypt rows into a new segment of `place`, a dataset and its version; returns reference -> number of records."""
    dataset, version = place
    keys = subjects.keys_of(vault, connection, refs.values())
    segment = secrets.token_hex(16)
    parts, index, counts, offset = [MAGIC], [], {}, len(MAGIC)
    for owner, n_rows, plaintext in codec.encode(layout, rows.subjects, rows.columns):
        ref, record = refs[owner], secrets.token_bytes(16)
        sealed = seal(keys[ref], plaintext, _bound(record, dataset, version))
        index.append({"segment_id": segment, "ref": ref, "record_id": record, "offset": offset, "length": len(sealed)})
        parts.append(sealed)
        counts[ref] = n_rows
        offset += len(sealed)
    file = f"{segment}.seg"
    write_atomically(vault.segments / file, b"".join(parts))
    connection.execute(insert(SEGMENT).values(id=segment, dataset_id=dataset, dataset_version=version, file=file))
    connection.execute(insert(RECORD), index)
    return counts


def read(
    vault: Vault,
    connection: Connection,
    dataset: str,
    layout: codec.Layout,
    only: Collection[bytes] | None = None,
) -> codec.Rows:
    """Decrypt a dataset's rows: all, or those of some subjects, in the order in which they were written.

    Raises
    ------
    KeyDestroyedError
        Where a subject's key is gone.
    CorruptedError
        Where a ciphertext was changed, moved or cut.
    """
    keys = subjects.keys_of(vault, connection, only)
    plaintexts = []
    for segment in _segments(connection, dataset):
        content = _content(vault, segment.file)
        rows = connection.execute(select(RECORD).where(RECORD.c.segment_id == segment.id).order_by(RECORD.c.offset))
        for row in rows:
            if only is None and row.ref not in keys:
                raise KeyDestroyedError(
                    f"a record of dataset {dataset} has no key.",
                    mend="An erasure was cut short; finish it: give `expunge erase` again.",
                )
            if row.ref in keys:
                sealed = content[row.offset : row.offset + row.length]
                bound = _bound(row.record_id, dataset, segment.dataset_version)
                plaintexts.append(unseal(keys[row.ref], sealed, bound))
    return codec.decode(layout, plaintexts)


def purge(vault: Vault, connection: Connection, refs: Collection[bytes]) -> int:
    """Rewrite every segment that holds a record of these subjects, without them; returns records removed.

    The old files are unlinked by `collect` after the transaction has committed.
    """
    gone, removed = set(refs), 0
    for segment in connection.execute(select(SEGMENT)).all():
        rows = connection.execute(
            select(RECORD).where(RECORD.c.segment_id == segment.id).order_by(RECORD.c.offset)
        ).all()
        if not any(row.ref in gone for row in rows):
            continue
        content = _content(vault, segment.file)
        connection.execute(delete(RECORD).where(RECORD.c.segment_id == segment.id))
        parts, index, offset = [MAGIC], [], len(MAGIC)
        for row in rows:
            if row.ref in gone:
                removed += 1
                continue
            parts.append(content[row.offset : row.offset + row.length])
            index.append({**row._asdict(), "offset": offset})
            offset += row.length
        file = f"{segment.id}-{secrets.token_hex(4)}.seg"
        write_atomically(vault.segments / file, b"".join(parts))
        connection.execute(update(SEGMENT).where(SEGMENT.c.id == segment.id).values(file=file))
        if index:
            connection.execute(insert(RECORD), index)
    return removed


@dataclass(frozen=True)
class Examined:
    """What is found in one segment: its records, and how many of them do not open, have no key; bytes of nobody."""

    records: int
    closed: int
    keyless: int
    unowned: int


def examine(vault: Vault, connection: Connection, segment: Row[Any], keys: Mapping[bytes, bytes]) -> Examined:
    """Open every ciphertext of a segment.

    Raises
    ------
    CorruptedError
        Where its file is missing or no segment file.
    """
    content = _content(vault, segment.file)
    query = select(RECORD).where(RECORD.c.segment_id == segment.id).order_by(RECORD.c.offset)
    closed = keyless = 0
    owned = len(MAGIC)
    rows = connection.execute(query).all()
    for row in rows:
        owned += row.length
        if row.ref not in keys:
            keyless += 1
            continue
        try:
            bound = _bound(row.record_id, segment.dataset_id, segment.dataset_version)
            unseal(keys[row.ref], content[row.offset : row.offset + row.length], bound)
        except CorruptedError:
            closed += 1
    return Examined(len(rows), closed, keyless, max(len(content) - owned, 0))


def collect(vault: Vault, connection: Connection) -> int:
    """Remove segment files that no row knows; returns how many."""
    known = {row.file for row in connection.execute(select(SEGMENT.c.file))}
    orphans = [path for path in vault.segments.iterdir() if path.name not in known]
    for path in orphans:
        path.unlink()
    return len(orphans)


def check_segments(vault: Vault, connection: Connection) -> list[str]:
    """Return what is wrong with the segments' files: bytes that no record owns, files unknown or missing."""
    faults = []
    known = set()
    for segment in connection.execute(select(SEGMENT)).all():
        known.add(segment.file)
        end = len(MAGIC)
        for row in connection.execute(
            select(RECORD.c.offset, RECORD.c.length).where(RECORD.c.segment_id == segment.id).order_by(RECORD.c.offset)
        ):
            if row.offset != end:
                faults.append(f"segment {segment.id}: bytes {end} to {row.offset} belong to no record")
            end = row.offset + row.length
        size = len(_content(vault, segment.file))
        if size != end:
            faults.append(f"segment {segment.id}: {size} bytes on disk, {end} known")
    faults += [f"segment file {path.name} is unknown" for path in vault.segments.iterdir() if path.name not in known]
    return faults


def holders(connection: Connection, dataset: str) -> set[bytes]:
    """Return the references of everybody who has a record in a segment of this dataset."""
    query = select(RECORD.c.ref).join(SEGMENT, SEGMENT.c.id == RECORD.c.segment_id)
    return {row.ref for row in connection.execute(query.where(SEGMENT.c.dataset_id == dataset).distinct())}


def _segments(connection: Connection, dataset: str) -> Sequence[Row[tuple[str, str, int, str]]]:
    query = select(SEGMENT).where(SEGMENT.c.dataset_id == dataset).order_by(SEGMENT.c.dataset_version, SEGMENT.c.id)
    return connection.execute(query).all()


def _content(vault: Vault, file: str) -> bytes:
    path: Path = vault.segments / file
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CorruptedError(f"segment {file} is missing.", mend="Restore the segments folder.") from error
    if not content.startswith(MAGIC):
        raise CorruptedError(f"segment {file} is not a segment file.", mend="Restore the segments folder.")
    return content


def _bound(record: bytes, dataset: str, version: int) -> bytes:
    return b"expunge record v1|" + record + f"|{dataset}|{version}".encode()
