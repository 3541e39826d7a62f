"""Forgetting in tables: sums change, and only changes of scores are pushed to later rounds.

`expunge._kernels.tables` has the formulas, and says why the end is what `grow` makes of the rows that stay.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from expunge._kernels.compiled import inner, kernel
from expunge._kernels.tables import (
    MOST_CELLS,
    Bytes,
    Chain,
    Ints,
    Plan,
    Rule,
    Shorts,
    add_some,
    best_of,
    gain_of,
    moved_by,
    place_rows,
    revalue,
    slope_of,
    value_of,
)

NONE: Final = np.int32(0)
FEW_CELLS: Final = 4
"""Up to so many cells are looked for one by one."""
FEW_ROWS: Final = 16
"""Beyond so many rows of other gradients it is faster to compute all gains of a round again."""
MANY: Final = 6
"""Where the score of one row in so many changed, to go through all rows is faster than through a list."""


class Front(NamedTuple):
    """Which rows' scores are others now than they were, before the round that is looked at.

    Parameters
    ----------
    rows : ndarray of int32 (n_rows,)
        The first so many are these rows.
    was, now : ndarray of int16 (n_rows,)
        Their scores; those of now are in `Chain.scores` too.
    found : ndarray of int32 (n_rows,)
        For lists within a round.
    touched, changed : ndarray of uint8 (256,)
        Cells whose sum changed, and whose value did; all nought between rounds.
    """

    rows: Ints
    was: Shorts
    now: Shorts
    found: Ints
    touched: Bytes
    changed: Bytes


@kernel
def empty_front(n: int, marks: Bytes) -> Front:
    """Return a front of no rows; `marks` are two rows of 256 noughts."""
    return Front(
        np.empty(n + 1, np.int32),
        np.empty(n + 1, np.int16),
        np.empty(n + 1, np.int16),
        np.empty(n + 1, np.int32),
        marks[0],
        marks[1],
    )


@inner
def change_sums(
    bins: Bytes, t: int, own: int, change: int, plan: Plan, rule: Rule, chain: Chain, touched: Bytes
) -> None:
    """Change the sums of a row's cells, in all candidates; `own` is its cell in the chosen one."""
    features, arity, maps = plan.features[t], plan.arity[t], plan.maps[t]  # views once: each one takes as long as a sum
    sums, gains, chosen = chain.sums[t], chain.gains[t], chain.chosen[t]
    for k in range(len(arity)):
        cell = own
        if k != chosen:
            cell = 0
            for j in range(arity[k]):
                cell += maps[k, j, bins[features[k, j]]]
        before = sums[k, cell]
        sums[k, cell] = before + change
        gains[k] += gain_of(before + change, rule) - gain_of(before, rule)
    touched[own] = 1


@inner
def change_values(t: int, first: int, last: int, rule: Rule, chain: Chain, front: Front) -> int:
    """Compute the values of the cells whose sums changed, none of them beyond some; returns how many changed."""
    n_changed = 0
    k = chain.chosen[t]
    for cell in range(first, last + 1):
        if front.touched[cell]:
            front.touched[cell] = 0
            packed = chain.sums[t, k, cell]
            value = value_of(packed, rule) if packed != 0 else 0
            if value != chain.values[t, cell]:
                chain.values[t, cell] = value
                front.changed[cell] = 1
                n_changed += 1
    return n_changed


@inner
def _change_slopes(
    rows: Bytes, columns: Bytes, weight: Bytes, t: int, n_dirty: int, plan: Plan, rule: Rule, chain: Chain, front: Front
) -> None:
    """Bring the sums of a round up to date with the scores before it."""
    offset, shift, found = rule.offsets[t], rule.shift, front.found
    n_found = 0
    for place in range(n_dirty):
        before, after = np.int64(front.was[place]), np.int64(front.now[place])
        found[n_found] = place
        n_found += (before + offset) >> shift != (after + offset) >> shift  # else the gradient is the same
    if n_found <= FEW_ROWS:
        for place in found[:n_found]:
            i = front.rows[place]
            change = change_of(front, place, t, weight[i], rule)
            change_sums(rows[i], t, np.int64(chain.cell[t, i]), change, plan, rule, chain, front.touched)
        return
    changes = np.empty(n_found, np.int64)
    for at in range(n_found):
        place = found[at]
        found[at] = front.rows[place]
        changes[at] = change_of(front, place, t, weight[found[at]], rule)
    for k in range(plan.arity.shape[1]):
        add_some(columns, found[:n_found], changes, plan, t, k, chain.sums[t, k])
    for k in range(plan.arity.shape[1]):
        gain = 0
        for cell in range(plan.cells[t, k]):
            gain += gain_of(chain.sums[t, k, cell], rule)
        chain.gains[t, k] = gain
    front.touched[: plan.cells[t, chain.chosen[t]]] = 1


@inner
def change_of(front: Front, place: int, t: int, weight: int, rule: Rule) -> int:
    """Return by how much a row's gradient and curvature changed, packed."""
    after, before = np.int64(front.now[place]), np.int64(front.was[place])
    return slope_of(after, t, NONE, weight, rule) - slope_of(before, t, NONE, weight, rule)


@inner
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


@inner
def push_few(alive: Bytes, t: int, n_dirty: int, n_changed: int, most: int, chain: Chain, front: Front) -> int:
    """Push the rows on whose scores changed before this round or in it; returns how many were pushed on."""
    scores, after, cell, value = chain.scores[t], chain.scores[t + 1], chain.cell[t], chain.values[t]
    rows, was, now, changed = front.rows, front.was, front.now, front.changed
    n_next = 0
    for place in range(n_dirty):
        i = rows[place]
        own = cell[i]
        if n_changed and changed[own]:
            continue  # found below, with all others of its cell
        before, moved = after[i], moved_by(np.int64(now[place]), value[own], most)
        after[i] = moved
        rows[n_next], was[n_next], now[n_next] = i, before, moved
        n_next += moved != before
    if n_changed:
        for i in front.found[: _rows_of(cell, changed, n_changed, front.found)]:
            if alive[i]:
                before, moved = after[i], moved_by(np.int64(scores[i]), value[cell[i]], most)
                after[i] = moved
                rows[n_next], was[n_next], now[n_next] = i, before, moved
                n_next += moved != before
    return n_next


@inner
def push_all(alive: Bytes, t: int, most: int, chain: Chain, front: Front) -> int:
    """Do what `push_few` does, by going through all rows."""
    scores, after, cell, value = chain.scores[t], chain.scores[t + 1], chain.cell[t], chain.values[t]
    rows, was, now = front.rows, front.was, front.now
    n_next = 0
    for i in range(len(scores)):
        before = after[i]
        moved = moved_by(np.int64(scores[i]), value[cell[i]], most) if alive[i] else np.int64(before)
        after[i] = moved
        rows[n_next], was[n_next], now[n_next] = i, before, moved
        n_next += moved != before
    return n_next


@kernel
def forget_rows(
    rows: Bytes,
    columns: Bytes,
    target: Ints,
    weight: Bytes,
    alive: Bytes,
    leaving: Ints,
    plan: Plan,
    rule: Rule,
    chain: Chain,
) -> tuple[int, int, int]:
    """Make of a chain what `grow` would make of the rows that stay; changes `chain`.

    However many rows are pushed, it takes at most about as long as `grow`; but a row that leaves takes as long as
    some dozens of rows that stay.

    Parameters
    ----------
    rows, columns : ndarray of uint8 (n_rows, n_features), (n_features, n_rows)
        Bins, laid out in both ways.
    target, weight : ndarray of int32 and uint8 (n_rows,)
        As `grow` has them; those of the rows that leave too.
    alive : ndarray of uint8 (n_rows,)
        0 already where a row leaves now.
    leaving : ndarray of int32

    Returns
    -------
    pushed, values, choices : int
        How many rows were pushed to a round, values moved, and other tables were chosen.
    """
    n, rounds = len(target), len(plan.arity)
    marks = np.zeros((2, MOST_CELLS), np.uint8)
    front = empty_front(n, marks)
    n_dirty = pushed = n_values = n_choices = np.int64(0)
    for t in range(rounds):
        first, last = MOST_CELLS, -1
        for i in leaving:
            if weight[i]:
                own = np.int64(chain.cell[t, i])
                change = -slope_of(np.int64(chain.scores[t, i]), t, target[i], weight[i], rule)
                change_sums(rows[i], t, own, change, plan, rule, chain, front.touched)
                first, last = min(first, own), max(last, own)
        if n_dirty:
            _change_slopes(rows, columns, weight, t, n_dirty, plan, rule, chain, front)
            first, last = 0, np.int64(plan.cells[t, chain.chosen[t]]) - 1
        pushed += n_dirty
        best = best_of(chain.gains[t])
        if best == chain.chosen[t]:
            n_changed = change_values(t, first, last, rule, chain, front)
            n_values += n_changed
            if not n_dirty and not n_changed:
                pass  # most rounds of most people
            elif n_dirty < n // MANY:
                n_dirty = push_few(alive, t, n_dirty, n_changed, rule.most, chain, front)
            else:
                n_dirty = push_all(alive, t, rule.most, chain, front)
            if n_changed:
                front.changed[:] = 0
        else:
            n_choices += 1
            chain.chosen[t] = best
            front.touched[:] = 0
            revalue(chain, t, rule)
            place_rows(columns, plan, t, best, chain.cell[t])
            n_dirty = push_all(alive, t, rule.most, chain, front)
        for i in leaving:
            chain.scores[t, i] = 0
            chain.cell[t, i] = 0
    for i in leaving:
        chain.scores[rounds, i] = 0
    return pushed, n_values, n_choices
