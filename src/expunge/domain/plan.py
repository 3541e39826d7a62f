"""What will be done for one batch, copy by copy, and what it is expected to cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from expunge.domain.digest import canonical_json


class Method(StrEnum):
    """What happens to one copy.

    ``retained`` and ``not a member`` change nothing: the one holds people of the batch, and a ground to keep them.
    """

    DELETE_ROWS = "rows deleted"
    FORGET = "forgotten"
    REFIT = "refitted"
    RETIRE = "retired"
    RETAINED = "retained"
    NOT_A_MEMBER = "not a member"


@dataclass(frozen=True)
class Candidate:
    """One way to go, and what speaks against it.

    Parameters
    ----------
    method : Method
    how : str
        In the learner's own words.
    seconds : float
        Expected.
    basis : str
        On what that rests: ``expected``, or measured on so many batches.
    memory : int
        Bytes of the state that has to be opened for it.
    guarantee : str
        In words.
    lost : str
        Why it was not chosen; empty for the one that was.
    """

    method: Method
    how: str
    seconds: float
    basis: str
    memory: int
    guarantee: str
    lost: str

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and shown; seconds as decimal strings."""
        return {**self.__dict__, "method": self.method.value, "seconds": f"{self.seconds:.6f}"}


@dataclass(frozen=True)
class CopyPlan:
    """What will be done to one copy.

    Parameters
    ----------
    object_id : str
        Opaque id of the dataset or model.
    kind : {"dataset", "model"}
    name : str
    version : int
        The version that the plan was made for.
    method : Method
    subjects : int
        How many of the batch's subjects this copy holds.
    records, of_records : int
        How many of their records, of how many that there are.
    guarantee : str
        In words.
    seconds, refit_seconds : float or None
        Expected cost of the method, and of a full retrain (promise 8: always a candidate). None for rows.
    why : str
        Why this method.
    rotates : bool
        Whether the model's seed is renewed in the same step.
    candidates : tuple of Candidate
        For a model that holds somebody: every way there is, that taken among them.
    """

    object_id: str
    kind: str
    name: str
    version: int
    method: Method
    subjects: int
    records: int
    of_records: int
    guarantee: str
    seconds: float | None
    refit_seconds: float | None
    why: str
    rotates: bool = False
    candidates: tuple[Candidate, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and shown; seconds as decimal strings."""
        return {
            "object": self.object_id,
            "kind": self.kind,
            "name": self.name,
            "version": self.version,
            "method": self.method.value,
            "subjects": self.subjects,
            "records": self.records,
            "of_records": self.of_records,
            "guarantee": self.guarantee,
            "seconds": None if self.seconds is None else f"{self.seconds:.6f}",
            "refit_seconds": None if self.refit_seconds is None else f"{self.refit_seconds:.6f}",
            "why": self.why,
            "rotates": self.rotates,
            "candidates": [one.to_dict() for one in self.candidates],
        }


@dataclass(frozen=True)
class ReleaseRule:
    """What the policy asks before models that forgot somebody are published (arXiv 2405.20272).

    Parameters
    ----------
    min_batch : int
        So many subjects leave a published model together, at least.
    window_days : int
        An approved request waits for others no longer than so.
    safe_days : int
        From so many days before the law's last day on, nothing waits.
    utility_drop : float
        A model whose held-out score falls by more waits for a decision; 1 is no bound.
    """

    min_batch: int = 1
    window_days: int = 0
    safe_days: int = 0
    utility_drop: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and shown."""
        return {**self.__dict__, "utility_drop": f"{self.utility_drop:g}"}


@dataclass(frozen=True)
class Plan:
    """What will be done for a request or a batch: one `CopyPlan` for every dataset and model, and when it may show."""

    copies: tuple[CopyPlan, ...]
    release: ReleaseRule = ReleaseRule()

    @property
    def touched(self) -> tuple[CopyPlan, ...]:
        """Copies that hold somebody who leaves."""
        return tuple(copy for copy in self.copies if copy.subjects)

    def promises(self) -> frozenset[tuple[str, str]]:
        """Return what an approval covers: the copies touched and the guarantee of each.

        A plan that is remade with another guarantee or one more copy needs approval again.
        """
        return frozenset((copy.object_id, copy.guarantee) for copy in self.touched)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and shown."""
        fewest = min((copy.subjects for copy in self.touched if copy.kind == "model"), default=0)
        return {
            "copies": [copy.to_dict() for copy in self.copies],
            "release": {**self.release.to_dict(), "subjects": fewest},
        }

    def to_json(self) -> bytes:
        """Return the canonical bytes."""
        return canonical_json(self.to_dict())
