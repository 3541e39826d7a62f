"""Execute: a batch of approved requests, from `approved` to `closed`.

Invariants
----------
- One state, one transaction: a kill leaves the requests in the state before or after a step, never between.
- Every step can be repeated: the same command, given again, goes on where the last one ended, and ends once.
- An unfinished batch is finished before another begins; one process writes at a time.
- Nothing is shredded before every check on the staged models has passed; nothing is signed if one failed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeAlias

from sqlalchemy import Connection, select

from expunge.certificates.file import MAX_BYTES
from expunge.domain.plan import Plan
from expunge.domain.request import STEPS, Outcome, Request, State
from expunge.erasure import batch as batches
from expunge.erasure import intake, plan, requests
from expunge.erasure.batch import Batch
from expunge.erasure.steps import certify, check, close, notify, publish, purge, shred, unlearn, verify
from expunge.errors import ExpungeError, IllegalMoveError, InputError, WorkspaceBusyError
from expunge.vault import blobs, records
from expunge.vault.database import CERTIFICATE, truncate_wal
from expunge.workspace import journal, members
from expunge.workspace.folder import Workspace

Prepare: TypeAlias = Callable[[Workspace, Batch], None]
Commit: TypeAlias = Callable[[Workspace, Connection, Batch], None]
Progress: TypeAlias = Callable[[State], None]


def _nothing(_workspace: Workspace, _batch: Batch) -> None:
    return None


@dataclass(frozen=True)
class Step:
    """One step: what can be repeated, and what happens in the transaction that moves the requests."""

    commit: Commit
    prepare: Prepare = _nothing


WORK: Final[dict[State, Step]] = {
    State.UNLEARNED: Step(unlearn.commit),
    State.VERIFIED: Step(verify.commit),
    State.SHREDDED: Step(shred.commit, shred.prepare),
    State.PUBLISHED: Step(publish.commit),
    State.PURGED: Step(purge.commit),
    State.CHECKED: Step(check.commit),
    State.CERTIFIED: Step(certify.commit),
    State.NOTIFIED: Step(notify.commit, notify.prepare),
    State.CLOSED: Step(close.commit, close.prepare),
}


@dataclass(frozen=True)
class Done:
    """What came of a call to `erase`.

    Parameters
    ----------
    certificate : str or None
        Id of the certificate; None where there was nothing to do.
    batch : str or None
    requests : tuple of Request
        As they are now.
    sent_back : tuple of (Request, str)
        Requests that returned to `planned`, each with the reason; they need approval again, unless nothing is held
        of the person any more: then they were refused with ground ``no-data``.
    """

    certificate: str | None
    batch: str | None
    requests: tuple[Request, ...]
    sent_back: tuple[tuple[Request, str], ...] = ()


def erase(workspace: Workspace, ids: Sequence[str], progress: Progress = lambda _state: None) -> Done:
    """Erase the people of these approved requests, in one batch; or go on with what was cut short.

    Parameters
    ----------
    ids : sequence of str
        Requests. One that is erased already is reported, not repeated.
    progress : callable
        Told every state that is reached.

    Raises
    ------
    IllegalMoveError
        Where a request is not approved.
    PolicyError
        Where policy demands four eyes, and there are two.
    ExpungeError
        Whatever a step found wrong: the requests then read ``failed`` with the reason; give the command again when it
        is mended.
    """
    with journal.recording(workspace):
        tidy(workspace)  # a kill may have come between the last move and the last tidying up
        resumed = _resume(workspace, progress)
        with workspace.vault.transaction() as connection:
            chosen = [requests.load(connection, request) for request in dict.fromkeys(ids)]
        open_ones = [request for request in chosen if request.outcome is not Outcome.ERASED]
        if not open_ones:
            last = chosen[-1].batch if chosen else (resumed and resumed.id)
            return _done(workspace, last or None, chosen, ())
        batch, sent_back = _assemble(workspace, open_ones)
        for request, _ in sent_back:
            intake.advance(workspace, request)
        if batch is None:
            return _done(workspace, None, chosen, sent_back)
        _run(workspace, batch, progress)
        return _done(workspace, batch.id, chosen, sent_back)


def give_up(workspace: Workspace, request_id: str) -> tuple[Request, ...]:
    """Send a batch that cannot go on back to `planned`, while nothing is shredded; each member needs approval again.

    Raises
    ------
    IllegalMoveError
        Where the request is in no batch that is on its way, or the keys are gone.
    """
    with journal.recording(workspace):
        tidy(workspace)
        with workspace.vault.transaction() as connection:
            batch = batches.unfinished(workspace, connection)
            waiting = [] if batch is None else requests.in_batch(connection, batch.id)
            if batch is None or request_id not in {request.id for request in waiting}:
                state = requests.load(connection, request_id).state
                raise IllegalMoveError(
                    f"request {request_id} is {state}, in no erasure that is on its way.",
                    mend="There is nothing to undo.",
                )
            if workspace.vault.root_version(connection) != batch.root_version:
                raise IllegalMoveError(
                    f"request {request_id} can only go forward: the keys are gone.",
                    mend="Mend what failed, then give `expunge erase` again.",
                )
            unlearn.discard_staged(connection, batch)
            batches.close(connection, batch)
            for request in waiting:
                moved = (
                    requests.move(workspace, connection, request, State(request.failed[0]))
                    if request.failed
                    else request
                )
                intake.replan(workspace, connection, moved)
            journal.append(workspace, connection, "batch given up", batch=batch.id)
        tidy(workspace)
        with workspace.vault.transaction() as connection:
            return tuple(requests.load(connection, request.id) for request in waiting)


def due_within(workspace: Workspace, days: int, today: date) -> list[str]:
    """Return the approved requests that are due within some days, and those of an unfinished batch."""
    with workspace.vault.transaction() as connection:
        last = today + timedelta(days=days)
        return [
            request.id
            for request in requests.every(connection)
            if (request.state is State.APPROVED and request.due <= last)
            or (request.batch is not None and request.state is not State.CLOSED)
        ]


def _resume(workspace: Workspace, progress: Progress) -> Batch | None:
    with workspace.vault.transaction() as connection:
        batch = batches.unfinished(workspace, connection)
        waiting = [] if batch is None else requests.in_batch(connection, batch.id)
    for request in waiting:
        workspace.policy.forbid_same_person(request.approver, workspace.actor)
    if batch is not None:
        _run(workspace, batch, progress)
    return batch


def _assemble(workspace: Workspace, chosen: Sequence[Request]) -> tuple[Batch | None, tuple[tuple[Request, str], ...]]:
    """Make a batch of those whose approval still covers what would be done; send the others back to `planned`."""
    for request in chosen:
        if request.state is not State.APPROVED:
            raise IllegalMoveError(
                f"request {request.id} is {request.state}, not approved.",
                mend=f"Approve it first: `expunge request approve {request.id}`."
                if request.state is State.PLANNED
                else "See `expunge request show`.",
            )
        workspace.policy.forbid_same_person(request.approver, workspace.actor)
    sent_back, taken, refs = [], [], dict[bytes, None]()
    with workspace.vault.transaction() as connection:
        known = intake.refs_of(workspace, connection, *chosen)
        meant = intake.people_of(workspace, connection, chosen)
        copies = plan.survey(workspace, connection, list(known.values()))
        for request in chosen:
            own = [known[one] for one in meant[request.id] if one in known]
            remade = plan.make_for(copies, own)
            changed = plan.needs_new_approval(requests.plan(connection, request.id), remade)
            reason = "its plan changed since it was approved" if changed else None
            if request.policy != workspace.policy.version:
                reason = "the policy changed since it was planned"
            if reason is None and not own:
                reason = "nothing is held of this person any more"
            if reason is None:
                taken.append(request)
                refs.update(dict.fromkeys(own))
            else:
                sent_back.append((intake.replan(workspace, connection, request), reason))
        if not taken:
            return None, tuple(sent_back)
        whole = plan.make_for(copies, list(refs))
        _refuse_too_large(connection, whole)
        batch = batches.open_batch(workspace, connection, taken, whole, list(refs))
        journal.append(workspace, connection, "batch begun", batch=batch.id, requests=[one.id for one in taken])
    return batch, tuple(sent_back)


def _refuse_too_large(connection: Connection, whole: Plan) -> None:
    """Refuse, while nothing is shredded, a batch whose certificate would be larger than any verifier reads.

    A removal proof has about two words for each leaver and level between their paths, 66 characters each; base64 makes
    four characters of three.
    """
    size = 0.0
    for copy in whole.touched:
        members_held = members.totals(connection, copy.object_id)[0]
        size += copy.subjects * (math.log2(max(members_held / copy.subjects, 1)) + 4) * 66 * 4 / 3
    if size > MAX_BYTES / 2:
        raise InputError(
            f"the certificate of this batch would have about {size / 1e6:.0f} MB.", mend="Erase in smaller batches."
        )


def _run(workspace: Workspace, batch: Batch, progress: Progress) -> None:
    for state in STEPS:
        with workspace.vault.transaction() as connection:
            waiting = requests.in_batch(connection, batch.id)
        if STEPS.index(state) >= _reached(waiting[0]):
            _step(workspace, batch, state)
            progress(state)
    tidy(workspace)


def _reached(request: Request) -> int:
    """Return how many steps are done."""
    state = State(request.failed[0]) if request.failed else request.state
    return 0 if state is State.APPROVED else STEPS.index(state) + 1


def _step(workspace: Workspace, batch: Batch, state: State) -> None:
    tidy(workspace)
    _return_from_failure(workspace, batch, state)
    work = WORK[state]
    try:
        work.prepare(workspace, batch)
        with workspace.vault.transaction() as connection:
            fresh = batches.load(workspace, connection, batch.id)
            work.commit(workspace, connection, fresh)
            _move(workspace, connection, batch, state)
    except WorkspaceBusyError:
        raise  # nothing is wrong; the same command goes on
    except ExpungeError as error:
        if state not in {State.NOTIFIED, State.CLOSED}:
            with workspace.vault.transaction() as connection:
                failing = requests.in_batch(connection, batch.id)
                requests.move_all(workspace, connection, failing, State.FAILED, reason=f"{state}: {error}")
        raise


def _return_from_failure(workspace: Workspace, batch: Batch, state: State) -> None:
    with workspace.vault.transaction() as connection:
        again = False
        for request in requests.in_batch(connection, batch.id):
            if request.failed:
                requests.move(workspace, connection, request, State(request.failed[0]))
                again = True
        if again and state is State.VERIFIED:  # what failed is what was staged: stage it afresh
            unlearn.commit(workspace, connection, batches.load(workspace, connection, batch.id))


def _move(workspace: Workspace, connection: Connection, batch: Batch, state: State) -> None:
    changes = {"outcome": Outcome.ERASED} if state is State.CERTIFIED else {}
    requests.move_all(workspace, connection, requests.in_batch(connection, batch.id), state, **changes)


def tidy(workspace: Workspace) -> None:
    """Remove files that no row knows, the leavings of a kill or of what was superseded, and empty the WAL."""
    with workspace.vault.transaction() as connection:
        blobs.collect(workspace.vault, connection)
        records.collect(workspace.vault, connection)
    truncate_wal(workspace.vault.engine)


def _done(
    workspace: Workspace, batch: str | None, chosen: Sequence[Request], sent_back: tuple[tuple[Request, str], ...]
) -> Done:
    with workspace.vault.transaction() as connection:
        query = select(CERTIFICATE.c.id).where(CERTIFICATE.c.batch == (batch or ""))
        certificate = connection.execute(query).scalar()
        now = tuple(requests.load(connection, request.id) for request in chosen)
    return Done(certificate, batch, now, sent_back)
