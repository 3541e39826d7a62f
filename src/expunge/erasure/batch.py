"""One batch of requests on its way through the steps, and the evidence that it gathers.

Invariants
----------
- The requests of a batch are always in the same state.
- `evidence` holds what may be published; `sealed` holds what may not (references, digests) and is destroyed at the end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from expunge.domain.certificate import Release
from expunge.domain.codec import write
from expunge.domain.plan import Plan
from expunge.domain.request import Request, State
from expunge.erasure import requests
from expunge.erasure.scope import Scope
from expunge.vault import blobs
from expunge.vault.database import BATCH, REQUEST
from expunge.vault.store import now
from expunge.workspace.folder import Workspace


@dataclass
class Batch:
    """A batch as it stands.

    Parameters
    ----------
    id : str
    executor : str
    created : str
    root_version : int
        The root key that this batch destroys.
    plan : list of dict
        One `CopyPlan` in its stored form for every dataset and model.
    evidence : dict
        Per object id under ``copies``: what the certificate will say of it; ``checks``, ``keys``, ``release``.
    sealed : dict
        ``refs`` of the subjects whose records go, ``forgotten``: of those whom models forget, ``retained``: what stays
        and why, ``leavers``: commitments per object, ``digests`` per model (not the one before: it would be an oracle),
        ``schemas`` staged per dataset.
    """

    id: str
    executor: str
    created: str
    root_version: int
    plan: list[dict[str, Any]]
    evidence: dict[str, Any]
    sealed: dict[str, Any] = field(default_factory=dict)

    @property
    def refs(self) -> list[bytes]:
        """References of the subjects whose records go, and whose keys."""
        return [bytes.fromhex(ref) for ref in self.sealed["refs"]]

    @property
    def forgotten(self) -> list[bytes]:
        """References of the subjects whom models forget: `refs`, and those whose records are kept but not used."""
        return [bytes.fromhex(ref) for ref in self.sealed["forgotten"]]

    def leaving(self, copy: dict[str, Any]) -> list[bytes]:
        """Return the references of those who leave a copy, if they are in it."""
        return self.refs if copy["kind"] == "dataset" else self.forgotten

    def copies(self, kind: str) -> list[dict[str, Any]]:
        """Planned copies of a kind, ``"dataset"`` or ``"model"``."""
        return [copy for copy in self.plan if copy["kind"] == kind]

    def touched(self, kind: str) -> list[dict[str, Any]]:
        """Planned copies of a kind that hold somebody who leaves."""
        return [copy for copy in self.copies(kind) if copy["subjects"]]


def open_batch(
    workspace: Workspace,
    connection: Connection,
    chosen: list[Request],
    plan: Plan,
    scope: Scope,
    released: Release | None = None,
) -> Batch:
    """Make a batch of approved requests; `released` is the rule under which it goes."""
    number = connection.execute(select(func.count()).select_from(BATCH)).scalar_one() + 1
    made = Batch(
        id=workspace.opaque_id("B", number),
        executor=workspace.actor,
        created=now(),
        root_version=workspace.vault.root_version(connection),
        plan=plan.to_dict()["copies"],
        evidence={"copies": {}, "checks": [], "keys": {}, "release": write(released)},
        sealed={
            "refs": sorted(ref.hex() for ref in scope.shredded),
            "forgotten": sorted(ref.hex() for ref in scope.forgotten),
            "retained": [kept.to_dict() for kept in scope.retained],
        },
    )
    connection.execute(
        insert(BATCH).values(
            id=made.id,
            number=number,
            executor=made.executor,
            created=made.created,
            root_version=made.root_version,
            plan=json.dumps(made.plan),
            evidence=json.dumps(made.evidence),
        )
    )
    ids = [request.id for request in chosen]
    connection.execute(update(REQUEST).where(REQUEST.c.id.in_(ids)).values(batch=made.id))
    save(workspace, connection, made)
    return made


def save(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Store what a batch has gathered, the sealed part sealed afresh."""
    old = connection.execute(select(BATCH.c.evidence_blob).where(BATCH.c.id == batch.id)).scalar_one()
    blobs.drop(connection, old)
    blob = blobs.put(workspace.vault, connection, "batch evidence", json.dumps(batch.sealed).encode())
    connection.execute(
        update(BATCH).where(BATCH.c.id == batch.id).values(evidence=json.dumps(batch.evidence), evidence_blob=blob)
    )


def load(workspace: Workspace, connection: Connection, batch: str) -> Batch:
    """Read a batch back."""
    row = connection.execute(select(BATCH).where(BATCH.c.id == batch)).one()
    return _batch(workspace, connection, row)


def unfinished(workspace: Workspace, connection: Connection) -> Batch | None:
    """Return the batch that a kill or a failure left on its way, if there is one."""
    query = (
        select(BATCH)
        .join(REQUEST, REQUEST.c.batch == BATCH.c.id)
        .where(REQUEST.c.state != State.CLOSED.value)
        .order_by(BATCH.c.number)
    )
    row = connection.execute(query).first()
    return None if row is None else _batch(workspace, connection, row)


def close(connection: Connection, batch: Batch) -> None:
    """Destroy the sealed evidence."""
    blob = connection.execute(select(BATCH.c.evidence_blob).where(BATCH.c.id == batch.id)).scalar_one()
    blobs.drop(connection, blob)
    connection.execute(update(BATCH).where(BATCH.c.id == batch.id).values(evidence_blob=None))


def state(connection: Connection, batch: Batch) -> State:
    """Return the state that all requests of a batch are in."""
    return requests.in_batch(connection, batch.id)[0].state


def _batch(workspace: Workspace, connection: Connection, row: Row[Any]) -> Batch:
    sealed = json.loads(blobs.get(workspace.vault, connection, row.evidence_blob)) if row.evidence_blob else {}
    return Batch(
        id=row.id,
        executor=row.executor,
        created=row.created,
        root_version=row.root_version,
        plan=json.loads(row.plan),
        evidence=json.loads(row.evidence),
        sealed=sealed,
    )
