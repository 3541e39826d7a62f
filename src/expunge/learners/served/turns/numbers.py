"""Turns of numbers; words go through as they are, and missing cells stay missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from expunge.learners.encoding.columns import Cells, Numbers
from expunge.learners.served.turns.base import Arrays, Kinds, Turn, check, tidied


@dataclass(frozen=True, eq=False)
class Scale(Turn):
    """Less a mean, in units of a scale.

    Parameters
    ----------
    means, scales : ndarray of float64 (n_numeric,)

    Examples
    --------
    >>> cells = Cells(np.array([[1.0], [4.0]]), np.empty((2, 0), np.int32), ())
    >>> Scale(np.array([2.0]), np.array([0.5])).turned(cells).numbers.tolist()
    [[-2.0], [4.0]]
    """

    name: ClassVar[str] = "scale"

    means: Numbers
    scales: Numbers

    def turned(self, cells: Cells) -> Cells:
        """Scale the numbers."""
        with np.errstate(over="ignore"):
            return replace(cells, numbers=tidied((cells.numbers - self.means) / self.scales))

    def after(self, kinds: Kinds) -> Kinds:
        """Return the same kinds."""
        check(sum(kinds) == len(self.means), "another number of means")
        return kinds

    def arrays(self) -> Arrays:
        """Return both."""
        return {"means": self.means, "scales": self.scales}

    @classmethod
    def from_parts(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Read what `arrays` returned."""
        del facts
        means, scales = arrays["means"], arrays["scales"]
        check(means.ndim == 1 and means.shape == scales.shape, "means and scales of other shapes")
        check(np.isfinite([means, scales]).all() and (scales > 0).all(), "a mean or a scale that is none")
        return cls(means, scales)


@dataclass(frozen=True, eq=False)
class Cut(Turn):
    """Bins 0, 1, ... between edges; an edge itself is left of it.

    Parameters
    ----------
    edges : tuple of ndarray
        Inner edges of each column of numbers, ascending.
    """

    name: ClassVar[str] = "cut"

    edges: tuple[Numbers, ...]

    def turned(self, cells: Cells) -> Cells:
        """Replace numbers by their bins."""
        binned = np.empty(cells.numbers.shape)
        for own, values, edges in zip(binned.T, cells.numbers.T, self.edges, strict=True):
            own[:] = np.where(np.isnan(values), np.nan, np.searchsorted(edges, values, side="left"))
        return replace(cells, numbers=binned)

    def after(self, kinds: Kinds) -> Kinds:
        """Return the same kinds."""
        check(sum(kinds) == len(self.edges), "edges of other columns")
        return kinds

    def facts(self) -> dict[str, Any]:
        """Return where each column's edges begin, and the end."""
        return {"starts": [0, *np.cumsum([len(edges) for edges in self.edges], dtype=np.int64).tolist()]}

    def arrays(self) -> Arrays:
        """Return all edges, column after column."""
        return {"edges": np.concatenate([np.empty(0), *self.edges])}

    @classmethod
    def from_parts(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Read what `facts` and `arrays` returned."""
        starts, edges = list(facts["starts"]), arrays["edges"]
        check(all(type(start) is int for start in starts), "a column that begins nowhere")
        check(edges.ndim == 1 and np.isfinite(edges).all(), "an edge that is none")
        check(starts and starts == sorted(starts) and (starts[0], starts[-1]) == (0, len(edges)), "edges of nothing")
        found = tuple(edges[start:end] for start, end in pairwise(starts))
        check(all((np.diff(own) > 0).all() for own in found), "edges that do not ascend")
        return cls(found)
