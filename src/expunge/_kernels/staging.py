"""Boosting in stages: rounds that add the value of a leaf of a tree, the trees being what a stage's beginning says.

A stage is some rounds, each with a tree of `expunge._kernels.forests`. All trees of a stage are grown from the rows'
gradients at its beginning, as numbers of 0 to 255, so that they do not change while scores do; their first levels are
blind. A leaf is a cell of a table with one candidate (`expunge._kernels.tables`): which one, is told by the way to it,
0 for left and 1 for right, filled up with noughts to eight turns. Sums, values and scores are those of tables.

To forget a row is to take it out of the trees of a stage, to relabel in them those whose gradient at the stage's
beginning is another now (`relabelling`), and to subtract and push in the rounds as tables do; where a node of a tree
splits otherwise, the rows below it change cells first. By induction over stages everything then is what `grow_stage`
makes of the rows that stay: equal scores before a stage make equal numbers, hence equal trees, and from there on
equal cells, sums, values and scores.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from expunge._kernels.compiled import inner, kernel
from expunge._kernels.pushing import MANY, Front, change_of, change_values, push_all, push_few
from expunge._kernels.tables import (
    MOST_CELLS,
    Bytes,
    Chain,
    Ints,
    Longs,
    Plan,
    Rule,
    add_values,
    find_slopes,
    moved_by,
    revalue,
    slope_of,
)
from expunge._kernels.trees import WHOLE, Trees

DEEPEST: Final = 8
"""So many turns tell at most 256 leaves apart."""


def leaf_plan(rounds: int) -> Plan:
    """Return a plan of one candidate per round, whose cells are given."""
    shape = (rounds, 1)
    return Plan(
        np.zeros((*shape, 1), np.int32),
        np.zeros(shape, np.int32),
        np.full(shape, MOST_CELLS, np.int32),
        np.zeros((*shape, 1, 1), np.uint8),
    )


@inner
def level_of(score: int, t: int, target: int, reach: int, rule: Rule) -> int:
    """Return a row's gradient before a round as a number of 0 to 255: those beyond -reach and reach as these."""
    gradient = slope_of(score, t, target, 1, rule) >> rule.half
    return min(max((gradient + reach) * WHOLE // (2 * reach), 0), WHOLE)


@kernel
def find_levels(target: Ints, t: int, reach: int, rule: Rule, chain: Chain, y: Bytes) -> None:
    """Write down every row's gradient before a stage, as a number."""
    for i in range(len(y)):
        y[i] = level_of(np.int64(chain.scores[t, i]), t, np.int64(target[i]), reach, rule)


@kernel
def cell_in(bins: Bytes, trees: Trees, b: int) -> int:
    """Return the cell of a row in a tree, given all of its bins."""
    k, cell, step = 0, 0, MOST_CELLS >> 1
    while trees.feature[b, k] >= 0:
        right = bins[trees.feature[b, k]] > trees.threshold[b, k]
        cell += step * right
        step >>= 1
        k = trees.left[b, k] + right
    return cell


@kernel
def grow_stage(rows: Bytes, target: Ints, weight: Bytes, trees: Trees, first: int, rule: Rule, chain: Chain) -> None:
    """Learn the rounds of a stage from all rows, given its trees and the scores before it; they must be all noughts.

    Parameters
    ----------
    rows : ndarray of uint8 (n_rows, n_features)
        Bins.
    first : int
        The stage's first round.
    """
    slope = np.empty(len(target), np.int64)
    for b in range(len(trees.feature)):
        t = first + b
        cell, sums = chain.cell[t], chain.sums[t, 0]
        find_slopes(target, weight, t, rule, chain, slope)
        for i in range(len(target)):
            cell[i] = cell_in(rows[i], trees, b)
            sums[cell[i]] += slope[i]
        revalue(chain, t, rule)
        add_values(t, rule, chain)


@kernel
def find_relabelled(
    target: Ints,
    weight: Bytes,
    t: int,
    reach: int,
    rule: Rule,
    chain: Chain,
    others: Ints,
    y: Bytes,
    moved: Ints,
    was: Bytes,
) -> int:
    """Write down the numbers at the beginning of a stage that are others now; list the rows that trees see of these.

    Returns how many are listed.

    Parameters
    ----------
    others : ndarray of int32
        Rows whose scores are others now.
    y : ndarray of uint8 (n_rows,)
        Changed.
    moved, was : ndarray of int32 and uint8 (n_rows + 1,)
        The rows and the numbers that they had; written to.
    """
    n = 0
    for i in others:
        level = np.uint8(level_of(np.int64(chain.scores[t, i]), t, np.int64(target[i]), reach, rule))
        if level != y[i]:
            moved[n], was[n] = i, y[i]
            y[i] = level
            n += weight[i] > 0
    return n


@kernel
def _other_cells(trees: Trees, b: int, wanted: Bytes, stack: Longs) -> None:
    """Mark the cells below nodes that are others than they were, and let all nodes be as they are."""
    wanted[:] = 0
    stack[0], depth = 0, 1  # a node, its first cell, and how many cells there are below it
    stack[1], stack[2] = 0, MOST_CELLS
    while depth > 0:
        depth -= 1
        k, cell, size = stack[3 * depth], stack[3 * depth + 1], stack[3 * depth + 2]
        if trees.fresh[b, k]:
            wanted[cell : cell + size] = 1
        trees.fresh[b, k] = 0
        if trees.feature[b, k] >= 0:
            for side in range(2):
                stack[3 * depth] = trees.left[b, k] + side
                stack[3 * depth + 1], stack[3 * depth + 2] = cell + side * (size >> 1), size >> 1
                depth += 1


@inner
def _change_cells(
    rows: Bytes,
    target: Ints,
    weight: Bytes,
    alive: Bytes,
    trees: Trees,
    b: int,
    t: int,
    n_dirty: int,
    rule: Rule,
    chain: Chain,
    wanted: Bytes,
    front: Front,
) -> int:
    """Give rows the cells that they have in a tree now, and the sums their gradients there, by the scores they had.

    Rows that only their cell is new of join those whose scores are; returns how many these are then.
    """
    n, cell, scores = n_dirty, chain.cell[t], chain.scores[t]
    for place in range(n_dirty):
        i = front.rows[place]
        if wanted[cell[i]]:
            _change_cell(rows, target, weight, trees, b, t, i, np.int64(front.was[place]), rule, chain, front)
    for i in range(len(cell)):
        if wanted[cell[i]] and alive[i]:
            score = scores[i]
            if _change_cell(rows, target, weight, trees, b, t, i, np.int64(score), rule, chain, front):
                front.rows[n], front.was[n], front.now[n] = i, score, score
                n += 1
    return n


@inner
def _change_cell(
    rows: Bytes,
    target: Ints,
    weight: Bytes,
    trees: Trees,
    b: int,
    t: int,
    i: int,
    score: int,
    rule: Rule,
    chain: Chain,
    front: Front,
) -> bool:
    """Do that for a row; tells whether its cell is another."""
    before, after, sums = chain.cell[t, i], cell_in(rows[i], trees, b), chain.sums[t, 0]
    if after == before:
        return False
    slope = slope_of(score, t, np.int64(target[i]), np.int64(weight[i]), rule)
    sums[before] -= slope
    sums[after] += slope
    front.touched[before] = 1
    front.touched[after] = 1
    chain.cell[t, i] = after
    return True


@inner
def _change_slopes(weight: Bytes, t: int, n_dirty: int, rule: Rule, chain: Chain, front: Front) -> None:
    """Bring the sums of a round up to date with the scores before it."""
    offset, shift, cell, sums = rule.offsets[t], rule.shift, chain.cell[t], chain.sums[t, 0]
    for place in range(n_dirty):
        before, after = np.int64(front.was[place]), np.int64(front.now[place])
        if (before + offset) >> shift != (after + offset) >> shift:  # else the gradient is the same
            i = front.rows[place]
            sums[cell[i]] += change_of(front, place, t, weight[i], rule)
            front.touched[cell[i]] = 1


@kernel
def forget_stage(
    rows: Bytes,
    target: Ints,
    weight: Bytes,
    alive: Bytes,
    leaving: Ints,
    trees: Trees,
    mended: Bytes,
    first: int,
    rule: Rule,
    chain: Chain,
    front: Front,
    n_dirty: int,
) -> tuple[int, int, int]:
    """Make of a stage's rounds what `grow_stage` would make of the rows that stay, given its trees as they are now.

    Parameters
    ----------
    rows : ndarray of uint8 (n_rows, n_features)
    target, weight, alive, leaving
        As `pushing.forget_rows` has them.
    trees : Trees
        Those of the stage; `fresh` says which nodes are others than they were, and then is nought for all there are.
    mended : ndarray of uint8 (n_trees,)
        1 where a node of a tree splits otherwise than it did.
    first : int
        The stage's first round.
    front : Front
        Whose scores before the stage are others now.
    n_dirty : int
        How many these are.

    Returns
    -------
    n_dirty : int
        How many these are after the stage.
    pushed, values : int
        How many rows were pushed to a round, and values moved.
    """
    n = len(target)
    wanted, stack = np.zeros(MOST_CELLS, np.uint8), np.empty(6 * DEEPEST, np.int64)
    pushed = n_values = 0
    for b in range(len(mended)):
        t = first + b
        for i in leaving:
            if weight[i]:
                cell = chain.cell[t, i]
                chain.sums[t, 0, cell] -= slope_of(np.int64(chain.scores[t, i]), t, target[i], weight[i], rule)
                front.touched[cell] = 1
        if mended[b]:
            _other_cells(trees, b, wanted, stack)
            n_dirty = _change_cells(rows, target, weight, alive, trees, b, t, n_dirty, rule, chain, wanted, front)
        _change_slopes(weight, t, n_dirty, rule, chain, front)
        pushed += n_dirty
        n_changed = change_values(t, 0, MOST_CELLS - 1, rule, chain, front)
        n_values += n_changed
        if n_dirty < n // MANY:
            n_dirty = push_few(alive, t, n_dirty, n_changed, rule.most, chain, front)
        else:
            n_dirty = push_all(alive, t, rule.most, chain, front)
        front.changed[:] = 0
        for i in leaving:
            chain.scores[t, i] = 0
            chain.cell[t, i] = 0
    return n_dirty, pushed, n_values


@kernel
def cells_of(nodes: Ints, starts: Longs) -> Longs:
    """Return the first cell below each node of trees that are written down: ndarray of int64 (n_nodes,)."""
    cells, sizes = np.zeros(len(nodes), np.int64), np.zeros(len(nodes), np.int64)
    sizes[starts] = MOST_CELLS
    for k in range(len(nodes)):
        if nodes[k, 0] >= 0:
            half = sizes[k] >> 1
            left, right = k + 1, k + nodes[k, 2]
            cells[left], cells[right] = cells[k], cells[k] + half
            sizes[left], sizes[right] = half, half
    return cells


@kernel
def add_leaves(rows: Bytes, nodes: Ints, values: Longs, starts: Longs, most: int, scores: Longs) -> None:
    """Add the values of leaves to the scores of rows, tree by tree; changes `scores`.

    Parameters
    ----------
    rows : ndarray of uint8 (n_rows, n_features)
    nodes, starts : ndarray
        As `walking.flat` writes them.
    values : ndarray of int64 (n_nodes,)
    most : int
        As `Rule` has it.
    scores : ndarray of int64 (n_rows,)
    """
    for start in starts:
        for i in range(len(rows)):
            k = start
            while nodes[k, 0] >= 0:
                k += 1 if rows[i, nodes[k, 0]] <= nodes[k, 1] else nodes[k, 2]
            scores[i] = moved_by(scores[i], values[k], most)
