"""Bins that follow the data, as state: what is forgotten is forgotten by them too.

A column's cells are positions in [0, 2**bits), by its range and resolution. Where there are few positions each is a
bin. Else a dyadic trie over them is split while an interval holds `LEAST` rows (`split_intervals`), at most into 255
bins. Words are bins each, or, where there are more than 255, share them by keyed hash.

Invariants
----------
- `learn_bins` is a pure function of (columns, key, the multiset of rows).
- As long as `Watch.leave` says that nothing moved, the bins of the rows that stay are the bins there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from expunge._kernels.bins import Intervals, Ruler, count_facts, leave_bins, place_numbers, split_intervals
from expunge._kernels.siphash import Words as Keys
from expunge._kernels.siphash import hash_each
from expunge.learners.encoding.codes import Column, recoded
from expunge.learners.encoding.columns import Cells, Feature

Longs = npt.NDArray[np.int64]
Positions = npt.NDArray[np.int32]

LEAST: Final = 64
"""So many rows make an interval full."""
FEW: Final = 64
"""Up to so many positions each is a bin."""
DEEPEST: Final = 16
MOST: Final = 255
"""Bins of a column, that of missing cells apart: their numbers fit one byte."""


@dataclass(frozen=True, eq=False)
class Binning:
    """How a table's cells become bins.

    Parameters
    ----------
    columns : tuple of Column
    edges : tuple of ndarray of int64
        Per column the first position of every bin but the first; empty for words.
    word_bins : tuple of ndarray of int64
        Per column the bin of each word; empty for numbers.
    missing : ndarray of int64 (n_columns,)
        1 where a cell was missing in learning.
    """

    columns: tuple[Column, ...]
    edges: tuple[Longs, ...]
    word_bins: tuple[Longs, ...]
    missing: Longs

    @cached_property
    def bins(self) -> Longs:
        """How many bins each column has, that of missing cells apart."""
        pairs = zip(self.columns, self.edges, strict=True)
        found = [len(edges) + 1 if column.words is None else min(len(column.words), MOST) for column, edges in pairs]
        return np.array(found, np.int64)

    @cached_property
    def live(self) -> Longs:
        """The columns that tell rows apart."""
        return np.flatnonzero(self.bins + self.missing > 1)

    @cached_property
    def named(self) -> Longs:
        """1 for columns of words."""
        return np.array([column.words is not None for column in self.columns], np.int64)

    @cached_property
    def names(self) -> Keys:
        """What each bin is, whatever other bins there are: its upper edge, or its word: ndarray (n_columns, 256)."""
        found = np.zeros((len(self.columns), MOST + 1), np.uint64)
        for own, column, edges in zip(found, self.columns, self.edges, strict=True):
            if column.words is None:
                own[: len(edges)] = edges
            elif len(column.words) <= MOST:
                own[: len(column.words)] = _hashed(column.words)
            else:
                own[:MOST] = np.arange(MOST)
        return found

    @property
    def arrays(self) -> dict[str, Longs]:
        """What was learned."""
        return {f"edges {j}": own for j, own in enumerate(self.edges)} | {"missing": self.missing}

    def encode(self, cells: Cells) -> npt.NDArray[np.uint8]:
        """Return bins, column by column: ndarray of uint8 (n_columns, n_rows).

        A missing cell, and a word that is not known, is the bin behind the last.
        """
        return self._encode(place_numbers(cells.numbers, ruler(self.columns)), cells)

    def merged(self, column: int, edge: int) -> tuple[Binning, int]:
        """Return the binning without an edge, and the number of the bin before it, which takes the one behind."""
        at = int(np.searchsorted(self.edges[column], edge))
        edges = list(self.edges)
        edges[column] = np.delete(edges[column], at)
        return Binning(self.columns, tuple(edges), self.word_bins, self.missing), at

    def _encode(self, placed: Positions, cells: Cells) -> npt.NDArray[np.uint8]:
        out = np.empty((len(self.columns), len(cells)), np.uint8)
        numbers, coded = iter(placed), iter(zip(cells.codes.T, cells.words, strict=True))
        parts = zip(out, self.columns, self.edges, self.word_bins, self.bins.tolist(), strict=True)
        for own, column, edges, known, last in parts:
            if column.words is None:
                positions, size = next(numbers), 1 << position_bits(column)
                if len(positions) < size // FEW:  # a table of all positions takes longer than to look for few
                    own[:] = np.where(positions < 0, last, np.searchsorted(edges, positions, side="right"))
                    continue
                table = np.zeros(size + 1, np.int64)
                table[edges] = 1
                table = np.cumsum(table)
                table[-1] = last
                own[:] = table.astype(np.uint8)[positions]  # -1 picks the last
            else:
                codes = recoded(*next(coded), column.words)
                own[:] = np.append(known, last).astype(np.uint8)[np.maximum(codes, -1)]
        return out


@dataclass(frozen=True, eq=False)
class Split:
    """The full intervals of one numeric column; `counts` is a cache that changes.

    Parameters
    ----------
    place : int
        Number of the column among the numeric ones.
    bits, least : int
    middles, counts : ndarray of int64
        As `split_intervals` returns them.
    crowded : bool
        Whether these are too many: they are watched because fewer of them would be the bins.
    """

    place: int
    bits: int
    least: int
    middles: Longs
    counts: Longs
    crowded: bool

    @property
    def emptied(self) -> npt.NDArray[np.bool_]:
        """Which intervals are full no more."""
        return self.counts < self.least

    @property
    def few(self) -> bool:
        """Whether finer bins than there are may be right now."""
        return self.crowded and len(self.counts) - int(self.emptied.sum()) < MOST


class Watch:
    """What tells that bins move: counts of the remaining rows. A cache, and personal data; `leave` changes it.

    Parameters
    ----------
    features : sequence of Feature
        What is declared about the columns.
    columns : sequence of Column
    splits : list of Split
    cells : Cells
    """

    def __init__(
        self, features: Sequence[Feature], columns: Sequence[Column], splits: list[Split], cells: Cells
    ) -> None:
        pairs = [(f, c) for f, c in zip(features, columns, strict=False) if c.words is None]
        self._numeric = [j for j, column in enumerate(columns) if column.words is None]
        inferred = [(c.low, c.high) if f.low is None and c.low is not None else (np.nan, np.nan) for f, c in pairs]
        self._low, self._high = np.array(inferred, np.float64).reshape(-1, 2).T.copy()
        self._ruler, n_coded = ruler(columns), len(columns) - len(pairs)
        self._facts = np.ones(4 * len(pairs) + n_coded, np.int64)
        self._facts[2 * len(pairs) : 3 * len(pairs)] = [f.whole and c.resolution is None for f, c in pairs]
        self._lay_out(splits)
        self._emptied = False
        self._held = count_facts(cells.numbers, self._low, self._high, cells.codes, n_coded) * self._facts

    def leave(self, cells: Cells) -> bool:
        """Take rows away; returns whether the bins of those that stay may be others, by more than `gone` tells."""
        ends = self._low, self._high
        lost, emptied = leave_bins(
            cells.numbers, cells.codes, *ends, self._facts, self._held, self._ruler, self._watched
        )
        self._emptied |= emptied
        return lost or (self._emptied and any(split.few for split in self._splits))

    def gone(self) -> list[tuple[int, int]]:
        """Return the edges that are no more, (column, first position of the bin behind), and watch them no longer."""
        if not self._emptied:
            return []
        found, rest = [], []
        for split in self._splits:
            empty = split.emptied & (not split.crowded)
            found += [(self._numeric[split.place], int(middle)) for middle in split.middles[empty]]
            rest.append(replace(split, middles=split.middles[~empty], counts=split.counts[~empty]))
        if found:
            self._lay_out(rest)
        self._emptied = False
        return found

    def _lay_out(self, splits: list[Split]) -> None:
        """Lay the intervals end to end."""
        ends = np.cumsum([0, *(len(split.counts) for split in splits)])
        place, bits, least = np.array([(s.place, s.bits, s.least) for s in splits], np.int64).reshape(-1, 3).T.copy()
        none = np.empty(0, np.int64)
        middles, counts = (
            np.concatenate([none, *(getattr(s, name) for s in splits)]) for name in ("middles", "counts")
        )
        self._watched = Intervals(place, bits, least, ends, middles, counts)
        self._laid = [replace(split, counts=none) for split in splits]  # only those of now are kept

    @property
    def _splits(self) -> list[Split]:
        """The intervals as they are now: views, made when used, since a copy of a view is an array of its own."""
        bounds = zip(self._laid, pairwise(self._watched.ends.tolist()), strict=True)
        return [replace(split, counts=self._watched.counts[begin:end]) for split, (begin, end) in bounds]


def learn_bins(
    features: Sequence[Feature], columns: Sequence[Column], key: Keys, cells: Cells
) -> tuple[Binning, npt.NDArray[np.uint8], Watch]:
    """Find the bins of some rows, whose first columns are these; return the bins, the rows in them, and their watch."""
    placed = place_numbers(cells.numbers, ruler(columns))
    edges, missing, splits = [], [], []
    numbers, codes = iter(enumerate(placed)), iter(cells.codes.T)
    for column in columns:
        if column.words is not None:
            edges.append(np.empty(0, np.int64))
            missing.append(int((next(codes) < 0).any()))
            continue
        place, own = next(numbers)
        bits = position_bits(column)
        counts = np.bincount(own + 1, minlength=(1 << bits) + 1)
        missing.append(int(counts[0] > 0))
        if 1 << bits <= FEW:
            edges.append(np.arange(1, 1 << bits, dtype=np.int64))
            continue
        found = _splits(place, bits, np.concatenate([[0], np.cumsum(counts[1:])]).astype(np.int64))
        edges.append(found[0].middles)
        splits += found
    words = tuple(_word_bins(column.words or (), key) for column in columns)
    binning = Binning(tuple(columns), tuple(edges), words, np.array(missing, np.int64))
    return binning, binning._encode(placed, cells), Watch(features, columns, splits, cells)


def _splits(place: int, bits: int, before: Longs) -> list[Split]:
    """Split until there are not too many bins: an interval takes twice as many rows, and twice that.

    Returns the split that was right, and where there is one the last that was too fine.
    """
    least, finer = LEAST, None
    while True:
        middles, counts = split_intervals(before, bits, least)
        if len(middles) < MOST:
            right = Split(place, bits, least, middles, counts, crowded=False)
            return [right] if finer is None else [right, finer]
        finer = Split(place, bits, least, middles, counts, crowded=True)
        least *= 2


def _word_bins(words: Sequence[str], key: Keys) -> Longs:
    if len(words) <= MOST:
        return np.arange(len(words), dtype=np.int64)
    return (hash_each(key, np.zeros(1, np.uint64), _hashed(words)) % np.uint64(MOST)).astype(np.int64)


def _numeric(columns: Sequence[Column]) -> int:
    return sum(column.words is None for column in columns)


def position_bits(column: Column) -> int:
    """Return how many bits a numeric column's positions have.

    Examples
    --------
    >>> position_bits(Column("age", None, 0.0, 100.0, 1.0)), position_bits(Column("x", None, 0.0, 1.0))
    (7, 16)
    """
    if column.low is None or column.high is None or column.low == column.high:
        return 0
    steps = _steps(column)
    return DEEPEST if steps is None else int(steps).bit_length()


def ruler(columns: Sequence[Column]) -> Ruler:
    """Return how the numbers of the numeric columns become positions."""
    numeric = [column for column in columns if column.words is None]
    return Ruler(
        np.array([column.low or 0.0 for column in numeric], np.float64),
        np.array([column.high or 0.0 for column in numeric], np.float64),
        np.array([column.resolution if _steps(column) is not None else 0.0 for column in numeric], np.float64),
        np.array([position_bits(column) for column in numeric], np.int64),
    )


def _steps(column: Column) -> float | None:
    """Return how many steps of its resolution a column has; None where it has none, or too many."""
    if column.resolution is None or column.low is None or column.high is None:
        return None
    steps = (column.high - column.low) / column.resolution
    return steps if steps < 1 << DEEPEST else None


def _hashed(words: Sequence[str]) -> Keys:
    """Return a number per word that no other word changes."""
    numbers = [int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little") for word in words]
    return np.array(numbers, np.uint64)
