"""Closing without an erasure: from refused or withdrawn to closed, with a letter, and the identity's key destroyed.

Invariants
----------
- Every part can be repeated: a kill leaves a request in the state before or after it, and `close` goes on from there.
- Who asked is forgotten in the transaction that closes the request, and its key before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from expunge.domain.request import Outcome, Request, State
from expunge.erasure import letters, requests
from expunge.erasure.law.rules import ground, known_packs
from expunge.erasure.letters import Letter, LetterFacts, Retained
from expunge.vault.identity import destroy_identities
from expunge.workspace import data
from expunge.workspace.folder import Workspace

LETTERS: Final = {State.REFUSED: Letter.REFUSAL, State.WITHDRAWN: Letter.WITHDRAWAL}
UNERASED: Final = frozenset({Outcome.REFUSED, Outcome.WITHDRAWN})


def close(workspace: Workspace, ended: Sequence[Request]) -> list[Request]:
    """Bring requests of which nothing came to their end; those that are there already are left as they are."""
    now = {request.id: request for request in ended}
    with workspace.vault.transaction() as connection:
        names = {dataset: name for dataset, name, _ in data.versions(connection)}
    for state, kind in LETTERS.items():
        told = [request for request in now.values() if request.state is state]
        letters.write_all(workspace, kind, (_facts(workspace, request, names) for request in told))
        now |= _moved(workspace, told, State.NOTIFIED)
    notified = [request for request in now.values() if request.state is State.NOTIFIED]
    destroy_identities(workspace.vault, (request.id for request in notified))
    return [*(now | _moved(workspace, notified, State.CLOSED)).values()]


def _moved(workspace: Workspace, some: Sequence[Request], to: State) -> dict[str, Request]:
    if not some:
        return {}
    with workspace.vault.transaction() as connection:
        if to is State.CLOSED:
            requests.forget_identities(connection, (request.id for request in some))
        return {request.id: request for request in requests.move_all(workspace, connection, some, to)}


def _facts(workspace: Workspace, request: Request, names: dict[str, str]) -> LetterFacts:
    facts = LetterFacts(request, packs=workspace.policy.packs)
    if request.state is not State.REFUSED:
        return facts
    if request.refusals:
        return replace(facts, retained=letters.retained_in(request, names))
    return replace(facts, retained=(Retained(ground(request.law, request.ground or "", known_packs())),))
