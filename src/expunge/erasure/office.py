"""The office at work: whoever gives it a command first finds done what was left undone and what has come due.

Invariants
----------
- What was cut short and needs nobody's decision goes on with the next command, whichever it is.
- A hold that has ended resumes by itself, on the day that it names: its clock runs from that day, not from the command.
- While a batch is on its way held requests wait, since nothing can be planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from sqlalchemy import Connection

from expunge.access.actions import Action
from expunge.domain.request import Hold, Law, Request, State
from expunge.erasure import clock, closing, letters, planning, requests
from expunge.erasure.law.rules import HoldGround, hold_ground, known_packs
from expunge.erasure.letters import Letter, LetterFacts
from expunge.errors import WorkspaceBusyError
from expunge.workspace import journal
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import erasing


@contextmanager
def at_work(workspace: Workspace) -> Iterator[None]:
    """Be the one writer, and begin with `catch_up`."""
    with journal.recording(workspace):
        catch_up(workspace)
        yield


def catch_up_if_free(workspace: Workspace) -> None:
    """Do what `catch_up` does for somebody who only looks, unless there is nothing to do or another process writes.

    Nothing is lost then: that process, or the next command, does it. Who may not enter a request changes nothing here.
    """
    if not workspace.may(Action.REQUEST_SUBMIT):
        return
    with workspace.vault.transaction() as connection:
        idle = not requests.cut_short(connection) and not any(map(hold_ended, requests.delayed(connection)))
    if not idle:
        with suppress(WorkspaceBusyError), journal.recording(workspace):
            catch_up(workspace)


def catch_up(workspace: Workspace) -> list[Request]:
    """Go on with what was cut short, write the letters that lack, resume what is held no longer; returns the resumed.

    The caller holds the lock.
    """
    with workspace.vault.transaction() as connection:
        cut, delayed = requests.cut_short(connection), requests.delayed(connection)
    closing.close(workspace, [request for request in cut if request.outcome in closing.UNERASED])
    planning.advance_all(workspace, [request for request in cut if request.outcome not in closing.UNERASED])
    write_letters(workspace, delayed)
    with workspace.vault.transaction() as connection:
        ready = [] if erasing(connection) else [request for request in delayed if hold_ended(request)]
        resumed = [end_hold(workspace, connection, request) for request in ready]
    return planning.advance_all(workspace, resumed)


def hold_ended(request: Request) -> bool:
    """Whether a held request need not wait any more."""
    return request.state is State.HELD and (request.hold is None or request.hold.until <= clock.today())


def answered(request: Request) -> bool:
    """Whether a request is held on a ground that is an answer for the time being (`HoldGround.answers`)."""
    if request.state is not State.HELD or request.hold is None:
        return False
    return request.waits_to_follow or ground_of(request.law, request.hold).answers


def end_hold(workspace: Workspace, connection: Connection, request: Request) -> Request:
    """Plan a held request again; where the hold was an answer, a whole answer period runs from its end (ADR 21)."""
    hold = request.hold or Hold("", clock.today(), clock.today())
    hold = replace(hold, until=min(hold.until, clock.today()))
    due = max(request.due, clock.due_from(workspace, request.law, hold.until)) if answered(request) else request.due
    journal.append(workspace, connection, "hold ended", request=request.id, ground=hold.ground)
    return planning.replan(workspace, connection, replace(request, hold=hold, due=due))


def write_letters(workspace: Workspace, delayed: Sequence[Request]) -> None:
    """Write to those who are held and those whose time was extended, where the letter does not stand there yet.

    Who is told in the letter about what was erased that the rest is kept is not told again (`Hold.follows`).
    """
    packs = workspace.policy.packs
    holds = [
        LetterFacts(one, until=one.hold.until, hold=ground_of(one.law, one.hold), packs=packs)
        for one in delayed
        if one.state is State.HELD and one.hold and not one.waits_to_follow
    ]
    extensions = [
        LetterFacts(one, until=one.extension.until, reason=one.extension.reason) for one in delayed if one.extension
    ]
    letters.write_all(workspace, Letter.HOLD, holds)
    letters.write_all(workspace, Letter.EXTENSION, extensions)


def ground_of(law: Law, hold: Hold) -> HoldGround:
    """Return the ground of a hold, whichever packs are in force now."""
    return hold_ground(law, hold.ground, known_packs())
