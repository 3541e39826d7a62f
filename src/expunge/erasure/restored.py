"""After a restore: who was erased and is back, and how they are erased again.

Two ways tell, and either is enough: the suppression ledger, where its copy was kept elsewhere; and certificates, since
a restored workspace has its old keys, hence its old commitments, among which are those that certificates say have left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from expunge.access.actions import Action
from expunge.certificates import verify_file
from expunge.domain.certificate import Statement
from expunge.domain.request import Law, Outcome, Request
from expunge.domain.subject import SubjectId, spelling
from expunge.erasure import intake, requests
from expunge.erasure.scope import holdings
from expunge.vault import ledger, subjects
from expunge.vault.database import DATASET, MODEL
from expunge.workspace import data, members
from expunge.workspace.folder import Workspace


@dataclass(frozen=True)
class Back:
    """One dataset or model that holds people again.

    Parameters
    ----------
    object : str
        Opaque id.
    kind : {"dataset", "model"}
    name : str
    people : frozenset of int or str
        Personal data: counted, never shown.
    """

    object: str
    kind: str
    name: str
    people: frozenset[SubjectId]

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return {"object": self.object, "kind": self.kind, "name": self.name, "people": len(self.people)}


def find(workspace: Workspace, certificates: Iterable[Path] = ()) -> tuple[Back, ...]:
    """Look through every dataset and model for people who are in the ledger, or who left by these certificates.

    Who is rightly retained in a dataset is not back there.

    Raises
    ------
    NotVerifiedError, EnvelopeFormatError, NotFoundError
        Where a certificate is not a true one of this workspace.
    """
    workspace.authorise(Action.LEDGER_CHECK)
    statements = [verify_file(file, workspace.folder / "public.pem").statement for file in certificates]
    with workspace.vault.transaction() as connection:
        found = by_ledger(workspace, connection)
        for statement in statements:
            for place, left in by_certificate(workspace, connection, statement).items():
                found[place] = found.get(place, set()) | left
        copies = [(row.id, "dataset", row.name) for row in connection.execute(select(DATASET).order_by(DATASET.c.name))]
        copies += [(row.id, "model", row.name) for row in connection.execute(select(MODEL).order_by(MODEL.c.name))]
    return tuple(Back(*copy, frozenset(people)) for copy in copies if (people := found.get(copy[0])))


def by_ledger(workspace: Workspace, connection: Connection) -> dict[str, set[SubjectId]]:
    """Return object -> people in it whom the suppression ledger knows, but for those retained there."""
    found: dict[str, set[SubjectId]] = {}
    if not ledger.entries(connection):
        return found
    for dataset in connection.execute(select(DATASET.c.id)).scalars().all():
        everybody = data.load(workspace, connection, dataset).subject_ids()
        back = ledger.suppressed(workspace.vault, connection, everybody)
        refs = subjects.find(workspace.vault, connection, dataset, back)
        found[dataset] = {one for one, entry in back.items() if dataset not in entry.retained}
        for model in connection.execute(select(MODEL.c.id).where(MODEL.c.dataset_id == dataset)).scalars().all():
            held = members.commitments(connection, model)
            found[model] = {
                one
                for one, entry in back.items()
                # Records that are merely kept are not to be learned from (ADR 19).
                if refs[one] in held and entry.retained.get(dataset) != "processing"
            }
    return found


def by_certificate(workspace: Workspace, connection: Connection, statement: Statement) -> dict[str, set[SubjectId]]:
    """Return object -> people in it whose commitments a certificate says have left it."""
    found = {}
    for copy in statement.copies:
        left = set(copy.members.left)
        refs = {ref for ref, made in members.commitments(connection, copy.object).items() if made.hex() in left}
        if refs:
            base = select(MODEL.c.dataset_id).where(MODEL.c.id == copy.object)
            dataset = connection.execute(base).scalar() or copy.object
            found[copy.object] = set(data.load(workspace, connection, dataset, refs).subject_ids())
    return found


def submit(workspace: Workspace, found: Sequence[Back], law: Law) -> tuple[Request, ...]:
    """Take in a request for everybody who is back and for whom none is open; each is logged as restored.

    The way from there is the usual one: a person decides, for somebody may have returned by right.
    """
    people = {spelling(one): str(one) for back in found for one in back.people}
    asked = _asked_for(workspace)
    return tuple(
        intake.submit(workspace, typed, law, restored=True)
        for plain, typed in sorted(people.items())
        if plain not in asked
    )


def _asked_for(workspace: Workspace) -> set[str]:
    """Return the spellings of everybody for whom a request waits for an answer."""
    with workspace.vault.transaction() as connection:
        every = requests.every(connection)
        still_open = [one for one in every if one.outcome is Outcome.OPEN and not one.waits_to_follow]
        held = [holdings(workspace, connection, request) for request in still_open]
    return {spelling(subject) for own in held for _, subject in own.values()}
