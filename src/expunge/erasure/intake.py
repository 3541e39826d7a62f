"""Intake: what a person asked for becomes a request with a clock of its own; one, or many at once.

Invariants
----------
- All of what is handed in together is entered, in one transaction, or none of it.
- Nobody has two open requests under one law: who asks again is told of the first (a keyed hash finds it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from expunge.access.actions import Action
from expunge.domain.request import Law, Request
from expunge.domain.subject import subject_id
from expunge.erasure import clock, following, letters, office, requests
from expunge.erasure.letters import Letter
from expunge.erasure.planning import advance, advance_all, replan
from expunge.errors import DuplicateRequestError, InputError
from expunge.vault.identity import make_identity_keys
from expunge.workspace import journal
from expunge.workspace.folder import Workspace

__all__ = ["Asked", "advance", "plainly", "replan", "submit", "take_in"]


@dataclass(frozen=True)
class Asked:
    """What one person asked for.

    Parameters
    ----------
    subject : str
        The id as typed; each dataset reads it by the kind of its own ids.
    law : Law
    received : datetime
        When the person asked. The clocks run from here, by the calendar of its time zone.

    Raises
    ------
    InputError
        Where the id is empty or the time lies ahead.
    """

    subject: str
    law: Law
    received: datetime

    def __post_init__(self) -> None:
        """Refuse what cannot be, and drop what is around the id and below the second."""
        object.__setattr__(self, "subject", plainly(self.subject))
        object.__setattr__(self, "received", self.received.replace(microsecond=0))
        if self.received > datetime.now(UTC):
            raise InputError(
                f"received at {self.received.isoformat()} lies ahead.", mend="Give the day on which it came in."
            )


def submit(
    workspace: Workspace, subject: str, law: Law, received: datetime | None = None, *, restored: bool = False
) -> Request:
    """Take a request in and plan it; somebody of whom there are no data is refused with ground ``no-data``.

    Parameters
    ----------
    received : datetime, optional
        Now by default; otherwise as `Asked` has them.
    restored : bool
        The person was erased before and came back with a restored backup; the log says so.

    Raises
    ------
    DuplicateRequestError
        Where the person has an open request under this law; nothing is entered, and the log notes that they asked.
    """
    workspace.authorise(Action.REQUEST_SUBMIT)
    asked = Asked(subject, law, received or datetime.now().astimezone())
    with office.at_work(workspace):
        with workspace.vault.transaction() as connection:
            first = requests.open_by_tag(connection).get((law, requests.tag(workspace, asked.subject)))
            if first is not None:
                journal.append(workspace, connection, "request repeated", request=first.id)
        if first is not None:
            letters.write(workspace, first, Letter.DUPLICATE, duplicate_of=first.id)
            raise DuplicateRequestError(
                f"this person has an open {law.upper()} request: {first.id}, {first.state}, due {first.due}.",
                mend=f"See `expunge request show {first.id}`; its answer is the answer to both.",
            )
        return take_in(workspace, [asked], restored=restored)[0]


def take_in(
    workspace: Workspace, asked: Sequence[Asked], file: Mapping[str, Any] | None = None, *, restored: bool = False
) -> list[Request]:
    """Enter what people asked for and plan it; the caller holds the lock, and knows that nobody has asked already.

    Parameters
    ----------
    file : mapping, optional
        What the log notes of the file that they came in: its keyed hash, so that it is not entered twice.
    restored : bool
        As `submit` has it.
    """
    with workspace.vault.transaction() as connection:
        number = requests.next_number(connection)
        waiting = requests.waiting_to_follow(connection)
        entered = [
            Request(
                workspace.opaque_id("R", number + position),
                one.law,
                one.received,
                clock.due(workspace, one.law, one.received),
                refusals=following.retained(connection, waiting.get((one.law, requests.tag(workspace, one.subject)))),
            )
            for position, one in enumerate(asked)
        ]
        make_identity_keys(workspace.vault, (request.id for request in entered))
        typed = [one.subject for one in asked]
        requests.enter_all(workspace, connection, list(zip(entered, typed, strict=True)), number, restored=restored)
        if file is not None:
            journal.append(workspace, connection, "file taken in", requests=len(entered), **file)
    return advance_all(workspace, entered)


def plainly(subject: str) -> str:
    """Return a typed id without the white space around it.

    Raises
    ------
    InputError
        Where nothing is left, or it is no text.
    """
    plain = subject.strip()
    if not plain:
        raise InputError("the subject id is empty.", mend="Give the id that the datasets know, with --subject.")
    subject_id(plain)
    return plain
