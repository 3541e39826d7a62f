"""Intake: received, identified, planned. What a person asked for becomes a request that can be approved."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection

from expunge.domain.request import Law, Request, State
from expunge.domain.subject import SubjectId, SubjectKind, parse_subject, subject_id
from expunge.erasure import plan, requests
from expunge.erasure.law.rules import due
from expunge.erasure.refusal import close_refused
from expunge.errors import InputError, SubjectIdError
from expunge.vault import subjects
from expunge.workspace import data, journal
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import erasing


def submit(workspace: Workspace, subject: str, law: Law, received: datetime | None = None) -> Request:
    """Take a request in and plan it; somebody of whom there are no data is refused with ground ``no-data``.

    Parameters
    ----------
    subject : str
        The id as typed; each dataset reads it by the kind of its own ids.
    received : datetime, optional
        When the person asked; now by default. The clocks run from here, by the calendar of its time zone.

    Raises
    ------
    InputError
        Where the id is empty or the time lies ahead.
    """
    moment = (received or datetime.now().astimezone()).replace(microsecond=0)
    subject = plainly(subject)
    if moment > datetime.now(UTC):
        raise InputError(f"received at {moment.isoformat()} lies ahead.", mend="Give the day on which it came in.")
    with journal.recording(workspace):
        with workspace.vault.transaction() as connection:
            number = requests.next_number(connection)
            name = workspace.opaque_id("R", number)
            request = Request(name, law, moment.astimezone(UTC), due(law, moment))
            requests.enter(workspace, connection, request, number, {"subject": subject})
        return advance(workspace, request)


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


def advance(workspace: Workspace, request: Request) -> Request:
    """Bring a request that was cut short to where `submit` leaves it; the caller holds the lock.

    While a batch is on its way nothing can be planned: the copies are between two versions. The request waits,
    identified, with its clock running.
    """
    if request.state is State.RECEIVED:
        with workspace.vault.transaction() as connection:
            request = requests.move(workspace, connection, request, State.IDENTIFIED)
    if request.state is State.IDENTIFIED:
        with workspace.vault.transaction() as connection:
            if erasing(connection):
                return request
            request = replan(workspace, connection, request)
    if request.state is State.PLANNED and not requests_touched(workspace, request):
        request = close_refused(workspace, request, "no-data")
    return request


def replan(workspace: Workspace, connection: Connection, request: Request) -> Request:
    """Make the plan and pin the policy under which it is made."""
    made = plan.make(workspace, connection, list(refs_of(workspace, connection, request).values()))
    requests.set_plan(connection, request.id, made.to_json())
    return requests.move(
        workspace, connection, request, State.PLANNED, policy=workspace.policy.version, approver=None, batch=None
    )


def requests_touched(workspace: Workspace, request: Request) -> bool:
    """Whether any copy holds the person."""
    with workspace.vault.transaction() as connection:
        return any(copy["subjects"] for copy in requests.plan(connection, request.id)["copies"])


def refs_of(workspace: Workspace, connection: Connection, *of: Request) -> dict[SubjectId, bytes]:
    """Return the ids and references under which the vault knows the people of requests."""
    meant = people_of(workspace, connection, of).values()
    return subjects.find(workspace.vault, connection, set().union(*meant))


def people_of(workspace: Workspace, connection: Connection, of: Iterable[Request]) -> dict[str, set[SubjectId]]:
    """Return request -> the ids that it may mean."""
    kinds = data.subject_kinds(workspace, connection)
    return {one.id: _readings(requests.identity(workspace, connection, one.id)["subject"], kinds) for one in of}


def ids_meant(workspace: Workspace, connection: Connection, typed: str) -> set[SubjectId]:
    """Read a typed id by the kind of each dataset's ids; where it cannot be of that kind, nobody there is meant."""
    return _readings(typed, data.subject_kinds(workspace, connection))


def _readings(typed: str, kinds: set[SubjectKind]) -> set[SubjectId]:
    meant: set[SubjectId] = set()
    for kind in kinds:
        for spelling in (typed, *(unicodedata.normalize(form, typed) for form in ("NFC", "NFD"))):
            try:
                meant.add(parse_subject(spelling, kind))
            except SubjectIdError:
                continue  # "A17" names nobody among integers
    return meant
