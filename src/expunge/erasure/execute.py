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

from expunge.access.actions import Action
from expunge.certificates.file import MAX_BYTES
from expunge.domain.plan import Plan
from expunge.domain.request import STEPS, Outcome, Request, State
from expunge.erasure import batch as batches
from expunge.erasure import clock, guard, office, plan, planning, release, requests, tasks
from expunge.erasure.batch import Batch
from expunge.erasure.leaving import dissolve
from expunge.erasure.release import Waiting
from expunge.erasure.scope import Scope, scope_of, scopes_of
from expunge.erasure.steps import certify, check, close, notify, publish, purge, shred, unlearn, verify
from expunge.errors import (
    ExpungeError,
    IllegalMoveError,
    InputError,
    WaitingError,
    WorkspaceBusyError,
    WorkspaceError,
)
from expunge.vault import blobs, records
from expunge.vault.database import CERTIFICATE, truncate_wal
from expunge.workspace import journal, members, register
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
    State.CERTIFIED: Step(certify.commit, certify.prepare),
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
    waiting : Waiting or None
        Requests that wait for others, by the policy's minimum; they are as they were.
    """

    certificate: str | None
    batch: str | None
    requests: tuple[Request, ...]
    sent_back: tuple[tuple[Request, str], ...] = ()
    waiting: Waiting | None = None


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
    DeniedError
        Where the actor may not erase, or policy demands four eyes, and there are two.
    UtilityGuardError
        Where a model lost more than policy allows, and nobody decided yet: the batch stays verified.
    ExpungeError
        Whatever a step found wrong: the requests then read ``failed`` with the reason; give the command again when it
        is mended.
    """
    workspace.authorise(Action.ERASE)
    with journal.recording(workspace):
        preflight(workspace)
        tidy(workspace)  # a kill may have come between the last move and the last tidying up
        resumed = _resume(workspace, progress)
        office.catch_up(workspace)
        with workspace.vault.transaction() as connection:
            chosen = [requests.load(connection, request) for request in dict.fromkeys(ids)]
        open_ones = [request for request in chosen if request.outcome not in {Outcome.ERASED, Outcome.PARTLY_ERASED}]
        if not open_ones:
            last = chosen[-1].batch if chosen else (resumed and resumed.id)
            for batch_id in dict.fromkeys(request.batch for request in chosen if request.batch):
                notify.write(workspace, batch_id)  # what was lost of the files since is written again, the same
            return _done(workspace, last or None, chosen, ())
        batch, sent_back, waiting = _assemble(workspace, open_ones)
        for request, _ in sent_back:
            planning.advance(workspace, request)
        if batch is not None:
            _run(workspace, batch, progress)
        return _done(workspace, None if batch is None else batch.id, chosen, sent_back, waiting)


def preflight(workspace: Workspace) -> None:
    """Refuse to begin what could not be ended: without keys or folders, or on a log that was changed."""
    _ = workspace.signing_key
    for part in (workspace.certificates, workspace.letters):
        if not part.is_dir():
            raise WorkspaceError(f"the folder {part} is missing.", mend=f"Make it again: `mkdir -m 700 {part}`.")
    with workspace.vault.transaction() as connection:
        journal.refuse_changed(workspace, connection, journal.leaves(connection))


def give_up(workspace: Workspace, request_id: str) -> tuple[Request, ...]:
    """Send a batch that cannot go on back to `planned`, while nothing is shredded; each member needs approval again.

    Raises
    ------
    IllegalMoveError
        Where the request is in no batch that is on its way, or the keys are gone.
    """
    workspace.authorise(Action.REQUEST_REPLAN)
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
            planning.replan_all(workspace, connection, dissolve(workspace, connection, batch, request_id))
        tidy(workspace)
        with workspace.vault.transaction() as connection:
            return tuple(requests.load(connection, request.id) for request in waiting)


def due_within(workspace: Workspace, days: int) -> list[str]:
    """Return the approved requests that are due within some days, and those of an unfinished batch."""
    workspace.authorise(Action.ERASE)
    with workspace.vault.transaction() as connection:
        last = clock.today() + timedelta(days=days)
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
    if batch is not None:
        _authorise_batch(workspace, waiting)
        _run(workspace, batch, progress)
    return batch


def _authorise_batch(workspace: Workspace, chosen: Sequence[Request]) -> None:
    """Let the actor erase these: four eyes depend on who approved and on how many there are."""
    approvers = sorted({request.approver for request in chosen if request.approver is not None})
    workspace.authorise(Action.ERASE, approvers=approvers, subjects=len(chosen))


def _assemble(
    workspace: Workspace, chosen: Sequence[Request]
) -> tuple[Batch | None, tuple[tuple[Request, str], ...], Waiting | None]:
    """Make a batch of those whose approval still covers what would be done; send the others back to `planned`.

    Those who have to wait for others are left as they are.
    """
    for request in chosen:
        if request.state is not State.APPROVED:
            raise IllegalMoveError(
                f"request {request.id} is {request.state}, not approved.",
                mend=f"Approve it first: `expunge request approve {request.id}`."
                if request.state is State.PLANNED
                else "See `expunge request show`.",
            )
    _authorise_batch(workspace, chosen)
    sent_back, taken = [], []
    with workspace.vault.transaction() as connection:
        scopes = scopes_of(workspace, connection, chosen)
        seen = plan.survey(workspace, connection, {ref for own in scopes.values() for ref in own.people})
        for request in chosen:
            if reason := _uncovered(workspace, connection, request, scopes[request.id], seen):
                sent_back.append((planning.replan(workspace, connection, request), reason))
            else:
                taken.append(request)
        today = clock.today()
        waiting = _waiting(workspace, connection, taken, today)
        if waiting is not None:
            taken = [request for request in taken if request.id not in waiting.requests]
        if not taken:
            return None, tuple(sent_back), waiting
        reached = scope_of(workspace, connection, *taken)
        whole = plan.make(workspace, connection, reached)
        _refuse_too_large(connection, whole)
        released = release.released(workspace.policy, taken, whole, today)
        batch = batches.open_batch(workspace, connection, taken, whole, reached, released)
        for request in taken:
            tasks.make(workspace, connection, request)
        journal.append(workspace, connection, "batch begun", batch=batch.id, requests=[one.id for one in taken])
    return batch, tuple(sent_back), waiting


def _uncovered(
    workspace: Workspace, connection: Connection, request: Request, own: Scope, seen: plan.Survey
) -> str | None:
    """Return why an approval does not cover what would be done now; None where it does."""
    if plan.needs_new_approval(requests.plan(connection, request.id), plan.plan_of(seen, own)):
        return "its plan changed since it was approved"
    if request.policy != workspace.policy.version:
        return "the policy changed since it was planned"
    return None if own.people else "nothing is held of this person any more"


def _waiting(workspace: Workspace, connection: Connection, taken: Sequence[Request], today: date) -> Waiting | None:
    """Look who leaves which published model with whom, where the policy asks for a minimum."""
    if workspace.policy.min_batch == 1:
        return None
    published = [model.id for model in register.every(connection) if model.version is not None]
    leaving = {}
    for request in taken:
        forgotten = scope_of(workspace, connection, request).forgotten
        leaving[request.id] = {model: members.records(connection, model, forgotten).keys() for model in published}
    return release.wait(workspace.policy, taken, leaving, today)


def _refuse_too_large(connection: Connection, whole: Plan) -> None:
    """Refuse, while nothing is shredded, a batch whose certificate would be larger than any verifier reads.

    A removal proof has about two words for each leaver and level between their paths, 66 characters each; base64 makes
    four characters of three.
    """
    size = 0.0
    for copy in whole.touched:
        held = members.totals(connection, copy.object_id)[0]
        size += copy.subjects * (math.log2(max(held / copy.subjects, 1)) + 4) * 66 * 4 / 3
    if size > MAX_BYTES / 2:
        raise InputError(
            f"the certificate of this batch would have about {size / 1e6:.0f} MB.", mend="Erase in smaller batches."
        )


def _run(workspace: Workspace, batch: Batch, progress: Progress) -> None:
    for state in STEPS:
        with workspace.vault.transaction() as connection:
            waiting = requests.in_batch(connection, batch.id)
        if STEPS.index(state) >= _reached(waiting[0]):
            if state is State.SHREDDED:
                guard.settle(workspace, batch)
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
    except (WorkspaceBusyError, WaitingError):
        raise  # nothing is wrong; the same command goes on
    except ExpungeError as error:
        if state not in {State.NOTIFIED, State.CLOSED}:
            with workspace.vault.transaction() as connection:
                for request in requests.in_batch(connection, batch.id):
                    requests.move(workspace, connection, request, State.FAILED, reason=f"{state}: {error}")
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
    going = requests.in_batch(connection, batch.id)
    if state is not State.CERTIFIED:
        requests.move_all(workspace, connection, going, state)
        return
    whole = [request for request in going if not request.refusals]
    requests.move_all(workspace, connection, whole, state, outcome=Outcome.ERASED)
    part = [request for request in going if request.refusals]
    requests.move_all(workspace, connection, part, state, outcome=Outcome.PARTLY_ERASED)


def tidy(workspace: Workspace) -> None:
    """Remove files that no row knows, the leavings of a kill or of what was superseded, and empty the WAL."""
    with workspace.vault.transaction() as connection:
        blobs.collect(workspace.vault, connection)
        records.collect(workspace.vault, connection)
    truncate_wal(workspace.vault.engine)


def _done(
    workspace: Workspace,
    batch: str | None,
    chosen: Sequence[Request],
    sent_back: tuple[tuple[Request, str], ...],
    waiting: Waiting | None = None,
) -> Done:
    with workspace.vault.transaction() as connection:
        query = select(CERTIFICATE.c.id).where(CERTIFICATE.c.batch == (batch or ""))
        certificate = connection.execute(query).scalar()
        now = tuple(requests.load(connection, request.id) for request in chosen)
    return Done(certificate, batch, now, sent_back, waiting)
