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

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from expunge.domain.subject import SubjectId
from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault import codec, subjects
from expunge.vault.database import RECORD, SEGMENT, run_many
from expunge.vault.keys import NONCE_BYTES, new_tokens, seal, unseal
from expunge.vault.store import Vault, write_atomically

MAGIC: Final = b"EXPSEG01"
RECORD_BYTES: Final = 16
_PURPOSE: Final = b"expunge record v1|"
_THIS: Final = (RECORD.c.segment_id == bindparam("segment"), RECORD.c.ref == bindparam("owner"))


def write(
    vault: Vault,
    connection: Connection,
    place: tuple[str, int],
    layout: codec.Layout,
    rows: codec.Rows,
    refs: Mapping[SubjectId, bytes],
    keys: Mapping[bytes, bytes],
) -> dict[bytes, int]:
    """Encrypt rows into a new segment of a dataset.

    Parameters
    ----------
    place : (str, int)
        The dataset and its version.
    refs : mapping of subject to reference
    keys : mapping of reference to key

    Returns
    -------
    dict
        Reference -> number of records.
    """
    dataset, version = place
    segment = secrets.token_hex(16)
    parts, index, counts, offset = [MAGIC], [], {}, len(MAGIC)
    tokens = zip(new_tokens(len(refs), RECORD_BYTES), new_tokens(len(refs), NONCE_BYTES), strict=True)
    suffix = _place_bound(dataset, version)
    for owner, n_rows, plaintext in codec.encode(layout, rows.subjects, rows.columns):
        ref, (record, nonce) = refs[owner], next(tokens)
        sealed = seal(keys[ref], plaintext, _PURPOSE + record + suffix, nonce)
        index.append((segment, ref, record, offset, len(sealed)))
        parts.append(sealed)
        counts[ref] = n_rows
        offset += len(sealed)
    file = f"{segment}.seg"
    write_atomically(vault.segments / file, b"".join(parts))
    connection.execute(insert(SEGMENT).values(id=segment, dataset_id=dataset, dataset_version=version, file=file))
    run_many(connection, insert(RECORD), ("segment_id", "ref", "record_id", "offset", "length"), index)
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
        suffix = _place_bound(dataset, segment.dataset_version)
        for ref, record, offset, length in _rows(connection, segment.id):
            key = keys.get(ref)
            if key is not None:
                plaintexts.append(unseal(key, content[offset : offset + length], _PURPOSE + record + suffix))
            elif only is None:
                raise KeyDestroyedError(
                    f"a record of dataset {dataset} has no key.",
                    mend="An erasure was cut short; finish it: give `expunge erase` again.",
                )
    return codec.decode(layout, plaintexts)


def purge(vault: Vault, connection: Connection, refs: Collection[bytes]) -> int:
    """Rewrite every segment that holds a record of these subjects, without them; returns records removed.

    The old files are unlinked by `collect` after the transaction has committed.
    """
    gone, removed = set(refs), 0
    for segment in connection.execute(select(SEGMENT)).all():
        rows = _rows(connection, segment.id)
        leaving = [ref for ref, *_ in rows if ref in gone]
        if not leaving:
            continue
        removed += len(leaving)
        content = _content(vault, segment.file)
        parts, moved, end = [MAGIC], [], len(MAGIC)
        for ref, _, offset, length in rows:
            if ref not in gone:
                parts.append(content[offset : offset + length])
                if offset != end:
                    moved.append((end, segment.id, ref))
                end += length
        file = f"{segment.id}-{secrets.token_hex(4)}.seg"
        write_atomically(vault.segments / file, b"".join(parts))
        connection.execute(update(SEGMENT).where(SEGMENT.c.id == segment.id).values(file=file))
        run_many(connection, delete(RECORD).where(*_THIS), ("segment", "owner"), [(segment.id, ref) for ref in leaving])
        change = update(RECORD).where(*_THIS).values(offset=bindparam("begin"))
        run_many(connection, change, ("begin", "segment", "owner"), moved)
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
    suffix = _place_bound(segment.dataset_id, segment.dataset_version)
    closed = keyless = 0
    owned = len(MAGIC)
    rows = connection.execute(query).all()
    for row in rows:
        owned += row.length
        if row.ref not in keys:
            keyless += 1
            continue
        try:
            unseal(keys[row.ref], content[row.offset : row.offset + row.length], _PURPOSE + row.record_id + suffix)
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
        for _, _, offset, length in _rows(connection, segment.id):
            if offset != end:
                faults.append(f"segment {segment.id}: bytes {end} to {offset} belong to no record")
            end = offset + length
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


def _rows(connection: Connection, segment: str) -> Sequence[Row[bytes, bytes, int, int]]:
    """Return (reference, record id, offset, length) of everything in a segment, in the order of the file."""
    query = select(RECORD.c.ref, RECORD.c.record_id, RECORD.c.offset, RECORD.c.length)
    return connection.execute(query.where(RECORD.c.segment_id == segment).order_by(RECORD.c.offset)).all()


def _content(vault: Vault, file: str) -> bytes:
    path: Path = vault.segments / file
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CorruptedError(f"segment {file} is missing.", mend="Restore the segments folder.") from error
    if not content.startswith(MAGIC):
        raise CorruptedError(f"segment {file} is not a segment file.", mend="Restore the segments folder.")
    return content


def _place_bound(dataset: str, version: int) -> bytes:
    return f"|{dataset}|{version}".encode()
