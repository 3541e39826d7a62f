"""How small leaves may be: few rows where signals are strong, more where trees would learn noise.

The choice is made from integers of all rows, so that it is a function of who is left, and it is looked at again
whenever somebody leaves: where it turns out otherwise, all trees are grown afresh.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from expunge._kernels import roots
from expunge._kernels.trees import Bytes, Ints, Longs
from expunge.errors import InputError
from expunge.learners.exact.bounds import at_least

AUTO: Final = "auto"
SMALL, MIDDLE, BIG = 7, 20, 120
STRONG, NONE = 20, 200
"""Leaves may be small where one split of one column explains a twentieth of what there is to explain. Where none
explains a two-hundredth, what there is lies in combinations, which large leaves do not tell apart."""
MANY: Final = 5_000
"""With fewer rows, leaves are never big."""


class Leaves:
    """Counts of all rows, by which the least size of a leaf is chosen. Personal data.

    Parameters
    ----------
    rows : ndarray of uint8 (n_rows, n_features)
        Bins.
    y, weight : ndarray of uint8 (n_rows,)
        Classes or numbers, and how many rows each row counts as.
    n_classes : int
        0 for numbers.
    """

    def __init__(self, rows: Bytes, y: Bytes, weight: Bytes, n_classes: int) -> None:
        self._numbers = n_classes == 0
        self._counts = roots.empty_counts(rows.shape[1], max(n_classes, 1))
        self._squares = 0
        self._change(rows, y, weight, np.arange(len(y), dtype=np.int32), 1)

    def leave(self, rows: Bytes, y: Bytes, weight: Bytes, leaving: Ints) -> None:
        """Take rows away."""
        self._change(rows, y, weight, leaving, -1)

    def merge(self, column: int, before: int) -> None:
        """Let a bin of a column take the one behind it."""
        own = self._counts[column]
        own[before] += own[before + 1]
        own[before + 1 : -1], own[-1] = own[before + 2 :].copy(), 0

    def least(self, sizes: Longs) -> int:
        """Return the least size of a leaf; `sizes` says how many bins each column has."""
        n, *whole = self._counts[0].sum(axis=0).tolist()
        n_left, *left = roots.best_split(self._counts, sizes).tolist()
        spread = n * self._squares - whole[0] ** 2 if self._numbers else n * n - sum(own * own for own in whole)
        explained = sum((n * some - n_left * own) ** 2 for some, own in zip(left, whole, strict=True))
        whole_spread = n_left * (n - n_left) * spread
        if spread == 0 or (explained > 0 and STRONG * explained >= whole_spread):  # nothing where no split is
            return SMALL
        return BIG if n >= MANY and NONE * explained >= whole_spread else MIDDLE

    def _change(self, rows: Bytes, y: Bytes, weight: Bytes, some: Ints, sign: int) -> None:
        roots.add_rows(self._counts, rows, y, weight, some, sign)
        levels: npt.NDArray[np.int64] = y[some].astype(np.int64)
        self._squares += sign * int((levels * levels * weight[some]).sum())


def check_least(value: Any) -> None:
    """Refuse what is neither a least size nor ``"auto"``."""
    if isinstance(value, str):
        if value != AUTO:
            raise InputError(
                f"min_samples_leaf={value!r} is no size.", mend='Give an integer of at least 1, or "auto".'
            )
    else:
        at_least("min_samples_leaf", value, 1)
