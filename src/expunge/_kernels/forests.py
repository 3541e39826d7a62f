"""Random forests whose trees are a function of who is in them, and that forget by mending the few nodes that change.

A tree sees a subject where the hash of (tree, subject) is below a share. A node looks at a few features, drawn by the
hash of its path, and at every bin that some row of it has; it takes the first split of largest score

    sum over classes of L_c**2 / L  +  sum over classes of R_c**2 / R

where L_c rows of class c go left (their bin is at most the threshold), R_c right, and no side has fewer than
`min_leaf` rows. Where no feature drawn has such a split, others are looked at, one by one. A node is a leaf where it is
pure, too small or too deep, or no feature splits it. The first levels may be blind: drawn by the hash of the path, for
whoever is there (`staging`).

For a number q between 0 and 1 a row counts as q of a first class and 1 - q of a second: but for a constant, the score
is then twice what the sum of squares loses. q is in `WHOLE` parts, and so are L_c and R_c.

Removal budget
--------------
Write I for the node's rows less the score. Taking one row of class c out of a side of n rows, S being the sum of the
squared counts, lowers that side's ``n - S / n`` by ``1 + (S + n - 2 n n_c) / (n (n - 1))``, which is at least 0 and
less than 2; a row of q and 1 - q lowers it by ``2 (q (1 - q) + (n - 1) / n (q - m)**2)``, m being the others' mean,
at most 2 too. So after r rows have left, the best split is still the best if it was ahead by more than 2 r; it is still
allowed while no side falls below `min_leaf`; and the node is not pure while another class has a row, or while its best
split was better than none by more than 2 r. The least of these numbers is the node's budget: while it lasts, only
counts change. What can be chosen only ever becomes fewer, since a bin that no row has is not looked at: so a leaf stays
a leaf.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from expunge._kernels.compiled import kernel
from expunge._kernels.siphash import Words, siphash
from expunge._kernels.trees import FEW, Bytes, Ints, Longs, Reals, Room, Shape, Trees

SAFE: Final = 1e-6
"""More than rounding can make of a difference of scores."""
NEVER: Final = np.int32(2**30)


@kernel
def count_row(counts: Ints, at: int, label: int, whole: int, sign: int) -> None:
    """Add a row to the counts of classes that begin at a place, or take it away."""
    if whole == 1:
        counts[at + label] += sign
    else:
        counts[at] += sign * label
        counts[at + 1] += sign * (whole - label)


@kernel
def _score(left: Longs, n_left: int, whole: Ints, n: int) -> float:
    """Return the score of a split; the classes in order, so that the sum is one."""
    of_left = of_right = 0.0
    for c in range(len(left)):
        a, b = float(left[c]), float(whole[c] - left[c])
        of_left += a * a
        of_right += b * b
    return of_left / n_left + of_right / (n - n_left)


@kernel
def _drawn(key: Words, path: np.uint64, place: int, features: Longs) -> int:
    """Bring the next feature of a node's order to its place in `features`, and return it."""
    about = np.empty(2, np.uint64)
    about[0], about[1] = path, place
    other = place + np.int64(siphash(key, about) % np.uint64(len(features) - place))
    features[place], features[other] = features[other], features[place]
    return features[place]


@kernel
def _child(key: Words, path: np.uint64, side: int) -> np.uint64:
    """Return the path of a child."""
    about = np.empty(2, np.uint64)
    about[0], about[1] = path, 1_000_000 + side
    return siphash(key, about)


@kernel
def _scan(counts: Ints, f: int, whole: Ints, n: int, min_leaf: int, parts: int, left: Longs, best: Reals) -> None:
    """Look at the thresholds of a feature.

    Parameters
    ----------
    counts : ndarray of int32 (n_bins * n_classes,)
        Of the node's rows, bin by bin.
    left : ndarray of int64 (n_classes,)
        Room.
    best : ndarray of float64 (5,)
        Best score, second best, and of the best feature, threshold and rows on the left; changed.
    """
    n_classes = len(whole)
    left[:] = 0
    n_left = 0
    for b in range(len(counts) // n_classes - 1):
        held = 0
        for c in range(n_classes):
            held += counts[b * n_classes + c]
            left[c] += counts[b * n_classes + c]
        if held == 0:
            continue
        n_left += held // parts
        if n - n_left < min_leaf:
            return
        if n_left >= min_leaf:
            _weigh(_score(left, n_left, whole, n), f, b, n_left, best)


@kernel
def _sorted_scan(
    bins: Bytes, y: Bytes, rows: Ints, f: int, whole: Ints, shape: Shape, left: Longs, ordered: Ints, best: Reals
) -> None:
    """Do what `_scan` does for few rows, by sorting them."""
    n = len(rows)
    for i in range(n):
        one = np.int32(bins[rows[i], f]) * 256 + y[rows[i]]
        j = i
        while j > 0 and ordered[j - 1] > one:
            ordered[j] = ordered[j - 1]
            j -= 1
        ordered[j] = one
    left[:] = 0
    min_leaf = shape.min_leaf
    for i in range(n - 1):
        count_row(left, 0, ordered[i] & 255, shape.whole, 1)
        n_left = i + 1
        if ordered[i] >> 8 != ordered[i + 1] >> 8 and n_left >= min_leaf and n - n_left >= min_leaf:
            _weigh(_score(left, n_left, whole, n), f, ordered[i] >> 8, n_left, best)


@kernel
def _weigh(score: float, f: int, threshold: int, n_left: int, best: Reals) -> None:
    """Note a split, if it is the best or the second best; the first of equals is the best."""
    if score > best[0]:
        best[1] = best[0]
        best[0], best[2], best[3], best[4] = score, f, threshold, n_left
    elif score > best[1]:
        best[1] = score


@kernel
def alike(y: Bytes, rows: Ints, whole: Ints, parts: int) -> int:
    """Return how many rows have what most of them have."""
    if parts == 1:
        return whole.max()
    held = np.zeros(256, np.int32)
    for row in rows:
        held[y[row]] += 1
    return held.max()


@kernel
def score_of(whole: Ints, n: int) -> float:
    """Return the score of no split at all."""
    squares = 0.0
    for c in range(len(whole)):
        squares += float(whole[c]) * float(whole[c])
    return squares / n


@kernel
def lasting(ahead: float, shape: Shape) -> int:
    """Return how many rows may leave before a difference of scores is gone; below 0 where rounding may make it up."""
    return np.int64(math.floor((ahead / (float(shape.whole) * shape.whole) - SAFE) / 2))


@kernel
def settled(best: Reals, impure: int, n: int, shape: Shape) -> tuple[int, int, int]:
    """Return feature, threshold and budget; `impure` is how many may leave before the node may be pure."""
    if best[2] < 0:
        return -1, 0, 0
    ahead = NEVER if best[1] < 0 else max(lasting(best[0] - best[1], shape), 0)
    n_left = np.int64(best[4])
    return (
        np.int64(best[2]),
        np.int64(best[3]),
        min(ahead, n_left - shape.min_leaf, n - n_left - shape.min_leaf, impure),
    )


@kernel
def find_split(
    bins: Bytes, y: Bytes, rows: Ints, trees: Trees, t: int, k: int, shape: Shape, space: Room
) -> tuple[int, int, int]:
    """Find the best split of a node, given its rows; a large node keeps its counts.

    Parameters
    ----------
    bins : ndarray of uint8 (n_all, n_features)
    y : ndarray of uint8 (n_all,)
        Numbers of classes.
    rows : ndarray of int32

    Returns
    -------
    feature, threshold, budget : int
        The feature is -1 where there is no split.
    """
    whole, path = trees.classes[t, k], trees.path[t, k]
    n, n_classes = len(rows), len(whole)
    n_alike = alike(y, rows, whole, shape.whole)
    if n < 2 * shape.min_leaf or n_alike == n:
        return -1, 0, 0
    features = space.features
    for j in range(len(features)):
        features[j] = j
    first = min(shape.n_features, len(features))
    for place in range(first):
        _drawn(shape.key, path, place, features)
    best = np.full(5, -1.0)
    if n > FEW:
        counts = space.bins
        table = _a_table(trees, t, k) if n >= trees.large[0] else -1
        if table >= 0:
            counts = trees.tables[table]
            trees.looked_at[table, :] = features[:first]
        _count(bins, y, rows, features[:first], shape, n_classes, counts)
        scan_all(counts, features[:first], whole, n, shape, space, best)
    for place in range(0 if n <= FEW else first, len(features)):
        if place >= first and best[2] >= 0:
            break
        if place >= first:
            _drawn(shape.key, path, place, features)
        if n <= FEW:
            _sorted_scan(bins, y, rows, features[place], whole, shape, space.left, space.sorted, best)
        else:
            one = features[place : place + 1]
            _count(bins, y, rows, one, shape, n_classes, space.bins)
            scan_all(space.bins, one, whole, n, shape, space, best)
    return settled(best, n - n_alike - 1, n, shape)


@kernel
def _count(bins: Bytes, y: Bytes, rows: Ints, features: Longs, shape: Shape, n_classes: int, counts: Ints) -> None:
    """Count rows per bin and class, one feature behind the other; row by row, as their bins lie."""
    begins = np.empty(len(features), np.int64)
    at = 0
    for place in range(len(features)):
        begins[place] = at
        at += shape.sizes[features[place]] * n_classes
    counts[:at] = 0
    for row in rows:
        label = np.int64(y[row])
        for place in range(len(features)):
            one = begins[place] + np.int64(bins[row, features[place]]) * n_classes
            count_row(counts, one, label, shape.whole, 1)


@kernel
def scan_all(counts: Ints, features: Longs, whole: Ints, n: int, shape: Shape, space: Room, best: Reals) -> None:
    """Look at the thresholds of several features, in order."""
    at = 0
    for f in features:
        size = shape.sizes[f] * len(whole)
        _scan(counts[at : at + size], f, whole, n, shape.min_leaf, shape.whole, space.left, best)
        at += size


@kernel
def _a_table(trees: Trees, t: int, k: int) -> int:
    """Give a node a table, if it has none and there is one."""
    spare = trees.spare[t]
    last = len(spare) - 1
    if trees.table[t, k] < 0 and spare[last] > 0:
        spare[last] -= 1
        trees.table[t, k] = spare[spare[last]]
    return trees.table[t, k]


@kernel
def free_table(trees: Trees, t: int, k: int) -> None:
    """Take a node's table away, blank."""
    spare = trees.spare[t]
    last = len(spare) - 1
    if trees.table[t, k] >= 0:
        trees.tables[trees.table[t, k], :] = 0
        spare[spare[last]] = trees.table[t, k]
        spare[last] += 1
        trees.table[t, k] = -1


@kernel
def _blindly(path: np.uint64, shape: Shape, space: Room) -> tuple[int, int, int]:
    """Draw a split of a node that is not for the data to choose, in the middle half of a feature's bins."""
    about, features = np.empty(2, np.uint64), space.features
    about[0], about[1] = path, 2_000_000
    for j in range(len(features)):
        features[j] = j
    for place in range(len(features)):
        f = _drawn(shape.key, path, place, features)
        cuts = shape.sizes[f] - 1
        if cuts > 0:
            margin = cuts // 4
            return f, margin + np.int64(siphash(shape.key, about) % np.uint64(cuts - 2 * margin)), NEVER
    return -1, 0, 0


@kernel
def build(bins: Bytes, y: Bytes, trees: Trees, t: int, root: int, shape: Shape, space: Room) -> int:
    """Grow a node, whose rows stand together, down to its leaves; returns how many rows were looked at."""
    stack, rows = space.stack, trees.rows[t]
    depth = looked = 0
    stack[0], depth = root, 1
    while depth > 0:
        depth -= 1
        k = stack[depth]
        begin, n = trees.start[t, k], trees.count[t, k]
        trees.fresh[t, k] = 1
        looked += n
        feature, threshold, spare = -1, 0, 0
        if trees.depth[t, k] < shape.blind:
            feature, threshold, spare = _blindly(trees.path[t, k], shape, space)
        elif trees.depth[t, k] < shape.max_depth:
            feature, threshold, spare = find_split(bins, y, rows[begin : begin + n], trees, t, k, shape, space)
        trees.feature[t, k], trees.threshold[t, k], trees.budget[t, k] = feature, threshold, spare
        if feature < 0:
            free_table(trees, t, k)
            continue
        trees.n_free[t] -= 1
        left = trees.free[t, trees.n_free[t]]
        trees.left[t, k] = left
        trees.classes[t, left, :] = 0
        i, j = begin, begin + n - 1
        while i <= j:
            row = rows[i]
            if bins[row, feature] <= threshold:
                count_row(trees.classes[t, left], 0, np.int64(y[row]), shape.whole, 1)
                i += 1
            else:
                rows[i], rows[j] = rows[j], row
                j -= 1
        n_left = i - begin
        trees.classes[t, left + 1, :] = trees.classes[t, k] - trees.classes[t, left]
        for side in range(2):
            child = left + side
            trees.start[t, child] = begin + side * n_left
            trees.count[t, child] = n - n_left if side else n_left
            trees.path[t, child] = _child(shape.key, trees.path[t, k], side)
            trees.depth[t, child] = trees.depth[t, k] + 1
            stack[depth] = child
            depth += 1
    return looked


@kernel
def grow_forest(bins: Bytes, y: Bytes, within: Bytes, trees: Trees, paths: Words, shape: Shape, space: Room) -> None:
    """Grow every tree, in trees that are empty.

    Parameters
    ----------
    within : ndarray of uint8 (n_trees, n_all)
        1 where a tree sees a row.
    paths : ndarray of uint64 (n_trees,)
        Paths of the roots.
    """
    for t in range(len(within)):
        n = 0
        for row in range(len(y)):
            if within[t, row]:
                trees.rows[t, n] = row
                count_row(trees.classes[t, 0], 0, np.int64(y[row]), shape.whole, 1)
                n += 1
        trees.count[t, 0], trees.path[t, 0] = n, paths[t]
        build(bins, y, trees, t, 0, shape, space)
