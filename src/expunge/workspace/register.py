"""The model register: versions, and what is sealed with each.

Invariants
----------
- A version is its sealed training state, its sealed served model and its sealed facts (digests, and the nonce that
  blinds them); all three live and die together.
- A model has at most one current and at most one staged version. A retired one has none.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from expunge.domain.cost import SIZES, Costs
from expunge.domain.digest import DIGEST_BYTES, blinded
from expunge.errors import NotFoundError
from expunge.learners import state
from expunge.learners.served import ServedModel, unpacked
from expunge.vault import blobs
from expunge.vault.database import DATASET, EXPORT, MODEL, MODEL_VERSION
from expunge.vault.store import now
from expunge.workspace import members
from expunge.workspace.folder import Workspace

if TYPE_CHECKING:
    from expunge.learners.base import Learner

CURRENT: Final = "current"
STAGED: Final = "staged"
SUPERSEDED: Final = "superseded"


@dataclass(frozen=True)
class Facts:
    """What is known of one model version, sealed with it.

    Parameters
    ----------
    nonce : bytes
        32 bytes; blinds the digests wherever they leave the workspace (promise 7).
    learned, served : str
        Digests, 64 hex characters; never shown in clear.
    guarantee : dict
    guarantee_words : str
    costs : Costs
        What fitting and forgetting took, and are expected to take.
    forgets : str
        How the learner forgets, in words.
    state_bytes : int
        Of the training state.
    seed : int
        Number of the seed that the version was trained under, from 1.
    refits : bool
        Whether forgetting is a full refit.
    """

    nonce: bytes
    learned: str
    served: str
    guarantee: dict[str, Any]
    guarantee_words: str
    costs: Costs
    forgets: str
    state_bytes: int
    seed: int = 1
    refits: bool = False

    def blinded_learned(self) -> str:
        """HMAC of the learned digest."""
        return blinded(self.nonce, self.learned)

    def blinded_served(self) -> str:
        """HMAC of the served digest."""
        return blinded(self.nonce, self.served)

    def to_json(self) -> bytes:
        """Return the bytes that are sealed."""
        return json.dumps({**self.__dict__, "nonce": self.nonce.hex(), "costs": self.costs.to_dict()}).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Facts:
        """Read what `to_json` wrote."""
        fields = json.loads(content)
        return cls(**{**fields, "nonce": bytes.fromhex(fields["nonce"]), "costs": Costs.from_dict(fields["costs"])})


@dataclass(frozen=True)
class Model:
    """One model as it stands."""

    id: str
    name: str
    dataset: str
    learner: str
    params: dict[str, Any]
    held_out: float
    version: int | None
    created: str
    replay: str
    seed: int
    seeded: str
    subjects: int
    records: int

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        status = "retired" if self.version is None else "published"
        return {**self.__dict__, "status": status}


@dataclass(frozen=True)
class Version:
    """Where one version of a model lies."""

    model_id: str
    version: int
    state_blob: str
    served_blob: str
    facts_blob: str

    @property
    def blobs(self) -> tuple[str, str, str]:
        """All three blobs."""
        return self.state_blob, self.served_blob, self.facts_blob


@dataclass(frozen=True)
class Place:
    """Where a version stands in the register, and the number of the seed that it was trained under."""

    model_id: str
    version: int
    status: str
    batch: str | None = None
    seed: int = 1


def store(
    workspace: Workspace,
    connection: Connection,
    learner: Learner,
    place: Place,
    costs: Costs,
) -> Version:
    """Seal a version of a model: state, served model, facts under a fresh nonce."""
    served, content = learner.serve(), state.dump(learner)
    facts = Facts(
        nonce=secrets.token_bytes(DIGEST_BYTES),
        learned=learner.digest(),
        served=served.digest(),
        guarantee=learner.guarantee.to_dict(),
        guarantee_words=str(learner.guarantee),
        costs=costs,
        forgets=learner.forgets,
        state_bytes=len(content),
        seed=place.seed,
        refits=learner.refits,
    )
    vault = workspace.vault
    found = Version(
        place.model_id,
        place.version,
        blobs.put(vault, connection, "training state", content),
        blobs.put(vault, connection, "served model", served.packed()),
        blobs.put(vault, connection, "model facts", facts.to_json()),
    )
    connection.execute(
        insert(MODEL_VERSION).values(**found.__dict__, status=place.status, batch=place.batch, created=now())
    )
    return found


def costs_of(learner: Learner, fit_seconds: float) -> Costs:
    """Return what is known of costs after a first fit."""
    expected = [learner.expected_share(size) for size in SIZES]
    shares = tuple(share for share in expected if share is not None)
    return Costs(fit_seconds, learner.records_held(), shares)


def version_with(connection: Connection, model: str, status: str) -> Version | None:
    """Return the version of a model that has this status."""
    query = select(MODEL_VERSION).where(MODEL_VERSION.c.model_id == model, MODEL_VERSION.c.status == status)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Version(row.model_id, row.version, row.state_blob, row.served_blob, row.facts_blob)


def current(connection: Connection, model: str) -> Version:
    """Return the published version of a model.

    Raises
    ------
    NotFoundError
        Where the model was retired.
    """
    version = version_with(connection, model, CURRENT)
    if version is None:
        raise NotFoundError(f"model {model} has no published version.", mend="It was retired; train a new one.")
    return version


def set_status(connection: Connection, version: Version, status: str) -> None:
    """Change the status of a version."""
    connection.execute(
        update(MODEL_VERSION)
        .where(MODEL_VERSION.c.model_id == version.model_id, MODEL_VERSION.c.version == version.version)
        .values(status=status)
    )


def discard(connection: Connection, version: Version) -> None:
    """Forget a version: its row and the keys of its blobs."""
    blobs.drop(connection, *version.blobs)
    connection.execute(
        delete(MODEL_VERSION).where(
            MODEL_VERSION.c.model_id == version.model_id, MODEL_VERSION.c.version == version.version
        )
    )


def learner_key(workspace: Workspace, model: str, seed: int) -> bytes:
    """Return the key of a model's random choices under its seed of this number."""
    return workspace.vault.derive(f"learner|{model}" if seed == 1 else f"learner|{model}|{seed}")


def open_learner(workspace: Workspace, connection: Connection, version: Version) -> Learner:
    """Open a version's training state."""
    key = learner_key(workspace, version.model_id, open_facts(workspace, connection, version).seed)
    return state.load(blobs.get(workspace.vault, connection, version.state_blob), key=key)


def open_served(workspace: Workspace, connection: Connection, version: Version) -> ServedModel:
    """Open a version's served model."""
    return unpacked(blobs.get(workspace.vault, connection, version.served_blob))


def open_facts(workspace: Workspace, connection: Connection, version: Version) -> Facts:
    """Open a version's facts."""
    return Facts.from_json(blobs.get(workspace.vault, connection, version.facts_blob))


def every(connection: Connection) -> list[Model]:
    """Return all models, by name."""
    return [describe(connection, row) for row in connection.execute(select(MODEL).order_by(MODEL.c.name)).all()]


def by_id(connection: Connection, model: str) -> Row[Any]:
    """Return a model's database row."""
    return connection.execute(select(MODEL).where(MODEL.c.id == model)).one()


def by_name(connection: Connection, name: str) -> Row[Any]:
    """Return a model's database row by its name."""
    row = connection.execute(select(MODEL).where(MODEL.c.name == name)).one_or_none()
    if row is None:
        known = ", ".join(sorted(row.name for row in connection.execute(select(MODEL.c.name)))) or "none"
        raise NotFoundError(f"there is no model {name!r}.", mend=f"Models are: {known}.")
    return row


def exports(connection: Connection, model: str) -> list[tuple[int, str]]:
    """Return (version, when) of every export of a model."""
    query = select(EXPORT.c.version, EXPORT.c.at).where(EXPORT.c.model_id == model).order_by(EXPORT.c.id)
    return [(row.version, row.at) for row in connection.execute(query)]


def describe(connection: Connection, row: Row[Any]) -> Model:
    """Return the model of a database row."""
    subjects_held, records_held = members.totals(connection, row.id)
    dataset = connection.execute(select(DATASET.c.name).where(DATASET.c.id == row.dataset_id)).scalar_one()
    return Model(
        id=row.id,
        name=row.name,
        dataset=dataset,
        learner=row.learner,
        params=json.loads(row.params),
        held_out=row.held_out,
        version=row.version,
        created=row.created,
        replay=row.replay,
        seed=row.seed,
        seeded=seeded(row),
        subjects=subjects_held,
        records=records_held,
    )


def seeded(row: Row[Any]) -> str:
    """Return since when a model has its seed."""
    return str(row.seeded or row.created)
