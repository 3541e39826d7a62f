"""Exact sums of integer-coded rows, class by class.

Invariant: exactness
--------------------
Codes are below 2**31 in magnitude (`Counts` at most 2**30, `Scaled` 2**15, their squares 2**30) and rows fewer than
2**33, so that no sum leaves 64 bits. Sums of integers have no order, and to subtract a row's codes undoes adding them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import Apart, Encoding, Scaled, recoded
from expunge.learners.encoding.columns import Cells
from expunge.learners.exact.gram import Integers, check_rows


@dataclass(frozen=True, eq=False)
class ClassSums:
    """Integer sums over the rows of each class, in the order of the target's words.

    Parameters
    ----------
    rows : int
    members : ndarray of int64 (n_classes,)
        Rows of each class.
    sums : ndarray of int64 (n_classes, width)
        Of each place of the features, in units of the encoding.
    """

    rows: int
    members: Integers
    sums: Integers

    @classmethod
    def of(cls, encoding: Encoding, cells: Cells) -> Self:
        """Sum over all rows; the target is the encoding's last column.

        Raises
        ------
        InputError
            For 2**33 rows or more, whose sums may pass 64 bits.
        """
        check_rows(len(cells))
        inputs, words = _inputs(encoding), encoding.columns[-1].words or ()
        classes = recoded(cells.codes[:, -1], cells.words[-1], words)
        chosen = [classes == number for number in range(len(words))]
        members = np.array([np.count_nonzero(rows) for rows in chosen], np.int64)
        return cls(len(cells), members, *cls._summed(inputs, inputs.encode_apart(cells), chosen))

    @classmethod
    def _summed(cls, inputs: Scaled, of: Apart, chosen: list[npt.NDArray[np.bool_]]) -> tuple[Integers, ...]:
        """Return what follows `members`; `chosen` says which rows are of each class."""
        sums = np.zeros((len(chosen), int(inputs.offsets[-1])), np.int64)
        for own, rows in zip(sums, chosen, strict=True):
            own[of.places] = of.dense[rows].sum(axis=0, dtype=np.int64)
            for codes, block in zip(of.codes[rows].T, of.blocks, strict=True):
                own[block] = np.bincount(codes[codes >= 0], minlength=len(block)) * inputs.one
        return (sums,)

    @classmethod
    def _widths(cls, inputs: Scaled) -> list[int]:
        """Return how many numbers per class each field has that follows `members`."""
        return [int(inputs.offsets[-1])]

    def minus(self, encoding: Encoding, leaving: Cells) -> Self:
        """Return the sums without the rows that leave; these stay as they are."""
        theirs = vars(type(self).of(encoding, leaving))
        return type(self)(**{name: own - theirs[name] for name, own in vars(self).items()})

    def kept(self, places: npt.NDArray[np.intp]) -> Self:
        """Return the sums of some places; those of the target, behind the features', have none."""
        return type(self)(**vars(self) | {"sums": self.sums[:, places[places < self.sums.shape[1]]]})

    def to_arrays(self) -> dict[str, Integers]:
        """Return what is saved."""
        return {name: own for name, own in vars(self).items() if name != "rows"}

    @classmethod
    def from_arrays(cls, encoding: Encoding, rows: int, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Read what `to_arrays` returned; KeyError or ValueError where it is something else."""
        members, *sums = (arrays[field.name] for field in fields(cls)[1:])
        n_classes = len(encoding.columns[-1].words or ())
        if [own.shape for own in sums] != [(n_classes, width) for width in cls._widths(_inputs(encoding))]:
            raise ValueError("the sums are not those of these columns and classes")
        if members.shape != (n_classes,) or members.min() < 1 or members.sum() != rows:
            raise ValueError("the classes have other members than there are rows")
        return cls(rows, members, *sums)


@dataclass(frozen=True, eq=False)
class ClassMoments(ClassSums):
    """`ClassSums`, and the sums of the numbers' squares.

    Parameters
    ----------
    squares : ndarray of int64 (n_classes, n_numeric)
        In squared units.
    """

    squares: Integers

    @classmethod
    def _summed(cls, inputs: Scaled, of: Apart, chosen: list[npt.NDArray[np.bool_]]) -> tuple[Integers, ...]:
        codes = of.dense[:, np.searchsorted(of.places, inputs.value_places)].astype(np.int64)
        squares = np.array([(codes[rows] ** 2).sum(axis=0) for rows in chosen], np.int64)
        return (*super()._summed(inputs, of, chosen), squares)

    @classmethod
    def _widths(cls, inputs: Scaled) -> list[int]:
        return [*super()._widths(inputs), len(inputs.value_places)]


def _inputs(encoding: Encoding) -> Scaled:
    """Return the encoding of the features."""
    inputs = encoding.without_target()
    if not isinstance(inputs, Scaled):
        raise TypeError(f"numbers are needed to sum them class by class, not {type(inputs).__name__}")
    return inputs
