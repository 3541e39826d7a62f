"""Boosting by tables: every round adds the value of one cell of a table over one to three features.

A round has a few candidate tables, drawn by key (`draw_plan`); the data choose one of them, and its cells' values. With
F(t, i) the score of row i before round t, in units of 1/256, all integers:

- The row's gradient g and curvature h are those of the logistic loss at F, in units of 1/256, F being rounded to the
  middle of a bucket: ``g = round(256 (p - y))``, ``h = max(1, round(256 p (1 - p)))``, p = 1 / (1 + exp(-F / 256)).
- A cell's sums G and H are those of its rows. A candidate's gain is the sum over its cells of
  ``floor(16 G**2 / (H + penalty))``; the first candidate of largest gain is chosen.
- A cell's value is ``-256 rate G / (H + penalty)``, rounded to a multiple of `step`; nought in the dead zone.

To forget a row is to subtract its g and h in every round. Where a value moves, or another candidate is chosen, the
scores of that cell's rows change, and only their changes are pushed to the next round (`forget_rows`). By induction
over rounds everything then equals what `grow` makes of the rows that stay: both compute the same function of the same
integers, and integer sums know no order.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge._kernels.compiled import kernel
from expunge._kernels.siphash import Words, hash_each, siphash

Bytes = npt.NDArray[np.uint8]
Shorts = npt.NDArray[np.int16]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

UNIT: Final = 256
"""Scores, gradients and curvatures count in steps of 1 / 256."""
MOST_FEATURES: Final = 3
MOST_CELLS: Final = 256
BINS: Final = 256
FAR: Final = 2048
"""Beyond this score, 8 logits, the gradient is taken as there."""
LARGEST: Final = 32_000
"""No score goes beyond: 16 bits hold it."""
FEW_CELLS: Final = 4
"""Up to so many cells are looked for one by one."""
MANY: Final = 8
"""Where one row in so many changed, going through all of them is faster than through a list."""
_HALF: Final = np.int64(32)
_LOW: Final = np.int64(0xFFFFFFFF)


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
    slopes : ndarray of int64 (2, 4096)
        By class and score from -2048 on: gradient and curvature, packed (`pack`).
    shift : int
        A bucket of scores is 2**shift wide.
    offsets : ndarray of int64 (T,)
        Where the buckets of each round begin.
    start : int
        The score before the first round.
    rate, penalty, step, weak : float
        `penalty` in units of 1 / 256, `step` in those of the score. A cell of ``G**2 < weak * (H + penalty)``, or of a
        value below half a step, has the value nought.
    """

    slopes: Longs
    shift: int
    offsets: Longs
    start: int
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


def slopes() -> Longs:
    """Return gradient and curvature of the logistic loss for every score, packed: ndarray of int64 (2, 4096).

    They are rounded from float64, none of them nearer than 1e-7 to where rounding turns: any machine's `exp` gives
    the same integers.
    """
    scores = np.arange(-FAR, FAR) / UNIT
    p = 1 / (1 + np.exp(-scores))
    h = np.maximum(1, np.floor(UNIT * p * (1 - p) + 0.5)).astype(np.int64)
    g = [np.floor(UNIT * (p - y) + 0.5).astype(np.int64) for y in (0, 1)]
    return np.stack([(own << _HALF) + h for own in g])


@kernel
def _root(number: int, degree: int) -> int:
    """Return the largest integer whose power is at most a number."""
    found = 1
    while (found + 1) ** degree <= number:
        found += 1
    return found


@kernel
def draw_plan(
    key: Words,
    live: Longs,
    bins: Longs,
    missing: Longs,
    named: Longs,
    names: Words,
    rounds: int,
    candidates: int,
    widest: int,
) -> Plan:
    """Draw the tables by key.

    Features are dealt from decks, each a permutation of all of them, so that each comes up as often as the others. A
    feature's bins are cut where the hash of (round, candidate, feature, edge) is smallest; words are dealt to groups
    by their hash: a bin that moves touches only tables of its feature.

    Parameters
    ----------
    key : ndarray of uint64 (2,)
    live : ndarray of int64
        Features that have two bins or more, ascending.
    bins, missing : ndarray of int64 (n_features,)
        How many bins each has, that of missing cells apart; and 1 where cells are missing.
    named : ndarray of int64 (n_features,)
        1 where bins are words, without an order.
    names : ndarray of uint64 (n_features, 256)
        What each bin's upper edge, or its word, is.
    rounds, candidates : int
    widest : int
        Most features of a table, 1 to 3.
    """
    features = np.zeros((rounds, candidates, MOST_FEATURES), np.int32)
    arity = np.zeros((rounds, candidates), np.int32)
    cells = np.ones((rounds, candidates), np.int32)
    maps = np.zeros((rounds, candidates, MOST_FEATURES, BINS), np.uint8)
    about, deck = np.empty(4, np.uint64), np.empty(0, np.int64)
    dealt = decks = 0
    for t in range(rounds):
        for k in range(candidates):
            about[0], about[1], about[2], about[3] = 1, t, k, 0
            wanted = min(np.int64(siphash(key, about) % np.uint64(widest)) + 1, np.int64(len(live)))
            n = 0
            while n < wanted:
                if dealt == len(deck):
                    about[0], about[1], about[2], about[3] = 2, decks, 0, 0
                    deck = live[np.argsort(hash_each(key, about, live.astype(np.uint64)), kind="mergesort")]
                    decks += 1
                    dealt = 0
                if (features[t, k, :n] == deck[dealt]).any():
                    break  # a deck ended with it and the next begins with it
                features[t, k, n] = deck[dealt]
                dealt += 1
                n += 1
            chosen = features[t, k, :n]
            chosen[:] = chosen[np.argsort(bins[chosen] * BINS + chosen, kind="mergesort")]
            arity[t, k] = n
            room, stride = MOST_CELLS, 1
            for j in range(n):
                f = chosen[j]
                levels = min(_root(room, n - j), bins[f] + missing[f])
                groups = levels - missing[f]
                about[0], about[1], about[2], about[3] = 3, t, k, f
                hashes = hash_each(key, about, names[f, : bins[f]])
                if named[f]:
                    for b in range(bins[f]):
                        maps[t, k, j, b] = stride * np.int64(hashes[b] % np.uint64(groups))
                else:
                    order = np.argsort(hashes[: bins[f] - 1], kind="mergesort")
                    cut = np.zeros(bins[f], np.int64)
                    cut[order[: groups - 1] + 1] = 1
                    group = 0
                    for b in range(bins[f]):
                        group += cut[b]
                        maps[t, k, j, b] = stride * group
                if missing[f]:
                    maps[t, k, j, bins[f]] = stride * groups
                stride *= levels
                room //= levels
            cells[t, k] = stride
    return Plan(features, arity, cells, maps)


@kernel
def _slope(score: int, t: int, y: int, rule: Rule) -> int:
    """Return a row's gradient and curvature, packed, its score being rounded to the middle of its bucket."""
    offset = rule.offsets[t]
    near = min(max(score, -FAR), FAR - 1)
    at = ((near + offset) >> rule.shift << rule.shift) - offset + (1 << rule.shift >> 1)
    return rule.slopes[y, min(max(at, -FAR), FAR - 1) + FAR]


@kernel
def _value(packed: int, rule: Rule) -> int:
    """Return a cell's value."""
    gradient, curvature = float(packed >> _HALF), float(packed & _LOW) + rule.penalty
    if gradient * gradient < rule.weak * curvature:
        return 0
    steps = math.floor(abs(rule.rate * UNIT * gradient / curvature) / rule.step + 0.5)
    value = min(np.int64(math.floor(rule.step * steps + 0.5)), np.int64(LARGEST))
    return -value if gradient > 0 else value


@kernel
def _gain(packed: int, rule: Rule) -> int:
    """Return what a cell adds to its candidate's gain."""
    gradient = float(packed >> _HALF)
    return np.int64(16.0 * (gradient * gradient / (float(packed & _LOW) + rule.penalty)))


@kernel
def _cell_of(bins: Bytes, plan: Plan, t: int, k: int) -> int:
    """Return the cell of a row, given all of its bins."""
    cell = 0
    for j in range(plan.arity[t, k]):
        cell += plan.maps[t, k, j, bins[plan.features[t, k, j]]]
    return cell


@kernel
def _best(gains: Longs) -> int:
    """Return the first candidate of largest gain."""
    best = 0
    for k in range(1, len(gains)):
        if gains[k] > gains[best]:
            best = k
    return best


@kernel
def _moved(score: int, value: int) -> int:
    """Return a score after a round."""
    return min(max(score + value, -LARGEST), LARGEST)


@kernel
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


@kernel
def _place(columns: Bytes, plan: Plan, t: int, k: int, cell: Bytes) -> None:
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


@kernel
def _revalue(chain: Chain, t: int, rule: Rule) -> None:
    """Compute all values of the chosen table."""
    k = chain.chosen[t]
    for cell in range(MOST_CELLS):
        packed = chain.sums[t, k, cell]
        chain.values[t, cell] = _value(packed, rule) if packed != 0 else 0


@kernel
def grow(columns: Bytes, y: Bytes, plan: Plan, rule: Rule, chain: Chain) -> None:
    """Learn from all rows, into a chain that is all zeros.

    Parameters
    ----------
    columns : ndarray of uint8 (n_features, n_rows)
        Bins; the last one of a feature is that of missing cells.
    y : ndarray of uint8 (n_rows,)
        0 or 1.
    """
    rounds, candidates = plan.arity.shape
    n = len(y)
    slope = np.empty(n, np.int64)
    reach = (2 * FAR >> rule.shift) + 2
    near = np.empty((2, reach), np.int64)
    chain.scores[0, :] = rule.start
    for t in range(rounds):
        # A bucket's gradient once, rather than for every row: those of a round lie in a line or two of the cache.
        first = (-FAR + rule.offsets[t]) >> rule.shift
        for bucket in range(reach):
            for label in range(2):
                near[label, bucket] = _slope(((first + bucket) << rule.shift) - rule.offsets[t], t, label, rule)
        last = ((FAR - 1 + rule.offsets[t]) >> rule.shift) - first
        scores = chain.scores[t]
        for i in range(n):
            bucket = ((np.int64(scores[i]) + rule.offsets[t]) >> rule.shift) - first
            slope[i] = near[y[i], min(max(bucket, 0), last)]
        for k in range(candidates):
            _add_up(columns, slope, plan, t, k, chain.sums[t, k])
            gain = 0
            for cell in range(plan.cells[t, k]):
                gain += _gain(chain.sums[t, k, cell], rule)
            chain.gains[t, k] = gain
        chain.chosen[t] = _best(chain.gains[t])
        _revalue(chain, t, rule)
        _place(columns, plan, t, chain.chosen[t], chain.cell[t])
        values, cell, after = chain.values[t], chain.cell[t], chain.scores[t + 1]
        for i in range(n):
            after[i] = _moved(scores[i], values[cell[i]])


class Front(NamedTuple):
    """Which rows' scores are others now than they were, before the round that is looked at.

    While they are few, `rows` lists them, and `now` holds for; while they are many, `now` has the scores of all rows.

    Parameters
    ----------
    rows : ndarray of int32 (n_rows,)
    now : ndarray of int16 (n_rows,)
        Scores as they are now; `Chain.scores` still has what they were.
    found : ndarray of int32 (n_rows,)
        For listing the rows of some cells.
    touched, changed : ndarray of uint8 (256,)
        Cells whose sum changed, and whose value did; all nought between rounds.
    """

    rows: Ints
    now: Shorts
    found: Ints
    touched: Bytes
    changed: Bytes


@kernel
def _change_sums(
    bins: Bytes, t: int, own: int, change: int, plan: Plan, rule: Rule, chain: Chain, touched: Bytes
) -> None:
    """Change the sums of a row's cells, in all candidates; `own` is its cell in the chosen one."""
    chosen = chain.chosen[t]
    for k in range(plan.arity.shape[1]):
        cell = own if k == chosen else _cell_of(bins, plan, t, k)
        before = chain.sums[t, k, cell]
        chain.sums[t, k, cell] = before + change
        chain.gains[t, k] += _gain(before + change, rule) - _gain(before, rule)
    touched[own] = 1


@kernel
def _change_values(t: int, plan: Plan, rule: Rule, chain: Chain, front: Front) -> int:
    """Compute the values of the cells whose sums changed; returns how many changed."""
    n_changed = 0
    k = chain.chosen[t]
    for cell in range(plan.cells[t, k]):
        if front.touched[cell]:
            front.touched[cell] = 0
            packed = chain.sums[t, k, cell]
            value = _value(packed, rule) if packed != 0 else 0
            if value != chain.values[t, cell]:
                chain.values[t, cell] = value
                front.changed[cell] = 1
                n_changed += 1
    return n_changed


@kernel
def _slopes_of_few(
    rows: Bytes, y: Bytes, t: int, n_few: int, plan: Plan, rule: Rule, chain: Chain, front: Front
) -> None:
    """Bring the sums of a round up to date with the scores before it, and write these back."""
    was, cell, now = chain.scores[t], chain.cell[t], front.now
    offset, shift = rule.offsets[t], rule.shift
    for place in range(n_few):
        i = front.rows[place]
        before, after = np.int64(was[i]), np.int64(now[i])
        was[i] = now[i]
        if (before + offset) >> shift != (after + offset) >> shift:  # else the gradient is the same
            change = _slope(after, t, y[i], rule) - _slope(before, t, y[i], rule)
            _change_sums(rows[i], t, np.int64(cell[i]), change, plan, rule, chain, front.touched)


@kernel
def _slopes_of_all(rows: Bytes, y: Bytes, t: int, plan: Plan, rule: Rule, chain: Chain, front: Front) -> None:
    """Do what `_slopes_of_few` does, for rows that are not listed."""
    was, cell, now = chain.scores[t], chain.cell[t], front.now
    offset, shift = rule.offsets[t], rule.shift
    for i in range(len(was)):
        before, after = np.int64(was[i]), np.int64(now[i])
        if (before + offset) >> shift != (after + offset) >> shift:
            change = _slope(after, t, y[i], rule) - _slope(before, t, y[i], rule)
            _change_sums(rows[i], t, np.int64(cell[i]), change, plan, rule, chain, front.touched)
    was[:] = now


@kernel
def _rows_of(cell: Bytes, wanted: Bytes, n_wanted: int, found: Ints) -> int:
    """List the rows of some cells; returns how many they are."""
    n = 0
    if n_wanted > FEW_CELLS:
        for i in range(len(cell)):
            if wanted[cell[i]]:
                found[n] = i
                n += 1
        return n
    for one in range(MOST_CELLS):
        if wanted[one]:
            lone = np.uint8(one)
            for begin in range(0, len(cell), 64):
                end = min(begin + 64, len(cell))
                hits = 0
                for i in range(begin, end):  # a comparison of many bytes at once
                    hits += cell[i] == lone
                if hits:
                    for i in range(begin, end):
                        if cell[i] == lone:
                            found[n] = i
                            n += 1
    return n


@kernel
def _push_few(alive: Bytes, t: int, n_few: int, n_changed: int, chain: Chain, front: Front) -> int:
    """Push the rows on whose scores changed before this round or in it; returns how many were pushed on."""
    was, after, cell, value = chain.scores[t], chain.scores[t + 1], chain.cell[t], chain.values[t]
    rows, now, changed = front.rows, front.now, front.changed
    n_next = 0
    for place in range(n_few):
        i = rows[place]
        own = cell[i]
        if n_changed and changed[own]:
            continue  # found below, with all others of its cell
        moved = _moved(np.int64(now[i]), value[own])
        if moved != after[i]:
            now[i] = moved
            rows[n_next] = i
            n_next += 1
    if n_changed:
        for place in range(_rows_of(cell, changed, n_changed, front.found)):
            i = front.found[place]
            if alive[i]:
                moved = _moved(np.int64(was[i]), value[cell[i]])  # the scores of now were written back
                if moved != after[i]:
                    now[i] = moved
                    rows[n_next] = i
                    n_next += 1
        changed[:] = 0
    return n_next


@kernel
def _push_all(alive: Bytes, t: int, chain: Chain, front: Front) -> int:
    """Compute every row's score after this round from that before it; returns how many are others than they were."""
    was, after, cell, value, now = chain.scores[t], chain.scores[t + 1], chain.cell[t], chain.values[t], front.now
    n_other = 0
    for i in range(len(was)):
        moved = _moved(np.int64(was[i]), value[cell[i]]) * alive[i]  # the scores of now were written back
        now[i] = moved
        n_other += moved != after[i]
    front.changed[:] = 0
    return n_other


@kernel
def _listed(now: Shorts, after: Shorts, alive: Bytes, rows: Ints) -> int:
    """List the rows whose scores are others now; returns how many they are."""
    n = 0
    for i in range(len(now)):
        if now[i] != after[i] and alive[i]:
            rows[n] = i
            n += 1
    return n


@kernel
def forget_rows(
    rows: Bytes,
    columns: Bytes,
    y: Bytes,
    alive: Bytes,
    leaving: Ints,
    plan: Plan,
    rule: Rule,
    chain: Chain,
) -> tuple[int, int, int]:
    """Make of a chain what `grow` would make of the rows that stay; changes `chain`.

    However many rows are pushed, it takes at most about twice as long as `grow`; but a row that leaves takes as long as
    some dozens of rows that stay.

    Parameters
    ----------
    rows, columns : ndarray of uint8 (n_rows, n_features), (n_features, n_rows)
        Bins, laid out in both ways.
    y, alive : ndarray of uint8 (n_rows,)
        `alive` is 0 already where a row leaves now.
    leaving : ndarray of int32

    Returns
    -------
    pushed, values, choices : int
        How many rows were pushed to a round, values moved, and other tables were chosen.
    """
    n, rounds = len(y), len(plan.arity)
    marks = np.zeros((2, MOST_CELLS), np.uint8)
    front = Front(np.empty(n, np.int32), np.empty(n, np.int16), np.empty(n, np.int32), marks[0], marks[1])
    n_dirty = pushed = n_values = n_choices = 0
    few = True
    for t in range(rounds):
        for i in leaving:
            change = -_slope(np.int64(chain.scores[t, i]), t, y[i], rule)
            _change_sums(rows[i], t, np.int64(chain.cell[t, i]), change, plan, rule, chain, front.touched)
            chain.scores[t, i] = 0
        if few:
            _slopes_of_few(rows, y, t, n_dirty, plan, rule, chain, front)
        else:
            _slopes_of_all(rows, y, t, plan, rule, chain, front)
        pushed += n_dirty
        best = _best(chain.gains[t])
        chosen_again = best == chain.chosen[t]
        if chosen_again:
            n_changed = _change_values(t, plan, rule, chain, front)
            n_values += n_changed
        else:
            n_choices += 1
            chain.chosen[t] = best
            front.touched[:] = 0
            _revalue(chain, t, rule)
            _place(columns, plan, t, best, chain.cell[t])
        if few and chosen_again:
            n_dirty = _push_few(alive, t, n_dirty, n_changed, chain, front)
        else:
            n_dirty = _push_all(alive, t, chain, front)
            few = n_dirty < n // MANY
            if few:
                n_dirty = _listed(front.now, chain.scores[t + 1], alive, front.rows)
    if not few:
        n_dirty = _listed(front.now, chain.scores[rounds], alive, front.rows)
    for i in front.rows[:n_dirty]:
        chain.scores[rounds, i] = front.now[i]
    for i in leaving:
        chain.scores[:, i] = 0
        chain.cell[:, i] = 0
    return pushed, n_values, n_choices


@kernel
def add_tables(columns: Bytes, features: Ints, arity: Ints, maps: Bytes, values: Longs, scores: Longs) -> None:
    """Add the values of chosen tables to the scores of rows; changes `scores`.

    Parameters
    ----------
    columns : ndarray of uint8 (n_features, n_rows)
    features, arity, maps, values : ndarray (T, 3), (T,), (T, 3, 256), (T, 256)
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
            scores[i] = _moved(scores[i], value[cell])
