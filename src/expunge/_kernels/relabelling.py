"""Relabelling: a row of a tree has another number than it had, and the tree is what it would be had it always had it.

`expunge._kernels.forests` says what a tree is; here numbers are predicted, so a row is q of one class and 1 - q of
another. Nothing that can be chosen changes: which bins have rows, and how many rows go left, is as it was.

Budget
------
A side of n rows adds ``2 (q (1 - q) + (n - 1) / n (q - m)**2)`` to I for one row of it, m being the mean of the others.
Where q becomes p, the first term changes alike for every split, and for none at all; the second by ``2 (p - q) f``,
with ``f = (n - 1) / n (p + q - 2 m)``, which lies between ``p + q - 2`` and ``p + q``. So what one split is ahead of
another changes by at most ``4 |p - q|``: where p and q are no more than a half apart that is no more than one removal
may change it by, and otherwise no more than two may. One more row may be like the others, as after a removal. So the
budgets on its way pay for one removal, or for two; for a row of weight w, for w times as many.

A leaf pays too, which leaves it below nought: it is looked at again, since one that was pure may split now.
"""

from __future__ import annotations

import numpy as np

from expunge._kernels.compiled import inner, kernel
from expunge._kernels.keeping import count_row, take_from_table
from expunge._kernels.mending import forget_from_tree
from expunge._kernels.trees import Bytes, Ints, Room, Shape, Trees


@inner
def _relabel(bins: Bytes, was: int, now: int, weight: int, trees: Trees, t: int, row: int, shape: Shape) -> None:
    """Change the counts on a row's way."""
    price = weight if 2 * abs(now - was) <= shape.whole else 2 * weight
    k = 0
    while True:
        count_row(trees.classes[t, k], 0, was, shape.whole, -weight)
        count_row(trees.classes[t, k], 0, now, shape.whole, weight)
        trees.seen[t, k] = 1
        trees.budget[t, k] -= price
        feature = trees.feature[t, k]
        if feature < 0:
            return
        if trees.table[t, k] >= 0:
            take_from_table(trees, t, k, bins[row], was, weight, shape)
            take_from_table(trees, t, k, bins[row], now, -weight, shape)
        k = trees.left[t, k] + (bins[row, feature] > trees.threshold[t, k])


@inner
def _as_it_was(bins: Bytes, trees: Trees, t: int, row: int) -> None:
    """Say of a row's leaf that it is the node that it was."""
    k = 0
    while trees.feature[t, k] >= 0:
        k = trees.left[t, k] + (bins[row, trees.feature[t, k]] > trees.threshold[t, k])
    trees.fresh[t, k] = 0


@kernel
def change_trees(
    bins: Bytes,
    y: Bytes,
    weight: Bytes,
    trees: Trees,
    leaving: Ints,
    moved: Ints,
    was: Bytes,
    shape: Shape,
    space: Room,
    waiting: Ints,
    mended: Bytes,
) -> tuple[int, int]:
    """Make of trees what `build` would make of the rows that stay, by the numbers that they have now.

    Parameters
    ----------
    y : ndarray of uint8 (n_all,)
        Numbers as they are now; those of the rows that leave as they were.
    weight : ndarray of uint8 (n_all,)
        0 where no tree sees a row; those of the rows that leave too.
    leaving, moved : ndarray of int32
        Rows that leave, and rows that are seen and stay, with another number.
    was : ndarray of uint8 (n_moved,)
        The number that each of these had.
    waiting : ndarray of int32 (n_nodes,)
        Room.
    mended : ndarray of uint8 (n_trees,)
        Set to 1 where a node splits otherwise now; `Trees.fresh` says which.

    Returns
    -------
    looked, n_mended : int
        How many rows were looked at again, and how many nodes split otherwise now.
    """
    own = leaving[weight[leaving] > 0]
    looked = n_mended = 0
    if len(own) + len(moved) == 0:
        return looked, n_mended
    for t in range(len(trees.feature)):
        for place in range(len(moved)):
            row = moved[place]
            _relabel(bins, np.int64(was[place]), np.int64(y[row]), np.int64(weight[row]), trees, t, row, shape)
        more = forget_from_tree(bins, y, weight, trees, t, own, shape, space, waiting)
        looked += more[0]
        n_mended += more[1]
        mended[t] = more[1] > 0
        if more[1] == 0:
            for row in own:
                _as_it_was(bins, trees, t, row)
            for row in moved:
                _as_it_was(bins, trees, t, row)
    return looked, n_mended
