"""Numbers as bins of equally many rows: a transformer that forgets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Kind, Schema
from expunge.learners.encoding.columns import Feature, Numbers
from expunge.learners.exact.bounds import at_least
from expunge.learners.exact.transformer import FactState, FactTransformer
from expunge.learners.served.turns import Cut, Turn
from expunge.learners.values import Scalar


class QuantileBinner(FactTransformer):
    """Replace numbers by bins 0, 1, ..., of equally many rows; words go through as they are, and so do missing cells.

    Of n rows with a number, edge k is the one of rank ceil(k n / n_bins): itself and what is below it are left of it.
    So equal numbers are always in one bin. Edges that coincide are one, and there are fewer bins then; so does
    an edge go that is the largest number, since nothing is right of it. Edges are numbers that are present, and nothing
    is computed with them.

    Parameters
    ----------
    n_bins : int
        Most bins per column, at least 2.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    bin_edges_ : list of ndarray
        Inner edges of each column of numbers, in their order.
    state_ : FactState
        Personal data.

    Examples
    --------
    >>> binner = QuantileBinner(2).fit([[1.0], [2.0], [3.0], [50.0], [60.0]], subjects=[7, 8, 9, 10, 11])
    >>> binner.bin_edges_
    [array([3.])]
    >>> binner.forget([10, 11]).records
    2
    >>> binner.transform([[1.0], [2.0], [3.0]]).tolist()
    [[0.0], [0.0], [1.0]]
    """

    def __init__(self, n_bins: int = 5, *, schema: Schema | None = None, key: bytes | None = None) -> None:
        self.n_bins = n_bins
        self.schema = schema
        self.key = key

    @property
    def bin_edges_(self) -> list[Numbers]:
        """Inner edges of each column of numbers."""
        return _edges(self._fitted())

    def _check_parameters(self) -> None:
        at_least("n_bins", self.n_bins, 2)

    def _told(self, feature: Feature, values: npt.NDArray[Any], words: tuple[str, ...] | None) -> tuple[Scalar, ...]:
        del feature
        return () if words is not None else quantiles(values[~np.isnan(values)], int(self.n_bins))

    def _outputs(self, state: FactState) -> tuple[Feature, ...]:
        last = float(self.n_bins - 1)
        return tuple(
            one if one.kind is not Kind.NUMERIC else Feature(one.name, one.kind, 0.0, last, 1.0)
            for one in state.features
        )

    def _turn(self, state: FactState) -> Turn:
        return Cut(tuple(_edges(state)))


def quantiles(values: Numbers, n_bins: int) -> tuple[float, ...]:
    """Return the inner edges of bins of equally many numbers.

    Examples
    --------
    >>> quantiles(np.array([5.0, 1.0, 1.0, 1.0, 9.0, 7.0]), 3)
    (1.0, 5.0)
    """
    if len(values) == 0:
        return ()
    ranks = [-(-k * len(values) // n_bins) - 1 for k in range(1, n_bins)]
    found = np.unique(np.partition(values, ranks)[ranks])
    return tuple(found[found < values.max()].tolist())


def _edges(state: FactState) -> list[Numbers]:
    pairs = zip(state.features, state.facts, strict=True)
    return [np.array(edges, np.float64) for feature, edges in pairs if feature.kind is Kind.NUMERIC]
