"""Bins that follow the data: positions of numbers, and a dyadic trie over them.

A position is an integer in [0, 2**bits). An interval of 2**k positions that holds at least `least` rows is split in
the middle, down to single positions. So where the bins lie is a function of which intervals are full: an edge moves
only when an interval loses the row that made it full.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge._kernels.compiled import kernel

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


class Ruler(NamedTuple):
    """How numbers of each column become positions: one entry per column.

    Parameters
    ----------
    low, high : ndarray of float64
        Equal for a column that has but one position.
    step : ndarray of float64
        Width of a position; 0 where the range is divided evenly among 2**bits.
    bits : ndarray of int64
    """

    low: Numbers
    high: Numbers
    step: Numbers
    bits: Integers


@kernel
def place_numbers(numbers: Numbers, ruler: Ruler) -> npt.NDArray[np.int32]:
    """Return the positions of numbers, column by column; -1 where one is missing.

    ``rint((x - low) / step)``, or ``floor((x - low) / (high - low) * 2**bits)``, x being clipped to the range, by IEEE
    754 operations that are correctly rounded.

    Parameters
    ----------
    numbers : ndarray of float64 (n_rows, n_columns)

    Returns
    -------
    ndarray of int32 (n_columns, n_rows)
    """
    n_rows, n_columns = numbers.shape
    out = np.empty((n_columns, n_rows), np.int32)
    for begin in range(0, n_rows, 64):  # so many rows of all columns stay in the nearest cache
        end = min(begin + 64, n_rows)
        for j in range(n_columns):
            low, high, step = ruler.low[j], ruler.high[j], ruler.step[j]
            span, size = high - low, 1 << ruler.bits[j]
            for i in range(begin, end):
                x = numbers[i, j]
                if math.isnan(x):
                    out[j, i] = -1
                elif size == 1:
                    out[j, i] = 0
                else:
                    above = min(max(x, low), high) - low
                    at = np.rint(above / step) if step > 0 else math.floor(above / span * size)
                    out[j, i] = min(np.int64(at), size - 1)
    return out


@kernel
def count_facts(numbers: Numbers, low: Numbers, high: Numbers) -> Integers:
    """Count, per column, the rows at the low and at the high end, those that are fractions, and the missing ones.

    Parameters
    ----------
    numbers : ndarray of float64 (n_rows, n_columns)
    low, high : ndarray of float64 (n_columns,)

    Returns
    -------
    ndarray of int64 (4, n_columns)
    """
    found = np.zeros((4, len(low)), np.int64)
    for i in range(len(numbers)):
        for j in range(len(low)):
            x = numbers[i, j]
            found[0, j] += x == low[j]
            found[1, j] += x == high[j]
            found[2, j] += x != np.rint(x) and not math.isnan(x)
            found[3, j] += math.isnan(x)
    return found


@kernel
def split_intervals(before: Integers, bits: int, least: int) -> tuple[Integers, Integers]:
    """Split the interval of all positions.

    Parameters
    ----------
    before : ndarray of int64 (2**bits + 1,)
        How many rows lie below each position.
    bits : int
    least : int
        At least 1: an interval of so many rows is split.

    Returns
    -------
    middles : ndarray of int64 (n_splits,)
        Where each interval was split, ascending: the first position of every bin but the first.
    counts : ndarray of int64 (n_splits,)
        How many rows it holds.
    """
    size = 1 << bits
    lows, widths = np.empty(2 * bits + 2, np.int64), np.empty(2 * bits + 2, np.int64)
    found, held = np.empty(size, np.int64), np.empty(size, np.int64)
    n_found = 0
    depth = 1
    lows[0], widths[0] = 0, size
    while depth > 0:
        depth -= 1
        low, width = lows[depth], widths[depth]
        rows = before[low + width] - before[low]
        if width == 1 or rows < least:
            continue
        middle = low + width // 2
        found[n_found], held[n_found] = middle, rows
        n_found += 1
        lows[depth], widths[depth] = low, width // 2
        lows[depth + 1], widths[depth + 1] = middle, width // 2
        depth += 2
    order = np.argsort(found[:n_found])
    return found[:n_found][order], held[:n_found][order]


@kernel
def leave_intervals(positions: Integers, bits: int, least: int, middles: Integers, counts: Integers) -> bool:
    """Take rows out of the intervals that were split; returns whether one of them is full no more.

    The interval that was split at m begins 2**k before m and ends 2**k behind, 2**k being m's lowest bit.

    Parameters
    ----------
    positions : ndarray of int64 (n_rows,)
        Of the rows that leave.
    middles, counts : ndarray of int64
        As `split_intervals` returned them; `counts` is changed.
    """
    emptied = False
    for position in positions:
        middle, half = (1 << bits) >> 1, (1 << bits) >> 1
        while half > 0:
            place = np.searchsorted(middles, middle)
            if place == len(middles) or middles[place] != middle:
                break
            counts[place] -= 1
            emptied |= counts[place] < least
            half >>= 1
            middle = middle - half if position < middle else middle + half
    return emptied
