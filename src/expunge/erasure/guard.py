"""The utility guard: a model that lost more on held-out people than policy allows waits for a decision.

Invariants
----------
- While it waits nothing is shredded and both models are kept: the one that predicts, and the staged one.
- A decision is stored with the batch and logged; a batch that is given up takes it along.
- The deadline comes first (DESIGN section 6). What is staged of an Exact model is what a full refit gives, so from the
  safe days on it is published, and the certificate says what was lost.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from expunge.access.actions import Action
from expunge.certificates.release import possible
from expunge.domain.certificate import Fate, Guard
from expunge.domain.plan import Method
from expunge.domain.report import Check
from expunge.domain.request import Outcome, State
from expunge.erasure import batch as batches
from expunge.erasure import clock, requests
from expunge.erasure.batch import Batch
from expunge.errors import IllegalMoveError, InputError, UtilityGuardError
from expunge.vault.store import now
from expunge.verification.utility import drop
from expunge.workspace import journal, register
from expunge.workspace.folder import Workspace

DECISIONS: Final = {"accept": Fate.ACCEPTED, "retire": Fate.RETIRED}


def measured(bound: float, found: Check) -> dict[str, Any] | None:
    """Hold a model's figures against the bound; None where the policy sets none."""
    if bound >= 1:
        return None
    fell = drop(found)
    text = None if fell is None else str(fell)
    allowed = f"{bound:g}"
    fates = possible(allowed, text)
    fate = Fate.WAITS if Fate.WAITS in fates else next(iter(fates))
    return {"bound": allowed, "drop": text, "fate": fate.value, "by": None, "at": None}


def stated(entry: dict[str, Any]) -> Guard | None:
    """Return what a certificate says of a copy's guard."""
    return _read(entry["guard"]) if entry.get("guard") else None


def waiting(batch: Batch) -> list[dict[str, Any]]:
    """Return the copies of a batch that wait for a decision."""
    entries = batch.evidence["copies"]
    return [copy for copy in batch.touched("model") if _fate(entries.get(copy["object"], {})) is Fate.WAITS]


def settle(workspace: Workspace, batch: Batch) -> None:
    """Let a verified batch go on, or stop it where a model waits for a decision and the deadline allows it.

    Raises
    ------
    UtilityGuardError
        With the figures and the choices. The batch stays verified.
    """
    with workspace.vault.transaction() as connection:
        fresh = batches.load(workspace, connection, batch.id)
        held = waiting(fresh)
        if not held:
            return
        safe = deadline(connection, workspace.policy.safe_days)
        if clock.today() < safe:
            raise UtilityGuardError(
                f"batch {batch.id} waits: {'; '.join(_lost(fresh, copy) for copy in held)}. "
                "Nothing is shredded, both models are kept.",
                mend=f"Decide with `expunge model decide {held[0]['name']} accept --batch {batch.id}` (or retire), "
                f"then give `expunge erase` again; from {safe.isoformat()} on it goes all the same, since the "
                "deadline comes first.",
            )
        for copy in held:
            fresh.evidence["copies"][copy["object"]]["guard"] |= {"fate": Fate.DEADLINE.value, "at": now()}
            journal.append(
                workspace, connection, "utility guard yields to the deadline", batch=batch.id, object=copy["object"]
            )
        batches.save(workspace, connection, fresh)


def deadline(connection: Connection, safe_days: int) -> date:
    """Return the day from which nothing waits: a batch that waits holds up everybody else's request too."""
    open_ones = [
        request.last_day
        for request in requests.every(connection)
        if request.outcome is Outcome.OPEN and request.state is not State.HELD
    ]
    return min(open_ones) - timedelta(days=safe_days)


def decide(workspace: Workspace, name: str, batch_id: str, decision: str) -> Guard:
    """Decide what becomes of a model that waits: ``accept`` what was lost, or ``retire`` the model.

    Raises
    ------
    InputError
        Where the decision is another one.
    IllegalMoveError
        Where this model does not wait in this batch.
    """
    workspace.authorise(Action.MODEL_DECIDE)
    if decision not in DECISIONS:
        raise InputError(f"the decision is {decision!r}.", mend=f"Choose one of: {', '.join(DECISIONS)}.")
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        model = register.by_name(connection, name).id
        batch = batches.unfinished(workspace, connection)
        held = [] if batch is None or batch.id != batch_id else [copy["object"] for copy in waiting(batch)]
        if batch is None or model not in held:
            raise IllegalMoveError(
                f"model {name!r} does not wait for a decision in batch {batch_id}.",
                mend="`expunge erase` says which model waits in which batch.",
            )
        entry = batch.evidence["copies"][model]
        entry["guard"] |= {"fate": DECISIONS[decision].value, "by": _opaque(workspace), "at": now()}
        if DECISIONS[decision] is Fate.RETIRED:
            _retire(connection, batch, model)
        batches.save(workspace, connection, batch)
        journal.append(workspace, connection, "utility decided", batch=batch_id, object=model, decision=decision)
        return _read(entry["guard"])


def _retire(connection: Connection, batch: Batch, model: str) -> None:
    """Give the staged version up; the published one goes with the keys."""
    staged = register.version_with(connection, model, register.STAGED)
    if staged is not None:
        register.discard(connection, staged)
    entry = batch.evidence["copies"][model]
    entry["method"] = Method.RETIRE.value
    entry["checks"] = [check for check in entry["checks"] if check["name"] == "utility"]
    batch.sealed["digests"][model] = {}


def _read(found: dict[str, Any]) -> Guard:
    return Guard(**{**found, "fate": Fate(found["fate"])})


def _fate(entry: dict[str, Any]) -> Fate | None:
    found = stated(entry)
    return None if found is None else found.fate


def _lost(batch: Batch, copy: dict[str, Any]) -> str:
    entry = batch.evidence["copies"][copy["object"]]
    figures = next(check["figures"] for check in entry["checks"] if check["name"] == "utility")
    guard = entry["guard"]
    return (
        f"model {copy['name']!r} would go from {figures['metric']} {figures['before']} to {figures['after']} on "
        f"held-out people (95 % interval of the change {figures['change_low']} to {figures['change_high']}), a drop of "
        f"{guard['drop']}, where policy allows {guard['bound']}"
    )


def _opaque(workspace: Workspace) -> str:
    """Name the actor so that nobody outside can tell who it is; the audit log has the name."""
    key = workspace.vault.derive("opaque actors")
    return f"A-{hmac.new(key, workspace.actor.encode(), hashlib.sha256).hexdigest()[:12]}"
