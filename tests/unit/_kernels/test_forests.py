"""Trees against a twin that is written for reading, and forgetting against growing afresh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels import forests, keeping, mending, walking
from expunge._kernels.drawing import Draws
from expunge._kernels.siphash import siphash
from expunge._kernels.trees import WHOLE, Shape, Trees, empty_trees, room

KEY = np.array([7, 9], np.uint64)
N_TREES = 2
STRICT = settings(deadline=None, max_examples=60)


def everybody(n: int) -> Draws:
    """Every tree sees all rows, and has paths of its own."""
    odd = np.full(N_TREES, 5, np.uint64)
    paths = np.arange(N_TREES, dtype=np.uint64)
    return Draws(np.zeros(n, np.uint64), odd, np.zeros(N_TREES, np.uint64), np.uint64(2**32), paths)


def plain(kernel: Any) -> Any:
    """What is compiled, as Python runs it."""
    return kernel.py_func


@dataclass
class Case:
    """Rows in bins, their classes (or numbers, of two parts) and weights, and how trees are grown."""

    bins: np.ndarray[Any, np.dtype[np.uint8]]
    y: np.ndarray[Any, np.dtype[np.uint8]]
    weight: np.ndarray[Any, np.dtype[np.uint8]]
    n_classes: int
    shape: Shape
    large: int = 9999

    def grown(self, stays: Any) -> Trees:
        """Trees that see all rows that stay."""
        weight = self.weight * np.asarray(stays, np.uint8)
        trees = empty_trees(N_TREES, len(self.y), self.n_classes, self.shape, int(self.weight.sum()))
        roomy = np.zeros((N_TREES, 20_000 if self.large < 9999 else 2), np.uint16)
        trees = trees._replace(heap=roomy, large=np.array([self.large]))
        space = room(len(self.y), self.bins.shape[1], self.n_classes)
        forests.grow_forest(self.bins, self.y, weight, everybody(len(self.y)), trees, self.shape, space)
        return trees

    def forgetful(self, trees: Trees) -> Callable[[Any, Any], tuple[int, int]]:
        """Return what takes rows out of trees, given who is still there."""
        space, waiting = room(len(self.y), 4, self.n_classes), np.empty(trees.feature.shape[1] + 2, np.int32)

        def forget(alive: Any, leaving: Any) -> tuple[int, int]:
            of = self.bins, self.y, self.weight * np.asarray(alive, np.uint8), everybody(len(self.y))
            return mending.forget_from_forest(*of, trees, np.array(leaving, np.int32), self.shape, space, waiting)

        return forget


def case(
    seed: int,
    n: int,
    bins: int,
    n_classes: int,
    features: int,
    min_leaf: int,
    max_depth: int,
    numbers: bool = False,
    large: int = 9999,
    heaviest: int = 1,
) -> Case:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, bins, (n, 4)).astype(np.uint8)
    y = ((X[:, 0] * n_classes // bins + (rng.random(n) < 0.3)) % n_classes).astype(np.uint8)
    whole = 1
    if numbers:
        whole, n_classes = WHOLE, 2
        y = np.clip(X[:, 0] // 2 + rng.choice([0, 0, 3, 200], n), 0, 255).astype(np.uint8)
    weight = rng.integers(heaviest == 1, heaviest, n, endpoint=True).astype(np.uint8)
    return Case(X, y, weight, n_classes, Shape(KEY, np.full(4, bins), features, min_leaf, max_depth, whole), large)


CASES = st.builds(
    case,
    seed=st.integers(0, 10**6),
    n=st.integers(1, 160),
    bins=st.sampled_from([1, 2, 5, 60, 255]),
    n_classes=st.sampled_from([2, 3]),
    features=st.integers(1, 4),
    min_leaf=st.integers(1, 6),
    max_depth=st.sampled_from([1, 3, 99]),
    numbers=st.booleans(),
    large=st.sampled_from([5, 41, 80, 9999]),
    heaviest=st.sampled_from([1, 3, 255]),
)


def parts(of: Case, rows: list[int]) -> tuple[int, ...]:
    """How much of each class rows have, in parts."""
    if of.shape.whole == 1:
        return tuple(int(of.weight[rows][of.y[rows] == c].sum()) for c in range(of.n_classes))
    held = int((of.y[rows].astype(int) * of.weight[rows]).sum())
    return held, of.shape.whole * weigh(of, rows) - held


def weigh(of: Case, rows: list[int]) -> int:
    """How many rows some rows count as."""
    return int(of.weight[rows].sum())


def mixed(path: int, place: int) -> int:
    """SplitMix64's output at a place of the stream that a path begins."""
    state = (path + (place + 1) * 0x9E3779B97F4A7C15) % 2**64
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


def twin(of: Case, rows: list[int], path: int, depth: int) -> list[tuple[int, ...]]:
    """The nodes of a tree in preorder, by the module's words: feature, threshold, and rows of each class."""
    counts = parts(of, rows)
    leaf = [(-1, 0, *counts)]
    if weigh(of, rows) < 2 * of.shape.min_leaf or len(set(of.y[rows].tolist())) == 1 or depth == of.shape.max_depth:
        return leaf
    features, best, chosen = list(range(4)), -1.0, (-1, 0)
    for place in range(4):
        if place >= of.shape.n_features and chosen[0] >= 0:
            break
        other = place + (mixed(path, place) >> 32) * (4 - place) // 2**32
        features[place], features[other] = features[other], features[place]
        f = features[place]
        for b in sorted(set(of.bins[rows, f].tolist()))[:-1]:
            sides = [row for row in rows if of.bins[row, f] <= b], [row for row in rows if of.bins[row, f] > b]
            left, right = (weigh(of, side) for side in sides)
            if min(left, right) >= of.shape.min_leaf:
                apart = [
                    (left + right) * own - left * whole for own, whole in zip(parts(of, sides[0]), counts, strict=True)
                ]
                score = sum(float(own) ** 2 for own in apart) / (float(left) * right)
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
    nodes, classes, _, _ = walking.flat(trees)
    return [(int(node[0]), int(node[1]), *own) for node, own in zip(nodes, classes.tolist(), strict=True)]


@STRICT
@given(CASES)
def test_a_tree_is_what_the_words_say(of: Case) -> None:
    rows = np.flatnonzero(of.weight).tolist()
    expected = [node for tree in range(N_TREES) for node in twin(of, rows, tree, 0)]
    assert written(of.grown(np.ones(len(of.y)))) == expected


@STRICT
@given(CASES, st.data())
def test_forgetting_gives_what_the_rows_that_stay_give(of: Case, data: st.DataObject) -> None:
    n = len(of.y)
    trees, alive = of.grown(np.ones(n)), np.ones(n, np.uint8)
    forget = of.forgetful(trees)
    order = data.draw(st.permutations(range(n)))[: data.draw(st.integers(0, n))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=4)))
    for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        leaving = order[begin:end]
        forget(alive, leaving)
        alive[leaving] = 0
        assert written(trees) == written(of.grown(alive))
        check_tables(of, trees)
    assert not np.isin(trees.rows, order).any(), "no place tells of a row that left"
    assert not trees.seen.any()


def check_tables(of: Case, trees: Trees) -> None:
    """Every table holds what the rows below its node hold, and nothing else is in the heap."""
    for t in range(N_TREES):
        told = np.zeros(trees.heap.shape[1], bool)
        for k in np.flatnonzero(trees.table[t] >= 0).tolist():
            rows, begin = below(trees, t, k), int(trees.table[t, k])
            features = plain(keeping.features_of)(trees.heap[t], begin, of.shape).tolist()
            at = begin + plain(keeping.head)(4, of.shape)
            kind = np.uint32 if plain(keeping.is_wide)(trees.heap[t], begin) else np.uint16
            cells = of.n_classes * int(of.shape.sizes[features].sum())
            words = cells * np.dtype(kind).itemsize // 2
            found = trees.heap[t, at : at + words].view(kind).reshape(-1, of.n_classes).tolist()
            bins = [(f, b) for f in features for b in range(of.shape.sizes[f])]
            assert found == [list(parts(of, [row for row in rows if of.bins[row, f] == b])) for f, b in bins]
            told[begin : at + words] = True
        assert not trees.heap[t, ~told].any()
        assert trees.used[t, 1] <= trees.used[t, 0] <= len(told)


def below(trees: Trees, t: int, k: int) -> list[int]:
    """The rows of a node."""
    if trees.feature[t, k] < 0:
        begin = trees.start[t, k]
        return [int(row) for row in trees.rows[t, begin : begin + trees.count[t, k]]]
    left = int(trees.left[t, k])
    return [*below(trees, t, left), *below(trees, t, left + 1)]


@STRICT
@given(CASES)
def test_room_is_given_back(of: Case) -> None:
    """However a tree changes, the pairs of nodes in use are those of a tree grown afresh."""
    n = len(of.y)
    trees, alive = of.grown(np.ones(n)), np.ones(n, np.uint8)
    forget = of.forgetful(trees)
    for row in range(0, n - 1, 2):
        forget(alive, [row])
        alive[row] = 0
    fresh = of.grown(alive)
    assert trees.n_free.tolist() == fresh.n_free.tolist()
    for tree in range(N_TREES):
        free = trees.free[tree, : trees.n_free[tree]].tolist()
        assert len(set(free)) == len(free)


@pytest.mark.parametrize("size", [200, 700, 3000])
def test_a_heap_that_is_too_small_changes_no_tree(size: int) -> None:
    """Holes are closed where the end is reached, and nodes that find no room go without a table."""
    of = case(11, 900, 30, 2, 2, 3, 99, large=60)
    trees, alive = of.grown(np.ones(900)), np.ones(900, np.uint8)
    small = trees._replace(table=np.full_like(trees.table, -1), heap=np.zeros((N_TREES, size), np.uint16))
    small.used[:] = 0
    forget = of.forgetful(small)
    for row in np.random.default_rng(0).permutation(900)[:500].tolist():
        forget(alive, [row])
        alive[row] = 0
    check_tables(of, small)
    assert (small.table >= 0).any()
    assert written(small) == written(of.grown(alive))


@STRICT
@given(CASES, st.data())
def test_bins_that_merge_leave_trees_of_merged_bins(of: Case, data: st.DataObject) -> None:
    trees, f = of.grown(np.ones(len(of.y))), data.draw(st.integers(0, 3))
    if of.shape.sizes[f] == 1:
        return
    before = data.draw(st.integers(0, int(of.shape.sizes[f]) - 2))
    space, waiting = room(len(of.y), 4, of.n_classes), np.empty(trees.feature.shape[1] + 2, np.int32)
    of.bins[:, f] -= of.bins[:, f] > before
    of.shape.sizes[f] -= 1
    mending.merge_bins(of.bins, of.y, of.weight, trees, f, before, of.shape, space, waiting)
    assert written(trees) == written(of.grown(np.ones(len(of.y))))
    check_tables(of, trees)


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


@settings(deadline=None)
@given(st.lists(st.integers(0, 255), min_size=2, max_size=40))
def test_one_removal_of_a_number_lowers_a_sides_impurity_by_at_most_two(levels: list[int]) -> None:
    def impurity(own: list[int]) -> Fraction:
        held, n = Fraction(sum(own), 255), len(own)
        return n - (held**2 + (n - held) ** 2) / n

    assert 0 <= impurity(levels) - impurity(levels[1:]) <= 2


@pytest.mark.parametrize("numbers", [False, True])
def test_a_removal_mends_few_nodes(numbers: bool) -> None:
    of = case(5, 4000, 40, 2, 2, 5, 99, numbers=numbers, large=300)
    trees = of.grown(np.ones(4000))
    forget, n_nodes = of.forgetful(trees), len(walking.flat(trees)[0])
    mended = sum(forget(np.ones(4000), [row])[1] for row in range(200))
    assert mended / 200 < n_nodes / 100


def test_a_row_of_some_weight_counts_as_so_many_rows() -> None:
    heavy = case(12, 120, 9, 3, 2, 4, 99, heaviest=5)
    light = Case(
        heavy.bins.repeat(heavy.weight, axis=0),
        heavy.y.repeat(heavy.weight),
        np.ones(heavy.weight.sum(), np.uint8),
        3,
        heavy.shape,
    )
    assert written(heavy.grown(np.ones(120))) == written(light.grown(np.ones(len(light.y))))


def test_rows_end_in_their_leaves() -> None:
    of = case(6, 300, 9, 3, 2, 3, 99)
    trees = of.grown(np.ones(300))
    nodes, classes, starts, _ = walking.flat(trees)
    found = np.zeros((300, 3))
    walking.add_shares(of.bins, walking.steps_of(nodes), classes.astype(float), starts, found)
    assert found.sum() == sum(
        trees.count[tree, node] ** 2
        for tree in range(N_TREES)
        for node in np.flatnonzero((trees.feature[tree] < 0) & (trees.count[tree] > 0))
        if node == 0 or node not in set((trees.free[tree, : trees.n_free[tree], None] + [0, 1]).ravel().tolist())
    )


def test_leaves_sum_the_numbers_of_their_rows() -> None:
    of = case(8, 300, 9, 2, 2, 3, 99, numbers=True)
    trees, numbers = of.grown(np.ones(300)), np.random.default_rng(0).integers(0, 2**20, 300)
    nodes, _, starts, places = walking.flat(trees)
    summed = walking.sum_leaves(trees, nodes, starts, places, numbers, of.weight)
    assert summed[starts, 0].tolist() == [300] * N_TREES
    assert summed[:, 1].sum() == N_TREES * numbers.sum()
    assert not summed[nodes[:, 0] >= 0, 1].any()


@pytest.mark.parametrize("n", [0, 1])
def test_a_tree_of_nobody_is_a_leaf(n: int) -> None:
    of = case(7, 3, 5, 2, 2, 1, 9)
    trees = of.grown(np.arange(3) < n)
    nodes, classes, _, _ = walking.flat(trees)
    assert nodes[:, 0].tolist() == [-1, -1]
    assert classes.sum() == n * N_TREES
