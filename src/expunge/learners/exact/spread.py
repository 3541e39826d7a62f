"""Exact sums of numbers, column by column: from which means and deviations derive.

Invariant: exactness
--------------------
Numbers are `Scaled` codes, whole and at most 2**15 in magnitude, their squares 2**30, and rows fewer than 2**33, so
that no sum leaves 64 bits. Sums of integers have no order, and to subtract a row's codes undoes adding them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import ONE, Column, Encoding, scaled
from expunge.learners.encoding.columns import Cells
from expunge.learners.exact.gram import Integers, check_rows


@dataclass(frozen=True, eq=False)
class ColumnSums:
    """Integer sums over the cells of each column of numbers that are not missing.

    Parameters
    ----------
    rows : int
    counts : ndarray of int64 (n_numeric,)
    sums, squares : ndarray of int64 (n_numeric,)
        In steps of 2**-15 of half the range, and in squared ones.
    """

    rows: int
    counts: Integers
    sums: Integers
    squares: Integers

    @classmethod
    def of(cls, encoding: Encoding, cells: Cells) -> ColumnSums:
        """Sum over all rows; InputError for so many that a sum may pass 64 bits."""
        check_rows(len(cells))
        columns = [column for column in encoding.columns if column.words is None]
        found = np.zeros((3, len(columns)), np.int64)
        for own, column, values in zip(found.T, columns, cells.numbers.T, strict=True):
            there = values[~np.isnan(values)]
            codes = scaled(column, there).astype(np.int64)
            own[:] = len(there), codes.sum(), (codes * codes).sum()
        return cls(len(cells), *found)

    def minus(self, encoding: Encoding, leaving: Cells) -> ColumnSums:
        """Return the sums without the rows that leave; these stay as they are."""
        theirs = vars(ColumnSums.of(encoding, leaving))
        return ColumnSums(**{name: own - theirs[name] for name, own in vars(self).items()})

    def kept(self, places: npt.NDArray[np.intp]) -> ColumnSums:
        """Return the sums where words vanished: no column of numbers did."""
        del places
        return self

    def to_arrays(self) -> dict[str, Integers]:
        """Return what is saved."""
        return {name: own for name, own in vars(self).items() if name != "rows"}

    @classmethod
    def from_arrays(cls, encoding: Encoding, rows: int, arrays: Mapping[str, npt.NDArray[Any]]) -> ColumnSums:
        """Read what `to_arrays` returned; KeyError or ValueError where it is something else."""
        found = [arrays[name] for name in ("counts", "sums", "squares")]
        width = sum(column.words is None for column in encoding.columns)
        if [own.shape for own in found] != [(width,)] * 3 or not ((found[0] >= 0) & (found[0] <= rows)).all():
            raise ValueError("the sums are not those of these columns and rows")
        return cls(rows, *found)


def mean_of(column: Column, count: int, total: int) -> float:
    """Return the mean of a column's numbers, 0 where there are none, by one fixed formula.

    Examples
    --------
    >>> mean_of(Column("n", None, 0.0, 4.0), 2, 0)
    2.0
    """
    if column.low is None or column.high is None:
        return 0.0
    return column.low + (column.high - column.low) * ((total + count * ONE) / (2 * count * ONE))


def deviation_of(column: Column, count: int, total: int, square: int) -> float:
    """Return the standard deviation of a column's numbers: Python's integers divide exactly, but once.

    Examples
    --------
    >>> deviation_of(Column("n", None, 0.0, 4.0), 2, 0, 2 * ONE**2)
    2.0
    """
    if column.low is None or column.high is None:
        return 0.0
    variance = (count * square - total * total) / (count * ONE) ** 2
    return (column.high - column.low) / 2 * sqrt(variance)
