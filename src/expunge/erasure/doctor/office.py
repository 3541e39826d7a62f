"""Requests: none lost, each where its log, batch and certificate say; who asked is known no longer than needed."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Final

from sqlalchemy import Connection, select

from expunge.domain.request import STEPS, Outcome, Request, State
from expunge.erasure import batch as batches
from expunge.erasure import requests
from expunge.erasure.doctor.finding import AGAIN, RESTORE, Findings, attention, broken
from expunge.erasure.letters import Letter
from expunge.errors import CorruptedError
from expunge.vault.database import BATCH, CERTIFICATE, REQUEST
from expunge.vault.identity import open_identity
from expunge.workspace import journal
from expunge.workspace.folder import Workspace

_LAST_LETTERS: Final[dict[Outcome, tuple[Letter, ...]]] = {
    Outcome.ERASED: (Letter.COMPLETION,),
    Outcome.PARTLY_ERASED: (Letter.PARTIAL,),
    Outcome.REFUSED: (Letter.REFUSAL,),
    Outcome.WITHDRAWN: (Letter.WITHDRAWAL,),
}
"""What tells a requester what came of it."""
_ERASED = {Outcome.ERASED, Outcome.PARTLY_ERASED}


def lost(_workspace: Workspace, connection: Connection) -> Findings:
    """Check that every request that was ever received is there, and stands where the log says."""
    numbers = sorted(connection.execute(select(REQUEST.c.number)).scalars())
    if numbers != list(range(1, len(numbers) + 1)):
        yield broken("table request", f"{len(numbers)} requests are numbered up to {numbers[-1]}: some are lost.")
    logged = _last_states(connection)
    there = {one.id: one for one in requests.every(connection)}
    for name in sorted(logged.keys() - there.keys()):
        yield broken(f"request {name}", "is in the log and not among the requests: it is lost.")
    for name, one in there.items():
        if name not in logged:
            yield broken(f"request {name}", "is not in the log.")
        elif logged[name] is not one.state and not _begins_held(one, logged[name]):
            yield broken(f"request {name}", f"is {one.state}, and by the log {logged[name]}.")


def states(_workspace: Workspace, connection: Connection) -> Findings:
    """Check that what each request says of itself agrees with its batch and its certificate."""
    certified = set(connection.execute(select(CERTIFICATE.c.batch)).scalars())
    made = set(connection.execute(select(BATCH.c.id)).scalars())
    together: defaultdict[str, set[State]] = defaultdict(set)
    for one in requests.every(connection):
        where = f"request {one.id}"
        if one.failed:
            mend = "Mend what it names, then give `expunge erase` again; or `expunge request replan`."
            yield attention(where, f"failed: {one.failed[1]}", mend)
        if one.state in {State.RECEIVED, State.IDENTIFIED}:
            mend = "Nothing needs to be done: the next command that writes goes on with it."
            yield attention(where, f"is {one.state}: it was cut short before it was planned.", mend)
        if one.batch is None:
            if one.state in STEPS and one.outcome not in {Outcome.REFUSED, Outcome.WITHDRAWN}:
                yield broken(where, f"is {one.state}, in no batch.")
        elif one.batch not in made:
            yield broken(where, f"is in batch {one.batch}, which is not there.")
        else:
            together[one.batch].add(one.state)
        if one.outcome in _ERASED and one.batch not in certified:
            yield broken(where, "is erased, without a certificate.")
    for name, found in together.items():
        if len(found) > 1:
            yield broken(f"batch {name}", f"its requests are in different states: {', '.join(sorted(found))}.", RESTORE)


def batch(workspace: Workspace, connection: Connection) -> Findings:
    """Check that no erasure was cut short, and that what was sealed with one that is done is gone."""
    unfinished = batches.unfinished(workspace, connection)
    if unfinished is not None:
        state = batches.state(connection, unfinished)
        yield attention(f"batch {unfinished.id}", f"is on its way: its requests are {state}.", AGAIN)
    for row in connection.execute(select(BATCH.c.id).where(BATCH.c.evidence_blob.is_not(None))).scalars():
        if unfinished is None or row != unfinished.id:
            yield broken(f"batch {row}", "is done, and what was sealed with it is not destroyed.")


def identities(workspace: Workspace, connection: Connection) -> Findings:
    """Check that who an open request is about can be opened, and who a closed one was about cannot."""
    there = {path.stem for path in (workspace.keys / "requests").glob("*.key")}
    asked = {one.id: one for one in requests.every(connection)}
    sealed = {row.id: row.identity for row in connection.execute(select(REQUEST.c.id, REQUEST.c.identity))}
    for name in sorted(there - asked.keys()):
        mend = "Nothing needs to be done: the next request takes it."
        yield attention(f"requests/{name}.key", "is of no request: a process died before it was used.", mend)
    for name, one in asked.items():
        if one.state is State.CLOSED:
            if name in there:
                path = workspace.keys / "requests" / f"{name}.key"
                yield broken(
                    f"requests/{name}.key", "is of a request that is closed.", f"Destroy it: `shred -u {path}`."
                )
            if sealed[name] is not None:
                yield broken(f"request {name}", "is closed, and still says who it was about.")
        elif name in there:
            yield from _opened(workspace, name, sealed[name])
        elif not _on_its_last_step(one):
            yield broken(f"requests/{name}.key", "is missing: nobody can tell whose request it is.")


def letters(workspace: Workspace, connection: Connection) -> Findings:
    """Check that whoever was answered was written to."""
    for one in requests.every(connection):
        kinds = _LAST_LETTERS.get(one.outcome, ())
        written = any((workspace.letters / one.id / f"{kind}.txt").is_file() for kind in kinds)
        if one.state in {State.NOTIFIED, State.CLOSED} and not written:
            again = f"Give `expunge erase {one.id}` again: it writes the same."
            mend = again if one.batch else "Restore it from a copy."
            yield attention(f"letters/{one.id}", "the letter that answers the request is missing.", mend)


def _on_its_last_step(request: Request) -> bool:
    """Tell whether the key may be gone already: it is destroyed before the request is closed."""
    return request.state is State.NOTIFIED


def _opened(workspace: Workspace, name: str, sealed: bytes | None) -> Findings:
    try:
        open_identity(workspace.vault, name, sealed or b"")
    except CorruptedError as error:
        yield broken(f"requests/{name}.key", f"does not open its request: {error.problem}")


def _begins_held(request: Request, logged: State) -> bool:
    """Tell whether a request goes on with what another one retained: it is received, and held from the first."""
    return logged is State.RECEIVED and request.state is State.HELD


def _last_states(connection: Connection) -> dict[str, State]:
    """Follow every request through the log; entries that cannot be read are the business of another check."""
    found: dict[str, State] = {}
    named = {f"request {state.value}": state for state in State}
    for entry in journal.entries(connection):
        try:
            said = json.loads(entry)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("event") in named and "request" in said:
            found[said["request"]] = named[said["event"]]
    return found
