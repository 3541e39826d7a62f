"""A forest over bins: the mean, over trees, of the shares of classes in the leaf where a row ends.

``arrays.npz`` holds, as float64 that are whole numbers, the bins (`binned`), and:

==============================  =======================================================================
``nodes`` (n_nodes, 3)          of all trees in preorder: column (-1 for a leaf), threshold (a row of at
                                most that bin goes to the next node), and how far behind the other is
``classes`` (n_nodes, n)        rows of each class in a leaf, or how many it has, and the sum of their
                                numbers; noughts for other nodes
``tree_starts`` (n_trees,)      where each tree begins
==============================  =======================================================================

For regression ``model.json`` says how a mean becomes a number: its ``link``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from expunge._kernels.trees import BINS
from expunge._kernels.walking import add_shares, steps_of
from expunge.learners.encoding.adaptive import Binning
from expunge.learners.encoding.columns import Cells
from expunge.learners.served.binned import BINNING, BinnedModel, binning_arrays, check_binning, whole_numbers, within
from expunge.learners.served.link import Link, read_link
from expunge.learners.served.model import Signature

TREES: Final = ("nodes", "classes", "tree_starts")


class Planted(NamedTuple):
    """Trees as `add_shares` walks them; `shares` are those of classes in a leaf, or the mean of its numbers."""

    steps: npt.NDArray[np.int32]
    shares: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]
    numbers: bool


@dataclass(frozen=True, eq=False)
class ForestModel(BinnedModel):
    """A forest over bins.

    Parameters
    ----------
    signature : Signature
    arrays : mapping of str to ndarray of int64
        See the module.
    link : Link or None
        For regression.
    """

    kind: ClassVar[str] = "forest"

    signature: Signature
    arrays: Mapping[str, npt.NDArray[np.int64]]
    link: Link | None = None

    @classmethod
    def of(
        cls, signature: Signature, binning: Binning, trees: Mapping[str, npt.NDArray[Any]], link: Link | None = None
    ) -> Self:
        """Take what predicts out of what was learned: of nodes that are no leaves, no counts."""
        return cls(signature, binning_arrays(binning) | tree_arrays(trees), link)

    @cached_property
    def _planted(self) -> Planted:
        return planted(self.arrays, numbers=self.link is not None)

    def _means(self, cells: Cells) -> npt.NDArray[np.float64]:
        return leaf_means(self.binning.encode(cells), self._planted)

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return numbers; or for two classes how far the second's share is above a half, else all shares.

        ndarray (n_rows, n_scores).
        """
        if self.link is not None:
            return self.link.of(self._means(cells))
        found = self._means(cells)
        return found[:, 1:] - 0.5 if found.shape[1] == 2 else found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class: ndarray (n_rows, n_classes), rows of sum 1.

        Raises
        ------
        InputError
            For a table that cannot be read.
        """
        return self._means(self.signature.read(X))

    def facts(self) -> dict[str, Any]:
        """Return the link, where there is one."""
        return {} if self.link is None else {"link": self.link.to_dict()}

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `body` wrote."""
        model = cls(signature, whole_numbers(body, (*BINNING, *TREES)), read_link(facts, signature))
        check_binning(signature.columns, model.arrays)
        check_trees(signature, model.arrays)
        return model


def tree_arrays(trees: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.int64]]:
    """Take what predicts out of trees that were written down: of nodes that are no leaves, no counts."""
    leaves = np.where(trees["nodes"][:, :1] < 0, trees["classes"], 0)
    arrays = {"nodes": trees["nodes"], "classes": leaves, "tree_starts": trees["starts"]}
    return {name: np.asarray(own, np.int64) for name, own in arrays.items()}


def planted(arrays: Mapping[str, npt.NDArray[np.int64]], *, numbers: bool) -> Planted:
    """Lay trees out as they are walked."""
    counts = arrays["classes"].astype(np.float64)
    held = counts[:, :1] if numbers else counts.sum(axis=1, keepdims=True)
    shares = np.ascontiguousarray((counts[:, 1:] if numbers else counts) / np.maximum(held, 1))
    return Planted(steps_of(arrays["nodes"]), shares, arrays["tree_starts"], numbers)


def leaf_means(columns: npt.NDArray[np.uint8], trees: Planted) -> npt.NDArray[np.float64]:
    """Return each row's mean over trees: of the shares of classes in its leaf, or of the numbers there.

    ndarray (n_rows, n_classes), rows of sum 1; for numbers (n_rows, 1).
    """
    rows = np.ascontiguousarray(columns.T)
    found = np.zeros((len(rows), trees.shares.shape[1]))
    add_shares(rows, trees.steps, trees.shares, trees.starts, found)
    if trees.numbers:
        return found / len(trees.starts)
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1))


def check_trees(signature: Signature, arrays: Mapping[str, npt.NDArray[np.int64]]) -> None:
    """Refuse arrays on which a walk would leave its tree or never end; ValueError."""
    nodes, starts = arrays["nodes"], arrays["tree_starts"]
    n_classes = 2 if signature.words is None else len(signature.words)
    if arrays["classes"].shape != (len(nodes), n_classes) or not within(arrays["classes"], 0, 2**42):
        raise ValueError("the arrays do not fit the columns and classes")
    check_nodes(len(signature.columns), nodes, starts)


def check_nodes(n_columns: int, nodes: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> None:
    """Refuse nodes on which a walk would leave its tree or never end; ValueError."""
    if nodes.ndim != 2 or nodes.shape[1] != 3 or starts.ndim != 1:
        raise ValueError("the nodes do not fit the columns")
    inner = np.flatnonzero(nodes[:, 0] >= 0)
    sound = (
        within(nodes[:, 0], -1, n_columns - 1)
        and within(nodes[:, 1], 0, BINS - 1)
        and len(starts) > 0
        and within(starts, 0, len(nodes) - 1)
        and within(nodes[inner, 2], 1, len(nodes))
        and (inner + nodes[inner, 2] < len(nodes)).all()
    )
    if not sound:
        raise ValueError("the nodes are no trees over these columns")
