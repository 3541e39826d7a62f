"""Judges hear what the forest says now, however it changed; losses against a twin that is written for reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels import forests, judging, mending
from expunge._kernels.judging import Judges
from expunge._kernels.trees import WHOLE, Shape, Trees, empty_trees, room
from expunge.learners.exact import losses

KEY = np.array([7, 9], np.uint64)


def grown(bins: Any, y: Any, within: Any, shape: Shape) -> Trees:
    trees = empty_trees(len(within), len(y), 2, shape)
    space = room(len(y), bins.shape[1], 2)
    forests.grow_forest(bins, y, within, trees, np.arange(len(within), dtype=np.uint64), shape, space)
    return trees


def told(bins: Any, within: Any, trees: Trees, rows: Any, parts: int) -> Judges:
    judges = judging.empty_judges(rows, within, 1)
    judging.hear(bins, within, trees, judges, int(parts == 1), parts)
    return judges


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(20, 150), st.booleans(), st.data())
def test_after_any_forgetting_judges_know_what_fresh_ones_hear(
    seed: int, n: int, numbers: bool, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 12, (n, 3)).astype(np.uint8)
    y = (bins[:, 0] * 20 if numbers else (bins[:, 0] > 5) ^ (rng.random(n) < 0.2)).astype(np.uint8)
    parts = WHOLE if numbers else 1
    shape = Shape(KEY, np.full(3, 12), 2, 2, 99, parts)
    within = (rng.random((4, n)) < 0.6).astype(np.uint8)
    rows = np.flatnonzero(rng.random(n) < 0.4).astype(np.int32)
    trees = grown(bins, y, within, shape)
    judges = told(bins, within, trees, rows, parts)
    space, waiting = room(n, 3, 2), np.empty(trees.feature.shape[1] + 2, np.int32)
    order = data.draw(st.permutations(range(n)))[: data.draw(st.integers(1, n))]
    for begin in range(0, len(order), 7):
        leaving = np.array(order[begin : begin + 7], np.int32)
        mending.forget_from_forest(bins, y, within, trees, leaving, shape, space, waiting)
        within[:, leaving] = 0
        judging.dismiss(judges, leaving)
        judging.hear(bins, within, trees, judges, int(parts == 1), parts)
    assert not trees.fresh.any()
    left = np.isin(rows, order)
    fresh = told(bins, within, grown(bins, y, within, shape), rows[~left], parts)
    assert np.array_equal(judges.sums[~left], fresh.sums)
    assert not judges.sums[left].any()
    assert (judges.rows[left] == -1).all()


@pytest.mark.parametrize("loss", [losses.logistic(), losses.squared(), losses.poisson()])
def test_losses_are_those_of_the_formula(loss: losses.Loss) -> None:
    rng = np.random.default_rng(3)
    n, weights = 40, np.array([[10, 0, 0], [3, 3, 4], [0, 0, 10]])
    rows = np.arange(0, n, 2, dtype=np.int32)
    judges = judging.empty_judges(rows, np.zeros((5, n), np.uint8), 2)
    judges.sums[:] = rng.integers(0, 5 * 4096, judges.sums.shape)
    judges.rows[3] = -1
    scores, targets = rng.integers(-900, 900, (2, 2, n)).astype(np.int16), rng.integers(0, 300, (2, n)).astype(np.int32)
    units = rng.integers(1, 9, n).astype(np.uint8)
    of_share = losses.of_shares(None)
    far, expected = len(loss.costs) // 2, [0, 0, 0]
    for j, row in enumerate(rows.tolist()):
        for s in range(2 if j != 3 else 0):
            members = [int(scores[0, s, row]), int(scores[1, s, row]), int(of_share[judges.sums[j, s] // 5])]
            for blend, weight in enumerate(weights.tolist()):
                score = sum(one * own for one, own in zip(weight, members, strict=True)) // 10
                score = min(max(score, -far), far - 1)
                cost = int(loss.costs[score + far]) - loss.pull * int(targets[s, row]) * score
                expected[blend] += int(units[row]) * cost
    found = judging.judge(judges, scores, targets, units, of_share, weights, loss.costs, loss.pull)
    assert found.tolist() == expected
