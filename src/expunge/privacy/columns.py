"""Quasi-identifiers: what a set of people has in common in a column, how wide that is, and where to cut it.

Invariants
----------
- A box holds every value of everybody in it: of a person with many rows, all of them.
- Ordered values have a range, categories a set, categories of a hierarchy the lowest node above all of them.
  Categories without an order are never compared but for being equal, and sorted by how many people have them.
- Nothing depends on the order of people.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.privacy.hierarchy import MISSING, TOP, Codes, Hierarchy

Floats = npt.NDArray[np.float64]
Boxes = npt.NDArray[Any]
SEPARATOR = " | "
_WORD = 64


@dataclass(frozen=True, eq=False)
class Quasi(ABC):
    """A quasi-identifier of n people in r rows, with m distinct values.

    Parameters
    ----------
    name : str
    codes : ndarray of int64, (r,)
        Which value stands in each row.
    cells : ndarray, (n, w)
        Each person's own box.
    middles : ndarray of int64, (n,)
        One value of each person, by which people are told apart.
    """

    name: str
    codes: Codes
    cells: Boxes
    middles: Codes

    @abstractmethod
    def boxes(self, people: Codes, starts: Codes) -> Boxes:
        """Return the boxes (g, w) of people of whom those from one start to the next are together."""

    @abstractmethod
    def widths(self, boxes: Boxes) -> Floats:
        """Return how much is lost of a cell, from 0 (nothing) to 1 (everything): the NCP of Xu et al. (2006)."""

    @abstractmethod
    def keys(self, people: Codes, sets: Codes, boxes: Boxes) -> Codes:
        """Return by what each person is sorted within their set; `sets[i]` is where the i-th person's box stands."""

    @abstractmethod
    def gaps(self, before: Codes, after: Codes) -> Floats:
        """Return how far neighbouring keys are apart."""

    def shown(self, boxes: Boxes) -> Boxes:
        """Return the boxes as they are published: equal where nobody can tell them apart."""
        return boxes

    @abstractmethod
    def labels(self, boxes: Boxes) -> list[str]:
        """Return what is published of each box."""

    @abstractmethod
    def spread(self, boxes: Boxes, rows: Codes) -> Floats:
        """Return (m,): how many rows have each value, if each box's rows have all its values equally often."""


@dataclass(frozen=True, eq=False)
class _Between(Quasi):
    """Boxes are the lowest and the highest code."""

    def boxes(self, people: Codes, starts: Codes) -> Boxes:
        """Return what people have in common."""
        low = np.minimum.reduceat(self.cells[people, 0], starts)
        return np.column_stack([low, np.maximum.reduceat(self.cells[people, 1], starts)])


@dataclass(frozen=True, eq=False)
class Ordered(_Between):
    """Numbers, or categories in a declared order.

    Parameters
    ----------
    values : tuple of str
        How each is spelled. The first stands for missing cells where `missing`.
    places : ndarray of float64, (m,)
        Where it lies.
    missing : bool
    """

    values: tuple[str, ...]
    places: Floats
    missing: bool

    def _mixed(self, boxes: Boxes) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.missing & (boxes[:, 0] == 0) & (boxes[:, 1] > 0)
        return found

    def shown(self, boxes: Boxes) -> Boxes:
        """Return a whole range for who has no value together with others."""
        high = np.where(self._mixed(boxes), len(self.values) - 1, boxes[:, 1])
        return np.column_stack([boxes[:, 0], high])

    def widths(self, boxes: Boxes) -> Floats:
        """Return the share of the range, of the categories or of the leaves."""
        known = self.places[int(self.missing) :]
        whole = known[-1] - known[0] if len(known) else 0.0
        wide = (self.places[boxes[:, 1]] - self.places[boxes[:, 0]]) / (whole or 1.0)
        return np.where(self._mixed(boxes), 1.0, wide)

    def keys(self, people: Codes, sets: Codes, boxes: Boxes) -> Codes:
        """Return by what people are sorted."""
        # Who has no value is parted from the others first: there is no range that holds both.
        middles = self.middles[people]
        return np.where(self._mixed(boxes)[sets], (middles > 0).astype(np.int64), middles)

    def gaps(self, before: Codes, after: Codes) -> Floats:
        """Return how far neighbours are apart."""
        return self.places[after] - self.places[before]

    def labels(self, boxes: Boxes) -> list[str]:
        """Return what is published."""
        spelled = [
            self.values[low] if low == high else f"{self.values[low]} to {self.values[high]}"
            for low, high in boxes.tolist()
        ]
        return [TOP if mixed else label for label, mixed in zip(spelled, self._mixed(boxes).tolist(), strict=True)]

    def spread(self, boxes: Boxes, rows: Codes) -> Floats:
        """Spread rows over what their boxes hold."""
        low, high = self.shown(boxes).T
        return _evenly(low, high, rows, len(self.values))


@dataclass(frozen=True, eq=False)
class Nested(_Between):
    """Categories of a hierarchy, whose leaves are coded so that a subtree's stand side by side."""

    hierarchy: Hierarchy

    def _levels(self, boxes: Boxes) -> Codes:
        """Return the level of the lowest node above a box."""
        found = np.full(len(boxes), len(self.hierarchy.levels) - 1)
        for level in reversed(range(len(self.hierarchy.levels))):
            nodes = self.hierarchy.levels[level]
            found[nodes[boxes[:, 0]] == nodes[boxes[:, 1]]] = level
        return found

    def shown(self, boxes: Boxes) -> Boxes:
        """Return the first and the last leaf under the lowest node above a box."""
        nodes = np.stack(self.hierarchy.levels)
        levels = self._levels(boxes)
        first = np.array([np.searchsorted(nodes[level], nodes[level]) for level in range(len(nodes))])
        last = np.array([np.searchsorted(nodes[level], nodes[level], side="right") - 1 for level in range(len(nodes))])
        return np.column_stack([first[levels, boxes[:, 0]], last[levels, boxes[:, 0]]])

    def widths(self, boxes: Boxes) -> Floats:
        """Return the share of the range, of the categories or of the leaves."""
        first, last = self.shown(boxes).T
        leaves = last - first + 1
        return np.where(leaves == 1, 0.0, leaves / len(self.hierarchy.leaves))

    def keys(self, people: Codes, sets: Codes, boxes: Boxes) -> Codes:
        """Return by what people are sorted."""
        below = np.maximum(self._levels(boxes) - 1, 0)
        return by_frequency(sets, np.stack(self.hierarchy.levels)[below[sets], self.middles[people]])

    def gaps(self, before: Codes, after: Codes) -> Floats:  # noqa: ARG002 - the rarest is the furthest
        """Return how far neighbours are apart."""
        return after.astype(np.float64)

    def labels(self, boxes: Boxes) -> list[str]:
        """Return what is published."""
        spelled = [self.hierarchy.labels(level) for level in range(len(self.hierarchy.levels))]
        return [spelled[level][low] for level, low in zip(self._levels(boxes), boxes[:, 0], strict=True)]

    def spread(self, boxes: Boxes, rows: Codes) -> Floats:
        """Spread rows over what their boxes hold."""
        first, last = self.shown(boxes).T
        return _evenly(first, last, rows, len(self.hierarchy.leaves))


@dataclass(frozen=True, eq=False)
class Grouped(Quasi):
    """Categories without an order; a box is a set of them, one bit each.

    Parameters
    ----------
    values : tuple of str
    """

    values: tuple[str, ...]

    def boxes(self, people: Codes, starts: Codes) -> Boxes:
        """Return what people have in common."""
        found: Boxes = np.bitwise_or.reduceat(self.cells[people], starts, axis=0)
        return found

    def widths(self, boxes: Boxes) -> Floats:
        """Return the share of the range, of the categories or of the leaves."""
        many = np.bitwise_count(boxes).sum(axis=1, dtype=np.int64)
        return np.where(many == 1, 0.0, many / len(self.values))

    def keys(self, people: Codes, sets: Codes, boxes: Boxes) -> Codes:  # noqa: ARG002 - a set has no levels
        """Return by what people are sorted."""
        return by_frequency(sets, self.middles[people])

    def gaps(self, before: Codes, after: Codes) -> Floats:  # noqa: ARG002 - the rarest is the furthest
        """Return how far neighbours are apart."""
        return after.astype(np.float64)

    def labels(self, boxes: Boxes) -> list[str]:
        """Return what is published."""
        members = self._members(boxes)
        whole = np.asarray(members.all(axis=1)) & (len(self.values) > 1)
        spelled = [SEPARATOR.join(self.values[code] for code in np.flatnonzero(row)) for row in members]
        return [TOP if full else label for label, full in zip(spelled, whole.tolist(), strict=True)]

    def spread(self, boxes: Boxes, rows: Codes) -> Floats:
        """Spread rows over what their boxes hold."""
        members = self._members(boxes)
        found: Floats = (rows / members.sum(axis=1)) @ members
        return found

    def _members(self, boxes: Boxes) -> npt.NDArray[np.bool_]:
        bits = np.arange(len(self.values))
        found: npt.NDArray[np.bool_] = (boxes[:, bits // _WORD] >> (bits % _WORD).astype(np.uint64)) & np.uint64(1) > 0
        return found


def marks(codes: Codes, owners: Codes, n_people: int, n_values: int) -> Boxes:
    """Return (n_people, words): one bit for each value that a person has.

    Examples
    --------
    >>> marks(np.array([0, 2, 1]), np.array([0, 0, 1]), 2, 3).tolist()
    [[5], [2]]
    """
    found = np.zeros((n_people, max(1, -(-n_values // _WORD))), dtype=np.uint64)
    np.bitwise_or.at(found, (owners, codes // _WORD), np.uint64(1) << (codes % _WORD).astype(np.uint64))
    return found


def by_frequency(sets: Codes, codes: Codes) -> Codes:
    """Return the rank of each one's code within their set: 0 for the most frequent; ties by code.

    Examples
    --------
    >>> by_frequency(np.array([0, 0, 0, 1]), np.array([5, 9, 9, 5])).tolist()
    [1, 0, 0, 0]
    """
    base = int(codes.max()) + 1
    found, inverse, counts = np.unique(sets * base + codes, return_inverse=True, return_counts=True)
    order = np.lexsort((found, -counts, found // base))
    of = found[order] // base
    ranks = np.empty(len(found), dtype=np.int64)
    ranks[order] = np.arange(len(found)) - np.searchsorted(of, of)
    return ranks[inverse]


def spelled(label: str | None) -> str:
    """Return what a category is called; a missing one, too."""
    return MISSING if label is None else label


def _evenly(low: Codes, high: Codes, rows: Codes, n_values: int) -> Floats:
    """Spread rows over the codes from low to high."""
    change = np.zeros(n_values + 1)
    share = rows / (high - low + 1)
    np.add.at(change, low, share)
    np.add.at(change, high + 1, -share)
    return np.maximum(np.cumsum(change)[:-1], 0.0)
