"""Rows as entries: `Scaled` gives each column of a row one place that is not nought, and that is all that is kept.

A number that is there has its value at its place; a missing one, and a word, has 2**15 at a place of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import ONE, Column, Scaled, recoded, scaled
from expunge.learners.encoding.columns import MISSING, Cells


@dataclass(frozen=True, eq=False)
class Entries:
    """Rows as entries, columns of numbers first. Personal data.

    Parameters
    ----------
    places : ndarray of int32 (n_rows, n_columns)
    numbers : ndarray of int32 (n_rows, n_numbers)
        Values of the first columns, in steps of 2**-15; the others' are 2**15.
    target : ndarray of float64 (n_rows,)
        Numbers, or the number of each row's class.
    blocks : ndarray of int64 (n_columns,)
        Where each column's places begin, in the columns' own order.
    width : int
        Places in all; the intercept's comes after them.
    """

    places: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.int32]
    target: npt.NDArray[np.float64]
    blocks: npt.NDArray[np.int64]
    width: int

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Entries:
        """Return copies of some rows."""
        chosen = rows.nonzero()[0] if rows.dtype == np.bool_ else rows
        places, numbers = self.places.take(chosen, axis=0), self.numbers.take(chosen, axis=0)
        return replace(self, places=places, numbers=numbers, target=self.target.take(chosen))

    def moved(self, kept: npt.NDArray[np.intp], columns: tuple[Column, ...]) -> Entries:
        """Return the rows under columns of which only some places are left."""
        to = np.full(self.width, MISSING, np.int32)
        to[kept] = np.arange(len(kept))
        offsets = Scaled(columns).offsets
        return replace(self, places=to[self.places], blocks=offsets[:-1], width=int(offsets[-1]))


def entries_of(columns: tuple[Column, ...], cells: Cells, target: npt.NDArray[np.float64]) -> Entries:
    """Encode rows; the target's cells, the last of their kind, are not read.

    Examples
    --------
    >>> cells = Cells(np.array([[0.0], [np.nan]]), np.array([[0], [-1]], np.int32), (("s:a",),))
    >>> found = entries_of((Column("c", ("s:a",)), Column("n", None, 0.0, 2.0)), cells, np.zeros(2))
    >>> found.places.tolist(), found.numbers.tolist()
    ([[2, 0], [3, 1]], [[-32768], [32768]])
    """
    offsets = Scaled(columns).offsets
    numeric = [j for j, column in enumerate(columns) if column.words is None]
    worded = [j for j, column in enumerate(columns) if column.words is not None]
    places = np.empty((len(cells), len(columns)), np.int32)
    numbers = np.empty((len(cells), len(numeric)), np.int32)
    for place, j in enumerate(numeric):
        values = cells.numbers[:, place]
        missing = np.isnan(values)
        numbers[:, place] = np.where(missing, ONE, scaled(columns[j], values))
        places[:, place] = offsets[j] + missing
    for place, j in enumerate(worded):
        known = columns[j].words or ()
        codes = recoded(cells.codes[:, place], cells.words[place], known)
        places[:, len(numeric) + place] = offsets[j] + np.where(codes == MISSING, len(known), codes)
    return Entries(places, numbers, target, offsets[:-1], int(offsets[-1]))
