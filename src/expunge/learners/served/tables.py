"""A sum of lookup tables over bins: what boosting by tables learned.

``arrays.npz`` holds, as float64 that are whole numbers, the bins (`binned`), and:

============================  =========================================================================
``features`` (S, T, 3)        columns of each table, per score and round
``arity`` (S, T)              how many of them count
``maps`` (S, T, 3, 256)       what a bin of a column adds to the number of the cell
``values`` (S, T, 256)        of the cells, in units of 1 / 256
``starts`` (S,)               score before the first round, in units of 1 / 256
============================  =========================================================================

For regression ``model.json`` says how a score becomes a number: its ``link``; and of several classes whether their
probabilities are the ``softmax`` of the scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from expunge._kernels.tables import BINS, LARGEST, MOST_CELLS, MOST_FEATURES, UNIT, Chain, Plan, add_tables
from expunge.learners.encoding.adaptive import Binning
from expunge.learners.encoding.codes import Column
from expunge.learners.encoding.columns import Cells
from expunge.learners.served.binned import BINNING, BinnedModel, binning_arrays, check_binning, whole_numbers, within
from expunge.learners.served.link import Link, read_link
from expunge.learners.served.model import Signature
from expunge.learners.served.probabilities import against_the_rest, softmax

TABLES: Final = ("features", "arity", "maps", "values", "starts")


class Laid(NamedTuple):
    """Tables as they are read: see the module."""

    features: npt.NDArray[np.int32]
    arity: npt.NDArray[np.int32]
    maps: npt.NDArray[np.uint8]
    values: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TablesModel(BinnedModel):
    """A sum of lookup tables.

    Parameters
    ----------
    signature : Signature
    arrays : mapping of str to ndarray of int64
        See the module.
    link : Link or None
        For regression.
    softmax : bool
        Whether the probabilities of several classes are the softmax of their scores; else each was held against the
        rest.
    """

    kind: ClassVar[str] = "tables"

    signature: Signature
    arrays: Mapping[str, npt.NDArray[np.int64]]
    link: Link | None = None
    softmax: bool = False

    @classmethod
    def of(
        cls,
        signature: Signature,
        binning: Binning,
        plan: Plan,
        chains: Sequence[Chain],
        starts: Sequence[int],
        link: Link | None = None,
        *,
        softmax: bool = False,
    ) -> Self:
        """Take what predicts out of what was learned: the chosen tables, and nothing else."""
        arrays = binning_arrays(binning) | table_arrays(plan, chains, starts)
        return cls(signature, arrays, link, softmax)

    @cached_property
    def _laid(self) -> Laid:
        return laid_out(self.arrays)

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return logits, or numbers: (n_rows, n_scores)."""
        found = table_sums(self.binning.encode(cells), self._laid, self.link) / UNIT
        if self.link is None:
            return found
        return self.link.of(found)

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class: ndarray (n_rows, n_classes), rows of sum 1.

        Where each of several classes was held against the rest, their probabilities are divided by their sum.

        Raises
        ------
        InputError
            For a table that cannot be read.
        """
        scores = self.scores(self.signature.read(X))
        return softmax(scores) if self.softmax else against_the_rest(scores)

    def facts(self) -> dict[str, Any]:
        """Return the link, where there is one, and ``softmax`` where it is one."""
        found: dict[str, Any] = {} if self.link is None else {"link": self.link.to_dict()}
        return found | ({"softmax": True} if self.softmax else {})

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `body` wrote."""
        softmax = facts.get("softmax", False)
        if softmax not in (False, True) or (softmax and signature.n_scores < 2):
            raise ValueError(f"softmax is {softmax!r}")
        arrays = whole_numbers(body, (*BINNING, *TABLES))
        model = cls(signature, arrays, read_link(facts, signature), softmax)
        check_binning(signature.columns, model.arrays)
        check_tables(signature.columns, model.arrays, signature.n_scores)
        return model


def table_arrays(plan: Plan, chains: Sequence[Chain], starts: Sequence[int]) -> dict[str, npt.NDArray[np.int64]]:
    """Take the chosen tables out of chains over one plan, and nothing else."""
    rounds, chosen = np.arange(len(plan.arity)), [chain.chosen for chain in chains]
    arrays: dict[str, Any] = {
        "features": np.stack([plan.features[rounds, own] for own in chosen]),
        "arity": np.stack([plan.arity[rounds, own] for own in chosen]),
        "maps": np.stack([plan.maps[rounds, own] for own in chosen]),
        "values": np.stack([chain.values for chain in chains]),
        "starts": np.array(starts),
    }
    return {name: own.astype(np.int64) for name, own in arrays.items()}


def laid_out(arrays: Mapping[str, npt.NDArray[np.int64]]) -> Laid:
    """Lay tables out as they are read."""
    kinds = {"features": np.int32, "arity": np.int32, "maps": np.uint8, "values": np.int64, "starts": np.int64}
    return Laid(*(np.ascontiguousarray(arrays[name], kind) for name, kind in kinds.items()))


def table_sums(columns: npt.NDArray[np.uint8], laid: Laid, link: Link | None) -> npt.NDArray[np.int64]:
    """Return the scores of rows, in units of 1 / 256: ndarray of int64 (n_rows, S)."""
    most = LARGEST if link is None else link.highest
    found = np.repeat(laid.starts[:, None], columns.shape[1], axis=1)
    for chain, own in enumerate(found):
        add_tables(columns, laid.features[chain], laid.arity[chain], laid.maps[chain], laid.values[chain], most, own)
    return found.T


def check_tables(columns: Sequence[Column], of: Mapping[str, npt.NDArray[np.int64]], n_scores: int) -> None:
    """Refuse arrays by which a cell would lie outside its table; ValueError."""
    scores, rounds = of["values"].shape[:2]
    shapes = {
        "features": (scores, rounds, MOST_FEATURES),
        "arity": (scores, rounds),
        "maps": (scores, rounds, MOST_FEATURES, BINS),
        "values": (scores, rounds, MOST_CELLS),
        "starts": (n_scores,),
    }
    if any(of[name].shape != shape for name, shape in shapes.items()) or scores != n_scores:
        raise ValueError("the arrays do not fit the columns and classes")
    sound = (
        within(of["features"], 0, len(columns) - 1)
        and within(of["arity"], 0, MOST_FEATURES)
        and within(of["maps"], 0, MOST_CELLS - 1)
        and within(of["maps"].max(axis=3, initial=0).sum(axis=2), 0, MOST_CELLS - 1)
        and within(of["values"], -LARGEST, LARGEST)
        and within(of["starts"], -LARGEST, LARGEST)
    )
    if not sound:
        raise ValueError("the arrays are no tables over these columns")
