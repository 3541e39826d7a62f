"""A blend: lookup tables and a forest over the same bins, their scores weighed and summed.

``arrays.npz`` holds, as float64 that are whole numbers, the bins (`binned`), the tables (`tables`) of all chains, score
by score within a chain, and, where the forest has a weight, its trees (`forest`). ``model.json`` says what counts how
much:

==============  =======================================================================
``weights``     of each chain, in parts
``forest``      of the forest, in parts; 0 where there is none
``parts``       what all weights sum to
``link``        for regression, how a score becomes a number
``of_leaves``   for regression, how the mean of a leaf becomes a number
==============  =======================================================================

The forest's score is the logit of a class's share, kept between 1 / 256 and 255 / 256; for regression, its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from expunge._kernels.tables import UNIT, Chain, Plan
from expunge.learners.encoding.adaptive import Binning
from expunge.learners.encoding.columns import Cells
from expunge.learners.served import forest, tables
from expunge.learners.served.binned import BINNING, BinnedModel, binning_arrays, check_binning, whole_numbers
from expunge.learners.served.forest import Planted
from expunge.learners.served.link import Link, read_link
from expunge.learners.served.model import Signature
from expunge.learners.served.probabilities import against_the_rest
from expunge.learners.served.tables import Laid

MOST_PARTS: Final = 2**31


@dataclass(frozen=True, eq=False)
class BlendModel(BinnedModel):
    """A weighed sum of chains and a forest.

    Parameters
    ----------
    signature : Signature
    arrays : mapping of str to ndarray of int64
    weights : tuple of int
        Of the chains, in parts.
    forest : int
    parts : int
    link, of_leaves : Link or None
        For regression.
    """

    kind: ClassVar[str] = "blend"

    signature: Signature
    arrays: Mapping[str, npt.NDArray[np.int64]]
    weights: tuple[int, ...]
    forest: int
    parts: int
    link: Link | None = None
    of_leaves: Link | None = None

    @classmethod
    def of(
        cls,
        signature: Signature,
        binning: Binning,
        series: Sequence[tuple[int, Plan, Sequence[Chain]]],
        starts: Sequence[int],
        trees: tuple[int, Mapping[str, npt.NDArray[Any]]] | None,
        scale: tuple[int, Link | None, Link | None],
    ) -> Self:
        """Take what predicts out of what was learned, of members that have a weight."""
        arrays: dict[str, Any] = binning_arrays(binning)
        rounds = max((len(plan.arity) for _, plan, _ in series), default=0)
        parts = [_padded(tables.table_arrays(plan, chains, starts), rounds) for _, plan, chains in series]
        arrays |= {name: np.concatenate([own[name] for own in parts]) for name in tables.TABLES if parts}
        arrays |= {} if trees is None else forest.tree_arrays(trees[1])
        whole = {name: np.asarray(own, np.int64) for name, own in arrays.items()}
        weights = tuple(weight for weight, _, _ in series)
        return cls(signature, whole, weights, 0 if trees is None else trees[0], *scale)

    @cached_property
    def _laid(self) -> Laid:
        return tables.laid_out(self.arrays)

    @cached_property
    def _planted(self) -> Planted:
        return forest.planted(self.arrays, numbers=self.of_leaves is not None)

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return logits, or numbers: (n_rows, n_scores)."""
        columns, n_scores = self.binning.encode(cells), self.signature.n_scores
        found = np.zeros((len(cells), n_scores))
        if self.weights:
            summed = tables.table_sums(columns, self._laid, self.link).reshape(len(cells), len(self.weights), n_scores)
            found = np.asarray(np.tensordot(summed, np.array(self.weights, np.float64), axes=(1, 0))) / UNIT
        if self.link is not None:
            chains = self.parts - self.forest
            found = self.link.of(found / max(chains, 1)) * chains
        if self.forest:
            found = found + self.forest * self._of_forest(columns)
        return np.asarray(found / self.parts)

    def _of_forest(self, columns: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        means = forest.leaf_means(columns, self._planted)
        if self.of_leaves is not None:
            return self.of_leaves.of(means)
        share = np.clip(means[:, 1:] if self.signature.n_scores == 1 else means, 1 / UNIT, 1 - 1 / UNIT)
        return np.asarray(np.log(share / (1 - share)))

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
        """Return the weights, and the links where there are any."""
        found: dict[str, Any] = {"weights": list(self.weights), "forest": self.forest, "parts": self.parts}
        if self.link is not None and self.of_leaves is not None:
            found |= {"link": self.link.to_dict(), "of_leaves": self.of_leaves.to_dict()}
        return found

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `body` wrote."""
        weights, of_forest, parts = facts["weights"], facts["forest"], facts["parts"]
        if not all(type(one) is int and one > 0 for one in (*weights, parts)) or type(of_forest) is not int:
            raise ValueError("the weights are no whole numbers")
        if sum(weights) + of_forest != parts or of_forest < 0 or parts > MOST_PARTS:
            raise ValueError("the weights do not sum up")
        names = (*BINNING, *(tables.TABLES if weights else ()), *(forest.TREES if of_forest else ()))
        arrays = whole_numbers(body, names)
        check_binning(signature.columns, arrays)
        if weights:
            tables.check_tables(signature.columns, arrays, len(weights) * signature.n_scores)
        if of_forest:
            forest.check_trees(signature, arrays)
        links = read_link(facts, signature), read_link({"link": facts.get("of_leaves")}, signature)
        return cls(signature, arrays, tuple(weights), of_forest, parts, *links)


def _padded(arrays: dict[str, npt.NDArray[np.int64]], rounds: int) -> dict[str, npt.NDArray[np.int64]]:
    """Add tables of no column that add nothing, up to so many rounds."""
    own = arrays["arity"].shape[1]
    return {
        name: array if array.ndim == 1 else np.pad(array, [(0, 0), (0, rounds - own), *[(0, 0)] * (array.ndim - 2)])
        for name, array in arrays.items()
    }
