"""From typed cells to integers: codings of a table, each a pure function of (cells, column facts).

`Bins` gives one code per column, `Scaled` fixed-point numbers; `BinsToNumber` is `Bins` with a numeric target beside
it. All are laid out in blocks, one per column:

==============  =============================================  =========================================
column          `Bins`: places of the block                    `Scaled`: places of the block
==============  =============================================  =========================================
numeric         one per universal bin, then missing            the value in [-1, 1], then missing (0 or 1)
categorical     one per word, then missing                     one per word (0 or 1), then missing
==============  =============================================  =========================================

A category that was not seen in learning contributes nothing. Everything here is NumPy alone: it serves.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Kind
from expunge.errors import CorruptedError
from expunge.learners.encoding.columns import MISSING, Cells, Codes, Feature, Numbers, Words, number_or_none
from expunge.learners.encoding.grid import grid_edges
from expunge.learners.values import from_text, to_text

ONE: Final = 2**15
"""The fixed-point one: `Scaled` counts in steps of 2**-15, so no code exceeds 2**15 in magnitude."""

UNKNOWN: Final = -2

WIDE: Final = 16
"""Beyond so many places, counting which rows hold a word is faster than multiplying all the zeros."""

EncodingName: TypeAlias = Literal["scaled", "bins"]


@dataclass(frozen=True)
class Column:
    """What is known of a column when it is encoded: declared facts, completed by those read off the remaining rows.

    Parameters
    ----------
    name : str
    words : tuple of str or None
        Typed texts of a categorical column, sorted; None for a numeric one.
    low, high : float or None
        Range of a numeric column; None where all of it is missing.
    resolution : float or None
    """

    name: str
    words: Words | None = None
    low: float | None = None
    high: float | None = None
    resolution: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the canonical form: floats as typed text."""
        return {
            "name": self.name,
            "words": None if self.words is None else list(self.words),
            "low": to_text(self.low),
            "high": to_text(self.high),
            "resolution": to_text(self.resolution),
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote; KeyError or TypeError where it is something else."""
        low, high, resolution = (number_or_none(value[name]) for name in ("low", "high", "resolution"))
        words = None if value["words"] is None else tuple(str(word) for word in value["words"])
        for word in words or ():
            from_text(word)
        if (low is None) != (high is None) or (low is not None and high is not None and not low <= high):
            raise CorruptedError(f"column {value['name']!r} has no sound range.", mend="Restore the file.")
        ends = [number for number in (low, high, resolution) if number is not None]
        if not all(map(math.isfinite, ends)) or (resolution is not None and resolution <= 0):
            raise CorruptedError(
                f"column {value['name']!r} has no sound range or resolution.", mend="Restore the file."
            )
        return cls(str(value["name"]), words, low, high, resolution)


def learn_columns(features: Sequence[Feature], cells: Cells) -> tuple[Column, ...]:
    """Complete the declared facts from the rows: a pure function of the multiset of rows."""
    numbers, words = iter(cells.numbers.T), iter(cells.words)
    # NaN only where all of a column is missing; row by row, as they lie.
    ends = iter(zip(np.fmin.reduce(cells.numbers, axis=0), np.fmax.reduce(cells.numbers, axis=0), strict=True))
    return tuple(
        _learn_numeric(feature, next(numbers), *map(float, next(ends)))
        if feature.kind is Kind.NUMERIC
        else Column(feature.name, next(words))
        for feature in features
    )


def _learn_numeric(feature: Feature, column: Numbers, least: float, most: float) -> Column:
    low, high, resolution = feature.low, feature.high, feature.resolution
    if low is None and not math.isnan(least):
        low, high = least, most
    if feature.whole and np.array_equal(column, np.rint(column), equal_nan=True):
        resolution = 1.0
    return Column(feature.name, None, low, high, resolution)


@dataclass(frozen=True)
class Encoding(ABC):
    """How columns become integers.

    Parameters
    ----------
    columns : tuple of Column
    max_bins : int
        Most bins that a numeric column may have, the missing one not counted. Only `Bins` reads it.
    """

    columns: tuple[Column, ...]
    max_bins: int = 64

    @property
    @abstractmethod
    def widths(self) -> tuple[int, ...]:
        """Places per column."""

    @abstractmethod
    def encode(self, cells: Cells) -> npt.NDArray[np.int32]:
        """Return the codes of some rows."""

    def without_target(self) -> Encoding:
        """Return the encoding of the features alone; the target is the last column."""
        return type(self)(self.columns[:-1], self.max_bins)

    @property
    def scales(self) -> Sequence[object]:
        """What the codes of numbers depend on, per column: where it is another, rows are encoded again."""
        return [(column.low, column.high, column.resolution) for column in self.columns]

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where each column's block begins, and the whole width at last: (n_columns + 1,)."""
        return np.concatenate([[0], np.cumsum(self.widths)]).astype(np.int64)

    @property
    @abstractmethod
    def places(self) -> list[tuple[str, str]]:
        """(column, what) for every place, in order."""

    def _columns_of(self, cells: Cells) -> list[tuple[Column, npt.NDArray[Any]]]:
        """Pair each column with its cells; categorical codes in the column's own words, unknown ones as -2."""
        numbers = iter(cells.numbers.T)
        coded = iter(zip(cells.codes.T, cells.words, strict=True))
        return [
            (column, next(numbers)) if column.words is None else (column, recoded(*next(coded), column.words))
            for column in self.columns
        ]


def recoded(codes: Codes, words: Words, known: Words) -> Codes:
    """Codes by `words` -> codes by `known`: -1 stays missing, words that are not known become -2."""
    if words == known:
        return codes
    index = {word: code for code, word in enumerate(known)}
    table = np.array([*(index.get(word, UNKNOWN) for word in words), MISSING], dtype=np.int32)
    return table[codes]  # -1 picks the last


class Bins(Encoding):
    """One code per column: the place within its block.

    Examples
    --------
    >>> cells = Cells(np.array([[0.0], [2.0], [np.nan]]), np.array([[0], [1], [0]], np.int32), (("s:a", "s:z"),))
    >>> Bins((Column("n", None, 0.0, 2.0, 1.0), Column("c", ("s:a",)))).encode(cells).tolist()
    [[0, 0], [2, -2], [3, 0]]
    """

    @cached_property
    def edges(self) -> tuple[npt.NDArray[np.float64] | None, ...]:
        """Inner bin edges per column; None for categorical ones."""
        return tuple(
            None if c.words is not None else grid_edges(c.low, c.high, c.resolution, self.max_bins)
            for c in self.columns
        )

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Places per column, the missing one included."""
        return tuple(
            len(edges) + 2 if edges is not None else len(column.words or ()) + 1
            for column, edges in zip(self.columns, self.edges, strict=True)
        )

    def encode(self, cells: Cells) -> npt.NDArray[np.int32]:
        """Return the codes of some rows.

        Returns
        -------
        ndarray of int32 (n_rows, n_columns)
            In [0, width) each, or -2 where the category is unknown.
        """
        out = np.empty((len(cells), len(self.columns)), np.int32)
        for j, (column, values) in enumerate(self._columns_of(cells)):
            missing, edges = self.widths[j] - 1, self.edges[j]
            if edges is None:
                out[:, j] = np.where(values == MISSING, missing, values)
            else:
                codes = np.searchsorted(edges, clipped(column, values), side="right")
                out[:, j] = np.where(np.isnan(values), missing, codes)
        return out

    @property
    def places(self) -> list[tuple[str, str]]:
        """(column, bin's lower end, word or ``missing``) for every place, in order."""
        found = []
        for column, edges in zip(self.columns, self.edges, strict=True):
            ends = column.words if edges is None else (to_text(column.low), *(to_text(float(e)) for e in edges))
            found += [(column.name, end) for end in (*(ends or ()), "missing")]
        return found


@dataclass(frozen=True, eq=False)
class Apart:
    """A `Scaled` matrix in two parts.

    Parameters
    ----------
    dense : ndarray of int32 (n_rows, n_dense)
        The columns of numbers and of few words.
    places : ndarray (n_dense,)
        Where they are in the whole matrix.
    codes : ndarray of int32 (n_rows, n_wide)
        Of the columns of more than `WIDE` places: which place of its block is `ONE`, or -2 where none is.
    blocks : tuple of n_wide ndarrays
        Where the places of each block are in the whole matrix.
    """

    dense: npt.NDArray[np.int32]
    places: npt.NDArray[np.intp]
    codes: npt.NDArray[np.int32]
    blocks: tuple[npt.NDArray[np.intp], ...]


class Scaled(Encoding):
    """Fixed-point numbers in steps of 2**-15, none beyond 2**15 in magnitude.

    A number is rint((x - low) / (high - low) * 2**16) - 2**15, by IEEE 754 operations that are correctly rounded, hence
    the same on every machine.

    Examples
    --------
    >>> cells = Cells(np.array([[0.0], [1.0], [np.nan]]), np.array([[0], [1], [0]], np.int32), (("s:a", "s:z"),))
    >>> Scaled((Column("n", None, 0.0, 2.0), Column("c", ("s:a",)))).encode(cells).tolist()
    [[-32768, 0, 32768, 0], [0, 0, 0, 0], [0, 32768, 32768, 0]]

    Attributes
    ----------
    one : int
        What a place of a word holds in the rows that have it.
    """

    one: ClassVar[int] = ONE

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Places per column, the missing one included."""
        return tuple(map(_scaled_width, self.columns))

    def encode(self, cells: Cells) -> npt.NDArray[np.int32]:
        """Return the fixed-point matrix of some rows: int32 (n_rows, sum of widths)."""
        return self._matrix(self._columns_of(cells), len(cells))

    def _number(self, column: Column, values: Numbers) -> npt.NDArray[np.int32]:
        """Return the codes of numbers; of missing ones, whatever it may be."""
        return scaled(column, values)

    def _matrix(self, paired: Sequence[tuple[Column, npt.NDArray[Any]]], n_rows: int) -> npt.NDArray[np.int32]:
        ends = np.cumsum([_scaled_width(column) for column, _ in paired], dtype=np.intp)
        out = np.zeros((n_rows, int(ends[-1]) if len(ends) else 0), np.int32)
        rows = np.arange(n_rows)
        for (column, values), end in zip(paired, ends.tolist(), strict=True):
            start = end - _scaled_width(column)
            if column.words is None:
                missing = np.isnan(values)
                out[:, start] = np.where(missing, 0, self._number(column, values))
            else:
                missing = values == MISSING
                known = values >= 0
                out[rows[known], start + values[known]] = self.one
            out[missing, end - 1] = self.one
        return out

    def encode_apart(self, cells: Cells) -> Apart:
        """Return what `encode` does, with the columns of many words as codes, which take no room for their zeros."""
        paired = self._columns_of(cells)
        wide = [j for j, width in enumerate(self.widths) if paired[j][0].words is not None and width > WIDE]
        narrow = [j for j in range(len(paired)) if j not in wide]
        codes = [np.where(paired[j][1] == MISSING, self.widths[j] - 1, paired[j][1]) for j in wide]
        return Apart(
            self._matrix([paired[j] for j in narrow], len(cells)),
            self._places_of(narrow),
            np.column_stack(codes).astype(np.int32) if codes else np.empty((len(cells), 0), np.int32),
            tuple(self._places_of([j]) for j in wide),
        )

    @property
    def value_places(self) -> npt.NDArray[np.int64]:
        """Where the numbers are, one place per numeric column; the next one says whether it is missing."""
        return self.offsets[:-1][[column.words is None for column in self.columns]]

    def _places_of(self, columns: Sequence[int]) -> npt.NDArray[np.intp]:
        blocks = [np.arange(self.offsets[j], self.offsets[j + 1]) for j in columns]
        return np.concatenate([np.empty(0, np.intp), *blocks]).astype(np.intp)

    @property
    def places(self) -> list[tuple[str, str]]:
        """(column, ``value``, word or ``missing``) for every place, in order."""
        return [
            (column.name, what)
            for column in self.columns
            for what in (*(("value",) if column.words is None else column.words), "missing")
        ]


class BinsToNumber(Encoding):
    """`Bins` of the features, and the target, which is the last column, as the number that `Scaled` makes of it.

    Examples
    --------
    >>> cells = Cells(np.array([[0.0, 5.0], [2.0, 7.0]]), np.empty((2, 0), np.int32), ())
    >>> BinsToNumber((Column("n", None, 0.0, 2.0, 1.0), Column("y", None, 5.0, 7.0))).encode(cells).tolist()
    [[0, -32768], [2, 32768]]
    """

    @cached_property
    def features(self) -> Bins:
        """The bins of the features."""
        return Bins(self.columns[:-1], self.max_bins)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Places per column: the target has one."""
        return (*self.features.widths, 1)

    def encode(self, cells: Cells) -> npt.NDArray[np.int32]:
        """Return the codes of some rows: int32 (n_rows, n_columns)."""
        target = scaled(self.columns[-1], cells.numbers[:, -1])
        return np.column_stack([self.features.encode(cells), target])

    @property
    def places(self) -> list[tuple[str, str]]:
        """(column, what) for every place, in order."""
        return [*self.features.places, (self.columns[-1].name, "value")]

    def without_target(self) -> Encoding:
        """Return the bins of the features."""
        return self.features


def _scaled_width(column: Column) -> int:
    return 2 if column.words is None else len(column.words) + 1


def scaled(column: Column, values: Numbers) -> npt.NDArray[np.int32]:
    """Scale numbers to the range, in fixed-point steps; 0 for a constant column and where missing."""
    low, high = column.low, column.high
    if low is None or high is None or low == high:
        return np.zeros(len(values), np.int32)
    shares = (np.where(np.isnan(values), low, clipped(column, values)) - low) / (high - low)
    return np.asarray(np.rint(shares * (2 * ONE)), dtype=np.int32) - ONE


def clipped(column: Column, values: Numbers) -> Numbers:
    """Clip to the column's range (beyond it at predict only); missing values stay missing."""
    return values if column.low is None else np.clip(values, column.low, column.high)


ENCODINGS: Final[dict[EncodingName, type[Encoding]]] = {"scaled": Scaled, "bins": Bins}


def encoding_name(encoding: Encoding) -> EncodingName:
    """Return the name by which `ENCODINGS` knows an encoding."""
    return "bins" if isinstance(encoding, Bins) else "scaled"
