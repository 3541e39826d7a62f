"""Boosting by tables: every round adds the value of one cell of a table over one to three features.

A round has a few candidate tables, drawn by key (`plans`); the data choose one of them, and its cells' values. With
F(t, i) the score of row i before round t, in units of 1/256, all integers:

- The row's gradient is ``g = weight (m(F) - y)``, its curvature ``h = weight v(F)``, F being rounded to the middle of a
  bucket; m and v are a loss's, read from a table (`logistic`, `squared`, `poisson`), or the `softmax` of several
  classes. A row of weight nought is a passenger: it gets scores, and nothing is learned from it.
- A cell's sums G and H are those of its rows. A candidate's gain is the sum over its cells of
  ``floor(16 G**2 / (H + penalty))``; the first candidate of largest gain is chosen.
- A cell's value is ``-rate G / (H + penalty)``, rounded to a multiple of `step`; nought in the dead zone.

To forget a row is to subtract its g and h in every round. Where a value moves, or another candidate is chosen, the
scores of that cell's rows change, and only their changes are pushed to the next round (`pushing`). By induction
over rounds everything then equals what `grow` makes of the rows that stay: both compute the same function of the same
integers, and integer sums know no order.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge._kernels.compiled import inner, kernel

Bytes = npt.NDArray[np.uint8]
Shorts = npt.NDArray[np.int16]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

UNIT: Final = 256
"""Scores count in steps of 1 / 256."""
MOST_FEATURES: Final = 3
MOST_CELLS: Final = 256
BINS: Final = 256
LARGEST: Final = 32_000
"""No score goes beyond: 16 bits hold it."""
HIGHEST_LOG: Final = 4 * UNIT
"""Where a score is a logarithm, none goes above: it is that of 54 units."""


class Plan(NamedTuple):
    """Which tables there are: T rounds of K candidates.

    Parameters
    ----------
    features : ndarray of int32 (T, K, 3)
    arity : ndarray of int32 (T, K)
        How many of them the table is over.
    cells : ndarray of int32 (T, K)
    maps : ndarray of uint8 (T, K, 3, 256)
        A row is in the cell ``sum over j of maps[t, k, j, bin of features[t, k, j]]``.
    """

    features: Ints
    arity: Ints
    cells: Ints
    maps: Bytes


class Rule(NamedTuple):
    """How gradients become values.

    Parameters
    ----------
    levels : ndarray of int64 (2 * far,)
        By score from -far on, beyond which it is taken as there: m and v, packed (``m * 2**half + v``).
    half : int
        The lower so many bits of what is packed are the curvature.
    shift : int
        A bucket of scores is 2**shift wide.
    offsets : ndarray of int64 (T,)
        Where the buckets of each round begin.
    start : int
        The score before the first round.
    most : int
        No score goes above it.
    rate, penalty, step, weak : float
        `rate` in units of the score, `penalty` in those of the curvature. A cell of ``G**2 < weak * (H + penalty)``, or
        of a value below half a step, has the value nought.
    """

    levels: Longs
    half: int
    shift: int
    offsets: Longs
    start: int
    most: int
    rate: float
    penalty: float
    step: float
    weak: float


class Chain(NamedTuple):
    """What rounds learned, and the scores between them.

    Parameters
    ----------
    sums : ndarray of int64 (T, K, 256)
        Gradients and curvatures per cell, packed.
    gains : ndarray of int64 (T, K)
    chosen : ndarray of int64 (T,)
    values : ndarray of int64 (T, 256)
        Of the chosen table's cells.
    scores : ndarray of int16 (T + 1, n_rows)
        Before each round, and after the last one. Personal data, derived from the rest.
    cell : ndarray of uint8 (T, n_rows)
        In which cell of the chosen table a row is. Personal data, derived from the rest.
    """

    sums: Longs
    gains: Longs
    chosen: Longs
    values: Longs
    scores: Shorts
    cell: Bytes


def empty_chain(plan: Plan, n_rows: int) -> Chain:
    """Return a chain that nothing was learned in."""
    rounds, candidates = plan.arity.shape
    return Chain(
        np.zeros((rounds, candidates, MOST_CELLS), np.int64),
        np.zeros((rounds, candidates), np.int64),
        np.zeros(rounds, np.int64),
        np.zeros((rounds, MOST_CELLS), np.int64),
        np.zeros((rounds + 1, n_rows), np.int16),
        np.zeros((rounds, n_rows), np.uint8),
    )


@kernel
def slope_of(score: int, t: int, target: int, weight: int, rule: Rule) -> int:
    """Return a row's gradient and curvature, packed, its score being rounded to the middle of its bucket."""
    offset, far = rule.offsets[t], len(rule.levels) // 2
    near = min(max(score, -far), far - 1)
    at = ((near + offset) >> rule.shift << rule.shift) - offset + (1 << rule.shift >> 1)
    return (rule.levels[min(max(at, -far), far - 1) + far] - (np.int64(target) << rule.half)) * np.int64(weight)


@kernel
def value_of(packed: int, rule: Rule) -> int:
    """Return a cell's value."""
    gradient, curvature = float(packed >> rule.half), float(packed & ((1 << rule.half) - 1)) + rule.penalty
    if gradient * gradient < rule.weak * curvature:
        return 0
    steps = math.floor(abs(rule.rate * gradient / curvature) / rule.step + 0.5)
    value = min(np.int64(math.floor(rule.step * steps + 0.5)), np.int64(LARGEST))
    return -value if gradient > 0 else value


@inner
def gain_of(packed: int, rule: Rule) -> int:
    """Return what a cell adds to its candidate's gain."""
    gradient, curvature = float(packed >> rule.half), float(packed & ((1 << rule.half) - 1)) + rule.penalty
    return np.int64(16.0 * (gradient * gradient / curvature))


@inner
def cell_of(bins: Bytes, plan: Plan, t: int, k: int) -> int:
    """Return the cell of a row, given all of its bins."""
    cell = 0
    for j in range(plan.arity[t, k]):
        cell += plan.maps[t, k, j, bins[plan.features[t, k, j]]]
    return cell


@inner
def best_of(gains: Longs) -> int:
    """Return the first candidate of largest gain."""
    best = 0
    for k in range(1, len(gains)):
        if gains[k] > gains[best]:
            best = k
    return best


@inner
def moved_by(score: int, value: int, most: int) -> int:
    """Return a score after a round."""
    return min(max(score + value, -LARGEST), most)


@inner
def _add_up(columns: Bytes, slope: Longs, plan: Plan, t: int, k: int, sums: Longs) -> None:
    """Add every row's gradient to its cell's sum. Two sums in turn: consecutive rows seldom wait for each other."""
    n, arity = len(slope), plan.arity[t, k]
    other = np.zeros(MOST_CELLS, np.int64)
    even = n - n % 2
    m0, x0 = plan.maps[t, k, 0], columns[plan.features[t, k, 0]]
    if arity == 1:
        for i in range(0, even, 2):
            sums[m0[x0[i]]] += slope[i]
            other[m0[x0[i + 1]]] += slope[i + 1]
        for i in range(even, n):
            sums[m0[x0[i]]] += slope[i]
    elif arity == 2:
        m1, x1 = plan.maps[t, k, 1], columns[plan.features[t, k, 1]]
        for i in range(0, even, 2):
            sums[m0[x0[i]] + m1[x1[i]]] += slope[i]
            other[m0[x0[i + 1]] + m1[x1[i + 1]]] += slope[i + 1]
        for i in range(even, n):
            sums[m0[x0[i]] + m1[x1[i]]] += slope[i]
    elif arity == 3:
        m1, x1 = plan.maps[t, k, 1], columns[plan.features[t, k, 1]]
        m2, x2 = plan.maps[t, k, 2], columns[plan.features[t, k, 2]]
        for i in range(0, even, 2):
            sums[m0[x0[i]] + m1[x1[i]] + m2[x2[i]]] += slope[i]
            other[m0[x0[i + 1]] + m1[x1[i + 1]] + m2[x2[i + 1]]] += slope[i + 1]
        for i in range(even, n):
            sums[m0[x0[i]] + m1[x1[i]] + m2[x2[i]]] += slope[i]
    else:
        for i in range(n):
            sums[0] += slope[i]
    for cell in range(MOST_CELLS):
        sums[cell] += other[cell]


@inner
def add_some(columns: Bytes, rows: Ints, slope: Longs, plan: Plan, t: int, k: int, sums: Longs) -> None:
    """Add some rows' gradients to their cells' sums."""
    arity = plan.arity[t, k]
    m0, x0 = plan.maps[t, k, 0], columns[plan.features[t, k, 0]]
    m1, x1 = plan.maps[t, k, 1], columns[plan.features[t, k, 1]]
    m2, x2 = plan.maps[t, k, 2], columns[plan.features[t, k, 2]]
    if arity == 0:
        for place in range(len(rows)):
            sums[0] += slope[place]
    elif arity == 1:
        for place in range(len(rows)):
            sums[m0[x0[rows[place]]]] += slope[place]
    elif arity == 2:
        for place in range(len(rows)):
            i = rows[place]
            sums[m0[x0[i]] + m1[x1[i]]] += slope[place]
    else:
        for place in range(len(rows)):
            i = rows[place]
            sums[m0[x0[i]] + m1[x1[i]] + m2[x2[i]]] += slope[place]


@inner
def place_rows(columns: Bytes, plan: Plan, t: int, k: int, cell: Bytes) -> None:
    """Write down every row's cell."""
    n, arity = len(cell), plan.arity[t, k]
    m0, x0 = plan.maps[t, k, 0], columns[plan.features[t, k, 0]]
    m1, x1 = plan.maps[t, k, 1], columns[plan.features[t, k, 1]]
    m2, x2 = plan.maps[t, k, 2], columns[plan.features[t, k, 2]]
    if arity == 0:
        cell[:] = 0
    elif arity == 1:
        for i in range(n):
            cell[i] = m0[x0[i]]
    elif arity == 2:
        for i in range(n):
            cell[i] = m0[x0[i]] + m1[x1[i]]
    else:
        for i in range(n):
            cell[i] = m0[x0[i]] + m1[x1[i]] + m2[x2[i]]


@inner
def revalue(chain: Chain, t: int, rule: Rule) -> None:
    """Compute all values of the chosen table."""
    k = chain.chosen[t]
    for cell in range(MOST_CELLS):
        packed = chain.sums[t, k, cell]
        chain.values[t, cell] = value_of(packed, rule) if packed != 0 else 0


@inner
def find_slopes(target: Ints, weight: Bytes, t: int, rule: Rule, chain: Chain, slope: Longs) -> None:
    """Write down every row's gradient and curvature before a round.

    A bucket's are computed once, rather than for every row: those of a round lie in a line or two of the cache.
    """
    far, scores = len(rule.levels) // 2, chain.scores[t]
    near = np.empty((2 * far >> rule.shift) + 2, np.int64)
    first = (-far + rule.offsets[t]) >> rule.shift
    for bucket in range(len(near)):
        near[bucket] = slope_of(((first + bucket) << rule.shift) - rule.offsets[t], t, np.int32(0), np.uint8(1), rule)
    last = ((far - 1 + rule.offsets[t]) >> rule.shift) - first
    for i in range(len(target)):
        bucket = min(max(((np.int64(scores[i]) + rule.offsets[t]) >> rule.shift) - first, 0), last)
        slope[i] = (near[bucket] - (np.int64(target[i]) << rule.half)) * np.int64(weight[i])


@inner
def add_values(t: int, rule: Rule, chain: Chain) -> None:
    """Compute every row's score after a round."""
    scores, values, cell, after = chain.scores[t], chain.values[t], chain.cell[t], chain.scores[t + 1]
    for i in range(len(scores)):
        after[i] = moved_by(scores[i], values[cell[i]], rule.most)


@kernel
def learn_round(columns: Bytes, slope: Longs, plan: Plan, t: int, rule: Rule, chain: Chain) -> None:
    """Learn a round, whose sums are nought, from every row's gradient and curvature, packed: (n_rows,)."""
    for k in range(plan.arity.shape[1]):
        _add_up(columns, slope, plan, t, k, chain.sums[t, k])
        gain = 0
        for cell in range(plan.cells[t, k]):
            gain += gain_of(chain.sums[t, k, cell], rule)
        chain.gains[t, k] = gain
    chain.chosen[t] = best_of(chain.gains[t])
    revalue(chain, t, rule)
    place_rows(columns, plan, t, chain.chosen[t], chain.cell[t])
    add_values(t, rule, chain)


@kernel
def grow(columns: Bytes, target: Ints, weight: Bytes, plan: Plan, rule: Rule, chain: Chain) -> None:
    """Learn from all rows, into a chain that is all zeros.

    Parameters
    ----------
    columns : ndarray of uint8 (n_features, n_rows)
        Bins; the last one of a feature is that of missing cells.
    target : ndarray of int32 (n_rows,)
        y, in units of the gradient.
    weight : ndarray of uint8 (n_rows,)
    """
    slope = np.empty(len(target), np.int64)
    chain.scores[0, :] = rule.start
    for t in range(len(plan.arity)):
        find_slopes(target, weight, t, rule, chain, slope)
        learn_round(columns, slope, plan, t, rule, chain)


@kernel
def add_tables(
    columns: Bytes, features: Ints, arity: Ints, maps: Bytes, values: Longs, most: int, scores: Longs
) -> None:
    """Add the values of chosen tables to the scores of rows; changes `scores`.

    Parameters
    ----------
    columns : ndarray of uint8 (n_features, n_rows)
    features, arity, maps, values : ndarray (T, 3), (T,), (T, 3, 256), (T, 256)
    most : int
        As `Rule` has it.
    scores : ndarray of int64 (n_rows,)
    """
    n = len(scores)
    for t in range(len(arity)):
        m0, m1, m2 = maps[t, 0], maps[t, 1], maps[t, 2]
        x0, x1, x2 = columns[features[t, 0]], columns[features[t, 1]], columns[features[t, 2]]
        value = values[t]
        for i in range(n):
            cell = np.int64(m0[x0[i]]) if arity[t] > 0 else 0
            if arity[t] > 1:
                cell += m1[x1[i]]
            if arity[t] > 2:
                cell += m2[x2[i]]
            scores[i] = moved_by(scores[i], value[cell], most)
