"""Holds: a request waits on a ground of its law, until a day; then it goes on by itself (`office.catch_up`)."""

from __future__ import annotations

from datetime import date, timedelta

from expunge.access.actions import Action
from expunge.domain.request import Hold, Outcome, Request, State
from expunge.erasure import clock, execute, office, planning, requests
from expunge.erasure.law.clocks import hold_end
from expunge.erasure.law.rules import HoldGround, hold_ground
from expunge.erasure.leaving import leave
from expunge.errors import IllegalMoveError, InputError
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import refuse_while_erasing


def hold(
    workspace: Workspace, request_id: str, ground_name: str, until: date | None = None, start: date | None = None
) -> Request:
    """Hold a request, write the letter, and let the rest of its batch wait; holding again alike changes nothing.

    Parameters
    ----------
    ground_name : str
        Hold ground of the request's law, or of a pack that is in force.
    until : date, optional
        The first day on which it no longer holds.
    start : date, optional
        Instead: the day from which the ground's own period runs, where the law or the pack names one.

    Raises
    ------
    InputError
        Where there is no such ground, or its end is not given, or does not lie ahead.
    IllegalMoveError
        Where the request is held otherwise, is over, or its keys are gone.
    """
    workspace.authorise(Action.REQUEST_HOLD)
    with office.at_work(workspace):
        execute.tidy(workspace)  # a kill may have come between leaving a batch and tidying up after it
        with workspace.vault.transaction() as connection:
            request = requests.load(connection, request_id)
            ground = hold_ground(request.law, ground_name, workspace.policy.packs)
            end = _end(ground, until, start)
            if _held_alike(request, ground, end):
                return request
            if request.outcome is not Outcome.OPEN:
                raise IllegalMoveError(
                    f"request {request.id} is over: {request.outcome}.", mend="There is nothing to hold."
                )
            if request.hold and request.state is State.HELD:
                raise IllegalMoveError(
                    f"request {request.id} is held until {request.hold.until}, on ground {request.hold.ground}.",
                    mend=f"End that first: `expunge request resume {request.id}`.",
                )
            waits = Hold(ground.id, clock.today(), end, number=request.hold.number + 1 if request.hold else 1)
            own = leave(workspace, connection, request)
            held = requests.move(
                workspace, connection, own, State.HELD, hold=waits, ground=None, approver=None, batch=None
            )
        office.write_letters(workspace, [held])
        execute.tidy(workspace)
        return held


def resume(workspace: Workspace, request_id: str) -> Request:
    """End a hold before its day; the request is planned again, and needs approval.

    Raises
    ------
    IllegalMoveError
        Where the request is not held.
    WorkspaceBusyError
        Where an erasure is not finished: nothing can be planned.
    """
    workspace.authorise(Action.REQUEST_HOLD)
    with office.at_work(workspace):
        with workspace.vault.transaction() as connection:
            request = requests.load(connection, request_id)
            if request.state is not State.HELD:
                raise IllegalMoveError(
                    f"request {request.id} is {request.state}, not held.", mend="There is nothing to resume."
                )
            refuse_while_erasing(connection)
            request = office.end_hold(workspace, connection, request)
        return planning.advance(workspace, request)


def _end(ground: HoldGround, until: date | None, start: date | None) -> date:
    if (until is None) == (start is None):
        raise InputError("a hold needs its end.", mend="Give --until DATE, or --from DATE; not both.")
    if until is None:
        if ground.lasts is None or start is None:
            raise InputError(
                f"ground {ground.id} names no period that could run from {start}.", mend="Give the end, with --until."
            )
        until = hold_end(start, ground.lasts) + timedelta(days=1)
    if until <= clock.today():
        raise InputError(f"the hold would have ended on {until}.", mend="Give an end that lies ahead.")
    return until


def _held_alike(request: Request, ground: HoldGround, until: date) -> bool:
    held = request.hold if request.state is State.HELD else None
    return held is not None and (held.ground, held.until) == (ground.id, until)
