"""The suppression ledger of a workspace: imports are screened by it, and who returns is released from it (ADR 22).

It is personal data while its key lives, kept to show and to keep up that people were erased: policy names the legal
basis and how long. What is answered and logged are counts; not even the owner can list who is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from expunge.access.actions import Action
from expunge.access.policy import CHOICES, Policy
from expunge.datasets import Table, refreshed
from expunge.domain.subject import spelling, subject_id
from expunge.errors import InputError, NotFoundError, PolicyError, SuppressedError
from expunge.vault import ledger
from expunge.vault.database import truncate_wal
from expunge.vault.store import now
from expunge.workspace import journal
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import refuse_while_erasing


@dataclass(frozen=True)
class Status:
    """The ledger in figures.

    Parameters
    ----------
    people : int
        How many are in it.
    oldest, newest : str or None
        When the first and the last of them were erased.
    next_end : str or None
        When the next entry falls away.
    basis : str
        Legal basis, as policy names it.
    days : int
        How long an entry is kept; 0 is for ever.
    on_suppressed : str
        What becomes of an import with erased people.
    """

    people: int
    oldest: str | None
    newest: str | None
    next_end: str | None
    basis: str
    days: int
    on_suppressed: str

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return dict(self.__dict__)


def status(workspace: Workspace) -> Status:
    """Return the ledger in figures; never who is in it."""
    workspace.authorise(Action.LEDGER_SHOW)
    with workspace.vault.transaction() as connection:
        found = [one for one in ledger.entries(connection) if one.until is None or one.until > now()]
    policy = workspace.policy
    return Status(
        people=len(found),
        oldest=min((one.since for one in found), default=None),
        newest=max((one.since for one in found), default=None),
        next_end=min((one.until for one in found if one.until is not None), default=None),
        basis=policy.suppression_basis,
        days=policy.suppression_days,
        on_suppressed=policy.on_suppressed,
    )


def until(policy: Policy) -> str | None:
    """Return when an entry that is made now falls away; None is never."""
    if policy.suppression_days == 0:
        return None
    return (datetime.now(UTC) + timedelta(days=policy.suppression_days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def strictness(policy: Policy, asked: str | None) -> str:
    """Return what becomes of an import with erased people, ``refuse`` or ``quarantine``.

    Raises
    ------
    InputError
        Where `asked` is neither.
    PolicyError
        Where policy refuses such imports, and less was asked for.
    """
    choices = CHOICES["on_suppressed"]  # the strictest first
    chosen = policy.on_suppressed if asked is None else asked
    if chosen not in choices:
        raise InputError(f"{chosen!r} is no way to treat erased people.", mend=f"Choose one of: {', '.join(choices)}.")
    if choices.index(chosen) > choices.index(policy.on_suppressed):
        raise PolicyError(
            f"policy refuses imports with erased people, and {chosen!r} would take the others in.",
            mend="Leave --on-suppressed out, or let the policy be changed.",
        )
    return chosen


def screened(workspace: Workspace, connection: Connection, table: Table, strict: str) -> tuple[Table, int]:
    """Return a table without the erased people who stand in it, and how many they are.

    What is inferred is inferred afresh from the others. Nothing of those left out is stored: keeping their rows aside
    would be processing them again.

    Raises
    ------
    SuppressedError
        Where there are some and `strict` is ``refuse``, or there is nobody else.
    """
    everybody = table.subject_ids()
    found = ledger.suppressed(workspace.vault, connection, everybody)
    if not found:
        return table, 0
    if strict == "refuse" or len(found) == len(everybody):
        raise SuppressedError(
            len(found),
            len(everybody),
            mend="Who they are is not told. Have the source leave out whom it was told to erase, or release who has "
            "returned: `expunge ledger release`.",
        )
    rest = table.without(found)
    return refreshed(rest) if rest.schema.inferred else rest, len(found)


def release(workspace: Workspace, subject: str, reason: str) -> None:
    """Let a person come back who gave new consent, or has a new contract.

    Parameters
    ----------
    subject : str
        The id, in any spelling of it.
    reason : str
        Logged; names nobody.

    Raises
    ------
    NotFoundError
        Where the person is not in the ledger.
    InputError
        Where the reason is missing, or has the id in it.
    """
    workspace.authorise(Action.LEDGER_RELEASE)
    plain, why = spelling(subject), reason.strip()
    if not plain:
        raise InputError("the subject id is empty.", mend="Give the person's id, with --subject.")
    subject_id(plain)
    if not why:
        raise InputError("no reason is given.", mend="Say what the person's return rests on, with --reason.")
    if plain.casefold() in spelling(why).casefold():
        raise InputError("the reason names the person.", mend="It stays in the audit log: say it without the id.")
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        refuse_while_erasing(connection)
        if not ledger.release(workspace.vault, connection, plain):
            raise NotFoundError(
                "this person is not in the suppression ledger.",
                mend="Spell the id as the erased data did; letters' case and leading zeros count.",
            )
        journal.append(workspace, connection, "suppression released", reason=why)


def destroy(workspace: Workspace) -> int:
    """Destroy the ledger: its key first, so that every copy of it is anonymous for good; returns how many were in it.

    Cut short, it is to be given again; until then the entries cannot be read, and imports are refused.
    """
    workspace.authorise(Action.LEDGER_DESTROY)
    with journal.recording(workspace):
        with workspace.vault.transaction() as connection:
            refuse_while_erasing(connection)
        ledger.destroy_key(workspace.vault)
        with workspace.vault.transaction() as connection:
            people = ledger.forget_everybody(connection)
            journal.append(workspace, connection, "suppression ledger destroyed", people=people)
    truncate_wal(workspace.vault.engine)
    return people
