"""Boosting in stages against a twin that is written for reading, and forgetting against learning afresh."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels import drawing, forests, relabelling, staging, tables, walking
from expunge._kernels.pushing import empty_front
from expunge._kernels.siphash import siphash
from expunge._kernels.tables import MOST_CELLS, Chain, Rule
from expunge._kernels.trees import WHOLE, Shape, Trees, empty_trees, room
from expunge.learners.exact import losses

KEY = np.array([3, 5], np.uint64)
N_TREES, N_COLUMNS, BINS = 2, 4, 9
PATHS = np.arange(N_TREES, dtype=np.uint64)
STRICT = settings(deadline=None, max_examples=60)


@dataclass
class Case:
    """Rows in bins, their numbers, and how trees are grown."""

    bins: np.ndarray[Any, np.dtype[np.uint8]]
    y: np.ndarray[Any, np.dtype[np.uint8]]
    weight: np.ndarray[Any, np.dtype[np.uint8]]
    shape: Shape
    large: int

    def grown(self, stays: Any, y: Any = None) -> Trees:
        """Trees that see all rows that stay."""
        n = len(self.y)
        weight, drawn = self.weight * np.asarray(stays, np.uint8), self.shape.min_leaf << self.shape.blind
        trees = empty_trees(N_TREES, n + drawn, 2, self.shape, int(weight.sum(dtype=np.int64)) + drawn)
        trees.large[0] = self.large
        space = room(n, N_COLUMNS, 2)
        draws = drawing.everybody(n, PATHS)
        forests.grow_forest(self.bins, self.y if y is None else y, weight, draws, trees, self.shape, space)
        trees.fresh[:] = 0
        return trees


def case(seed: int, n: int, levels: int, blind: int, min_leaf: int, max_depth: int, large: int = 9999) -> Case:
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, BINS, (n, N_COLUMNS)).astype(np.uint8)
    y = (rng.integers(0, levels, n) * (WHOLE // max(levels - 1, 1))).astype(np.uint8)
    shape = Shape(KEY, np.full(N_COLUMNS, BINS), 2, min_leaf, max_depth, WHOLE, min(blind, max_depth - 1))
    weight = rng.choice([1, 1, 3], n).astype(np.uint8)
    return Case(bins, y, weight, shape, large)


CASES = st.builds(
    case,
    seed=st.integers(0, 10**6),
    n=st.integers(1, 200),
    levels=st.sampled_from([1, 2, 4, 30]),
    blind=st.integers(0, 2),
    min_leaf=st.integers(1, 8),
    max_depth=st.sampled_from([1, 4, 8]),
    large=st.sampled_from([41, 9999]),
)


def written(trees: Trees) -> list[tuple[int, ...]]:
    nodes, classes, _, _ = walking.flat(trees)
    return [(int(node[0]), int(node[1]), *own) for node, own in zip(nodes, classes.tolist(), strict=True)]


def blind_split(path: int) -> tuple[int, int]:
    """The split that a path draws: the feature of smallest place, in the middle half of its bins."""
    f = int(forests.drawn(np.uint64(path), 0, np.arange(N_COLUMNS)))
    margin = (BINS - 1) // 4
    return f, margin + int(siphash(KEY, np.array([path, 2_000_000], np.uint64))) % (BINS - 1 - 2 * margin)


@STRICT
@given(CASES)
def test_the_first_levels_are_drawn_whoever_is_there(of: Case) -> None:
    trees = of.grown(np.ones(len(of.y)))
    for t, path in enumerate(PATHS.tolist()):
        if of.shape.blind > 0:
            assert (trees.feature[t, 0], trees.threshold[t, 0]) == blind_split(path)
        if of.shape.blind > 1:
            left = trees.left[t, 0]
            below = int(siphash(KEY, np.array([path, 1_000_000], np.uint64)))
            assert (trees.feature[t, left], trees.threshold[t, left]) == blind_split(below)


@STRICT
@given(CASES, st.data())
def test_other_numbers_and_fewer_rows_give_what_growing_gives(of: Case, data: st.DataObject) -> None:
    n = len(of.y)
    trees, alive = of.grown(np.ones(n)), np.ones(n, np.uint8)
    space, waiting = room(n, N_COLUMNS, 2), np.empty(trees.feature.shape[1] + 2, np.int32)
    for _ in range(data.draw(st.integers(1, 4))):
        rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
        order = rng.permutation(np.flatnonzero(alive)).astype(np.int32)
        n_left, n_moved = rng.integers(0, 4), rng.integers(0, 6)
        leaving, moved = order[:n_left], order[n_left : n_left + n_moved]
        was = of.y[moved].copy()
        of.y[moved] = rng.choice(np.array([0, 60, 128, 200, 255], np.uint8), len(moved))
        before = [[staging.cell_in(row, trees, b) for row in of.bins] for b in range(N_TREES)]
        mended = np.zeros(N_TREES, np.uint8)
        relabelling.change_trees(of.bins, of.y, of.weight, trees, leaving, moved, was, of.shape, space, waiting, mended)
        alive[leaving] = 0
        assert written(trees) == written(of.grown(alive))
        for b in range(N_TREES):
            cells = [staging.cell_in(row, trees, b) for row in of.bins]
            assert mended[b] or cells == before[b]
            wanted = np.zeros(MOST_CELLS, np.uint8)
            staging._other_cells(trees, b, wanted, np.empty(6 * staging.DEEPEST, np.int64))
            assert all(wanted[was] for was, now in zip(before[b], cells, strict=True) if was != now)
    assert not trees.seen.any()


@STRICT
@given(CASES)
def test_cells_of_trees_written_down_are_those_that_rows_have(of: Case) -> None:
    trees = of.grown(np.ones(len(of.y)))
    nodes, _, starts, _ = walking.flat(trees)
    cells = staging.cells_of(nodes, starts)
    values, found = np.where(nodes[:, 0] < 0, cells + 1, 0), np.zeros(len(of.bins), np.int64)
    staging.add_leaves(of.bins, nodes, values, starts, 32_000, found)
    twin = [sum(staging.cell_in(row, trees, b) + 1 for b in range(N_TREES)) for row in of.bins]
    assert found.tolist() == twin
    leaf = nodes[:, 0] < 0
    tree = np.searchsorted(starts, np.arange(len(nodes)), "right")
    assert len(set(zip(tree[leaf].tolist(), cells[leaf].tolist(), strict=True))) == leaf.sum(), "no two are alike"


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(0, WHOLE), max_size=6),
    st.lists(st.integers(0, WHOLE), max_size=6),
    st.integers(0, WHOLE),
    st.integers(0, WHOLE),
)
def test_what_relabelling_does_to_a_lead_is_paid_for(one: list[int], other: list[int], was: int, now: int) -> None:
    """In exact fractions: a row beside some others on a side of a split, and beside other ones in another split."""

    def impurity(numbers: list[int]) -> Fraction:
        q = [Fraction(number, WHOLE) for number in numbers]
        first, n = sum(q, Fraction(0)), len(q)
        return n - (first**2 + (n - first) ** 2) / n

    change = (impurity([*one, now]) - impurity([*one, was])) - (impurity([*other, now]) - impurity([*other, was]))
    assert abs(change) <= 4 * Fraction(abs(now - was), WHOLE)
    assert abs(change) <= 2 * (1 if 2 * abs(now - was) <= WHOLE else 2)


def rule_of(loss: losses.Loss, rounds: int) -> Rule:
    rate = 0.3 * 256 * loss.curvature / loss.gradient
    offsets = np.random.default_rng(rounds).integers(0, 2**loss.shift, rounds)
    return Rule(loss.levels, loss.half, loss.shift, offsets, -100, loss.highest, rate, float(loss.curvature), 4.5, 0.0)


def learned(of: Case, target: Any, weight: Any, rule: Rule, trees: Trees) -> Chain:
    chain = tables.empty_chain(staging.leaf_plan(N_TREES), len(of.y))
    chain.scores[0] = rule.start
    staging.grow_stage(of.bins, target, weight, trees, 0, rule, chain)
    return chain


@STRICT
@given(CASES, st.sampled_from([losses.logistic(), losses.squared(), losses.poisson()]))
def test_rounds_are_those_of_tables_whose_cells_are_leaves(of: Case, loss: losses.Loss) -> None:
    rng = np.random.default_rng(len(of.y))
    target = (loss.gradient * rng.integers(0, 2, len(of.y))).astype(np.int32)
    weight = rng.integers(0, 3, len(of.y)).astype(np.uint8)
    rule, trees = rule_of(loss, N_TREES), of.grown(np.ones(len(of.y)))
    chain = learned(of, target, weight, rule, trees)
    scores = [rule.start] * len(of.y)
    for t in range(N_TREES):
        cells = [staging.cell_in(row, trees, t) for row in of.bins]
        sums = dict.fromkeys(cells, 0)
        for i, cell in enumerate(cells):
            sums[cell] += int(tables.slope_of(scores[i], t, int(target[i]), int(weight[i]), rule))
        assert {cell: int(chain.sums[t, 0, cell]) for cell in cells} == sums
        values = {cell: int(tables.value_of(own, rule)) if own else 0 for cell, own in sums.items()}
        scores = [min(max(s + values[cell], -32_000), rule.most) for s, cell in zip(scores, cells, strict=True)]
        assert chain.scores[t + 1].tolist() == scores


@STRICT
@given(CASES, st.sampled_from([losses.logistic(), losses.squared()]), st.data())
def test_rounds_forget_to_what_growing_gives(of: Case, loss: losses.Loss, data: st.DataObject) -> None:
    """Trees that changed somewhere, scores before the stage that others have now, and people who leave, at once."""
    n = len(of.y)
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    target = (loss.gradient * rng.integers(0, 2, n)).astype(np.int32)
    weight, alive = of.weight, np.ones(n, np.uint8)
    rule, trees = rule_of(loss, N_TREES), of.grown(np.ones(n))
    chain = learned(of, target, weight, rule, trees)
    order = rng.permutation(n).astype(np.int32)
    n_left, n_moved, n_dirty = (int(rng.integers(0, most)) for most in (4, 30, n + 1))
    leaving, moved = order[:n_left], order[n_left : n_left + n_moved]
    alive[leaving] = 0
    was = of.y[moved].copy()
    of.y[moved] = rng.integers(0, 256, len(moved))
    mended = np.zeros(N_TREES, np.uint8)
    space, waiting = room(n, N_COLUMNS, 2), np.empty(trees.feature.shape[1] + 2, np.int32)
    relabelling.change_trees(of.bins, of.y, weight, trees, leaving, moved, was, of.shape, space, waiting, mended)

    front = empty_front(n, np.zeros((2, MOST_CELLS), np.uint8))
    dirty = order[n_left:][:n_dirty]
    scores = np.full(n, rule.start, np.int16)
    scores[dirty] += rng.integers(-400, 400, len(dirty)).astype(np.int16)
    front.rows[: len(dirty)], front.was[: len(dirty)], front.now[: len(dirty)] = dirty, rule.start, scores[dirty]
    chain.scores[0] = scores
    n_dirty, _, _ = staging.forget_stage(
        of.bins, target, weight, alive, leaving, trees, mended, 0, rule, chain, front, len(dirty)
    )
    chain.scores[:, leaving], chain.cell[:, leaving] = 0, 0

    again = tables.empty_chain(staging.leaf_plan(N_TREES), n)
    again.scores[0] = scores
    staging.grow_stage(of.bins, target, weight * alive, of.grown(alive), 0, rule, again)
    again.scores[:, leaving], again.cell[:, leaving] = 0, 0
    for name in ("sums", "values", "scores", "cell"):
        assert np.array_equal(getattr(chain, name), getattr(again, name)), name
    assert not front.touched.any()
    assert not front.changed.any()
