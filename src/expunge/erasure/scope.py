"""Whose records go, whom the models forget, and what is retained: the three differ where a dataset is refused.

Invariants
----------
- `shredded` is a part of `forgotten`: whoever's records go is forgotten by every model that learned from them.
- A ground that covers the keeping of *records* alone does not cover learning from them: the records are retained and no
  longer used, the models forget. One that covers the *processing* leaves dataset and models as they are (ADR 19).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from expunge.domain.request import Request
from expunge.domain.subject import SubjectId, SubjectKind, parse_subject
from expunge.erasure import requests
from expunge.erasure.law.rules import Ground, ground, known_packs
from expunge.errors import SubjectIdError
from expunge.vault import subjects
from expunge.workspace import data
from expunge.workspace.folder import Workspace


@dataclass(frozen=True)
class Retention:
    """The records of one person in one dataset, which stay.

    Parameters
    ----------
    request : str
    dataset : str
        Object id.
    ref : bytes
        The person's reference in that dataset.
    ground : Ground
    until : date or None
        When the ground falls away.
    """

    request: str
    dataset: str
    ref: bytes
    ground: Ground
    until: date | None

    @property
    def restricts(self) -> bool:
        """Whether the records are kept only, and used for nothing else."""
        return self.ground.covers == "records"

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored; `ref` is not for showing."""
        return {
            "request": self.request,
            "dataset": self.dataset,
            "ref": self.ref.hex(),
            "ground": self.ground.id,
            "article": self.ground.article,
            "text": self.ground.text,
            "until": self.until and self.until.isoformat(),
            "restricts": self.restricts,
        }


@dataclass(frozen=True)
class Scope:
    """What a request, or a batch of them, reaches.

    Parameters
    ----------
    people : dict of bytes to (str, int or str)
        Reference -> dataset and id, of everybody asked for, retained or not. Personal data.
    retained : tuple of Retention
    """

    people: dict[bytes, tuple[str, SubjectId]]
    retained: tuple[Retention, ...] = ()

    @property
    def shredded(self) -> frozenset[bytes]:
        """References whose records and keys go."""
        return frozenset(self.people) - {kept.ref for kept in self.retained}

    @property
    def forgotten(self) -> frozenset[bytes]:
        """References that models forget."""
        return frozenset(self.people) - {kept.ref for kept in self.retained if not kept.restricts}

    def ids_in(self, dataset: str, refs: Iterable[bytes]) -> dict[SubjectId, bytes]:
        """Return id -> reference for those of `refs` that are people of a dataset."""
        chosen = set(refs)
        return {subject: ref for ref, (place, subject) in self.people.items() if place == dataset and ref in chosen}


def scope_of(workspace: Workspace, connection: Connection, *asked: Request) -> Scope:
    """Find the people of these requests in every dataset, and what is refused of it.

    Raises
    ------
    KeyDestroyedError
        Where a request is closed.
    """
    people: dict[bytes, tuple[str, SubjectId]] = {}
    retained: list[Retention] = []
    for own in scopes_of(workspace, connection, asked).values():
        people |= own.people
        retained += own.retained
    return Scope(people, tuple(retained))


def scopes_of(workspace: Workspace, connection: Connection, asked: Iterable[Request]) -> dict[str, Scope]:
    """Return, by request, what `scope_of` finds for each alone; the datasets are read once."""
    asked = list(asked)
    kinds = data.subject_kinds(workspace, connection)
    known = requests.identities(workspace, connection, [one.id for one in asked])
    meant = {request: ids_of_kinds(kinds, identity["subject"]) for request, identity in known.items()}
    places: dict[SubjectId, list[tuple[bytes, str]]] = {}
    everybody = set().union(*meant.values())
    for ref, (dataset, subject) in subjects.everywhere(workspace.vault, connection, everybody).items():
        places.setdefault(subject, []).append((ref, dataset))
    scopes = {}
    for request in asked:
        own = {ref: (dataset, one) for one in meant[request.id] for ref, dataset in places.get(one, ())}
        scopes[request.id] = Scope(own, _retained(request, own))
    return scopes


def _retained(request: Request, own: dict[bytes, tuple[str, SubjectId]]) -> tuple[Retention, ...]:
    refused = {refusal.dataset: refusal for refusal in request.refusals}
    packs = known_packs()  # what was decided stands, whichever packs are in force now
    return tuple(
        Retention(request.id, dataset, ref, ground(request.law, refusal.ground, packs), refusal.until)
        for ref, (dataset, _) in own.items()
        if (refusal := refused.get(dataset)) is not None
    )


def holdings(workspace: Workspace, connection: Connection, request: Request) -> dict[bytes, tuple[str, SubjectId]]:
    """Return reference -> (dataset, id) for every dataset that knows the person of a request."""
    return scopes_of(workspace, connection, [request])[request.id].people


def ids_meant(workspace: Workspace, connection: Connection, typed: str) -> set[SubjectId]:
    """Read a typed id by the kind of each dataset's ids; where it cannot be of that kind, nobody there is meant."""
    return ids_of_kinds(data.subject_kinds(workspace, connection), typed)


def ids_of_kinds(kinds: Iterable[SubjectKind], typed: str) -> set[SubjectId]:
    """Read a typed id as each of these kinds."""
    meant: set[SubjectId] = set()
    for kind in kinds:
        for spelling in (typed, *(unicodedata.normalize(form, typed) for form in ("NFC", "NFD"))):
            try:
                meant.add(parse_subject(spelling, kind))
            except SubjectIdError:
                continue  # "A17" names nobody among integers
    return meant
