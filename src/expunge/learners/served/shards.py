"""Models of shards, whose answers are put together: each learned from other people.

``members.bin`` holds the models end to end, each as `ServedModel.packed` writes it behind a u64 with its length.
``model.json`` says how they are put together:

=============  ========================================================================
``aggregate``  ``mean`` or ``median`` of probabilities or numbers, or ``vote``
``link``       how a member's scores become probabilities: ``softmax``, ``sigmoid``
               (each class against the rest, divided by the sum), or none
=============  ========================================================================

A member may know fewer classes than there are; of one class, it is always of that class.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.columns import Cells
from expunge.learners.served.model import ServedModel, Signature, unpacked
from expunge.learners.served.pipeline import PipelineModel
from expunge.learners.served.probabilities import against_the_rest, softmax

Aggregate: TypeAlias = Literal["mean", "median", "vote"]

AGGREGATES: Final = ("mean", "median", "vote")
LINKS: Final = ("softmax", "sigmoid", None)

_LENGTH: Final = struct.Struct("<Q")


@dataclass(frozen=True, eq=False)
class ShardsModel(ServedModel):
    """Models whose answers are put together.

    Parameters
    ----------
    signature : Signature
        Its columns state names and kinds alone: what was learned of them is each member's own.
    aggregate : {"mean", "median", "vote"}
    link : {"softmax", "sigmoid"} or None
    members : tuple of ServedModel
    """

    kind: ClassVar[str] = "shards"
    body_name: ClassVar[str] = "members.bin"

    signature: Signature
    aggregate: Aggregate
    link: Literal["softmax", "sigmoid"] | None
    members: tuple[ServedModel, ...]

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return numbers; for two classes how far the second's share is above a half, else all shares."""
        if self.signature.words is None:
            return self._together(np.stack([member.scores(cells) for member in self.members]))
        shares = self._shares(cells)
        return shares[:, 1:] - 0.5 if shares.shape[1] == 2 else shares

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the share of each class, put together: ndarray (n_rows, n_classes), rows of sum 1.

        Raises
        ------
        InputError
            For a table that cannot be read.
        """
        return self._shares(self.signature.read(X))

    def _shares(self, cells: Cells) -> npt.NDArray[np.float64]:
        words = self.signature.words or ()
        each = np.zeros((len(self.members), len(cells), len(words)))
        for number, member in enumerate(self.members):
            own = [words.index(word) for word in member.signature.words or ()]
            each[number][:, own] = self._told(member, cells)
        if self.aggregate == "vote":
            each = np.eye(len(words))[each.argmax(axis=2)]
        together = self._together(each)
        whole = together.sum(axis=1, keepdims=True)  # medians may all be nought
        return np.where(whole > 0, together / np.where(whole > 0, whole, 1), 1 / len(words))

    def _told(self, member: ServedModel, cells: Cells) -> npt.NDArray[np.float64]:
        """Return a member's probabilities of its classes; without a link, whatever has the same largest."""
        if len(member.signature.words or ()) == 1:
            return np.ones((len(cells), 1))
        scores = member.scores(cells)
        return against_the_rest(scores) if scores.shape[1] == 1 or self.link == "sigmoid" else softmax(scores)

    def _together(self, each: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Put the answers of members (n_members, n_rows, n) together."""
        return np.asarray(np.median(each, axis=0) if self.aggregate == "median" else each.mean(axis=0))

    def facts(self) -> dict[str, Any]:
        """Return how the answers are put together."""
        return {"aggregate": self.aggregate, "link": self.link}

    def body(self) -> bytes:
        """Return the members."""
        return b"".join(_LENGTH.pack(len(one)) + one for one in (member.packed() for member in self.members))

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote."""
        if facts["aggregate"] not in AGGREGATES or facts["link"] not in LINKS:
            raise ValueError(f"there is no {facts['aggregate']!r} of {facts['link']!r}")
        members = []
        while body:
            if len(body) < _LENGTH.size or len(body) - _LENGTH.size < (length := _LENGTH.unpack_from(body)[0]):
                raise ValueError("the models end too early")
            members.append(unpacked(body[_LENGTH.size : _LENGTH.size + length]))
            body = body[_LENGTH.size + length :]
        model = cls(signature, facts["aggregate"], facts["link"], tuple(members))
        model._check()
        return model

    def _check(self) -> None:
        """Refuse members of other columns or classes; ValueError."""
        if not self.members or any(isinstance(member, ShardsModel | PipelineModel) for member in self.members):
            raise ValueError("there are no models, or models of models")
        if self.signature.words is None and self.aggregate == "vote":
            raise ValueError("nobody votes for a number")
        for member in self.members:
            own = member.signature
            if _kinds(own) != _kinds(self.signature) or (own.words is None) != (self.signature.words is None):
                raise ValueError("a model is of other columns")
            if not set(own.words or ()) <= set(self.signature.words or ()):
                raise ValueError("a model is of other classes")


def _kinds(signature: Signature) -> tuple[Any, ...]:
    return signature.by_name, [column.name for column in signature.columns], signature.numeric
