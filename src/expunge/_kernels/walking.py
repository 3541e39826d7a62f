"""Forests written down, and walked by the rows that are predicted.

`expunge._kernels.forests` says what a tree is.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from expunge._kernels.compiled import kernel
from expunge._kernels.trees import WHOLE, Bytes, Ints, Longs, Reals, Trees

BESIDE: Final = 8


@kernel
def flat(trees: Trees) -> tuple[Ints, Ints, Longs, Ints]:
    """Write all trees down in preorder: what they are, whatever they went through.

    Returns
    -------
    nodes : ndarray of int32 (n_all_nodes, 3)
        Feature (-1 for a leaf), threshold, and how far behind the node its right child stands.
    classes : ndarray of int32 (n_all_nodes, n_classes)
    starts : ndarray of int64 (n_trees,)
        Where each tree begins.
    places : ndarray of int32 (n_all_nodes,)
        Which of its tree's nodes each is.
    """
    n_trees, capacity = trees.feature.shape
    most = 0
    for t in range(n_trees):
        most += 1 + 2 * (trees.free.shape[1] - trees.n_free[t])
    nodes, classes = np.zeros((most, 3), np.int32), np.zeros((most, trees.classes.shape[2]), np.int32)
    places = np.zeros(most, np.int32)
    starts = np.empty(n_trees, np.int64)
    stack, parents = np.empty(capacity, np.int32), np.empty(capacity, np.int64)
    n = 0
    for t in range(n_trees):
        starts[t] = n
        stack[0], parents[0], depth = 0, -1, 1
        while depth > 0:
            depth -= 1
            k, parent = stack[depth], parents[depth]
            if parent >= 0:
                nodes[parent, 2] = n - parent
            places[n] = k
            nodes[n, 0] = trees.feature[t, k]
            for c in range(classes.shape[1]):
                classes[n, c] = trees.classes[t, k, c]
            if trees.feature[t, k] >= 0:
                nodes[n, 1] = trees.threshold[t, k]
                left = trees.left[t, k]
                stack[depth], parents[depth] = left + 1, n
                stack[depth + 1], parents[depth + 1] = left, -1
                depth += 2
            n += 1
    return nodes[:n], classes[:n], starts, places[:n]


@kernel
def sum_leaves(trees: Trees, nodes: Ints, starts: Longs, places: Ints, numbers: Longs, weight: Bytes) -> Longs:
    """Return the weight of each node, and the sum of its rows' numbers where it is a leaf: ndarray (n_all_nodes, 2).

    Parameters
    ----------
    nodes, starts, places : ndarray
        As `flat` returns them.
    numbers : ndarray of int64 (n_all,)
    weight : ndarray of uint8 (n_all,)
    """
    found = np.zeros((len(nodes), 2), np.int64)
    for t in range(len(starts)):
        last = starts[t + 1] if t + 1 < len(starts) else len(nodes)
        for node in range(starts[t], last):
            k = places[node]
            begin, n = trees.start[t, k], trees.count[t, k]
            found[node, 0] = (trees.classes[t, k, 0] + trees.classes[t, k, 1]) // WHOLE
            if nodes[node, 0] < 0:
                for row in trees.rows[t, begin : begin + n]:
                    found[node, 1] += weight[row] * numbers[row]
    return found


def steps_of(nodes: Ints | Longs) -> Ints:
    """Return nodes as `add_shares` walks them: a leaf leads to itself, whatever a row has.

    Parameters
    ----------
    nodes : ndarray of int (n_nodes, 3)
        As `flat` writes them.
    """
    feature, threshold, right = nodes.T
    steps = np.where(feature < 0, 0, [feature, threshold, np.ones_like(right), right])
    return np.ascontiguousarray(steps.T, np.int32)


@kernel
def add_shares(rows: Bytes, steps: Ints, shares: Reals, starts: Longs, found: Reals) -> None:
    """Add, tree by tree in order, the shares of classes of each row's leaf; changes `found`.

    Rows walk side by side, so that one need not wait for another's memory.

    Parameters
    ----------
    rows : ndarray of uint8 (n_rows, n_features)
    steps : ndarray of int32 (n_nodes, 4)
        Feature, threshold, and how far behind the node its left and its right child stand: nought for a leaf.
    shares : ndarray of float64 (n_nodes, n_classes)
    starts : ndarray of int64 (n_trees,)
    found : ndarray of float64 (n_rows, n_classes)
    """
    at = np.empty(BESIDE, np.int64)
    for start in starts:
        for first in range(0, len(rows), BESIDE):
            many = min(BESIDE, len(rows) - first)
            at[:] = start
            moved = np.int32(1)
            while moved:
                moved = np.int32(0)
                for j in range(many):
                    k = at[j]
                    step = steps[k, 2] if rows[first + j, steps[k, 0]] <= steps[k, 1] else steps[k, 3]
                    at[j] = k + step
                    moved |= step
            for j in range(many):
                for c in range(found.shape[1]):
                    found[first + j, c] += shares[at[j], c]
