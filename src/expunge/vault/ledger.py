"""The suppression ledger: keyed hashes of erased people, so that nobody comes back by an import or a restored backup.

Invariants
----------
- An entry is found by ``key id (8 bytes) | HMAC-SHA256(ledger key, spelling of the id)``; no id is kept.
- The ledger key is 256 random bits of its own, derived from nothing: once it is destroyed, what stands here and in
  every copy names nobody for good.
- Entries that cannot be read, for want of their key, are an error; never an empty ledger, which stops nobody.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from expunge.domain.subject import SubjectId, spelling
from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault.database import SUPPRESSED
from expunge.vault.keys import destroy_file, new_key, read_secret, write_secret
from expunge.vault.store import Vault, now

_KEY_ID_BYTES: Final = 8
TAG_BYTES: Final = _KEY_ID_BYTES + 32
_MEND: Final = (
    "Restore ledger.key from a copy of the key folder, or give up what it opens, with `expunge ledger destroy --yes`."
)


@dataclass(frozen=True)
class Entry:
    """One erased person.

    Parameters
    ----------
    tag : bytes
        Opaque, 40 bytes; not for showing.
    batch : str or None
        The batch that erased the person.
    since : str
        When the keys went.
    until : str or None
        When the entry falls away; None is never.
    retained : dict of str to str
        Datasets that rightly still hold the person -> what the ground of it covers, ``records`` or ``processing``.
    """

    tag: bytes
    batch: str | None
    since: str
    until: str | None
    retained: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Key:
    """The ledger key at work."""

    secret: bytes

    def tag(self, subject: SubjectId) -> bytes:
        return self.id + self.digest(b"person", spelling(subject).encode())

    @cached_property
    def id(self) -> bytes:
        return self.digest(b"key id", b"")[:_KEY_ID_BYTES]

    def digest(self, purpose: bytes, content: bytes) -> bytes:
        return hmac.digest(self.secret, b"expunge ledger v1|" + purpose + b"|" + content, "sha256")

    def __repr__(self) -> str:
        return "_Key(secret=<hidden>)"


def make_key(vault: Vault) -> None:
    """Make the ledger key where there is none; the caller is the one writer."""
    if not _path(vault).exists():
        write_secret(_path(vault), new_key())


def suppress(
    vault: Vault, connection: Connection, people: Mapping[str, Mapping[str, str]], batch: str, until: str | None
) -> None:
    """Enter erased people, as spelling -> what is retained of them; an older entry gives way."""
    key = _key(vault, entries(connection))
    _put(connection, [Entry(key.tag(one), batch, now(), until, kept) for one, kept in people.items()])


def suppressed(vault: Vault, connection: Connection, people: Iterable[SubjectId]) -> dict[SubjectId, Entry]:
    """Return those of these people who are in the ledger now."""
    moment = now()
    known = {entry.tag: entry for entry in entries(connection) if entry.until is None or entry.until > moment}
    if not known:
        return {}
    key = _key(vault, list(known.values()))
    return {one: known[tag] for one in people if (tag := key.tag(one)) in known}


def release(vault: Vault, connection: Connection, subject: SubjectId) -> bool:
    """Remove a person's entry; tells whether there was one."""
    found = suppressed(vault, connection, [subject])
    _drop(connection, [entry.tag for entry in found.values()])
    return bool(found)


def entries(connection: Connection) -> list[Entry]:
    """Return all entries, oldest first, those past their end included."""
    rows = connection.execute(select(SUPPRESSED).order_by(SUPPRESSED.c.since, SUPPRESSED.c.tag))
    return [Entry(row.tag, row.batch, row.since, row.until, json.loads(row.retained)) for row in rows]


def merge(connection: Connection, found: Iterable[Entry]) -> int:
    """Take in entries of a copy that are new here, or later than what stands here; returns how many."""
    standing, moment = {entry.tag: entry.since for entry in entries(connection)}, now()
    fresh = [
        entry
        for entry in found
        if entry.since > standing.get(entry.tag, "") and (entry.until is None or entry.until > moment)
    ]
    _put(connection, fresh)
    return len(fresh)


def expire(connection: Connection) -> int:
    """Drop the entries that are past their end; returns how many."""
    return connection.execute(delete(SUPPRESSED).where(SUPPRESSED.c.until <= now())).rowcount


def destroy_key(vault: Vault) -> None:
    """Destroy the ledger key; does nothing where it is gone. There is no way back."""
    destroy_file(_path(vault))


def forget_everybody(connection: Connection) -> int:
    """Delete all entries, readable or not; returns how many."""
    return connection.execute(delete(SUPPRESSED)).rowcount


def authenticator(vault: Vault, connection: Connection, content: bytes) -> str:
    """Return the keyed hash by which a copy of the ledger is known to be unaltered, 64 hex characters.

    Raises
    ------
    KeyDestroyedError
        Where the ledger key is gone.
    """
    return _key(vault, entries(connection)).digest(b"copy", content).hex()


def _put(connection: Connection, fresh: Collection[Entry]) -> None:
    _drop(connection, [entry.tag for entry in fresh])
    rows: list[dict[str, Any]] = [
        {**entry.__dict__, "retained": json.dumps(entry.retained, sort_keys=True)} for entry in fresh
    ]
    if rows:
        connection.execute(insert(SUPPRESSED), rows)


def _drop(connection: Connection, tags: Iterable[bytes]) -> None:
    for tag in tags:
        connection.execute(delete(SUPPRESSED).where(SUPPRESSED.c.tag == tag))


def _key(vault: Vault, standing: Collection[Entry]) -> _Key:
    """Read the ledger key, and make sure that it is the one under which the entries were made."""
    if not standing:
        make_key(vault)  # a workspace from before there was a ledger, or one whose ledger was destroyed
    try:
        key = _Key(read_secret(_path(vault)))
    except FileNotFoundError as error:
        raise KeyDestroyedError("the suppression ledger's key is not in the key folder.", mend=_MEND) from error
    if any(not entry.tag.startswith(key.id) for entry in standing):
        raise CorruptedError("the suppression ledger was written under another key than ledger.key.", mend=_MEND)
    return key


def _path(vault: Vault) -> Path:
    return vault.keys / "ledger.key"
