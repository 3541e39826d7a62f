"""Judges hear what the forest says now, however it changed; losses against a twin that is written for reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels import forests, judging, mending
from expunge._kernels.drawing import Draws, seen
from expunge._kernels.judging import Judges
from expunge._kernels.trees import WHOLE, Shape, Trees, empty_trees, room
from expunge.learners.exact import losses

KEY = np.array([7, 9], np.uint64)


def drawn(rng: np.random.Generator, n: int, n_trees: int) -> Draws:
    who, odd, other = (rng.integers(1, 2**63, size, np.uint64) for size in (n, n_trees, n_trees))
    return Draws(who, odd | np.uint64(1), other, np.uint64(0.6 * 2**32), np.arange(n_trees, dtype=np.uint64))


def grown(bins: Any, y: Any, weight: Any, draws: Draws, shape: Shape) -> Trees:
    trees = empty_trees(len(draws.odd), len(y), 2, shape)
    forests.grow_forest(bins, y, weight, draws, trees, shape, room(len(y), bins.shape[1], 2))
    return trees


def told(bins: Any, draws: Draws, trees: Trees, rows: Any, first: int) -> Judges:
    judges = judging.empty_judges(rows, draws, 1)
    judging.hear(bins, draws, trees, judges, first)
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
    draws, weight = drawn(rng, n, 4), np.ones(n, np.uint8)
    rows = np.flatnonzero(rng.random(n) < 0.4).astype(np.int32)
    trees, first = grown(bins, y, weight, draws, shape), int(not numbers)
    judges = told(bins, draws, trees, rows, first)
    space, waiting = room(n, 3, 2), np.empty(trees.feature.shape[1] + 2, np.int32)
    order = data.draw(st.permutations(range(n)))[: data.draw(st.integers(1, n))]
    for begin in range(0, len(order), 7):
        leaving = np.array(order[begin : begin + 7], np.int32)
        mending.forget_from_forest(bins, y, weight, draws, trees, leaving, shape, space, waiting)
        weight[leaving] = 0
        judging.dismiss(judges, leaving)
        judging.hear(bins, draws, trees, judges, first)
    assert not trees.fresh.any()
    left = np.isin(rows, order)
    fresh = told(bins, draws, grown(bins, y, weight, draws, shape), rows[~left], first)
    assert np.array_equal(judges.sums[~left], fresh.sums)
    assert not judges.sums[left].any()
    assert (judges.rows[left] == -1).all()


def test_judges_are_heard_by_the_trees_that_do_not_see_them() -> None:
    draws, rows = drawn(np.random.default_rng(4), 90, 7), np.arange(0, 90, 3, dtype=np.int32)
    assert judging.empty_judges(rows, draws, 1).heard.tolist() == (7 - seen(draws)[:, rows].sum(axis=0)).tolist()


@pytest.mark.parametrize("loss", [losses.logistic(), losses.squared(), losses.poisson()])
def test_losses_are_those_of_the_formula(loss: losses.Loss) -> None:
    rng = np.random.default_rng(3)
    n, weights = 40, np.array([[10, 0, 0], [3, 3, 4], [0, 0, 10]])
    rows, nobody = np.arange(0, n, 2, dtype=np.int32), drawn(rng, n, 5)._replace(limit=np.uint64(0))
    judges = judging.empty_judges(rows, nobody, 2)
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


def test_the_loss_of_judges_is_that_of_the_formula() -> None:
    rng, loss = np.random.default_rng(5), losses.logistic()
    units, scores = rng.integers(0, 3, 60).astype(np.uint8), rng.integers(-3000, 3000, 60).astype(np.int16)
    y = rng.integers(0, 2, 60)
    found = judging.loss_of(units, scores, (256 * y).astype(np.int32), loss.costs, loss.pull)
    near = np.clip(scores, -2048, 2047) / 256
    assert found / 65536 == pytest.approx(float((units * (np.log1p(np.exp(near)) - y * near)).sum()), rel=1e-3)
