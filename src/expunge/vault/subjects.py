"""Subjects in the vault: an opaque reference, a keyed tag to find it by, and a wrapped key, for each dataset apart.

Invariants
----------
- The database never holds an id: it is found by ``tag = HMAC-SHA256(key derived from the hash secret, typed id)``.
- A key opens the records of one person in one dataset: where one dataset must be kept and another erased, the keys of
  the one live and those of the other die (ADR 19).
- A subject's membership salt derives from the subject's key and dies with it, so that its commitments hide for ever.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from expunge.domain.digest import commitment
from expunge.domain.subject import SubjectId, subject_bytes
from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault.database import SUBJECT
from expunge.vault.keys import new_key
from expunge.vault.store import Vault

REF_BYTES: Final = 16
MANY: Final = 500
"""From so many on, reading all tags is faster than naming them, and SQLite takes no longer list."""


def tag(vault: Vault, subject: SubjectId) -> bytes:
    """Return the keyed tag by which a subject is found."""
    return hmac.new(vault.derive("subject tag"), subject_bytes(subject), hashlib.sha256).digest()


def find(vault: Vault, connection: Connection, dataset: str, subjects: Iterable[SubjectId]) -> dict[SubjectId, bytes]:
    """Return the references of those subjects who are in a dataset."""
    tags = _tags(vault, subjects)
    query = select(SUBJECT.c.tag, SUBJECT.c.ref).where(SUBJECT.c.dataset_id == dataset)
    if len(tags) <= MANY:
        query = query.where(SUBJECT.c.tag.in_(tags))
    return {tags[row.tag]: row.ref for row in connection.execute(query) if row.tag in tags}


def everywhere(
    vault: Vault, connection: Connection, subjects: Iterable[SubjectId]
) -> dict[bytes, tuple[str, SubjectId]]:
    """Return reference -> (dataset, id) for every dataset that these subjects are in."""
    tags = _tags(vault, subjects)
    query = select(SUBJECT.c.tag, SUBJECT.c.ref, SUBJECT.c.dataset_id)
    if len(tags) <= MANY:
        query = query.where(SUBJECT.c.tag.in_(tags))
    return {row.ref: (row.dataset_id, tags[row.tag]) for row in connection.execute(query) if row.tag in tags}


def enrol(vault: Vault, connection: Connection, dataset: str, subjects: Iterable[SubjectId]) -> dict[SubjectId, bytes]:
    """Return the references of these subjects in a dataset, making a key for everyone who is new to it."""
    unique = list(dict.fromkeys(subjects))
    refs = find(vault, connection, dataset, unique)
    wrapper = vault.wrapper(connection)
    fresh = []
    for found, subject in _tags(vault, (one for one in unique if one not in refs)).items():
        ref = refs[subject] = secrets.token_bytes(REF_BYTES)
        fresh.append(
            {
                "ref": ref,
                "dataset_id": dataset,
                "tag": found,
                "root_version": wrapper.version,
                "wrapped": wrapper.wrap(new_key(), ref),
            }
        )
    if fresh:
        connection.execute(insert(SUBJECT), fresh)
    return refs


def _tags(vault: Vault, subjects: Iterable[SubjectId]) -> dict[bytes, SubjectId]:
    key = vault.derive("subject tag")
    return {hmac.new(key, subject_bytes(subject), hashlib.sha256).digest(): subject for subject in subjects}


def keys_of(vault: Vault, connection: Connection, refs: Iterable[bytes] | None = None) -> dict[bytes, bytes]:
    """Unwrap the keys of these subjects, or of all.

    Raises
    ------
    KeyDestroyedError
        Where a key is not there, or was wrapped under a root key that is gone.
    CorruptedError
        Where a wrapped key does not open.
    """
    wrapper = vault.wrapper(connection)
    wanted = None if refs is None else set(refs)
    found = {}
    for row in connection.execute(select(SUBJECT.c.ref, SUBJECT.c.root_version, SUBJECT.c.wrapped)):
        if wanted is None or row.ref in wanted:
            if row.root_version != wrapper.version:
                raise KeyDestroyedError(
                    f"a subject's key is wrapped under root version {row.root_version}, not {wrapper.version}.",
                    mend="That version was destroyed by an erasure; these records are gone for good.",
                )
            found[row.ref] = wrapper.unwrap(row.wrapped, row.ref)
    if wanted is not None and (lost := wanted - found.keys()):
        raise KeyDestroyedError(
            f"{len(lost)} subjects have no key.", mend="They were erased; remove what still refers to them."
        )
    return found


def commitments(keys: Mapping[bytes, bytes], object_id: str, refs: Mapping[SubjectId, bytes]) -> dict[bytes, bytes]:
    """Return reference -> commitment to membership of an object, for subjects whose keys are at hand."""
    if lost := set(refs.values()) - keys.keys():
        raise CorruptedError(f"{len(lost)} subjects have no key.", mend="Restore the database.")
    return {ref: commitment(salt_of(keys[ref]), object_id, subject) for subject, ref in refs.items()}


def salt_of(key: bytes) -> bytes:
    """Return a subject's 256-bit membership salt."""
    return hmac.new(key, b"expunge membership salt v1", hashlib.sha256).digest()


def remove(connection: Connection, refs: Iterable[bytes]) -> None:
    """Delete subjects: tag and wrapped key."""
    for ref in refs:
        connection.execute(delete(SUBJECT).where(SUBJECT.c.ref == ref))
