"""How much each row counts, as whole numbers.

Whole numbers up to 255 count as they are: a row of weight 3 is as three rows. Others are relative: what is usual, a
power of two near their geometric mean, counts `USUAL`, and a row between 1 and 255. Where the rows are so many that
their sum would be too large, what is usual counts half of that, and so on.

Invariant
---------
What is usual is a function of integer sums over the rows, and is state: `leave` says when it is another.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import compress
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Kind
from expunge.errors import InputError
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.records import Records

Rows = npt.NDArray[np.int32]

USUAL: Final = 16
LARGEST: Final = 255
FURTHEST: Final = 1e100
"""Weights beyond this, or as small, are refused."""
_HALVINGS: Final = 13
"""After so many every row counts 1."""


class Weights:
    """How much each row counts. A cache; `leave` changes it.

    Parameters
    ----------
    given : ndarray of float64 (n_rows,) or None
        Above 0; None where all count 1.
    n_rows : int
    most : int
        What all may count together, before a sum could leave its bits.

    Attributes
    ----------
    units : ndarray of uint8 (n_rows,)
        0 for who has left.
    one : int
        What a row of usual weight counts.
    """

    def __init__(self, given: npt.NDArray[np.float64] | None, n_rows: int, most: int) -> None:
        self._given, self._most = None if given is None else given.copy(), most
        self.units, self.one = np.ones(n_rows, np.uint8), 1
        if self._given is None:
            return
        self._sums = _summed(self._given)
        self._power = self._usual()
        self._totals = self._totalled(self._given)
        self._scale = self._chosen()
        if self._scale is None:
            self.units = self._given.astype(np.uint8)
        else:
            self.units = _in_units(self._given, self._power, self._scale)
            self.one = max(1, USUAL >> self._scale)

    @classmethod
    def of(cls, features: tuple[Feature, ...], records: Records, most: int) -> Weights:
        """Read them from the records; `features` are those that are learned from, and the target."""
        given = records.numbers[:, numeric_inputs(features)] if is_weighted(features, records) else None
        return cls(given, len(records), most)

    def leave(self, rows: Rows) -> bool:
        """Take rows away; returns whether the others count otherwise now, and it is of no use."""
        if self._given is None:
            return False
        left = self._given[rows]
        self._sums = self._sums - _summed(left)
        self._totals = self._totals - self._totalled(left)
        self._given[rows] = 0
        return (self._usual(), self._chosen()) != (self._power, self._scale)

    def forget(self, rows: Rows) -> None:
        """Blank what rows counted that have left."""
        self.units[rows] = 0

    @property
    def facts(self) -> dict[str, Any] | None:
        """What is usual, for the digest; None where all count 1."""
        return None if self._given is None else {"power": self._power, "halvings": self._scale}

    def _usual(self) -> int:
        """Return the power of two near the geometric mean."""
        n, powers = self._sums[:2].tolist()
        return (2 * powers + n) // (2 * n) if n else 0

    def _totalled(self, given: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Sum what rows would count, for each number of halvings."""
        sums = [int(_in_units(given, self._power, halvings).sum(dtype=np.int64)) for halvings in range(_HALVINGS)]
        return np.array(sums, np.int64)

    def _chosen(self) -> int | None:
        """Return how often what is usual is halved; None where all are whole numbers that count as they are."""
        _, _, others, whole = self._sums.tolist()
        if others == 0 and whole <= self._most:
            return None
        fitting = np.flatnonzero(self._totals <= self._most)
        return int(fitting[0]) if len(fitting) else _HALVINGS - 1


def numeric_inputs(features: tuple[Feature, ...]) -> int:
    """Return how many features before the last, the target, are numbers: where the column of weights is."""
    return sum(feature.kind is Kind.NUMERIC for feature in features[:-1])


def is_weighted(features: tuple[Feature, ...], records: Records) -> bool:
    """Whether records have a column of weights, beside those of the features."""
    numeric = sum(feature.kind is Kind.NUMERIC for feature in features)
    return records.layout.n_numbers > numeric


def check_weights(given: Any, n_rows: int) -> npt.NDArray[np.float64]:
    """Read weights.

    Raises
    ------
    InputError
        Where there is not one per row, for what is no number from 0 on, and where all are 0.
    """
    mend = "Give one number above 0 per row, or 0 to leave it out."
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"sample_weight: {error}.", mend=mend) from error
    if found.ndim == 0:
        found = np.full(n_rows, float(found))
    if found.ndim != 1:
        raise InputError(f"Sample weights must be 1D array or scalar, not of {found.ndim} dimensions.", mend=mend)
    if len(found) != n_rows:
        raise InputError(f"sample_weight has {len(found)} numbers for {n_rows} rows.", mend=mend)
    wrong = np.flatnonzero(~((found == 0) | ((found >= 1 / FURTHEST) & (found <= FURTHEST))))
    if len(wrong):
        raise InputError(f"sample_weight is {float(found[wrong[0]])!r} in row {wrong[0] + 1}.", mend=mend)
    if not found.any():
        raise InputError("every sample_weight is zero.", mend=mend)
    return found


def weighed(
    features: tuple[Feature, ...], cells: Cells, subjects: Any, given: npt.NDArray[np.float64]
) -> tuple[Cells, Any]:
    """Add a column of weights to cells, without rows of weight 0; returns whose the others are, too."""
    cells = replace(cells, numbers=np.insert(cells.numbers, numeric_inputs(features), given, axis=1))
    counts = given > 0
    if counts.all():
        return cells, subjects
    whose = subjects if isinstance(subjects, np.ndarray) else list(subjects)
    if len(whose) != len(given):
        raise InputError(f"there are {len(whose)} subjects for {len(given)} rows.", mend="Give one id per row.")
    return cells.take(counts), whose[counts] if isinstance(whose, np.ndarray) else list(compress(whose, counts))


def _summed(given: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Sum rows, powers of two, rows that are not whole numbers up to 255, and those that are."""
    parts, powers = np.frexp(given)
    near = powers.astype(np.int64) - (parts < np.sqrt(0.5))
    whole = (given == np.rint(given)) & (given <= LARGEST)
    return np.array([len(given), near.sum(), np.count_nonzero(~whole), int(given[whole].sum())], np.int64)


def _in_units(given: npt.NDArray[np.float64], power: int, halvings: int) -> npt.NDArray[np.uint8]:
    if halvings == _HALVINGS - 1:
        return np.ones(len(given), np.uint8)
    return np.asarray(np.clip(np.rint(USUAL * np.ldexp(given, -power - halvings)), 1, LARGEST), np.uint8)
