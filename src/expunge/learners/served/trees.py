"""A sum of trees over plain columns: what scikit-learn's histogram boosting learned, walked with NumPy alone.

``arrays.npz`` holds, for all nodes of all trees end to end:

===============  ====================================================================================
``feature``      column that the node asks, -1 for a leaf
``threshold``    a number goes left where it is at most this
``left, right``  places of the children, counted over all nodes; always behind their parent
``missing``      1 where a missing cell goes left
``bitset``       row of ``bitsets`` for a node that asks for a category, else -1
``value``        what a leaf adds to the score
===============  ====================================================================================

and ``bitsets`` (n, 8), in units of 32 categories: those that go left; ``starts``, the root of each tree, one tree per
score and round; ``baseline`` (n_scores,), what every score begins with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.columns import Cells
from expunge.learners.encoding.plain import plain
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import ServedModel, Signature

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Link: TypeAlias = Literal["identity", "exp"]

LINKS: Final = ("identity", "exp")
NODE: Final = ("bitset", "feature", "left", "missing", "right", "threshold", "value")
_ARRAYS: Final = (*NODE, "baseline", "bitsets", "starts")
_WORD: Final = 32
_WORDS: Final = 8


@dataclass(frozen=True, eq=False)
class TreesModel(ServedModel):
    """A sum of trees.

    Parameters
    ----------
    signature : Signature
    link : {"identity", "exp"}
        What is done to a regression's sum.
    arrays : mapping of str to ndarray of float64
        See the module.
    """

    kind: ClassVar[str] = "trees"
    body_name: ClassVar[str] = "arrays.npz"

    signature: Signature
    link: Link
    arrays: Mapping[str, Floats]

    @cached_property
    def _nodes(self) -> dict[str, Integers]:
        names = ("bitset", "feature", "left", "missing", "right", "bitsets", "starts")
        return {name: self.arrays[name].astype(np.int64) for name in names}

    def scores(self, cells: Cells) -> Floats:
        """Return the sum of the trees, tree by tree in order: (n_rows, n_scores)."""
        X = plain(self.signature.columns, cells)
        baseline = self.arrays["baseline"]
        sums = np.zeros((len(X), len(baseline))) + baseline
        for tree, root in enumerate(self._nodes["starts"]):
            sums[:, tree % len(baseline)] += self.arrays["value"][self._leaves(X, int(root))]
        return np.exp(sums) if self.link == "exp" else sums

    def _leaves(self, X: Floats, root: int) -> Integers:
        """Return the leaf of one tree in which each row ends."""
        nodes, threshold = self._nodes, self.arrays["threshold"]
        place = np.full(len(X), root, np.int64)
        walking = np.arange(len(X))
        while (walking := walking[nodes["feature"][place[walking]] >= 0]).size:
            at = place[walking]
            cells = X[walking, nodes["feature"][at]]
            left = cells <= threshold[at]
            asks = nodes["bitset"][at] >= 0
            if asks.any():
                left[asks] = self._in_bitset(nodes["bitset"][at[asks]], cells[asks])
            left = np.where(np.isnan(cells), nodes["missing"][at] == 1, left)
            place[walking] = np.where(left, nodes["left"][at], nodes["right"][at])
        return place

    def _in_bitset(self, rows: Integers, cells: Floats) -> npt.NDArray[np.bool_]:
        codes = np.nan_to_num(cells).astype(np.int64)
        return np.asarray((self._nodes["bitsets"][rows, codes // _WORD] >> (codes % _WORD)) & 1, dtype=np.bool_)

    def facts(self) -> dict[str, Any]:
        """Return the link."""
        return {"link": self.link}

    def body(self) -> bytes:
        """Return the arrays."""
        return to_npz(self.arrays)

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote."""
        arrays = from_npz(body, _ARRAYS)
        if facts["link"] not in LINKS:
            raise ValueError(f"link {facts['link']!r} is none of {LINKS}")
        model = cls(signature, facts["link"], arrays)
        model._check()
        return model

    def _check(self) -> None:
        """Refuse arrays on which a walk would leave its tree or never end; ValueError."""
        nodes, size = self._nodes, self.arrays["value"].size
        if any(self.arrays[name].shape != (size,) for name in NODE):
            raise ValueError("the arrays of the nodes are of different lengths")
        if not all(np.array_equal(self.arrays[name], nodes[name]) for name in nodes):
            raise ValueError("a place is not a whole number")
        inner = np.flatnonzero(nodes["feature"] >= 0)
        children = np.concatenate([nodes["left"][inner], nodes["right"][inner]])
        behind = (children > np.tile(inner, 2)).all() and (children < size).all()
        starts, asks = nodes["starts"], nodes["bitset"]
        sound = (
            behind
            and self.arrays["baseline"].shape == (self.signature.n_scores,)
            and self.arrays["bitsets"].shape[1:] == (_WORDS,)
            and (asks < len(self.arrays["bitsets"])).all()
            and ((starts >= 0) & (starts < size)).all()
            and (nodes["feature"] < len(self.signature.columns)).all()
        )
        if not sound:
            raise ValueError("the nodes are no trees over these columns")
        words = [len(column.words or ()) for column in self.signature.columns]
        asked = nodes["feature"][asks >= 0]
        if any(words[column] > _WORD * _WORDS for column in np.unique(asked).tolist()):
            raise ValueError("a node asks for a category beyond its bitset")
