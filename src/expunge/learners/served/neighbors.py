"""The nearest of the rows that were learned from. It holds them: personal data, sealed, never exported.

=========================  ==============================================================================
``rows`` (n, n_columns)    codes of `Scaled`, a column each: a number's steps (`MISSING` where it is missing);
                           a word's place in its block (the last one where it is missing); sorted
``targets`` (n,)           places of classes in label order, or numbers
=========================  ==============================================================================

as float64 in ``arrays.npz``. Equal distances are told apart by what the rows hold, in their order here, never by whose
they are.

Invariant: distances are exact
------------------------------
Places are whole numbers of at most 2**15, so that the square of a distance over fewer than 2**20 places is a whole
number below 2**53, and so is every sum on the way to it: float64 holds them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import ONE, Column, Scaled
from expunge.learners.encoding.columns import Cells
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import ServedModel, Signature

Floats: TypeAlias = npt.NDArray[np.float64]
Weighing: TypeAlias = Literal["uniform", "distance"]

WEIGHINGS: Final = ("uniform", "distance")
MISSING: Final = 2 * ONE
"""Stands for a number that is missing: no number's code."""
AT_ONCE: Final = 2**22
"""So many distances are held at once."""


@dataclass(frozen=True, eq=False)
class NeighborsModel(ServedModel):
    """The nearest of the rows that were learned from.

    Parameters
    ----------
    signature : Signature
    n_neighbors : int
        At most so many are asked.
    weighing : {"uniform", "distance"}
    rows, targets : ndarray of float64
        See the module.
    """

    kind: ClassVar[str] = "neighbors"
    body_name: ClassVar[str] = "arrays.npz"

    signature: Signature
    n_neighbors: int
    weighing: Weighing
    rows: Floats
    targets: Floats

    @property
    def holds_rows(self) -> bool:
        """It does."""
        return True

    @cached_property
    def encoding(self) -> Scaled:
        """The encoding of the columns."""
        return Scaled(self.signature.columns)

    @cached_property
    def _places(self) -> Floats:
        return placed(self.encoding, self.rows)

    def answers(self, cells: Cells) -> Floats:
        """Return the share of each class among the nearest, (n_rows, n_classes), or their mean, (n_rows, 1)."""
        asked, known = self.encoding.encode(cells).astype(np.float64), self._places
        n_classes = 0 if self.signature.words is None else len(self.signature.words)
        says = np.eye(n_classes)[self.targets.astype(np.intp)] if n_classes else self.targets[:, None]
        sizes = (known**2).sum(axis=1)
        step = max(1, AT_ONCE // len(known))
        parts = []
        for start in range(0, len(asked), step):
            chunk = asked[start : start + step]
            squares = (chunk**2).sum(axis=1)[:, None] + sizes - 2 * (chunk @ known.T)
            near = nearest(squares, self.n_neighbors)
            weights = self._weights(np.take_along_axis(squares, near, axis=1))
            parts.append((says[near] * weights[:, :, None]).sum(axis=1) / weights.sum(axis=1, keepdims=True))
        return np.concatenate(parts)

    def _weights(self, squares: Floats) -> Floats:
        """Return how much each neighbour counts; where some are at no distance, they alone count."""
        if self.weighing == "uniform":
            return np.ones(squares.shape)
        at_no_distance = squares == 0
        inverse = 1 / np.sqrt(np.where(at_no_distance, 1.0, squares))
        return np.asarray(np.where(at_no_distance.any(axis=1, keepdims=True), at_no_distance, inverse), np.float64)

    def scores(self, cells: Cells) -> Floats:
        """Return numbers; or for two classes how far the second's share is above a half, else all shares."""
        found = self.answers(cells)
        return found[:, 1:] - 0.5 if found.shape[1] == 2 else found

    def predict_proba(self, X: Any) -> Floats:
        """Return the share of each class among the nearest: ndarray (n_rows, n_classes), rows of sum 1.

        Raises
        ------
        InputError
            For a table that cannot be read.
        """
        return self.answers(self.signature.read(X))

    def facts(self) -> dict[str, Any]:
        """Return how many neighbours are asked, and how they are weighed."""
        return {"n_neighbors": self.n_neighbors, "weighing": self.weighing}

    def body(self) -> bytes:
        """Return the arrays."""
        return to_npz({"rows": self.rows, "targets": self.targets})

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote."""
        arrays = from_npz(body, ("rows", "targets"))
        model = cls(signature, facts["n_neighbors"], facts["weighing"], **arrays)
        if type(model.n_neighbors) is not int or model.n_neighbors < 1 or model.weighing not in WEIGHINGS:
            raise ValueError("it asks no neighbours, or weighs them in no way that is known")
        rows, targets = model.rows, model.targets
        if rows.ndim != 2 or not len(rows) or rows.shape[1] != len(signature.columns) or targets.shape != (len(rows),):
            raise ValueError("the arrays do not fit the columns")
        if not all(_sound(column, codes) for column, codes in zip(signature.columns, rows.T, strict=True)):
            raise ValueError("a row holds what no cell becomes")
        classes = None if signature.words is None else range(len(signature.words))
        if not np.isfinite(targets).all() or (classes is not None and not np.isin(targets, classes).all()):
            raise ValueError("a target is none")
        return model


def placed(encoding: Scaled, rows: Floats) -> Floats:
    """Return the places that codes, one per column, stand for: (n_rows, width)."""
    out = np.zeros((len(rows), int(encoding.offsets[-1])))
    every = np.arange(len(rows))
    for column, codes, (start, end) in zip(encoding.columns, rows.T, pairwise(encoding.offsets.tolist()), strict=True):
        if column.words is None:
            missing = codes == MISSING
            out[:, start] = np.where(missing, 0, codes)
            out[missing, end - 1] = ONE
        else:
            out[every, start + codes.astype(np.intp)] = ONE
    return out


def packed(encoding: Scaled, places: npt.NDArray[np.int32]) -> Floats:
    """Return one code per column for places in which no word is unknown: (n_rows, n_columns)."""
    columns = []
    for column, (start, end) in zip(encoding.columns, pairwise(encoding.offsets.tolist()), strict=True):
        if column.words is None:
            columns.append(np.where(places[:, end - 1] > 0, MISSING, places[:, start]))
        else:
            columns.append(places[:, start:end].argmax(axis=1))
    return np.column_stack(columns).astype(np.float64)


def nearest(squares: Floats, count: int) -> npt.NDArray[np.intp]:
    """Return, per line, the places of the smallest, ascending, the first of equals first.

    Examples
    --------
    >>> nearest(np.array([[4.0, 1.0, 4.0, 0.0], [2.0, 2.0, 2.0, 2.0]]), 3).tolist()
    [[3, 1, 0], [0, 1, 2]]
    """
    count = min(count, squares.shape[1])
    furthest = np.partition(squares, count - 1, axis=1)[:, count - 1]
    found = np.empty((len(squares), count), np.intp)
    for own, line, limit in zip(found, squares, furthest, strict=True):
        within = np.flatnonzero(line <= limit)
        own[:] = within[np.argsort(line[within], kind="stable")[:count]]
    return found


def _sound(column: Column, codes: Floats) -> bool:
    if not np.array_equal(codes, np.rint(codes)):
        return False
    if column.words is None:
        return bool(((np.abs(codes) <= ONE) | (codes == MISSING)).all())
    return bool(((codes >= 0) & (codes <= len(column.words))).all())
