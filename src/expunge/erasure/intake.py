"""Intake: received, identified, planned. What a person asked for becomes a request that can be approved."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from sqlalchemy import Connection

from expunge.access.actions import Action
from expunge.domain.request import Hold, Law, Request, State
from expunge.domain.subject import subject_id
from expunge.erasure import plan, requests, scope
from expunge.erasure.law.rules import due
from expunge.erasure.refusal import close_refused
from expunge.errors import InputError
from expunge.workspace import journal
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
    workspace.authorise(Action.REQUEST_SUBMIT)
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


def follow(workspace: Workspace, connection: Connection, request: Request, until: date) -> Request:
    """Enter the request that goes on, when a ground falls away, with what was retained until then."""
    grounds = sorted({refusal.ground for refusal in request.refusals if refusal.until == until})
    number = requests.next_number(connection)
    today = datetime.now(UTC)
    rest = Request(
        workspace.opaque_id("R", number),
        request.law,
        request.received,
        max(due(request.law, datetime.combine(until, time(), UTC)), request.due),
        State.HELD,
        hold=Hold(", ".join(grounds), today.date(), until, follows=request.id),
    )
    typed = requests.identity(workspace, connection, request.id)["subject"]
    requests.enter(workspace, connection, rest, number, {"subject": typed})
    return rest


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
    made = plan.make(workspace, connection, scope.scope_of(workspace, connection, request))
    requests.set_plan(connection, request.id, made.to_json())
    return requests.move(
        workspace,
        connection,
        request,
        State.PLANNED,
        policy=workspace.policy.version,
        approver=None,
        approved=None,
        batch=None,
    )


def requests_touched(workspace: Workspace, request: Request) -> bool:
    """Whether any copy holds the person."""
    with workspace.vault.transaction() as connection:
        return any(copy["subjects"] for copy in requests.plan(connection, request.id)["copies"])
