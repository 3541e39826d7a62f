"""A copy of the suppression ledger, kept elsewhere and taken in again after a restore.

Invariants
----------
- A copy holds hashes under the ledger key and no key: without ``ledger.key`` it tells nothing.
- It has one spelling, and a keyed hash over it: whatever was changed is noticed before anything is taken in.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from expunge.access.actions import Action
from expunge.certificates.strict import load_json, same_bytes
from expunge.domain.certificate import Hex, Instant
from expunge.domain.codec import Form, read, write
from expunge.domain.digest import canonical_json
from expunge.errors import NotFoundError, NotVerifiedError
from expunge.vault import ledger
from expunge.vault.store import now, write_new
from expunge.workspace import journal
from expunge.workspace.folder import Workspace

_WHAT: Final = "the copy of the ledger"


def _is_hex(text: str) -> bool:
    return len(bytes.fromhex(text)) == ledger.TAG_BYTES and text == text.lower()


@dataclass(frozen=True)
class CopiedEntry:
    """One entry, its tag in hex."""

    tag: Annotated[str, Form(f"is not {ledger.TAG_BYTES} bytes in hex", _is_hex)]
    batch: str | None
    since: Instant
    until: Instant | None
    retained: dict[str, str]


@dataclass(frozen=True)
class LedgerCopy:
    """All entries at one moment."""

    kind: Literal["expunge suppression ledger v1"]
    log: str
    made: Instant
    entries: tuple[CopiedEntry, ...]


@dataclass(frozen=True)
class CopyFile:
    """What stands in the file."""

    authenticator: Hex
    ledger: LedgerCopy


def export(workspace: Workspace, file: Path) -> int:
    """Write a copy to a file that is not there yet, readable by its owner only; returns how many people are in it."""
    workspace.authorise(Action.LEDGER_EXPORT)
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        entries = tuple(
            CopiedEntry(one.tag.hex(), one.batch, one.since, one.until, dict(one.retained))
            for one in ledger.entries(connection)
        )
        made = LedgerCopy("expunge suppression ledger v1", journal.origin(workspace), now(), entries)
        authenticator = ledger.authenticator(workspace.vault, connection, canonical_json(write(made)))
        journal.append(workspace, connection, "suppression ledger exported", people=len(entries))
        write_new(file, _spelled(CopyFile(authenticator, made)))
    return len(entries)


def restore(workspace: Workspace, file: Path) -> int:
    """Take in from a copy whoever is not in the ledger, or was erased again later; returns how many.

    Whoever was released after the copy was made is suppressed again: release them again.

    Raises
    ------
    NotFoundError
        Where the file cannot be read.
    EnvelopeFormatError
        Where it is no copy of a ledger.
    NotVerifiedError
        Where it was changed, or is of another ledger.
    """
    workspace.authorise(Action.LEDGER_RESTORE)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{file} cannot be read: {error.strerror}.", mend="Check the path.") from error
    found: CopyFile = read(CopyFile, load_json(data, _WHAT))
    same_bytes(data, _spelled(found), _WHAT)
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        expected = ledger.authenticator(workspace.vault, connection, canonical_json(write(found.ledger)))
        if not hmac.compare_digest(expected, found.authenticator):
            raise NotVerifiedError(
                "ledger copy",
                "it was changed since it was exported, or is of another ledger.",
                mend="Give an unaltered copy, with the ledger.key under which it was made in the key folder.",
            )
        taken = ledger.merge(
            connection,
            (
                ledger.Entry(bytes.fromhex(one.tag), one.batch, one.since, one.until, one.retained)
                for one in found.ledger.entries
            ),
        )
        journal.append(workspace, connection, "suppression ledger restored", people=taken)
    return taken


def _spelled(file: CopyFile) -> bytes:
    return canonical_json(write(file)) + b"\n"
