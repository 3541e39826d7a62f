"""Gradients in whole numbers, to as many bits as are asked for: where float64 cannot tell, this can.

Weights are whole numbers of units 2**-bits. Entries are whole numbers of 2**-15, so scores are exact; ``exp`` is a
series in whole numbers, the residuals are wrong by a few units at most, and sums of them are exact again. NumPy's
arrays of Python integers do the work: some hundred times slower than floats, and seldom needed.

Errors
------
``exp`` works with 40 more bits. With ``z = a ln 2 + r`` and ``r / 256`` in a series of N terms, each term loses at most
two units, the series' end less than one, and eight squarings double a relative error eight times: less than
``256 (2 N + 6)`` units, below 2**20 for all N < 2000. What comes out is wrong by less than one part in 2**bits, and by
one unit for the shift.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from math import isqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from expunge._kernels.optima import LOGISTIC
from expunge.learners.encoding.codes import ONE
from expunge.learners.exact.entries import Entries

Whole = npt.NDArray[np.object_]
"""Python integers."""

_GUARD: Final = 40
_HALVINGS: Final = 8
STEP_BITS: Final = 15
"""Gradients are in units of 2**-(bits + 15)."""


def gradient(
    entries: Entries, target: npt.NDArray[np.float64], form: int, weights: Whole, bits: int
) -> tuple[Whole, int]:
    """Return the rows' gradient in units of 2**-(bits + 15), and a bound on how far it is off, as a vector's length.

    Examples
    --------
    >>> from expunge.learners.encoding.codes import Column
    >>> from expunge.learners.encoding.columns import Cells
    >>> from expunge.learners.exact.entries import entries_of
    >>> cells = Cells(np.array([[2.0]]), np.empty((1, 0), np.int32), ())
    >>> rows = entries_of((Column("n", None, 0.0, 2.0),), cells, np.ones(1))
    >>> found, _ = gradient(rows, rows.target, LOGISTIC, np.array([0, 0, 0], dtype=object), 64)
    >>> [int(one) / 2**79 for one in found]  # (m - y) x, twice: of the number, and of the intercept
    [-0.5, 0.0, -0.5]
    """
    n_numbers, k = entries.numbers.shape[1], entries.places.shape[1]
    values = [entries.numbers[:, j].astype(object) if j < n_numbers else ONE for j in range(k)]
    scores = weights[-1] * ONE + sum(weights[entries.places[:, j]] * values[j] for j in range(k))
    scores = np.broadcast_to(np.asarray(scores, dtype=object), len(entries))
    means, wrong = _means(scores, bits, form)
    residuals = means - np.array([_scaled(y, bits) for y in target.tolist()], dtype=object)
    found = np.zeros(entries.width + 1, dtype=object)
    for j in range(k):
        np.add.at(found, entries.places[:, j], residuals * values[j])
    found[-1] = residuals.sum() * ONE
    return found, (wrong + 2 * len(entries)) * ONE * (isqrt(k + 1) + 1)


def _means(scores: Whole, bits: int, form: int) -> tuple[Whole, int]:
    """Return the means in units of 2**-bits, and the sum of what they may be off by; scores have 15 more bits."""
    if form == LOGISTIC:
        tails = exponentials(-np.abs(scores), bits + STEP_BITS, bits)
        below = (tails << bits) // (tails + (1 << bits))
        return np.where(scores > 0, (1 << bits) - below, below), 4 * len(scores)
    found = exponentials(scores, bits + STEP_BITS, bits)
    return found, int((found >> bits).sum()) + 3 * len(found)


def exponentials(scores: Whole, given: int, bits: int) -> Whole:
    """Return exp of numbers in units of 2**-given, in units of 2**-bits.

    Examples
    --------
    >>> found = exponentials(np.array([0, 1 << 8, -(800 << 8)], dtype=object), 8, 60)
    >>> [int(one) / 2**60 for one in found]
    [1.0, 2.718281828459045, 0.0]
    """
    work = max(bits, given) + _GUARD
    log_2 = _log_2(work)
    powers = (scores << (work - given)) // log_2
    rest = ((scores << (work - given)) - powers * log_2) >> _HALVINGS
    one = 1 << work
    found: Whole = np.full(len(scores), one, dtype=object)
    term = found
    for n in range(1, work // _HALVINGS + 2):
        term = (term * rest >> work) // n
        found = found + term
    for _ in range(_HALVINGS):
        found = found * found >> work
    return np.asarray((found << np.maximum(powers, 0)) >> (work - bits + np.maximum(-powers, 0)))


def float_parts(gradient: Whole) -> tuple[npt.NDArray[np.float64], int]:
    """Return numbers as floats times a power of two, which is the second."""
    shift = max(int(abs(one)).bit_length() for one in gradient) - 60
    return np.array([math.ldexp(int(one), -shift) for one in gradient]), shift


def whole_parts(floats: npt.NDArray[np.float64], shift: int) -> Whole:
    """Return floats times a power of two as whole numbers, rounded down."""
    return np.array([math.floor(Fraction(one) * Fraction(2) ** shift) for one in floats.tolist()], dtype=object)


def _scaled(value: float, bits: int) -> int:
    top, bottom = value.as_integer_ratio()
    return (top << bits) // bottom


@cache
def _log_2(bits: int) -> int:
    """Return ln 2 in units of 2**-bits: 2 artanh(1 / 3), to a unit."""
    work = bits + 20
    total, power, n = 0, (1 << work) // 3, 1
    while power:
        total += power // n
        power //= 9
        n += 2
    return (2 * total) >> 20
