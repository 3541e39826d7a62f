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

from expunge._kernels.compiled import inner
from expunge._kernels.sorting import order
from expunge._kernels.trees import Ints, Longs, Shape, Trees, Words16


@inner
def count_row(counts: Ints, at: int, label: int, whole: int, weight: int) -> None:
    """Add a row of some weight to the counts of classes that begin at a place; take it away where it is below 0."""
    if whole == 1:
        counts[at + label] += weight
    else:
        counts[at] += weight * label
        counts[at + 1] += weight * (whole - label)


@inner
def head(n_features: int, shape: Shape) -> int:
    """Return how many words stand before a table's counts."""
    first = 1 + min(shape.n_features, n_features)
    return first + first % 2


@inner
def features_of(heap: Words16, begin: int, shape: Shape) -> Words16:
    """Return the features of the table that begins somewhere in a tree's heap."""
    return heap[begin + 1 : begin + 1 + min(shape.n_features, len(shape.sizes))]


@inner
def is_wide(heap: Words16, begin: int) -> bool:
    """Tell whether the table that begins somewhere in a tree's heap has two words for each count."""
    return heap[begin] != 0


@inner
def _cells(features: Words16, n_classes: int, shape: Shape) -> int:
    """Return how many counts a table of some features has."""
    cells = 0
    for f in features:
        cells += shape.sizes[f] * n_classes
    return cells


@inner
def _words(cells: int, wide: bool, shape: Shape) -> int:
    """Return how many words a table of so many counts has."""
    return head(len(shape.sizes), shape) + (2 * cells if wide else cells + cells % 2)


@inner
def _length(heap: Words16, begin: int, n_classes: int, shape: Shape) -> int:
    """Return how many words the table that begins somewhere in a tree's heap has."""
    return _words(_cells(features_of(heap, begin, shape), n_classes, shape), is_wide(heap, begin), shape)


@inner
def new_table(trees: Trees, t: int, k: int, features: Longs, wide: bool, shape: Shape) -> bool:
    """Give a node a blank table; returns whether it has one."""
    free_table(trees, t, k, shape)
    length = _words(_cells(features, trees.classes.shape[2], shape), wide, shape)
    size, used = trees.heap.shape[1], trees.used[t]
    if used[0] + length > size:
        if used[1] + length > size - size // 8:
            return False  # it would be closed again and again
        _close(trees.heap[t], trees.table[t], used, trees.classes.shape[2], shape)
    begin = used[0]
    used += length
    trees.table[t, k], trees.heap[t, begin] = begin, wide
    for place in range(len(features)):
        trees.heap[t, begin + 1 + place] = features[place]
    return True


@inner
def free_table(trees: Trees, t: int, k: int, shape: Shape) -> None:
    """Take a node's table away, blank."""
    begin = trees.table[t, k]
    if begin >= 0:
        length = _length(trees.heap[t], np.int64(begin), trees.classes.shape[2], shape)
        trees.heap[t, begin : begin + length] = 0
        trees.used[t, 1] -= length
        if trees.used[t, 0] == begin + length:
            trees.used[t, 0] = begin
        trees.table[t, k] = -1


@inner
def _close(heap: Words16, table: Ints, used: Longs, n_classes: int, shape: Shape) -> None:
    """Move a tree's tables to where the one before ends."""
    holders, begins = np.empty(len(table), np.int64), np.empty(len(table), np.uint64)
    n = end = 0
    for k in range(len(table)):
        if table[k] >= 0:
            holders[n], begins[n] = k, table[k]
            n += 1
    for which in order(begins[:n]):
        begin = np.int64(begins[which])
        length = _length(heap, begin, n_classes, shape)
        for place in range(length):
            heap[end + place] = heap[begin + place]
        table[holders[which]] = end
        end += length
    heap[end : used[0]] = 0
    used[:] = end


@inner
def take_from_table(
    trees: Trees, t: int, k: int, own: npt.NDArray[np.uint8], label: int, weight: int, shape: Shape
) -> None:
    """Take a row of these bins out of a node's counts."""
    begin = np.int64(trees.table[t, k])
    first, features = begin + head(len(shape.sizes), shape), features_of(trees.heap[t], begin, shape)
    if is_wide(trees.heap[t], begin):
        _take(trees.heap[t, first:].view(np.uint32), features, trees.classes.shape[2], own, label, weight, shape)
    else:
        _take(trees.heap[t, first:], features, trees.classes.shape[2], own, label, weight, shape)


@inner
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


@inner
def merge_table(trees: Trees, t: int, k: int, f: int, before: int, shape: Shape) -> None:
    """Merge two bins of a feature in a node's counts, whose later ones move up; `shape` has one bin less."""
    n_classes, at, begin = trees.classes.shape[2], 0, np.int64(trees.table[t, k])
    features = features_of(trees.heap[t], begin, shape)
    for one in features:
        if one == f:
            break
        at += shape.sizes[one] * n_classes
    else:
        return
    cells, wide = _cells(features, n_classes, shape), is_wide(trees.heap[t], begin)
    length, after = _words(cells + n_classes, wide, shape), _words(cells, wide, shape)
    counts = trees.heap[t, begin + head(len(shape.sizes), shape) : begin + length]
    if wide:
        _merge(counts.view(np.uint32), at + before * n_classes, n_classes)
    else:
        _merge(counts, at + before * n_classes, n_classes)
    trees.used[t, 1] -= length - after
    if trees.used[t, 0] == begin + length:
        trees.used[t, 0] = begin + after


@inner
def _merge(counts: Ints, first: int, n_classes: int) -> None:
    for c in range(n_classes):
        counts[first + c] += counts[first + n_classes + c]
    for i in range(first + n_classes, len(counts) - n_classes):
        counts[i] = counts[i + n_classes]
    counts[len(counts) - n_classes :] = 0
