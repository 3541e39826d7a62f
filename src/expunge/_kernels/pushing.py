"""Forgetting in tables: sums change, and only changes of scores are pushed to later rounds.

`expunge._kernels.tables` has the formulas, and says why the end is what `grow` makes of the rows that stay.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from expunge._kernels.compiled import kernel
from expunge._kernels.tables import (
    MOST_CELLS,
    Bytes,
    Chain,
    Ints,
    Plan,
    Rule,
    Shorts,
    best_of,
    cell_of,
    gain_of,
    moved_by,
    place_rows,
    revalue,
    slope_of,
    value_of,
)

FEW_CELLS: Final = 4
"""Up to so many cells are looked for one by one."""
MANY: Final = 8
"""Where one row in so many changed, going through all of them is faster than through a list."""


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
def change_sums(
    bins: Bytes, t: int, own: int, change: int, plan: Plan, rule: Rule, chain: Chain, touched: Bytes
) -> None:
    """Change the sums of a row's cells, in all candidates; `own` is its cell in the chosen one."""
    chosen = chain.chosen[t]
    for k in range(plan.arity.shape[1]):
        cell = own if k == chosen else cell_of(bins, plan, t, k)
        before = chain.sums[t, k, cell]
        chain.sums[t, k, cell] = before + change
        chain.gains[t, k] += gain_of(before + change, rule) - gain_of(before, rule)
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
            value = value_of(packed, rule) if packed != 0 else 0
            if value != chain.values[t, cell]:
                chain.values[t, cell] = value
                front.changed[cell] = 1
                n_changed += 1
    return n_changed


@kernel
def _slopes_of_few(
    rows: Bytes, weight: Bytes, t: int, n_few: int, plan: Plan, rule: Rule, chain: Chain, front: Front
) -> None:
    """Bring the sums of a round up to date with the scores before it, and write these back."""
    was, cell, now = chain.scores[t], chain.cell[t], front.now
    offset, shift = rule.offsets[t], rule.shift
    for place in range(n_few):
        i = front.rows[place]
        before, after = np.int64(was[i]), np.int64(now[i])
        was[i] = now[i]
        if weight[i] and (before + offset) >> shift != (after + offset) >> shift:  # else the gradient is the same
            change = slope_of(after, t, 0, weight[i], rule) - slope_of(before, t, 0, weight[i], rule)
            change_sums(rows[i], t, np.int64(cell[i]), change, plan, rule, chain, front.touched)


@kernel
def _slopes_of_all(rows: Bytes, weight: Bytes, t: int, plan: Plan, rule: Rule, chain: Chain, front: Front) -> None:
    """Do what `_slopes_of_few` does, for rows that are not listed."""
    was, cell, now = chain.scores[t], chain.cell[t], front.now
    offset, shift = rule.offsets[t], rule.shift
    for i in range(len(was)):
        before, after = np.int64(was[i]), np.int64(now[i])
        if weight[i] and (before + offset) >> shift != (after + offset) >> shift:
            change = slope_of(after, t, 0, weight[i], rule) - slope_of(before, t, 0, weight[i], rule)
            change_sums(rows[i], t, np.int64(cell[i]), change, plan, rule, chain, front.touched)
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
def _push_few(alive: Bytes, t: int, n_few: int, n_changed: int, most: int, chain: Chain, front: Front) -> int:
    """Push the rows on whose scores changed before this round or in it; returns how many were pushed on."""
    was, after, cell, value = chain.scores[t], chain.scores[t + 1], chain.cell[t], chain.values[t]
    rows, now, changed = front.rows, front.now, front.changed
    n_next = 0
    for place in range(n_few):
        i = rows[place]
        own = cell[i]
        if n_changed and changed[own]:
            continue  # found below, with all others of its cell
        moved = moved_by(np.int64(now[i]), value[own], most)
        if moved != after[i]:
            now[i] = moved
            rows[n_next] = i
            n_next += 1
    if n_changed:
        for place in range(_rows_of(cell, changed, n_changed, front.found)):
            i = front.found[place]
            if alive[i]:
                moved = moved_by(np.int64(was[i]), value[cell[i]], most)  # the scores of now were written back
                if moved != after[i]:
                    now[i] = moved
                    rows[n_next] = i
                    n_next += 1
        changed[:] = 0
    return n_next


@kernel
def _push_all(alive: Bytes, t: int, most: int, chain: Chain, front: Front) -> int:
    """Compute every row's score after this round from that before it; returns how many are others than they were."""
    was, after, cell, value, now = chain.scores[t], chain.scores[t + 1], chain.cell[t], chain.values[t], front.now
    n_other = 0
    for i in range(len(was)):
        moved = moved_by(np.int64(was[i]), value[cell[i]], most) * alive[i]  # the scores of now were written back
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
    target: Ints,
    weight: Bytes,
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
    front = Front(np.empty(n, np.int32), np.empty(n, np.int16), np.empty(n, np.int32), marks[0], marks[1])
    n_dirty = pushed = n_values = n_choices = 0
    few = True
    for t in range(rounds):
        for i in leaving:
            if weight[i]:
                change = -slope_of(np.int64(chain.scores[t, i]), t, target[i], weight[i], rule)
                change_sums(rows[i], t, np.int64(chain.cell[t, i]), change, plan, rule, chain, front.touched)
            chain.scores[t, i] = 0
        if few:
            _slopes_of_few(rows, weight, t, n_dirty, plan, rule, chain, front)
        else:
            _slopes_of_all(rows, weight, t, plan, rule, chain, front)
        pushed += n_dirty
        best = best_of(chain.gains[t])
        chosen_again = best == chain.chosen[t]
        if chosen_again:
            n_changed = _change_values(t, plan, rule, chain, front)
            n_values += n_changed
        else:
            n_choices += 1
            chain.chosen[t] = best
            front.touched[:] = 0
            revalue(chain, t, rule)
            place_rows(columns, plan, t, best, chain.cell[t])
        if few and chosen_again:
            n_dirty = _push_few(alive, t, n_dirty, n_changed, rule.most, chain, front)
        else:
            n_dirty = _push_all(alive, t, rule.most, chain, front)
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
