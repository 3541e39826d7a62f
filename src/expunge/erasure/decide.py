"""Decisions: approved or refused, by whom, on what ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from expunge.access.actions import Action
from expunge.domain.request import Outcome, Refusal, Request, State
from expunge.erasure import clock, office, planning, requests, scope, tasks
from expunge.erasure.law.rules import ground
from expunge.erasure.refusal import close_refused
from expunge.errors import IllegalMoveError, InputError
from expunge.workspace import data, journal
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import refuse_while_erasing


def approve(workspace: Workspace, request_id: str) -> Request:
    """Approve a planned request; the actor becomes its approver, and approving again changes nothing.

    Raises
    ------
    IllegalMoveError
        Where the request is not planned.
    WorkspaceBusyError
        Where it could not be planned yet, since an erasure is not finished.
    """
    return approve_all(workspace, [request_id])[0]


def approve_all(workspace: Workspace, request_ids: Sequence[str]) -> list[Request]:
    """Approve several requests, each for itself, as `approve` does: the first that cannot be stops the rest."""
    workspace.authorise(Action.REQUEST_APPROVE)
    with office.at_work(workspace):
        approved = []
        for name in request_ids:
            with workspace.vault.transaction() as connection:
                approved.append(_approve(workspace, connection, requests.load(connection, name)))
        return approved


def _approve(workspace: Workspace, connection: Connection, request: Request) -> Request:
    if request.state is State.IDENTIFIED:
        refuse_while_erasing(connection)
    if request.state is State.APPROVED and request.approver == workspace.actor:
        return request
    if request.state is not State.PLANNED:
        raise IllegalMoveError(
            f"request {request.id} is {request.state} and cannot become approved.", mend=_instead(request)
        )
    tasks.make(workspace, connection, request)
    tasks.write_letters(workspace, connection, [request])
    now = datetime.now().astimezone().replace(microsecond=0)
    return requests.move(workspace, connection, request, State.APPROVED, approver=workspace.actor, approved=now)


def due_within(workspace: Workspace, days: int) -> list[str]:
    """Return the planned requests that are due within some days."""
    workspace.authorise(Action.REQUEST_APPROVE)
    last = clock.today() + timedelta(days=days)
    with workspace.vault.transaction() as connection:
        return [one.id for one in requests.unclosed(connection) if one.state is State.PLANNED and one.due <= last]


def refuse(workspace: Workspace, request_id: str, ground_name: str) -> Request:
    """Refuse a request on a ground of its law, write the letter, and close it.

    Repeating a refusal on the same ground changes nothing.

    Raises
    ------
    InputError
        Where the law knows no such ground.
    IllegalMoveError
        Where the request is past deciding.
    """
    workspace.authorise(Action.REQUEST_REFUSE)
    with office.at_work(workspace):
        with workspace.vault.transaction() as connection:
            request = requests.load(connection, request_id)
        found = ground(request.law, ground_name, workspace.policy.packs).id
        if request.outcome is Outcome.REFUSED and request.state is State.CLOSED:
            if request.ground != found:
                raise IllegalMoveError(
                    f"request {request.id} was refused already, on ground {request.ground}.",
                    mend="A refusal that was sent is not changed; take a new request in.",
                )
            return request
        return close_refused(workspace, replace(request, refusals=()), found)


def refuse_for(
    workspace: Workspace, request_id: str, ground_name: str, dataset: str, until: date | None = None
) -> Request:
    """Refuse a request for one dataset: the records there are retained, everything else goes; approval is needed anew.

    Where the ground covers the keeping of records alone, models forget the person all the same, and the records are
    used for nothing else from then on. Where nothing else would be erased, the whole request is refused and closed;
    what is retained until a day goes on then all the same.

    Parameters
    ----------
    ground_name : str
        Of the request's law.
    dataset : str
        Name of the dataset.
    until : date, optional
        When the ground falls away: a request of its own, held until then, goes on with what was retained.

    Raises
    ------
    InputError
        Where the law knows no such ground, the dataset holds nothing of the person, or `until` is past.
    IllegalMoveError
        Where the request is past deciding.
    """
    workspace.authorise(Action.REQUEST_REFUSE)
    with office.at_work(workspace):
        with workspace.vault.transaction() as connection:
            request = requests.load(connection, request_id)
        if request.state not in {State.PLANNED, State.APPROVED}:
            raise IllegalMoveError(
                f"request {request.id} is {request.state} and cannot be refused for a dataset.",
                mend="Only a planned or approved request can be.",
            )
        found = ground(request.law, ground_name, workspace.policy.packs)
        if until is not None and until <= clock.today():
            raise InputError(f"the ground ends on {until}, which is past.", mend="Give a day that lies ahead.")
        with workspace.vault.transaction() as connection:
            place = data.by_name(connection, dataset).id
            held = {where for where, _ in scope.holdings(workspace, connection, request).values()}
            if place not in held:
                raise InputError(
                    f"dataset {dataset!r} holds nothing of the person of request {request.id}.",
                    mend=f"See `expunge request show {request.id}`.",
                )
            others = tuple(one for one in request.refusals if one.dataset != place)
            request = replace(request, refusals=(*others, Refusal(place, found.id, until)))
            request = planning.replan(workspace, connection, request)
            journal.append(workspace, connection, "dataset refused", request=request.id, object=place, ground=found.id)
        return planning.advance(workspace, request)


def _instead(request: Request) -> str:
    if request.outcome is not Outcome.OPEN:
        return f"It is over: {request.outcome}."
    if request.state is State.APPROVED:
        return f"{request.approver} approved it; erase it with `expunge erase {request.id}`."
    if request.state is State.HELD and request.hold:
        return f"It is held until {request.hold.until}; end that with `expunge request resume {request.id}`."
    return f"Its erasure is on its way; finish it with `expunge erase {request.id}`."
