"""What trees are made of: arrays side by side, with room for all that they can become.

`expunge._kernels.forests` says what a tree is.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge._kernels.siphash import Words

Bytes = npt.NDArray[np.uint8]
Shorts = npt.NDArray[np.int16]
Words16 = npt.NDArray[np.uint16]
Words32 = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

BINS: Final = 256
WHOLE: Final = 255
"""A number's parts."""
SORTED: Final = 64
"""More rows are never sorted, but counted bin by bin."""
LARGE: Final = 96
"""From so many rows on a node's counts may be kept, so that to look at it again no row need be."""
WORDS: Final = 3.5
"""They are where they take at most so many words for each of its rows, if it looks at features of average size."""
NODES: Final = 2.1
"""There is room for so many nodes, where there would be one if they stood side by side."""


class Shape(NamedTuple):
    """How trees are grown.

    Parameters
    ----------
    key : ndarray of uint64 (2,)
    sizes : ndarray of int64 (n_features,)
        How many bins each feature has, that of missing cells included.
    n_features, min_leaf, max_depth : int
        `n_features` are looked at in a node at first.
    whole : int
        What a row of weight 1 counts: 1, or `WHOLE` where numbers are predicted.
    blind : int
        So many levels are drawn, not chosen; a tree may then have 2**blind leaves more than there is room for.
    """

    key: Words
    sizes: Longs
    n_features: int
    min_leaf: int
    max_depth: int
    whole: int
    blind: int = 0


class Trees(NamedTuple):
    """Trees side by side; the children of a node lie together, the left one first.

    Parameters
    ----------
    feature, threshold : ndarray of int16 (n_trees, n_nodes)
        -1 for a leaf; a row goes left where its bin is at most the threshold.
    left : ndarray of int32 (n_trees, n_nodes)
    classes : ndarray of int32 (n_trees, n_nodes, n_classes)
        Weight of each class in a node, in parts; their sum is at most 2**31 - 1.
    start, count, budget : ndarray of int32 (n_trees, n_nodes)
        Where a leaf's rows are in `rows`, how many a node has, and how much weight may leave before it is looked at
        again: below nought, when it is to be, a leaf's too (`relabelling`).
    path : ndarray of uint64 (n_trees, n_nodes)
        What its choices are drawn by.
    depth : ndarray of int16 (n_trees, n_nodes)
    seen : ndarray of uint8 (n_trees, n_nodes)
        1 where a row is leaving; all nought between calls.
    fresh : ndarray of uint8 (n_trees, n_nodes)
        1 where a node is another than it was; set here, and read and reset by whoever asks (`judging`, `staging`).
    rows : ndarray of int32 (n_trees, n_rows)
        -1 where a row has left.
    free : ndarray of int32 (n_trees, n_pairs)
        Where there is room for two children; the first `n_free` count.
    n_free : ndarray of int64 (n_trees,)
    table : ndarray of int32 (n_trees, n_nodes)
        Where in `heap` a large node's counts begin; -1 for none.
    heap : ndarray of uint16 (n_trees, size)
        Weight per bin and class of the features that such nodes look at first (`keeping`).
    used : ndarray of int64 (n_trees, 2)
        Where what is used of the heap ends, and how much of that is some node's.
    large : ndarray of int64 (1,)
        From so many rows on a node has a table.
    """

    feature: Shorts
    threshold: Shorts
    left: Ints
    classes: Ints
    start: Ints
    count: Ints
    budget: Ints
    path: Words
    depth: Shorts
    seen: Bytes
    fresh: Bytes
    rows: Ints
    free: Ints
    n_free: Longs
    table: Ints
    heap: Words16
    used: Longs
    large: Longs


class Room(NamedTuple):
    """Room to work in.

    Parameters
    ----------
    bins : ndarray of uint32 (BINS * n_classes,)
        Counts, of the type that wide tables have: so kernels are compiled for two types, not three.
    rows, order : ndarray of int32 (n_rows,)
    sorted : ndarray of int32 (SORTED,)
    features : ndarray of int64 (n_features,)
    left : ndarray of int64 (n_classes,)
    stack : ndarray of int32
    near : ndarray of uint8 (n_rows * (n_features + 2),)
        Copies of rows that a subtree is grown from: bins column by column, labels, weights.
    """

    bins: Words32
    rows: Ints
    order: Ints
    sorted: Ints
    features: Longs
    left: Longs
    stack: Ints
    near: Bytes


def empty_trees(n_trees: int, n_rows: int, n_classes: int, shape_of: Shape, weight: int | None = None) -> Trees:
    """Return trees with room for so many rows each, that have so much weight: that of one each, if it is not said."""
    n_features = len(shape_of.sizes)
    wanted = min(shape_of.n_features, n_features)
    words = int(shape_of.sizes.sum()) * n_classes * wanted // n_features * (1 if shape_of.whole == 1 else 2)
    large = max(LARGE, int(words / WORDS))
    heap = int(NODES * (n_rows // large) * (words + wanted + 2)) + 2
    leaves = min(n_rows, (n_rows if weight is None else weight) // shape_of.min_leaf)
    n_nodes = 2 * leaves + 3
    shape = (n_trees, n_nodes)
    pairs = np.arange(1, n_nodes - 1, 2, dtype=np.int32)[::-1]
    return Trees(
        np.full(shape, -1, np.int16),
        np.zeros(shape, np.int16),
        np.zeros(shape, np.int32),
        np.zeros((*shape, n_classes), np.int32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.uint64),
        np.zeros(shape, np.int16),
        np.zeros(shape, np.uint8),
        np.zeros(shape, np.uint8),
        np.full((n_trees, n_rows), -1, np.int32),
        np.tile(pairs, (n_trees, 1)),
        np.full(n_trees, len(pairs), np.int64),
        np.full(shape, -1, np.int32),
        np.zeros((n_trees, heap + heap % 2), np.uint16),
        np.zeros((n_trees, 2), np.int64),
        np.array([large]),
    )


def parts_of(trees: Trees, n_parts: int) -> list[tuple[slice, Trees]]:
    """Divide trees evenly, as views; what one thread does to its own no other sees."""
    if n_parts == 1:  # one person is forgotten in the time that it takes to make the views
        return [(slice(0, len(trees.feature)), trees)]
    ends = np.linspace(0, len(trees.feature), n_parts + 1).astype(int).tolist()
    return [
        (slice(begin, end), Trees(*(own[begin:end] for own in trees))._replace(large=trees.large))
        for begin, end in pairwise(ends)
        if begin < end
    ]


def room(n_rows: int, n_features: int, n_classes: int) -> Room:
    """Return room to work in; what memory held before is not kept alive in it."""
    return Room(
        np.zeros(BINS * n_classes, np.uint32),
        np.zeros(n_rows, np.int32),
        np.zeros(n_rows, np.int32),
        np.zeros(SORTED, np.int32),
        np.zeros(n_features, np.int64),
        np.zeros(n_classes, np.int64),
        np.zeros(2 * n_rows + 8, np.int32),
        np.zeros(n_rows * (n_features + 2), np.uint8),
    )
