"""Mending forests: what of a tree is another when rows leave, or two bins become one, and nothing else.

`expunge._kernels.forests` says what a tree is, and why a node need not be looked at while its budget lasts.
"""

from __future__ import annotations

import numpy as np

from expunge._kernels.compiled import inner, kernel
from expunge._kernels.drawing import Draws, sees
from expunge._kernels.forests import build, find_split, largest, lasting, scan_any, settled, weight_of
from expunge._kernels.keeping import count_row, features_of, free_table, head, is_wide, merge_table, take_from_table
from expunge._kernels.trees import Bytes, Ints, Room, Shape, Trees


@inner
def _find_again(trees: Trees, t: int, k: int, shape: Shape, space: Room) -> tuple[int, int, int]:
    """Find the best split of a large node from its counts; the feature is -1 where its rows must tell."""
    whole = trees.classes[t, k]
    n, n_classes = weight_of(whole, shape), len(whole)
    best = np.full(5, -1.0)
    if n < 2 * shape.min_leaf or (shape.whole == 1 and largest(whole) == n):
        return -1, 0, 0
    begin = np.int64(trees.table[t, k])
    at, wide = begin + head(len(shape.sizes), shape), is_wide(trees.heap[t], begin)
    for one in features_of(trees.heap[t], begin, shape):
        f = np.int64(one)
        size = shape.sizes[f] * n_classes
        if wide:
            scan_any(trees.heap[t, at : at + 2 * size].view(np.uint32), f, whole, n, shape, space.left, best)
            at += 2 * size
        else:
            scan_any(trees.heap[t, at : at + size], f, whole, n, shape, space.left, best)
            at += size
    if shape.whole == 1:
        return settled(best, n - largest(whole) - 1, n, shape)
    impure = lasting(best[0], n, shape)  # where nothing differs nothing is gained
    return settled(best, impure, n, shape) if impure >= 0 else (-1, 0, 0)


@inner
def _gather(trees: Trees, t: int, k: int, shape: Shape, space: Room, release: bool) -> int:
    """Copy the rows below a node into `space.rows`; returns how many.

    With `release` its descendants become free; they and the places where the rows were are blanked: what is not used
    again must not tell of a row that leaves later.
    """
    stack, depth, n = space.stack, 1, np.int64(0)
    stack[0] = k
    while depth > 0:
        depth -= 1
        node = np.int64(stack[depth])
        if release:
            trees.fresh[t, node] = 1
            free_table(trees, t, node, shape)
        if trees.feature[t, node] < 0:
            begin = trees.start[t, node]
            for place in range(begin, begin + trees.count[t, node]):
                space.rows[n] = trees.rows[t, place]
                n += 1
                if release:
                    trees.rows[t, place] = -1
        else:
            left = trees.left[t, node]
            stack[depth], stack[depth + 1] = left, left + 1
            depth += 2
            if release:
                trees.free[t, trees.n_free[t]] = left
                trees.n_free[t] += 1
        if release and node != k:
            trees.classes[t, node, :] = 0
            trees.count[t, node] = 0
    return n


@inner
def _take_out(bins: Bytes, y: Bytes, weight: Bytes, trees: Trees, t: int, row: int, shape: Shape) -> None:
    """Take a row out of the counts on its way, and out of its leaf."""
    k, label, own = np.int64(0), np.int64(y[row]), np.int64(weight[row])
    while True:
        trees.count[t, k] -= 1
        count_row(trees.classes[t, k], 0, label, shape.whole, -own)
        trees.seen[t, k] = 1
        feature = trees.feature[t, k]
        if feature < 0:
            trees.fresh[t, k] = 1
            break
        trees.budget[t, k] -= own
        if trees.table[t, k] >= 0:
            take_from_table(trees, t, k, bins[row], label, own, shape)
        k = trees.left[t, k] + (bins[row, feature] > trees.threshold[t, k])
    begin, n = trees.start[t, k], trees.count[t, k]
    for place in range(begin, begin + n + 1):
        if trees.rows[t, place] == row:
            trees.rows[t, place] = trees.rows[t, begin + n]
            trees.rows[t, begin + n] = -1
            return


@inner
def forget_from_tree(
    bins: Bytes, y: Bytes, weight: Bytes, trees: Trees, t: int, leaving: Ints, shape: Shape, space: Room, waiting: Ints
) -> tuple[int, int]:
    """Make of a tree what `build` would make of the rows that stay; changes `trees`.

    Parameters
    ----------
    leaving : ndarray of int32
        Rows that are in this tree.
    waiting : ndarray of int32 (n_nodes,)
        Room.

    Returns
    -------
    looked, mended : int
        How many rows were looked at again, and how many nodes split otherwise now.
    """
    for row in leaving:
        _take_out(bins, y, weight, trees, t, row, shape)
    looked = mended = 0
    waiting[0], n_waiting = 0, 1
    while n_waiting > 0:
        n_waiting -= 1
        k = np.int64(waiting[n_waiting])
        if not trees.seen[t, k]:
            continue
        trees.seen[t, k] = 0
        if trees.feature[t, k] < 0:
            if trees.budget[t, k] < 0:  # a row of it has another number now (`relabelling`)
                looked += build(bins, y, weight, trees, t, k, shape, space)
                mended += trees.feature[t, k] >= 0
            continue
        if trees.budget[t, k] < 0:
            feature, threshold, spare = -1, 0, 0
            if trees.table[t, k] >= 0:
                feature, threshold, spare = _find_again(trees, t, k, shape, space)
            if feature < 0:
                n = _gather(trees, t, k, shape, space, np.bool_(False))
                looked += n
                feature, threshold, spare = find_split(bins, y, weight, space.rows[:n], trees, t, k, shape, space)
            if feature != trees.feature[t, k] or threshold != trees.threshold[t, k]:
                _forget_seen(trees, t, k, space)
                n = _gather(trees, t, k, shape, space, np.bool_(True))
                begin = trees.start[t, k]
                for i in range(n):
                    trees.rows[t, begin + i] = space.rows[i]
                looked += build(bins, y, weight, trees, t, k, shape, space)
                mended += 1
                continue
            trees.budget[t, k] = spare
        left = trees.left[t, k]
        waiting[n_waiting], waiting[n_waiting + 1] = left, left + 1
        n_waiting += 2
    return looked, mended


@inner
def _forget_seen(trees: Trees, t: int, k: int, space: Room) -> None:
    """Reset the marks below a node."""
    stack, depth = space.stack, 1
    stack[0] = k
    while depth > 0:
        depth -= 1
        node = np.int64(stack[depth])
        trees.seen[t, node] = 0
        if trees.feature[t, node] >= 0:
            left = trees.left[t, node]
            stack[depth], stack[depth + 1] = left, left + 1
            depth += 2


@kernel
def forget_from_forest(
    bins: Bytes,
    y: Bytes,
    weight: Bytes,
    draws: Draws,
    trees: Trees,
    leaving: Ints,
    shape: Shape,
    space: Room,
    waiting: Ints,
) -> tuple[int, int]:
    """Do what `forget_from_tree` does, in every tree that sees one of the rows that leave."""
    own = np.empty(len(leaving), np.int32)
    looked = mended = 0
    for t in range(len(trees.feature)):
        n = 0
        for row in leaving:
            if weight[row] > 0 and sees(draws, t, row):
                own[n] = row
                n += 1
        if n > 0:
            more = forget_from_tree(bins, y, weight, trees, t, own[:n], shape, space, waiting)
            looked += more[0]
            mended += more[1]
    return looked, mended


@kernel
def merge_bins(
    bins: Bytes,
    y: Bytes,
    weight: Bytes,
    trees: Trees,
    f: int,
    before: int,
    shape: Shape,
    space: Room,
    waiting: Ints,
) -> None:
    """Make of trees what they would be had two bins of a feature always been one; changes `trees`.

    Thresholds behind move up by one; only nodes that split between the two are looked at again, since for all others
    what could be chosen became less.

    Parameters
    ----------
    bins : ndarray of uint8 (n_all, n_features)
        As they are now: bins behind `before` have moved up by one.
    f, before : int
        The feature, and the first of the two bins.
    shape : Shape
        Of one bin less of that feature.
    """
    none = np.empty(0, np.int32)
    for t in range(len(trees.feature)):
        look = False
        for k in range(trees.feature.shape[1]):
            if trees.table[t, k] >= 0:
                merge_table(trees, t, k, f, before, shape)
            if trees.feature[t, k] == f and trees.threshold[t, k] >= before:
                if trees.threshold[t, k] == before:
                    trees.budget[t, k], trees.threshold[t, k] = -1, -1  # that number means another split now
                    look = True
                else:
                    trees.threshold[t, k] -= 1
        if look:
            trees.seen[t, :] = 1
            forget_from_tree(bins, y, weight, trees, t, none, shape, space, waiting)
            trees.seen[t, :] = 0
