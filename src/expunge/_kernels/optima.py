"""Gradient and curvature of a generalised linear model, each summed over the rows, with a bound on what floats did.

A row has one entry for each column, ``x = value / 2**15`` at a place, and 1 at the last place, the intercept. With
``z = x.w``, a row of mean ``m`` and curvature ``d`` adds ``(m - y) x`` to the one and ``d x x^T`` to the other:

============  ======================  ===========
form          m                       d
============  ======================  ===========
`LOGISTIC`    ``1 / (1 + exp(-z))``   ``m (1-m)``
`POISSON`     ``exp(z)``              ``m``
============  ======================  ===========

Sums are kept as two floats, what was added and what rounding lost (Knuth's exact sum of two), so that a sum of n terms
is wrong by a few ``(n u)**2`` of their magnitudes, u = 2**-53 (Ogita, Rump, Oishi, "Accurate sum and dot product",
2005). A number's product with a residual is split so that its greater part is exact.

What is wrong with one row's residual, |e_i|, is bounded by

    1.01 d_i (k + 3) u (|w_0| + sum |x_j w_j|)  +  12 u q_i  +  u |m_i - y_i|

k being the number of columns: the sum z, ``exp`` and the division (q the smaller of m and 1 - m, or m itself), the last
subtraction. `exp` is trusted to 4 units in the last place; every library that is used promises 1 or 2.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge._kernels.compiled import inner, kernel

Floats: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.int32]

LOGISTIC: Final = 0
POISSON: Final = 1
STEP: Final = 2.0**-15
U: Final = 2.0**-53
SMALL: Final = 2.0**-40
"""A row whose residual is wrong by more than this share of its curvature is counted apart."""
_TINY: Final = 1e-300
_SPLIT: Final = 2.0**17 + 1


@inner
def _add(high: Floats, low: Floats, place: int, term: float) -> None:
    """Add to a sum of two parts; nothing is lost but in ``low``."""
    before = high[place]
    after = before + term
    added = after - before
    low[place] += (before - (after - added)) + (term - added)
    high[place] = after


@inner
def _score(row: Places, numbers: Places, weights: Floats) -> tuple[float, float]:
    """Return z, and the sum of its terms' magnitudes."""
    z = weights[-1]
    size = abs(z)
    for j in range(len(row)):
        term = weights[row[j]]
        if j < len(numbers):
            term *= numbers[j] * STEP
        z += term
        size += abs(term)
    return z, size


@kernel
def _of(z: float, y: float, form: int) -> tuple[float, float, float]:
    """Return (m - y, d, q)."""
    if form == POISSON:
        mean = np.exp(z)
        return mean - y, mean, mean
    tail = np.exp(-abs(z))
    q = tail / (1 + tail)
    residual = (1 - y) - q if z > 0 else q - y
    return residual, q / (1 + tail), q


@kernel
def gradient(
    places: Places, numbers: Places, target: Floats, weights: Floats, form: int, high: Floats, low: Floats
) -> tuple[float, float, float]:
    """Add the rows' gradient to ``high`` and ``low``.

    Parameters
    ----------
    places : ndarray of int32 (n_rows, n_columns)
    numbers : ndarray of int32 (n_rows, n_numbers)
        Values of the first columns; at the others' places it is 2**15.
    target : ndarray of float64 (n_rows,)
    weights : ndarray of float64 (width + 1,)
    form : int
    high, low : ndarray of float64 (width + 1,)
        The gradient is their sum.

    Returns
    -------
    near, far, total : float
        The sums of ``e_i**2 / d_i`` and, where e_i is no small share of d_i, of ``|e_i|``; and of ``|m_i - y_i|``.
    """
    k, n_numbers, last = places.shape[1], numbers.shape[1], len(weights) - 1
    near, far, total = 0.0, 0.0, 0.0
    for i in range(len(places)):
        z, size = _score(places[i], numbers[i], weights)
        residual, curve, q = _of(z, target[i], form)
        error = 1.01 * curve * (k + 3) * U * size + 12 * U * q + U * abs(residual) + _TINY
        if error < SMALL * curve:
            near += error * error / curve
        else:
            far += error
        total += abs(residual)
        scaled = residual * _SPLIT
        greater = scaled - (scaled - residual)
        for j in range(n_numbers):
            x = numbers[i, j] * STEP
            _add(high, low, places[i, j], greater * x)
            low[places[i, j]] += (residual - greater) * x
        for j in range(n_numbers, k):
            _add(high, low, places[i, j], residual)
        _add(high, low, last, residual)
    return near, far, total


@kernel
def curvature(places: Places, numbers: Places, weights: Floats, form: int, high: Floats, low: Floats) -> float:
    """Add the rows' curvature to ``high`` and ``low``; return the sum of ``d_i (k + 1)``.

    Parameters
    ----------
    places, numbers, weights, form
        As of `gradient`.
    high, low : ndarray of float64 ((width + 1)**2,)
        Their sum, row by row, has each pair of places once: on the side where the columns' order has it.
    """
    k, n_numbers, last = places.shape[1], numbers.shape[1], len(weights) - 1
    own, x = np.empty(k + 1, np.int64), np.ones(k + 1)
    own[k] = last
    total = 0.0
    for i in range(len(places)):
        z, _ = _score(places[i], numbers[i], weights)
        _, curve, _ = _of(z, 0.0, form)
        total += curve * (k + 1)
        for j in range(k):
            own[j] = places[i, j]
        for j in range(n_numbers):
            x[j] = numbers[i, j] * STEP
        for a in range(k + 1):
            part = curve * x[a]
            for b in range(a + 1):
                _add(high, low, own[a] * (last + 1) + own[b], part * x[b])
    return total
