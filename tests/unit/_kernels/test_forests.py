"""Trees against a twin that is written for reading, and forgetting against growing afresh."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels import forests, mending
from expunge._kernels.forests import Shape, Trees
from expunge._kernels.siphash import siphash

KEY = np.array([7, 9], np.uint64)
N_TREES = 2
STRICT = settings(deadline=None, max_examples=60)


@dataclass
class Case:
    """Rows in bins, their classes, and how trees are grown."""

    bins: np.ndarray[Any, np.dtype[np.uint8]]
    y: np.ndarray[Any, np.dtype[np.uint8]]
    n_classes: int
    shape: Shape

    def grown(self, stays: Any) -> Trees:
        """Trees that see all rows that stay, each by paths of its own."""
        within = np.tile(np.asarray(stays, np.uint8), (N_TREES, 1))
        trees = forests.empty_trees(N_TREES, len(self.y), self.n_classes, self.shape)
        space = forests.room(len(self.y), self.bins.shape[1], self.n_classes)
        paths = np.arange(N_TREES, dtype=np.uint64)
        forests.grow_forest(self.bins, self.y, within, trees, paths, self.shape, space)
        return trees


def case(seed: int, n: int, bins: int, n_classes: int, features: int, min_leaf: int, max_depth: int) -> Case:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, bins, (n, 4)).astype(np.uint8)
    y = ((X[:, 0] * n_classes // bins + (rng.random(n) < 0.3)) % n_classes).astype(np.uint8)
    return Case(X, y, n_classes, Shape(KEY, np.full(4, bins), features, min_leaf, max_depth))


CASES = st.builds(
    case,
    seed=st.integers(0, 10**6),
    n=st.integers(1, 160),
    bins=st.sampled_from([1, 2, 5, 60, 255]),
    n_classes=st.sampled_from([2, 3]),
    features=st.integers(1, 4),
    min_leaf=st.integers(1, 6),
    max_depth=st.sampled_from([1, 3, 99]),
)


def twin(of: Case, rows: list[int], path: int, depth: int) -> list[tuple[int, ...]]:
    """The nodes of a tree in preorder, by the module's words: feature, threshold, and rows of each class."""
    counts = tuple(int((of.y[rows] == c).sum()) for c in range(of.n_classes))
    leaf = [(-1, 0, *counts)]
    if len(rows) < 2 * of.shape.min_leaf or max(counts) == len(rows) or depth == of.shape.max_depth:
        return leaf
    features, best, chosen = list(range(4)), -1.0, (-1, 0)
    for place in range(4):
        if place >= of.shape.n_features and chosen[0] >= 0:
            break
        other = place + int(siphash(KEY, np.array([path, place], np.uint64))) % (4 - place)
        features[place], features[other] = features[other], features[place]
        f = features[place]
        for b in sorted(set(of.bins[rows, f].tolist()))[:-1]:
            sides = [row for row in rows if of.bins[row, f] <= b], [row for row in rows if of.bins[row, f] > b]
            if min(map(len, sides)) >= of.shape.min_leaf:
                squares = [sum(int((of.y[own] == c).sum()) ** 2 for c in range(of.n_classes)) for own in sides]
                score = squares[0] / len(sides[0]) + squares[1] / len(sides[1])
                if score > best:
                    best, chosen = score, (f, b)
    if chosen[0] < 0:
        return leaf
    f, b = chosen
    children = [[row for row in rows if (of.bins[row, f] > b) == side] for side in (False, True)]
    paths = [int(siphash(KEY, np.array([path, 1_000_000 + side], np.uint64))) for side in range(2)]
    below = [twin(of, own, at, depth + 1) for own, at in zip(children, paths, strict=True)]
    return [(f, b, *counts), *below[0], *below[1]]


def written(trees: Trees) -> list[tuple[int, ...]]:
    nodes, classes, _ = forests.flat(trees)
    return [(int(node[0]), int(node[1]), *own) for node, own in zip(nodes, classes.tolist(), strict=True)]


@STRICT
@given(CASES)
def test_a_tree_is_what_the_words_say(of: Case) -> None:
    expected = [node for tree in range(N_TREES) for node in twin(of, list(range(len(of.y))), tree, 0)]
    assert written(of.grown(np.ones(len(of.y)))) == expected


@STRICT
@given(CASES, st.data())
def test_forgetting_gives_what_the_rows_that_stay_give(of: Case, data: st.DataObject) -> None:
    n = len(of.y)
    trees, alive = of.grown(np.ones(n)), np.ones(n, np.uint8)
    space = forests.room(n, 4, of.n_classes)
    waiting = np.empty(trees.feature.shape[1] + 2, np.int32)
    order = data.draw(st.permutations(range(n)))[: data.draw(st.integers(0, n))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=4)))
    for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        leaving = np.array(order[begin:end], np.int32)
        within = np.tile(alive, (N_TREES, 1))
        mending.forget_from_forest(of.bins, of.y, within, trees, leaving, of.shape, space, waiting)
        alive[leaving] = 0
        assert written(trees) == written(of.grown(alive))
    assert not np.isin(trees.rows, order).any(), "no place tells of a row that left"
    assert not trees.seen.any()


@STRICT
@given(CASES)
def test_room_is_given_back(of: Case) -> None:
    """However a tree changes, the pairs of nodes in use are those of a tree grown afresh."""
    n = len(of.y)
    trees, alive = of.grown(np.ones(n)), np.ones(n, np.uint8)
    space, waiting = forests.room(n, 4, of.n_classes), np.empty(trees.feature.shape[1] + 2, np.int32)
    for row in range(0, n - 1, 2):
        leaving = np.array([row], np.int32)
        mending.forget_from_forest(
            of.bins, of.y, np.tile(alive, (N_TREES, 1)), trees, leaving, of.shape, space, waiting
        )
        alive[row] = 0
    fresh = of.grown(alive)
    assert trees.n_free.tolist() == fresh.n_free.tolist()
    for tree in range(N_TREES):
        free = trees.free[tree, : trees.n_free[tree]].tolist()
        assert len(set(free)) == len(free)


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=4).filter(lambda own: sum(own) > 1), st.data())
def test_one_removal_lowers_a_sides_impurity_by_less_than_two(counts: list[int], data: st.DataObject) -> None:
    """The bound under the removal budget, in exact fractions."""
    c = data.draw(st.sampled_from([c for c, own in enumerate(counts) if own]))
    n = sum(counts)
    before = n - Fraction(sum(own * own for own in counts), n)
    counts[c] -= 1
    after = n - 1 - Fraction(sum(own * own for own in counts), n - 1)
    assert 0 <= before - after < 2


def test_a_removal_mends_few_nodes() -> None:
    of = case(5, 4000, 40, 2, 2, 5, 99)
    trees, space = of.grown(np.ones(4000)), forests.room(4000, 4, 2)
    waiting, within = np.empty(trees.feature.shape[1] + 2, np.int32), np.ones((N_TREES, 4000), np.uint8)
    n_nodes = len(forests.flat(trees)[0])
    mended = 0
    for row in range(200):
        leaving = np.array([row], np.int32)
        mended += mending.forget_from_forest(of.bins, of.y, within, trees, leaving, of.shape, space, waiting)[1]
    assert mended / 200 < n_nodes / 100


def test_rows_end_in_their_leaves() -> None:
    of = case(6, 300, 9, 3, 2, 3, 99)
    trees = of.grown(np.ones(300))
    nodes, classes, starts = forests.flat(trees)
    found = np.zeros((300, 3))
    forests.add_shares(of.bins, nodes, classes.astype(float), starts, found)
    assert found.sum() == sum(
        trees.count[tree, node] ** 2
        for tree in range(N_TREES)
        for node in np.flatnonzero((trees.feature[tree] < 0) & (trees.count[tree] > 0))
        if node == 0 or node not in set((trees.free[tree, : trees.n_free[tree], None] + [0, 1]).ravel().tolist())
    )


@pytest.mark.parametrize("n", [0, 1])
def test_a_tree_of_nobody_is_a_leaf(n: int) -> None:
    of = case(7, 3, 5, 2, 2, 1, 9)
    trees = of.grown(np.arange(3) < n)
    nodes, classes, _ = forests.flat(trees)
    assert nodes[:, 0].tolist() == [-1, -1]
    assert classes.sum() == n * N_TREES
