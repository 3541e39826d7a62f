"""Following: what a request retained until a day goes on that day, by a request of its own, and nobody need ask again.

Invariants
----------
- Of one person there is at most one such request under one law; who is answered anew goes on from the newer answer.
- What is kept for longer, or without an end, is refused in it too: its approval must not reach that.
- Whoever asks again while it waits has asked for something new: what is retained stays retained, by the same grounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from expunge.domain.request import Hold, Refusal, Request, State
from expunge.erasure import clock, requests
from expunge.workspace.folder import Workspace


def follow_all(workspace: Workspace, connection: Connection, answered: Sequence[Request]) -> None:
    """Enter what follows these answers, or let what waits already follow them; identities are not forgotten yet."""
    waiting = requests.waiting_to_follow(connection)
    tags = requests.tags(connection, [request.id for request in answered])
    for request in answered:
        rest = waiting.get((request.law, tags[request.id]))
        ends = [refusal.until for refusal in request.refusals if refusal.until is not None]
        if rest is not None and rest.hold is not None:
            until = min(ends, default=rest.hold.until)
            changed = replace(rest, **_terms(workspace, request, until, rest.hold.ground))
            requests.amend(workspace, connection, changed, "follows", after=request.id, until=until.isoformat())
        elif ends:
            _enter(workspace, connection, request, min(ends))


def retained(connection: Connection, rest: Request | None) -> tuple[Refusal, ...]:
    """Return what is retained of a person for whom a request waits to follow, and is so still."""
    if rest is None or rest.hold is None or rest.hold.follows is None:
        return ()
    told = requests.load(connection, rest.hold.follows).refusals
    return tuple(one for one in told if one.until is None or one.until > clock.today())


def _enter(workspace: Workspace, connection: Connection, request: Request, until: date) -> None:
    number = requests.next_number(connection)
    name = workspace.opaque_id("R", number)
    terms = _terms(workspace, request, until)
    rest = Request(name, request.law, request.received, state=State.HELD, **terms)
    typed = requests.identity(workspace, connection, request.id)["subject"]
    requests.enter(workspace, connection, rest, number, typed)


def _terms(workspace: Workspace, request: Request, until: date, before: str = "") -> dict[str, Any]:
    """Return how long what follows an answer waits, when it must be answered then, and what is kept for longer.

    Where no ground of the answer ends on that day, the hold keeps the ground that it had `before`.
    """
    grounds = sorted({refusal.ground for refusal in request.refusals if refusal.until == until})
    return {
        "due": max(clock.due_from(workspace, request.law, until), request.due),
        "hold": Hold(", ".join(grounds) or before, clock.today(), until, follows=request.id, number=0),
        "refusals": tuple(one for one in request.refusals if one.until is None or one.until > until),
    }
