"""What is due: every open request with its clock, what it waits for, and the command that brings it on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection

from expunge.access.actions import Action
from expunge.domain.recipient import Told
from expunge.domain.request import Outcome, Request, State
from expunge.erasure import batch as batches
from expunge.erasure import clock, guard, office, release, requests, tasks
from expunge.workspace.folder import Workspace

FINISH: Final = "expunge erase --due-within 0"
"""Finishes the batch that is on its way, whichever it is."""


@dataclass(frozen=True)
class Line:
    """One open request.

    Parameters
    ----------
    request : Request
    days_left : int
        Until the last day; negative where that is past.
    late : bool
        Whether it is past, and no hold answers the request for the time being.
    blocked : str or None
        What it waits for; None where it can go on.
    following : str
        The command that brings it on.
    confirm_by : date or None
        The day by which receipt must be confirmed, where the law sets one and the letter is not written.
    """

    request: Request
    days_left: int
    late: bool
    blocked: str | None
    following: str
    confirm_by: date | None

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return {
            "id": self.request.id,
            "law": self.request.law.value,
            "received": self.request.received.date().isoformat(),
            "due": self.request.due.isoformat(),
            "days_left": self.days_left,
            "late": self.late,
            "state": self.request.state.value,
            "blocked": self.blocked,
            "next": self.following,
            "confirm_by": self.confirm_by and self.confirm_by.isoformat(),
        }


@dataclass(frozen=True)
class _Office:
    """What one line needs to know of the rest.

    `own_approvers` are those whose approvals the actor may not execute; `undecided` are the models that wait for a
    decision.
    """

    workspace: Workspace
    erasing: bool
    open_tasks: dict[str, list[str]]
    own_approvers: frozenset[str]
    undecided: tuple[str, ...]


_Waits: TypeAlias = tuple[str | None, str]


def overview(workspace: Workspace, within: int | None = None) -> list[Line]:
    """Return the open requests, the late ones first, then by their last day.

    What has come due meanwhile, a hold that ended say, goes on first; while another process writes, the lines say that
    it will.

    Parameters
    ----------
    within : int, optional
        Only those that are late, or due within so many days.
    """
    workspace.authorise(Action.DUE)
    office.catch_up_if_free(workspace)
    today = clock.today()
    last = None if within is None else today + timedelta(days=within)
    with workspace.vault.transaction() as connection:
        there, tasks_open = requests.unclosed(connection), _open_tasks(connection)
        batch = batches.unfinished(workspace, connection)
    around = _Office(
        workspace,
        batch is not None,
        tasks_open,
        _own_approvers(workspace, there),
        tuple(copy["name"] for copy in guard.waiting(batch)) if batch else (),
    )
    lines = [_line(around, request, today) for request in there]
    chosen = [line for line in lines if last is None or line.request.due <= last]
    return sorted(chosen, key=lambda line: (not line.late, line.request.due))


def held_within(workspace: Workspace, days: int) -> list[Request]:
    """Return the held requests that would be due within some days."""
    last = clock.today() + timedelta(days=days)
    with workspace.vault.transaction() as connection:
        return [one for one in requests.delayed(connection) if one.state is State.HELD and one.due <= last]


def late(request: Request, today: date) -> bool:
    """Whether the last day of an open request is past, and nothing holds it that is an answer for the time being."""
    return request.outcome is Outcome.OPEN and request.due < today and not office.answered(request)


def _open_tasks(connection: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for task in tasks.every(connection):
        if task.state is Told.OPEN:
            found.setdefault(task.request, []).append(task.id)
    return found


def _own_approvers(workspace: Workspace, there: Iterable[Request]) -> frozenset[str]:
    """Return whose approvals the actor, who may erase, may not execute: four eyes."""
    if not workspace.may(Action.ERASE, approvers=[], subjects=1):
        return frozenset()
    approvers = {request.approver for request in there if request.approver is not None}
    return frozenset(one for one in approvers if not workspace.may(Action.ERASE, approvers=[one], subjects=1))


def _line(around: _Office, request: Request, today: date) -> Line:
    blocked, following = _WAITS.get(request.state, _in_batch)(around, request)
    confirm = clock.confirm_by(around.workspace, request)
    follows = request.hold is not None and request.hold.follows is not None  # receipt was confirmed long ago
    receipt = around.workspace.letters / request.id / "receipt.txt"
    return Line(
        request,
        (request.due - today).days,
        late(request, today),
        blocked,
        following,
        None if follows or receipt.exists() else confirm,
    )


def _unplanned(around: _Office, _request: Request) -> _Waits:
    if around.erasing:
        return "cannot be planned while a batch is unfinished", FINISH
    return "its intake was cut short", "expunge due"


def _planned(_around: _Office, request: Request) -> _Waits:
    return "not approved", f"expunge request approve {request.id}"


def _approved(around: _Office, request: Request) -> _Waits:
    if request.batch is not None:
        return _in_batch(around, request)
    policy, go = around.workspace.policy, f"expunge erase {request.id}"
    if request.policy != policy.version:
        return "the policy changed since it was planned: it needs approval again", go
    if request.approver in around.own_approvers:
        return f"{request.approver} approved it, and policy demands four eyes", f"{go} --as SOMEBODY-ELSE"
    if around.erasing:
        return "another batch is unfinished", FINISH
    last, _, because = release.latest(policy, request)
    if policy.min_batch > 1 and last > clock.today():
        return f"may wait for a batch of {policy.min_batch}, until {last} at the latest, because {because}", go
    return None, go


def _held(_around: _Office, request: Request) -> _Waits:
    if request.hold is None or office.hold_ended(request):
        return "its hold has ended, and it goes on with the next command", "expunge due"
    return f"held under {request.hold.ground} until {request.hold.until}", f"expunge request resume {request.id}"


def _closing(around: _Office, request: Request) -> _Waits:
    if request.batch is not None:
        return _in_batch(around, request)
    return "its closing was cut short", "expunge due"


def _in_batch(around: _Office, request: Request) -> _Waits:
    go = f"expunge erase {request.id}"
    if request.failed:
        return f"batch {request.batch} failed: {request.failed[1]}", go
    if request.state is State.VERIFIED and around.undecided:
        model = around.undecided[0]
        return f"it waits for a decision on model {model}", f"expunge model decide {model} --help"
    waiting = around.open_tasks.get(request.id, [])
    if request.state is State.CHECKED and waiting:
        return f"recipients are not told: {', '.join(waiting)}", f"expunge task show {waiting[0]}"
    return f"batch {request.batch} is unfinished, after {request.state}", go


_WAITS: Final[dict[State, Callable[[_Office, Request], _Waits]]] = {
    State.RECEIVED: _unplanned,
    State.IDENTIFIED: _unplanned,
    State.PLANNED: _planned,
    State.APPROVED: _approved,
    State.HELD: _held,
    State.REFUSED: _closing,
    State.WITHDRAWN: _closing,
    State.NOTIFIED: _closing,
}
"""What each state waits for; the others are those of a batch on its way."""
