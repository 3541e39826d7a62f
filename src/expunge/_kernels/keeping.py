"""Counts that large nodes keep, so that to look at them again no row need be.

A node's table stands in its tree's heap, in words of 16 bits: whether it is wide, the features that it looks at first,
and the weight per bin and class of these, one feature behind the other. A wide table has two words for each count; it
is wide where one could not hold the node's weight. Tables begin at even places. They are handed out one behind the
other; those that are given back leave holes, which are closed when the end is reached. Where there is no room a node
has no table, and no tree is another for it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge._kernels.compiled import kernel
from expunge._kernels.trees import Ints, Longs, Shape, Trees, Words16


@kernel
def count_row(counts: Ints, at: int, label: int, whole: int, weight: int) -> None:
    """Add a row of some weight to the counts of classes that begin at a place; take it away where it is below 0."""
    if whole == 1:
        counts[at + label] += weight
    else:
        counts[at] += weight * label
        counts[at + 1] += weight * (whole - label)


@kernel
def head(n_features: int, shape: Shape) -> int:
    """Return how many words stand before a table's counts."""
    first = 1 + min(shape.n_features, n_features)
    return first + first % 2


@kernel
def features_of(trees: Trees, t: int, k: int, shape: Shape) -> Words16:
    """Return the features of a node's table."""
    begin = trees.table[t, k] + 1
    return trees.heap[t, begin : begin + min(shape.n_features, len(shape.sizes))]


@kernel
def is_wide(trees: Trees, t: int, k: int) -> bool:
    """Tell whether a node's table has two words for each count."""
    return trees.heap[t, trees.table[t, k]] != 0


@kernel
def _cells(features: Words16, n_classes: int, shape: Shape) -> int:
    """Return how many counts a table of some features has."""
    cells = 0
    for f in features:
        cells += shape.sizes[f] * n_classes
    return cells


@kernel
def _words(cells: int, wide: bool, shape: Shape) -> int:
    """Return how many words a table of so many counts has."""
    return head(len(shape.sizes), shape) + (2 * cells if wide else cells + cells % 2)


@kernel
def _length(trees: Trees, t: int, k: int, shape: Shape) -> int:
    """Return how many words a node's table has."""
    return _words(_cells(features_of(trees, t, k, shape), trees.classes.shape[2], shape), is_wide(trees, t, k), shape)


@kernel
def new_table(trees: Trees, t: int, k: int, features: Longs, wide: bool, shape: Shape) -> bool:
    """Give a node a blank table; returns whether it has one."""
    free_table(trees, t, k, shape)
    length = _words(_cells(features, trees.classes.shape[2], shape), wide, shape)
    size, used = trees.heap.shape[1], trees.used[t]
    if used[0] + length > size:
        if used[1] + length > size - size // 8:
            return False  # it would be closed again and again
        _close(trees, t, shape)
    begin = used[0]
    used += length
    trees.table[t, k], trees.heap[t, begin] = begin, wide
    trees.heap[t, begin + 1 : begin + 1 + len(features)] = features
    return True


@kernel
def free_table(trees: Trees, t: int, k: int, shape: Shape) -> None:
    """Take a node's table away, blank."""
    begin = trees.table[t, k]
    if begin >= 0:
        length = _length(trees, t, k, shape)
        trees.heap[t, begin : begin + length] = 0
        trees.used[t, 1] -= length
        if trees.used[t, 0] == begin + length:
            trees.used[t, 0] = begin
        trees.table[t, k] = -1


@kernel
def _close(trees: Trees, t: int, shape: Shape) -> None:
    """Move a tree's tables to where the one before ends."""
    heap, end = trees.heap[t], 0
    for k in np.argsort(trees.table[t]):
        begin = trees.table[t, k]
        if begin >= 0:
            length = _length(trees, t, k, shape)
            for place in range(length):
                heap[end + place] = heap[begin + place]
            trees.table[t, k] = end
            end += length
    heap[end : trees.used[t, 0]] = 0
    trees.used[t, :] = end


@kernel
def take_from_table(
    trees: Trees, t: int, k: int, own: npt.NDArray[np.uint8], label: int, weight: int, shape: Shape
) -> None:
    """Take a row of these bins out of a node's counts."""
    first = trees.table[t, k] + head(len(shape.sizes), shape)
    features = features_of(trees, t, k, shape)
    if is_wide(trees, t, k):
        _take(trees.heap[t, first:].view(np.uint32), features, trees.classes.shape[2], own, label, weight, shape)
    else:
        _take(trees.heap[t, first:], features, trees.classes.shape[2], own, label, weight, shape)


@kernel
def _take(
    counts: Ints,
    features: Words16,
    n_classes: int,
    own: npt.NDArray[np.uint8],
    label: int,
    weight: int,
    shape: Shape,
) -> None:
    at = 0
    for f in features:
        count_row(counts, at + np.int64(own[f]) * n_classes, label, shape.whole, -weight)
        at += shape.sizes[f] * n_classes


@kernel
def merge_table(trees: Trees, t: int, k: int, f: int, before: int, shape: Shape) -> None:
    """Merge two bins of a feature in a node's counts, whose later ones move up; `shape` has one bin less."""
    n_classes, at = trees.classes.shape[2], 0
    features = features_of(trees, t, k, shape)
    for one in features:
        if one == f:
            break
        at += shape.sizes[one] * n_classes
    else:
        return
    cells, wide = _cells(features, n_classes, shape), is_wide(trees, t, k)
    length, after = _words(cells + n_classes, wide, shape), _words(cells, wide, shape)
    begin = trees.table[t, k]
    counts = trees.heap[t, begin + head(len(shape.sizes), shape) : begin + length]
    if wide:
        _merge(counts.view(np.uint32), at + before * n_classes, n_classes)
    else:
        _merge(counts, at + before * n_classes, n_classes)
    trees.used[t, 1] -= length - after
    if trees.used[t, 0] == begin + length:
        trees.used[t, 0] = begin + after


@kernel
def _merge(counts: Ints, first: int, n_classes: int) -> None:
    for c in range(n_classes):
        counts[first + c] += counts[first + n_classes + c]
    for i in range(first + n_classes, len(counts) - n_classes):
        counts[i] = counts[i + n_classes]
    counts[len(counts) - n_classes :] = 0
