"""Random forests whose trees are a function of who is in them, and that forget by mending the few nodes that change.

A tree sees a subject where the hash of (tree, subject) is below a share (`drawing`). A node looks at a few features,
drawn by the hash of its path, and at every bin that some row of it has; it takes the first split of largest gain

    sum over classes of (n L_c - L W_c)**2 / (L R),

where n rows, W_c of class c, are L, L_c of them on the left (their bin is at most the threshold), and R on the right,
and no side has fewer than `min_leaf` rows. Divided by n that is what the sum over sides of S / (rows of the side) gains
over that of the whole node, S being the sum of squared counts of classes. Where no feature drawn has such a split,
others are looked at, one by one. A node is a leaf where it is pure, too small or too deep, or no feature splits it.
The first levels may be blind: drawn by the hash of the path, for whoever is there (`staging`).

For a number q between 0 and 1 a row counts as q of a first class and 1 - q of a second: but for a constant, the gain
over n is then twice what the sum of squares loses. q is in `WHOLE` parts, and so are L_c and W_c.

A row of weight w counts as w rows; where rows are counted below, weight is meant.

Removal budget
--------------
Taking one row of class c out of a side of n rows lowers that side's ``n - S / n``, its impurity, by
``1 + (S + n - 2 n n_c) / (n (n - 1))``, which is at least 0 and less than 2; a row of q and 1 - q lowers it by
``2 (q (1 - q) + (n - 1) / n (q - m)**2)``, m being the others' mean, at most 2 too. So after r rows have left, the best
split is still the best if it was ahead by more than 2 r; it is still allowed while no side falls below `min_leaf`; and
the node is not pure while another class has a row, or while its best split was better than none by more than 2 r. The
least of these numbers is the node's budget: while it lasts, only counts change. What can be chosen only ever becomes
fewer, since a bin that no row has is not looked at: so a leaf stays a leaf.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from expunge._kernels.compiled import inner, kernel
from expunge._kernels.drawing import Draws, sees
from expunge._kernels.keeping import count_row, free_table, head, new_table
from expunge._kernels.siphash import Words, siphash
from expunge._kernels.trees import SORTED, Bytes, Ints, Longs, Reals, Room, Shape, Trees

SAFE: Final = 1e-6
"""More than rounding can make of a difference of gains over n."""
NEVER: Final = np.int32(2**30)
MIX: Final = np.uint64(0x9E3779B97F4A7C15)
MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
MIX_2: Final = np.uint64(0x94D049BB133111EB)
"""The constants of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
NEAR: Final = 64
"""Rows whose bins are read while others are not yet out of the cache."""
SHORT: Final = 6
"""So many rows, squared, for each bin are sorted rather than counted: that is as fast."""


@kernel
def drawn(path: np.uint64, place: int, features: Longs) -> int:
    """Bring the next feature of a node's order to its place in `features`, and return it.

    The path is a keyed hash; what SplitMix64 makes of it and the place, times the features that are left, over 2**32.
    """
    mixed = path + np.uint64(place + 1) * MIX
    mixed = (mixed ^ (mixed >> np.uint64(30))) * MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * MIX_2
    mixed = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(32)
    other = place + np.int64((mixed * np.uint64(len(features) - place)) >> np.uint64(32))
    features[place], features[other] = features[other], features[place]
    return features[place]


@inner
def _child(key: Words, path: np.uint64, side: int) -> np.uint64:
    """Return the path of a child."""
    about = np.empty(2, np.uint64)
    about[0], about[1] = path, 1_000_000 + side
    return siphash(key, about)


@inner
def scan(counts: Ints, f: int, whole: Ints, n: int, shape: Shape, left: Longs, best: Reals) -> None:
    """Look at the thresholds of a feature.

    Parameters
    ----------
    counts : ndarray of uint32 or uint16 (n_bins * n_classes,)
        Of the node's rows, bin by bin.
    left : ndarray of int64 (n_classes,)
        Room.
    best : ndarray of float64 (5,)
        Best gain, second best, and of the best feature, threshold and rows on the left; changed.
    """
    n_classes, min_leaf, parts = len(whole), shape.min_leaf, shape.whole
    left[:] = 0
    n_left = 0
    for b in range(len(counts) // n_classes - 1):
        held = 0
        for c in range(n_classes):
            one = np.int64(counts[b * n_classes + c])
            held += one
            left[c] += one
        if held == 0:
            continue
        n_left += held if parts == 1 else held // parts
        if n - n_left < min_leaf:
            return
        if n_left >= min_leaf:
            _weigh(_squares(left, n_left, whole, n), f, b, n_left, n, best)


@inner
def _scan_two(counts: Ints, f: int, whole: Ints, n: int, shape: Shape, best: Reals) -> None:
    """Do what `scan` does where there are two classes, whose squares are equal."""
    min_leaf, parts, first = shape.min_leaf, shape.whole, np.int64(whole[0])
    n_left = left = 0
    for b in range(len(counts) // 2 - 1):
        one = np.int64(counts[2 * b])
        held = one + np.int64(counts[2 * b + 1])
        left += one
        n_left += held if parts == 1 else held // parts
        if n - n_left < min_leaf:
            return
        if n_left >= min_leaf:
            apart = float(n * left - n_left * first)
            squares = 2.0 * (apart * apart)
            if squares > best[1] * (float(n_left) * float(n - n_left)) and held > 0:  # in this order it is seldom true
                _weigh(squares, f, b, n_left, n, best)


@inner
def _sorted_scan(
    bins: Bytes,
    y: Bytes,
    weight: Bytes,
    rows: Ints,
    f: int,
    whole: Ints,
    n: int,
    shape: Shape,
    left: Longs,
    ordered: Ints,
    best: Reals,
) -> None:
    """Do what `scan` does for few rows, by sorting them."""
    for i in range(len(rows)):
        one = (np.int32(bins[rows[i], f]) << 16) | (np.int32(y[rows[i]]) << 8) | np.int32(weight[rows[i]])
        j = i
        while j > 0 and ordered[j - 1] > one:
            ordered[j] = ordered[j - 1]
            j -= 1
        ordered[j] = one
    left[:] = 0
    min_leaf, n_left = shape.min_leaf, 0
    for i in range(len(rows) - 1):
        count_row(left, 0, (ordered[i] >> 8) & 255, shape.whole, ordered[i] & 255)
        n_left += ordered[i] & 255
        if ordered[i] >> 16 != ordered[i + 1] >> 16 and n_left >= min_leaf and n - n_left >= min_leaf:
            _weigh(_squares(left, n_left, whole, n), f, ordered[i] >> 16, n_left, n, best)


@inner
def _squares(left: Longs, n_left: int, whole: Ints, n: int) -> float:
    """Return the sum of squares in a split's gain; the classes in order, so that it is one."""
    squares = 0.0
    for c in range(len(whole)):
        apart = float(n * left[c] - n_left * whole[c])
        squares += apart * apart
    return squares


@inner
def _weigh(squares: float, f: int, threshold: int, n_left: int, n: int, best: Reals) -> None:
    """Note a split, if it is the best or the second best; the first of equals is the best."""
    product = float(n_left) * float(n - n_left)
    if squares > best[1] * product:
        gain = squares / product
        if gain > best[0]:
            best[1] = best[0]
            best[0], best[2], best[3], best[4] = gain, f, threshold, n_left
        elif gain > best[1]:
            best[1] = gain


@inner
def largest(numbers: Ints) -> int:
    """Return the largest of some numbers that are not below 0."""
    most = numbers[0]
    for one in numbers:
        most = max(most, one)
    return most


@inner
def alike(y: Bytes, weight: Bytes, rows: Ints, whole: Ints, parts: int) -> int:
    """Return how many rows have what most of them have."""
    if parts == 1:
        return np.int64(largest(whole))
    held = np.zeros(256, np.int32)
    for row in rows:
        held[y[row]] += weight[row]
    return np.int64(largest(held))


@inner
def lasting(gain: float, n: int, shape: Shape) -> int:
    """Return how many of n rows may leave before a difference of gains is gone; below 0 where rounding may make it."""
    return np.int64(math.floor((gain / n / (float(shape.whole) * shape.whole) - SAFE) / 2))


@inner
def settled(best: Reals, impure: int, n: int, shape: Shape) -> tuple[int, int, int]:
    """Return feature, threshold and budget; `impure` is how many may leave before the node may be pure."""
    if best[2] < 0:
        return -1, 0, 0
    ahead = NEVER if best[1] < 0 else max(lasting(best[0] - best[1], n, shape), 0)
    n_left = np.int64(best[4])
    return (
        np.int64(best[2]),
        np.int64(best[3]),
        min(ahead, n_left - shape.min_leaf, n - n_left - shape.min_leaf, impure),
    )


@inner
def find_split(
    bins: Bytes, y: Bytes, weight: Bytes, rows: Ints, trees: Trees, t: int, k: int, shape: Shape, space: Room
) -> tuple[int, int, int]:
    """Find the best split of a node, given its rows; a large node keeps its counts.

    Parameters
    ----------
    bins : ndarray of uint8 (n_all, n_features)
    y, weight : ndarray of uint8 (n_all,)
        Numbers of classes, and how many rows each counts as.
    rows : ndarray of int32

    Returns
    -------
    feature, threshold, budget : int
        The feature is -1 where there is no split.
    """
    whole, path = trees.classes[t, k], trees.path[t, k]
    n, n_classes = weight_of(whole, shape), len(whole)
    n_alike = alike(y, weight, rows, whole, shape.whole)
    if n < 2 * shape.min_leaf or n_alike == n:
        return -1, 0, 0
    features = space.features
    for j in range(len(features)):
        features[j] = j
    first = min(shape.n_features, len(features))
    for place in range(first):
        drawn(path, place, features)
    best = np.full(5, -1.0)
    wide = n * shape.whole > 65_535
    kept = len(rows) >= trees.large[0] and new_table(trees, t, k, features[:first], wide, shape)
    at = trees.table[t, k] + head(len(features), shape)
    for place in range(len(features)):
        if place >= first:
            if best[2] >= 0:
                break
            drawn(path, place, features)
        f = features[place]
        size = shape.sizes[f] * n_classes
        keeps = kept and place < first
        if keeps and not wide:
            few = trees.heap[t, at : at + size]
            at += size
            _count(bins, y, weight, rows, f, n_classes, shape.whole, few)
            scan_any(few, f, whole, n, shape, space.left, best)
        elif not keeps and len(rows) <= SORTED and len(rows) * len(rows) < SHORT * shape.sizes[f]:
            _sorted_scan(bins, y, weight, rows, f, whole, n, shape, space.left, space.sorted, best)
        else:
            counts = space.bins[:size]
            if keeps:
                counts = trees.heap[t, at : at + 2 * size].view(np.uint32)
                at += 2 * size
            else:
                counts[:] = 0
            _count(bins, y, weight, rows, f, n_classes, shape.whole, counts)
            scan_any(counts, f, whole, n, shape, space.left, best)
    return settled(best, n - n_alike - 1, n, shape)


@inner
def weight_of(whole: Ints, shape: Shape) -> int:
    """Return how many rows have these parts of classes."""
    parts = np.int64(0)
    for c in range(len(whole)):
        parts += whole[c]
    return parts if shape.whole == 1 else parts // shape.whole


@inner
def _count(bins: Bytes, y: Bytes, weight: Bytes, rows: Ints, f: int, n_classes: int, whole: int, counts: Ints) -> None:
    """Count rows per bin of a feature and class, in counts that are nought; places without a sign are not checked."""
    many = np.uint32(n_classes)
    if whole == 1:
        for i in range(len(rows)):
            row = np.uint32(rows[i])
            counts[np.uint32(bins[row, f]) * many + np.uint32(y[row])] += weight[row]
    else:
        for i in range(len(rows)):
            row = np.uint32(rows[i])
            one = np.uint32(2) * np.uint32(bins[row, f])
            counts[one] += weight[row] * np.uint32(y[row])
            counts[one + np.uint32(1)] += weight[row] * np.uint32(whole - y[row])


@inner
def scan_any(counts: Ints, f: int, whole: Ints, n: int, shape: Shape, left: Longs, best: Reals) -> None:
    """Look at the thresholds of a feature, whatever number of classes there is."""
    if len(whole) == 2:
        _scan_two(counts, f, whole, n, shape, best)
    else:
        scan(counts, f, whole, n, shape, left, best)


@inner
def _part(bins: Bytes, threshold: int, rows: Ints, aside: Ints) -> int:
    """Bring the rows of at most a bin to the front, in order; returns how many. No branch depends on a row."""
    n_left = n_right = 0
    for i in range(len(rows)):
        row = rows[i]
        right = np.int64(bins[np.uint32(row)] > threshold)
        rows[n_left], aside[n_right] = row, row
        n_left += 1 - right
        n_right += right
    for i in range(n_right):
        rows[n_left + i] = aside[i]
    return n_left


@inner
def _blindly(path: np.uint64, shape: Shape, space: Room) -> tuple[int, int, int]:
    """Draw a split of a node that is not for the data to choose, in the middle half of a feature's bins."""
    about, features = np.empty(2, np.uint64), space.features
    about[0], about[1] = path, 2_000_000
    for j in range(len(features)):
        features[j] = j
    for place in range(len(features)):
        f = drawn(path, place, features)
        cuts = shape.sizes[f] - 1
        if cuts > 0:
            margin = cuts // 4
            return f, margin + np.int64(siphash(shape.key, about) % np.uint64(cuts - 2 * margin)), NEVER
    return -1, 0, 0


@inner
def build(bins: Bytes, y: Bytes, weight: Bytes, trees: Trees, t: int, root: int, shape: Shape, space: Room) -> int:
    """Grow a node, whose rows stand together, down to its leaves; returns how many rows were looked at.

    The rows are copied first, column by column, so that they lie near each other.
    """
    first, n_rows, n_features = trees.start[t, root], np.int64(trees.count[t, root]), bins.shape[1]
    own, names, rows = trees.rows[t, first : first + n_rows], space.rows[:n_rows], space.order[:n_rows]
    near = space.near[: n_rows * n_features].reshape((n_features, n_rows)).T
    labels = space.near[n_rows * n_features : n_rows * (n_features + 1)]
    weights = space.near[n_rows * (n_features + 1) : n_rows * (n_features + 2)]
    for i in range(n_rows):
        names[i], rows[i] = own[i], i
        labels[i], weights[i] = y[own[i]], weight[own[i]]
    for i in range(0, n_rows, NEAR):
        for f in range(n_features):
            for j in range(i, min(i + NEAR, n_rows)):
                near[j, f] = bins[names[j], f]
    stack, depth, looked = space.stack, 1, 0
    stack[0] = root
    while depth > 0:
        depth -= 1
        k = np.int64(stack[depth])
        begin, n = trees.start[t, k] - first, trees.count[t, k]
        trees.fresh[t, k] = 1
        looked += n
        feature, threshold, spare = -1, 0, 0
        if trees.depth[t, k] < shape.blind:
            feature, threshold, spare = _blindly(trees.path[t, k], shape, space)
        elif trees.depth[t, k] < shape.max_depth:
            of = rows[begin : begin + n]
            feature, threshold, spare = find_split(near, labels, weights, of, trees, t, k, shape, space)
        trees.feature[t, k], trees.threshold[t, k], trees.budget[t, k] = feature, threshold, spare
        if feature < 0:
            free_table(trees, t, k, shape)
            continue
        trees.n_free[t] -= 1
        left = trees.free[t, trees.n_free[t]]
        trees.left[t, k] = left
        trees.classes[t, left, :] = 0
        n_left = _part(near[:, feature], threshold, rows[begin : begin + n], own)
        for row in rows[begin : begin + n_left]:
            count_row(trees.classes[t, left], 0, np.int64(labels[row]), shape.whole, np.int64(weights[row]))
        for c in range(trees.classes.shape[2]):
            trees.classes[t, left + 1, c] = trees.classes[t, k, c] - trees.classes[t, left, c]
        for side in range(2):
            child = left + side
            trees.start[t, child] = first + begin + side * n_left
            trees.count[t, child] = n - n_left if side else n_left
            trees.path[t, child] = _child(shape.key, trees.path[t, k], side)
            trees.depth[t, child] = trees.depth[t, k] + 1
            stack[depth] = child
            depth += 1
    for i in range(n_rows):
        own[i] = names[rows[i]]
    return looked


@kernel
def grow_forest(bins: Bytes, y: Bytes, weight: Bytes, draws: Draws, trees: Trees, shape: Shape, space: Room) -> None:
    """Grow every tree, in trees that are empty.

    Parameters
    ----------
    weight : ndarray of uint8 (n_all,)
        How many rows each counts as; one of 0 is in no tree.
    """
    for t in range(len(draws.paths)):
        n = 0
        for row in range(len(y)):
            if weight[row] > 0 and sees(draws, t, row):
                trees.rows[t, n] = row
                count_row(trees.classes[t, 0], 0, np.int64(y[row]), shape.whole, np.int64(weight[row]))
                n += 1
        trees.count[t, 0], trees.path[t, 0] = n, draws.paths[t]
        build(bins, y, weight, trees, t, np.int64(0), shape, space)
