"""A sum of lookup tables over bins: what boosting by tables learned.

``arrays.npz`` holds, as float64 that are whole numbers:

============================  =========================================================================
``edges``                     first positions of the bins of numeric columns but the first, end to end
``word_bins``                 bin of each word of the columns of words, end to end
``ends``                      per column, where its part of one of these two ends
``features`` (S, T, 3)        columns of each table, per score and round
``arity`` (S, T)              how many of them count
``maps`` (S, T, 3, 256)       what a bin of a column adds to the number of the cell
``values`` (S, T, 256)        of the cells, in units of 1 / 256
``starts`` (S,)               score before the first round, in units of 1 / 256
============================  =========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from expunge._kernels.tables import BINS, LARGEST, MOST_CELLS, MOST_FEATURES, UNIT, Chain, Plan, add_tables
from expunge.learners.encoding.adaptive import MOST, Binning, position_bits
from expunge.learners.encoding.codes import Column
from expunge.learners.encoding.columns import Cells
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import ServedModel, Signature

_ARRAYS: Final = ("edges", "word_bins", "ends", "features", "arity", "maps", "values", "starts")


@dataclass(frozen=True, eq=False)
class TablesModel(ServedModel):
    """A sum of lookup tables.

    Parameters
    ----------
    signature : Signature
    arrays : mapping of str to ndarray of int64
        See the module.
    """

    kind: ClassVar[str] = "tables"
    body_name: ClassVar[str] = "arrays.npz"

    signature: Signature
    arrays: Mapping[str, npt.NDArray[np.int64]]

    @classmethod
    def of(
        cls, signature: Signature, binning: Binning, plan: Plan, chains: Sequence[Chain], starts: Sequence[int]
    ) -> Self:
        """Take what predicts out of what was learned: the chosen tables, and nothing else."""
        rounds = np.arange(len(plan.arity))
        chosen = [chain.chosen for chain in chains]
        parts = [
            edges if column.words is None else bins
            for column, edges, bins in zip(signature.columns, binning.edges, binning.word_bins, strict=True)
        ]
        arrays = {
            "edges": np.concatenate([np.empty(0, np.int64), *binning.edges]),
            "word_bins": np.concatenate([np.empty(0, np.int64), *binning.word_bins]),
            "ends": _ends([len(part) for part in parts], signature),
            "features": np.stack([plan.features[rounds, own] for own in chosen]),
            "arity": np.stack([plan.arity[rounds, own] for own in chosen]),
            "maps": np.stack([plan.maps[rounds, own] for own in chosen]),
            "values": np.stack([chain.values for chain in chains]),
            "starts": np.array(starts),
        }
        return cls(signature, {name: own.astype(np.int64) for name, own in arrays.items()})

    @cached_property
    def binning(self) -> Binning:
        """How cells become bins."""
        edges: list[npt.NDArray[np.int64]] = []
        words: list[npt.NDArray[np.int64]] = []
        done = {"edges": 0, "word_bins": 0}
        none = np.empty(0, np.int64)
        for column, end in zip(self.signature.columns, self.arrays["ends"].tolist(), strict=True):
            name = "edges" if column.words is None else "word_bins"
            part = self.arrays[name][done[name] : end]
            done[name] = end
            edges.append(part if column.words is None else none)
            words.append(none if column.words is None else part)
        return Binning(self.signature.columns, tuple(edges), tuple(words), np.zeros(len(edges), np.int64))

    @cached_property
    def _tables(self) -> tuple[npt.NDArray[Any], ...]:
        kinds = (("features", np.int32), ("arity", np.int32), ("maps", np.uint8), ("values", np.int64))
        return tuple(np.ascontiguousarray(self.arrays[name], kind) for name, kind in kinds)

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return logits: (n_rows, n_scores)."""
        columns = self.binning.encode(cells)
        found = np.empty((len(cells), len(self.arrays["starts"])))
        features, arity, maps, values = self._tables
        for score, start in enumerate(self.arrays["starts"].tolist()):
            sums = np.full(len(cells), start, np.int64)
            add_tables(columns, features[score], arity[score], maps[score], values[score], sums)
            found[:, score] = sums / UNIT
        return found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class: ndarray (n_rows, n_classes), rows of sum 1.

        Of several classes each was held against the rest; their probabilities are divided by their sum.

        Raises
        ------
        InputError
            For a table that cannot be read.
        """
        each = 1 / (1 + np.exp(-self.scores(self.signature.read(X))))
        if each.shape[1] == 1:
            return np.hstack([1 - each, each])
        return np.asarray(each / each.sum(axis=1, keepdims=True))

    def facts(self) -> dict[str, Any]:
        """Return nothing more."""
        return {}

    def body(self) -> bytes:
        """Return the arrays."""
        return to_npz({name: own.astype(np.float64) for name, own in self.arrays.items()})

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `body` wrote."""
        del facts
        found = from_npz(body, _ARRAYS)
        if not all(np.isfinite(own).all() and np.array_equal(own, np.rint(own)) for own in found.values()):
            raise ValueError("the arrays hold what is no whole number")
        model = cls(signature, {name: own.astype(np.int64) for name, own in found.items()})
        model._check()
        return model

    def _check(self) -> None:
        """Refuse arrays by which a cell would lie outside its table; ValueError."""
        of, columns = self.arrays, self.signature.columns
        scores, rounds = of["values"].shape[:2]
        shapes = {
            "ends": (len(columns),),
            "features": (scores, rounds, MOST_FEATURES),
            "arity": (scores, rounds),
            "maps": (scores, rounds, MOST_FEATURES, BINS),
            "values": (scores, rounds, MOST_CELLS),
            "starts": (self.signature.n_scores,),
        }
        if any(of[name].shape != shape for name, shape in shapes.items()) or scores != self.signature.n_scores:
            raise ValueError("the arrays do not fit the columns and classes")
        sizes = [
            len(edges) + len(words) for edges, words in zip(self.binning.edges, self.binning.word_bins, strict=True)
        ]
        sound = (
            np.array_equal(_ends(sizes, self.signature), of["ends"])
            and all(_within(own, 0, MOST - 1) for own in self.binning.word_bins)
            and all(_rising(own, column) for own, column in zip(self.binning.edges, columns, strict=True))
            and all(
                len(own) == len(column.words or ()) for own, column in zip(self.binning.word_bins, columns, strict=True)
            )
            and len(of["edges"]) + len(of["word_bins"]) == sum(sizes)
            and _within(of["features"], 0, len(columns) - 1)
            and _within(of["arity"], 0, MOST_FEATURES)
            and _within(of["maps"], 0, MOST_CELLS - 1)
            and _within(of["maps"].max(axis=3, initial=0).sum(axis=2), 0, MOST_CELLS - 1)
            and _within(of["values"], -LARGEST, LARGEST)
            and _within(of["starts"], -LARGEST, LARGEST)
        )
        if not sound:
            raise ValueError("the arrays are no tables over these columns")


def _ends(sizes: Sequence[int], signature: Signature) -> npt.NDArray[np.int64]:
    """Return where each column's part ends, among those of numbers or those of words."""
    numeric = np.array([column.words is None for column in signature.columns], np.bool_)
    counts = np.array(sizes, np.int64)
    return np.where(numeric, np.cumsum(counts * numeric), np.cumsum(counts * ~numeric))


def _within(own: npt.NDArray[np.int64], low: int, high: int) -> bool:
    return own.size == 0 or bool(low <= own.min() <= own.max() <= high)


def _rising(edges: npt.NDArray[np.int64], column: Column) -> bool:
    inside = _within(edges, 1, (1 << position_bits(column)) - 1) if column.words is None else edges.size == 0
    return inside and len(edges) < MOST and bool((np.diff(edges) > 0).all())
