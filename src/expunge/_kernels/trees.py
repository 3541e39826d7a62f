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
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

BINS: Final = 256
WHOLE: Final = 255
"""A number's parts."""
FEW: Final = 40
"""Up to so many rows are sorted, rather than counted bin by bin."""
LARGE: Final = 256
"""From so many rows on a node's counts are kept, so that to look at it again no row need be."""
MOST_TABLED: Final = 64 * 2**20
"""Bytes that are spent on that."""


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
        What a row counts: 1, or `WHOLE` where numbers are predicted.
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
        Rows of each class in a node, in parts.
    start, count, budget : ndarray of int32 (n_trees, n_nodes)
        Where a leaf's rows are in `rows`, how many a node has, and how many may leave before it is looked at again.
    path : ndarray of uint64 (n_trees, n_nodes)
        What its choices are drawn by.
    depth : ndarray of int16 (n_trees, n_nodes)
    seen : ndarray of uint8 (n_trees, n_nodes)
        1 where a row is leaving; all nought between calls.
    fresh : ndarray of uint8 (n_trees, n_nodes)
        1 where a node is another than it was; set, and never read here (`judging`).
    rows : ndarray of int32 (n_trees, n_rows)
        -1 where a row has left.
    free : ndarray of int32 (n_trees, n_pairs)
        Where there is room for two children; the first `n_free` count.
    n_free : ndarray of int64 (n_trees,)
    table : ndarray of int32 (n_trees, n_nodes)
        Which of the tables holds a large node's counts; -1 for none.
    tables : ndarray of int32 (n_tables, size)
        Rows per bin and class of the features that a node looks at first, one feature behind the other.
    looked_at : ndarray of int16 (n_tables, n_features)
        Which features these are.
    spare : ndarray of int32 (n_trees, n_own_tables + 1)
        Tables that no node of a tree has; the last element is how many they are. No tree takes another's.
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
    tables: Ints
    looked_at: Shorts
    spare: Ints
    large: Longs


class Room(NamedTuple):
    """Room to work in."""

    bins: Ints
    rows: Ints
    sorted: Ints
    features: Longs
    left: Longs
    stack: Ints


def empty_trees(n_trees: int, n_rows: int, n_classes: int, shape_of: Shape) -> Trees:
    """Return trees with room for so many rows each."""
    min_leaf = shape_of.min_leaf
    wanted = min(shape_of.n_features, len(shape_of.sizes))
    size = int(np.sort(shape_of.sizes)[::-1][:wanted].sum()) * n_classes
    own = min(4 * n_rows // LARGE, MOST_TABLED // max(4 * size * n_trees, 1))
    large = max(LARGE, 4 * n_rows // max(own, 1))  # so that there are enough
    spare = np.hstack([np.arange(n_trees * own).reshape(n_trees, own), np.full((n_trees, 1), own)]).astype(np.int32)
    n_nodes = 2 * (n_rows // min_leaf) + 3
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
        np.ascontiguousarray(np.broadcast_to(pairs, (n_trees, len(pairs)))),
        np.full(n_trees, len(pairs), np.int64),
        np.full(shape, -1, np.int32),
        np.zeros((n_trees * own, size), np.int32),
        np.zeros((n_trees * own, wanted), np.int16),
        spare,
        np.array([large]),
    )


def parts_of(trees: Trees, n_parts: int) -> list[tuple[slice, Trees]]:
    """Divide trees evenly, as views; what one thread does to its own no other sees."""
    ends = np.linspace(0, len(trees.feature), n_parts + 1).astype(int).tolist()
    shared = {"tables": trees.tables, "looked_at": trees.looked_at, "large": trees.large}
    return [
        (slice(begin, end), Trees(*(own[begin:end] for own in trees))._replace(**shared))
        for begin, end in pairwise(ends)
        if begin < end
    ]


def room(n_rows: int, n_features: int, n_classes: int) -> Room:
    """Return room to work in; what memory held before is not kept alive in it."""
    return Room(
        np.zeros(BINS * n_classes * n_features, np.int32),
        np.zeros(n_rows, np.int32),
        np.zeros(FEW, np.int32),
        np.zeros(n_features, np.int64),
        np.zeros(n_classes, np.int64),
        np.zeros(2 * n_rows + 8, np.int32),
    )
