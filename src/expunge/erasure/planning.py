"""Planning: received, identified, planned. What was asked for becomes something that can be approved, or has no object.

Invariants
----------
- The receipt is written before a request leaves `received`.
- While a batch is on its way nothing can be planned: the copies are between two versions. Requests wait, identified,
  with their clocks running.
- Where nothing is held of the person, a request is refused with ground ``no-data``; where all that is held is
  retained, on the grounds of that. Nobody need decide it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from expunge.domain.request import Request, State
from expunge.erasure import letters, plan, requests, scope, tasks
from expunge.erasure.letters import Letter, LetterFacts
from expunge.erasure.refusal import refuse_all
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import erasing

NO_DATA: Final = "no-data"
AT_ONCE: Final = 500
"""So many requests are planned in one transaction: what there is to plan for is read once for all of them."""


def advance(workspace: Workspace, request: Request) -> Request:
    """Bring a request that was cut short to where `submit` leaves it; the caller holds the lock."""
    return advance_all(workspace, [request])[0]


def advance_all(workspace: Workspace, entered: Sequence[Request]) -> list[Request]:
    """Bring requests that were received, identified or planned as far as they go without anybody's decision."""
    done: list[Request] = []
    for start in range(0, len(entered), AT_ONCE):
        some = _identified(workspace, entered[start : start + AT_ONCE])
        done += _decided(workspace, _planned(workspace, some))
    return done


def _identified(workspace: Workspace, some: Sequence[Request]) -> list[Request]:
    fresh = [request for request in some if request.state is State.RECEIVED]
    if not fresh:
        return list(some)
    letters.write_all(workspace, Letter.RECEIPT, map(LetterFacts, fresh))
    with workspace.vault.transaction() as connection:
        return _in_place(some, requests.move_all(workspace, connection, fresh, State.IDENTIFIED))


def _planned(workspace: Workspace, some: Sequence[Request]) -> list[Request]:
    ready = [request for request in some if request.state is State.IDENTIFIED]
    if not ready:
        return list(some)
    with workspace.vault.transaction() as connection:
        return list(some) if erasing(connection) else _in_place(some, replan_all(workspace, connection, ready))


def _decided(workspace: Workspace, some: Sequence[Request]) -> list[Request]:
    planned = [request for request in some if request.state is State.PLANNED]
    if not planned:
        return list(some)
    with workspace.vault.transaction() as connection:
        nobody = requests.of_nobody(connection, [request.id for request in planned])
        kept = {one: requests.retaining(connection, one) for one in nobody}
    empty: dict[str, list[Request]] = {}
    for request in planned:
        if request.id in nobody:
            refusals = tuple(one for one in request.refusals if one.dataset in kept[request.id])
            ground = refusals[-1].ground if refusals else NO_DATA
            empty.setdefault(ground, []).append(replace(request, refusals=refusals))
    for ground, refused in empty.items():
        some = _in_place(some, refuse_all(workspace, refused, ground))
    return list(some)


def _in_place(some: Sequence[Request], moved: Iterable[Request]) -> list[Request]:
    fresh = {request.id: request for request in moved}
    return [fresh.get(request.id, request) for request in some]


def replan(workspace: Workspace, connection: Connection, request: Request) -> Request:
    """Make the plan and pin the policy under which it is made; whoever approved another plan did not approve this."""
    return replan_all(workspace, connection, [request])[0]


def replan_all(workspace: Workspace, connection: Connection, some: Sequence[Request]) -> list[Request]:
    """Make the plans of several requests, as `replan` does."""
    scopes = scope.scopes_of(workspace, connection, some)
    seen = plan.survey(workspace, connection, {ref for own in scopes.values() for ref in own.people})
    requests.set_plans(connection, {one: plan.plan_of(seen, own).to_json() for one, own in scopes.items()})
    tasks.drop_open(workspace, connection, scopes)
    fresh: dict[str, Any] = {"policy": workspace.policy.version, "approver": None, "approved": None, "batch": None}
    return requests.move_all(workspace, connection, some, State.PLANNED, **fresh)
