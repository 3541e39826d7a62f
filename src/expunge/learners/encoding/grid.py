"""The universal grid: bin edges that remember nobody (DESIGN section 5).

The grid of m bits is the set of all k * 2**e with -2**m < k < 2**m and 2**e at least the resolution: coarse far from
nought, as fine as the resolution near it. Under resolution 1 it holds small integers as they are. Its members are
binary fractions, hence exact in float64 and the same on every machine.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

DEFAULT_STEPS: Final = 2.0**16
"""Steps into which a range is divided where its resolution is not declared."""


def grid_edges(
    low: float | None, high: float | None, resolution: float | None, max_bins: int
) -> npt.NDArray[np.float64]:
    """Return the inner bin edges of a numeric column, ascending.

    m is the largest for which at most `max_bins` bins result. Bin ``numpy.searchsorted(edges, x, side="right")``
    holds x: the edge itself belongs to the bin above.

    Parameters
    ----------
    low, high : float or None
        Range of the column; None, or equal ends, for a column that holds nothing or one value: no edges.
    resolution : float or None
        Smallest magnitude that matters, above 0; None means (high - low) / 2**16.
    max_bins : int
        At least 2.

    Returns
    -------
    ndarray of float64 (n_bins - 1,)
        Edges in (low, high]; a pure function of the four arguments.

    Examples
    --------
    >>> grid_edges(0.0, 6.0, 1.0, 64)
    array([1., 2., 3., 4., 5., 6.])
    >>> grid_edges(0.0, 40.0, 1.0, 12)
    array([ 1.,  2.,  3.,  4.,  6.,  8., 12., 16., 24., 32.])
    """
    if low is None or high is None or low == high:
        return np.empty(0)
    # The finest step is a power of two, so that division by it is exact and the grid becomes one of integers.
    mantissa, exponent = math.frexp(resolution if resolution is not None else (high - low) / DEFAULT_STEPS)
    step_exponent = exponent - 1 if mantissa == 0.5 else exponent  # frexp: 2**k is 0.5 * 2**(k+1)
    first, last = _above(low, step_exponent), _up_to(high, step_exponent)
    best: list[int] = []
    for bits in range(max(abs(first), abs(last)).bit_length() + 1):
        if _count(first, last, bits) > max_bins - 1:
            break
        best = _members(first, last, bits)
    return np.array([math.ldexp(k, step_exponent) for k in best], dtype=np.float64)


def _above(value: float, exponent: int) -> int:
    """Return the smallest integer q with q * 2**exponent > value, exactly."""
    return _up_to(value, exponent) + 1


def _up_to(value: float, exponent: int) -> int:
    """Return the largest integer q with q * 2**exponent <= value, exactly."""
    numerator, denominator = value.as_integer_ratio()
    return numerator // (denominator << exponent) if exponent >= 0 else (numerator << -exponent) // denominator


def _octaves(first: int, last: int, bits: int) -> list[range]:
    """Return the integers in [first, last] with at most `bits` significant bits, as ranges, ascending."""
    if bits == 0:
        return [range(1)] if first <= 0 <= last else []
    found = []
    top = max(abs(first), abs(last), 1).bit_length()
    for length in range(top, 0, -1):  # negative ones, from the largest magnitude
        found.append(_octave(max(first, 1 - 2**length), min(last, -(2 ** (length - 1))), length, bits))
    found.append(range(max(first, 0), min(last, 0) + 1))
    for length in range(1, top + 1):
        found.append(_octave(max(first, 2 ** (length - 1)), min(last, 2**length - 1), length, bits))
    return [members for members in found if members]


def _octave(first: int, last: int, length: int, bits: int) -> range:
    """Return the multiples in [first, last] of the step that numbers of this bit length have."""
    step = 1 << max(0, length - bits)
    return range(-(-first // step) * step, last + 1, step)


def _count(first: int, last: int, bits: int) -> int:
    # len() of a range beyond 2**63 raises; the ends tell the same.
    return sum((members[-1] - members[0]) // members.step + 1 for members in _octaves(first, last, bits))


def _members(first: int, last: int, bits: int) -> list[int]:
    return [k for members in _octaves(first, last, bits) for k in members]
