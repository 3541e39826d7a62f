"""A sum of trees over bins: what boosting in stages learned.

``arrays.npz`` holds, as float64 that are whole numbers, the bins (`binned`), and:

============================  =========================================================================
``nodes`` (n_nodes, 3)        of all trees in preorder: column (-1 for a leaf), threshold (a row of at
                              most that bin goes to the next node), and how far behind the other is
``values`` (n_nodes,)         of the leaves, in units of 1 / 256; noughts for other nodes
``tree_starts`` (S, T)        where each tree begins, per score and round
``starts`` (S,)               score before the first round, in units of 1 / 256
============================  =========================================================================

For regression ``model.json`` says how a score becomes a number: its ``link``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from expunge._kernels.staging import add_leaves
from expunge._kernels.tables import LARGEST, UNIT
from expunge.learners.encoding.adaptive import Binning
from expunge.learners.encoding.columns import Cells
from expunge.learners.served.binned import BINNING, BinnedModel, binning_arrays, check_binning, whole_numbers, within
from expunge.learners.served.forest import check_nodes
from expunge.learners.served.link import Link, read_link
from expunge.learners.served.model import Signature
from expunge.learners.served.probabilities import against_the_rest

STAGED: Final = ("nodes", "values", "tree_starts", "starts")


@dataclass(frozen=True, eq=False)
class StagedModel(BinnedModel):
    """A sum of trees.

    Parameters
    ----------
    signature : Signature
    arrays : mapping of str to ndarray of int64
        See the module.
    link : Link or None
        For regression.
    """

    kind: ClassVar[str] = "staged"

    signature: Signature
    arrays: Mapping[str, npt.NDArray[np.int64]]
    link: Link | None = None

    @classmethod
    def of(
        cls, signature: Signature, binning: Binning, trees: Mapping[str, npt.NDArray[Any]], link: Link | None = None
    ) -> Self:
        """Take the bins, and the arrays that the module names."""
        arrays = {name: np.asarray(trees[name], np.int64) for name in STAGED}
        return cls(signature, binning_arrays(binning) | arrays, link)

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return logits, or numbers: (n_rows, n_scores)."""
        rows = np.ascontiguousarray(self.binning.encode(cells).T)
        most = LARGEST if self.link is None else self.link.highest
        nodes = self.arrays["nodes"].astype(np.int32)
        found = np.repeat(self.arrays["starts"][:, None], len(rows), axis=1)
        for starts, own in zip(self.arrays["tree_starts"], found, strict=True):
            add_leaves(rows, nodes, self.arrays["values"], starts, most, own)
        return found.T / UNIT if self.link is None else self.link.of(found.T / UNIT)

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class: ndarray (n_rows, n_classes), rows of sum 1.

        Of several classes each was held against the rest; their probabilities are divided by their sum.

        Raises
        ------
        InputError
            For a table that cannot be read.
        """
        return against_the_rest(self.scores(self.signature.read(X)))

    def facts(self) -> dict[str, Any]:
        """Return the link, where there is one."""
        return {} if self.link is None else {"link": self.link.to_dict()}

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `body` wrote."""
        model = cls(signature, whole_numbers(body, (*BINNING, *STAGED)), read_link(facts, signature))
        check_binning(signature.columns, model.arrays)
        _check(signature, model.arrays)
        return model


def _check(signature: Signature, arrays: Mapping[str, npt.NDArray[np.int64]]) -> None:
    """Refuse arrays on which a walk would leave its tree or never end, or a score its bits; ValueError."""
    starts = arrays["tree_starts"]
    sound = (
        starts.ndim == 2
        and len(starts) == signature.n_scores
        and arrays["starts"].shape == (signature.n_scores,)
        and arrays["values"].shape == arrays["nodes"].shape[:1]
        and within(arrays["values"], -LARGEST, LARGEST)
        and within(arrays["starts"], -LARGEST, LARGEST)
    )
    if not sound:
        raise ValueError("the arrays do not fit the columns and classes")
    check_nodes(len(signature.columns), arrays["nodes"], starts.ravel())
