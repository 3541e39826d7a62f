"""Subjects in the vault: an opaque reference, a keyed tag to find it by, and a key, for each dataset apart.

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
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, func, insert, select

from expunge.domain.digest import commitment
from expunge.domain.subject import SubjectId, subject_bytes
from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault import pages
from expunge.vault.database import SUBJECT, run_many
from expunge.vault.keys import new_tokens
from expunge.vault.store import Vault

REF_BYTES: Final = 16
TOGETHER_BYTES: Final = 4
SALT_BYTES: Final = 32
_SALT: Final = b"membership salt1"  # 16 bytes, BLAKE2b's personalisation (RFC 7693 section 2.5): no other hash's
MANY: Final = 500
"""From so many on, reading all is faster than naming them, and SQLite takes no longer list."""


def tag(vault: Vault, subject: SubjectId) -> bytes:
    """Return the keyed tag by which a subject is found."""
    return _tags(vault, [subject])[subject]


def find(vault: Vault, connection: Connection, dataset: str, subjects: Iterable[SubjectId]) -> dict[SubjectId, bytes]:
    """Return the references of those subjects who are in a dataset."""
    return _found(connection, dataset, _tags(vault, subjects))


def everywhere(
    vault: Vault, connection: Connection, subjects: Iterable[SubjectId]
) -> dict[bytes, tuple[str, SubjectId]]:
    """Return reference -> (dataset, id) for every dataset that these subjects are in."""
    owners = {found: subject for subject, found in _tags(vault, subjects).items()}
    query = select(SUBJECT.c.tag, SUBJECT.c.ref, SUBJECT.c.dataset_id)
    if len(owners) <= MANY:
        query = query.where(SUBJECT.c.tag.in_(owners))
    return {ref: (dataset, owners[found]) for found, ref, dataset in connection.execute(query).all() if found in owners}


def _tags(vault: Vault, subjects: Iterable[SubjectId]) -> dict[SubjectId, bytes]:
    keyed = hmac.new(vault.derive("subject tag"), digestmod="sha256")
    tags = {}
    for subject in subjects:
        one = keyed.copy()  # half the time of keying it again
        one.update(subject_bytes(subject))
        tags[subject] = one.digest()
    return tags


def _found(connection: Connection, dataset: str, tags: dict[SubjectId, bytes]) -> dict[SubjectId, bytes]:
    owners = {found: subject for subject, found in tags.items()}
    query = select(SUBJECT.c.tag, SUBJECT.c.ref).where(SUBJECT.c.dataset_id == dataset)
    rows = connection.execute(query if len(tags) > MANY else query.where(SUBJECT.c.tag.in_(owners))).all()
    return {owners[found]: ref for found, ref in rows if found in owners}


def enrol(
    vault: Vault, connection: Connection, dataset: str, subjects: Iterable[SubjectId]
) -> tuple[dict[SubjectId, bytes], dict[bytes, bytes]]:
    """Make a key for each of these subjects in a dataset that knows none of them; return references, and their keys."""
    tags = _tags(vault, dict.fromkeys(subjects))
    refs = dict(zip(tags, new_refs(len(tags)), strict=True))
    keys = dict(zip(refs.values(), new_tokens(len(tags)), strict=True))
    rows = [(ref, dataset, own_tag) for ref, own_tag in zip(keys, tags.values(), strict=True)]
    run_many(connection, insert(SUBJECT), ("ref", "dataset_id", "tag"), rows)
    pages.add(vault, connection, keys)
    return refs, keys


def new_refs(number: int) -> list[bytes]:
    """Return fresh references for people who come together.

    Their first bytes are alike, so that their keys fill pages of their own in the key tree, and an import does not
    touch every page of it. The bytes are random: they tell who came together, as segments do, and nothing of when.
    """
    head = new_tokens(1, TOGETHER_BYTES)[0]
    return [head + tail for tail in new_tokens(number, REF_BYTES - TOGETHER_BYTES)]


def keys_of(vault: Vault, connection: Connection, refs: Iterable[bytes] | None = None) -> dict[bytes, bytes]:
    """Read the keys of these subjects, or of all.

    Raises
    ------
    KeyDestroyedError
        Where a key is not there, or was under a root key that is gone.
    CorruptedError
        Where a page of keys does not open, or, of all, people and keys are not as many.
    """
    if refs is None:
        keys = pages.every(vault, connection)
        if (people := connection.execute(select(func.count()).select_from(SUBJECT)).scalar_one()) != len(keys):
            raise CorruptedError(
                f"the database knows {people} people in its datasets, and the key tree has {len(keys)} keys.",
                mend="Restore the workspace and its keys from the same moment.",
            )
        return keys
    wanted = set(refs)
    found = pages.find(vault, connection, wanted)
    if lost := len(wanted) - len(found):
        raise KeyDestroyedError(
            f"{lost} subjects have no key.", mend="They were erased; remove what still refers to them."
        )
    return found


def commitments(keys: Mapping[bytes, bytes], object_id: str, refs: Mapping[SubjectId, bytes]) -> dict[bytes, bytes]:
    """Return reference -> commitment to membership of an object, for subjects whose keys are at hand."""
    if lost := set(refs.values()) - keys.keys():
        raise CorruptedError(f"{len(lost)} subjects have no key.", mend="Restore the database.")
    return {ref: commitment(salt_of(keys[ref]), object_id, subject) for subject, ref in refs.items()}


def salt_of(key: bytes) -> bytes:
    """Return a subject's 256-bit membership salt."""
    return hashlib.blake2b(key=key, digest_size=SALT_BYTES, person=_SALT).digest()
