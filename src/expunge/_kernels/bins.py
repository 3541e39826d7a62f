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


class Intervals(NamedTuple):
    """The intervals of some columns that were split, column by column.

    Parameters
    ----------
    place : ndarray of int64 (n_columns,)
        Which row of the positions a column has.
    bits, least : ndarray of int64 (n_columns,)
    ends : ndarray of int64 (n_columns + 1,)
        Its intervals are those from ``ends[j]`` to ``ends[j + 1]``.
    middles, counts : ndarray of int64 (n_intervals,)
        As `split_intervals` returns them.
    """

    place: Integers
    bits: Integers
    least: Integers
    ends: Integers
    middles: Integers
    counts: Integers


@kernel
def place_numbers(numbers: Numbers, ruler: Ruler) -> npt.NDArray[np.int32]:
    """Return the positions of numbers, column by column; -1 where one is missing.

    ``rint((x - low) / step)``, or ``floor((x - low) / (high - low) * 2**bits)``, x being clipped to the range, by IEEE
    754 operations that are correctly rounded.

    Parameters
    ----------
    numbers : ndarray of float64 (n_rows, >= n_columns)

    Returns
    -------
    ndarray of int32 (n_columns, n_rows)
    """
    n_rows, n_columns = len(numbers), len(ruler.low)
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
def count_facts(numbers: Numbers, low: Numbers, high: Numbers, codes: npt.NDArray[np.int32], n_coded: int) -> Integers:
    """Count, column by column, the rows at the low end, at the high end, that are fractions, and that are missing.

    Parameters
    ----------
    numbers : ndarray of float64 (n_rows, >= n_numeric)
    low, high : ndarray of float64 (n_numeric,)
    codes : ndarray of int32 (n_rows, >= n_coded)

    Returns
    -------
    ndarray of int64 (4 * n_numeric + n_coded,)
        For columns of codes only what is missing.
    """
    n = len(low)
    found = np.zeros(4 * n + n_coded, np.int64)
    for i in range(len(numbers)):
        for j in range(n):
            x = numbers[i, j]
            found[j] += x == low[j]
            found[n + j] += x == high[j]
            found[2 * n + j] += x != np.rint(x) and not math.isnan(x)
            found[3 * n + j] += math.isnan(x)
        for j in range(n_coded):
            found[4 * n + j] += codes[i, j] < 0
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
    held = np.full(size, -1, np.int64)
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
        held[middle] = rows
        n_found += 1
        lows[depth], widths[depth] = low, width // 2
        lows[depth + 1], widths[depth + 1] = middle, width // 2
        depth += 2
    middles, counts, n = np.empty(n_found, np.int64), np.empty(n_found, np.int64), 0
    for middle in range(size):
        if held[middle] >= 0:
            middles[n], counts[n] = middle, held[middle]
            n += 1
    return middles, counts


@kernel
def leave_intervals(
    positions: npt.NDArray[np.int32], bits: int, least: int, middles: Integers, counts: Integers
) -> bool:
    """Take rows out of the intervals that were split; returns whether one of them is full no more.

    The interval that was split at m begins 2**k before m and ends 2**k behind, 2**k being m's lowest bit.

    Parameters
    ----------
    positions : ndarray of int32 (n_rows,)
        Of the rows that leave; -1 where a cell is missing.
    middles, counts : ndarray of int64
        As `split_intervals` returned them; `counts` is changed.
    """
    emptied = False
    for position in positions:
        middle = half = (1 << bits) >> 1
        while half > 0 and position >= 0:
            place, behind = 0, len(middles)
            while place < behind:
                between = (place + behind) // 2
                if middles[between] < middle:
                    place = between + 1
                else:
                    behind = between
            if place == len(middles) or middles[place] != middle:
                break
            counts[place] -= 1
            emptied |= counts[place] < least
            half >>= 1
            middle = middle - half if position < middle else middle + half
    return emptied


@kernel
def leave_bins(
    numbers: Numbers,
    codes: npt.NDArray[np.int32],
    low: Numbers,
    high: Numbers,
    facts: Integers,
    held: Integers,
    ruler: Ruler,
    watched: Intervals,
) -> tuple[bool, bool]:
    """Take rows out of what was counted; changes `held` and `watched.counts`.

    Parameters
    ----------
    numbers, codes, low, high : ndarray
        As `count_facts` has them.
    facts : ndarray of int64
        1 for those of `count_facts` that matter, else 0.
    held : ndarray of int64
        How many rows each is true of.

    Returns
    -------
    lost, emptied : bool
        Whether a fact is true of nobody now, and whether an interval is full no more.
    """
    n = len(low)
    counted = count_facts(numbers, low, high, codes, len(facts) - 4 * n)
    lost = emptied = False
    for j in range(len(facts)):
        held[j] -= counted[j] * facts[j]
        lost |= counted[j] * facts[j] > 0 and held[j] <= 0
    placed = place_numbers(numbers, ruler)
    for j in range(len(watched.place)):
        own = slice(watched.ends[j], watched.ends[j + 1])
        emptied |= leave_intervals(
            placed[watched.place[j]], watched.bits[j], watched.least[j], watched.middles[own], watched.counts[own]
        )
    return lost, emptied
