"""Boosting by tables against a twin that is written for reading, and forgetting against learning afresh."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels import plans, pushing, tables
from expunge._kernels.tables import Chain, Plan, Rule
from expunge.learners.exact import losses
from expunge.learners.exact.losses import Loss

KEY = np.array([3, 5], np.uint64)
LOGISTIC = losses.logistic()
STRICT = settings(deadline=None, max_examples=60)


@dataclass
class Case:
    """Rows in bins, a plan and a rule."""

    columns: np.ndarray[Any, np.dtype[np.uint8]]
    target: np.ndarray[Any, np.dtype[np.int32]]
    weight: np.ndarray[Any, np.dtype[np.uint8]]
    plan: Plan
    rule: Rule

    def grown(self, stays: Any = None) -> Chain:
        """What is learned from all rows, or from some."""
        who = slice(None) if stays is None else stays
        target = self.target[who].copy()
        chain = tables.empty_chain(self.plan, len(target))
        tables.grow(self.columns[:, who].copy(), target, self.weight[who].copy(), self.plan, self.rule, chain)
        return chain


def case(
    seed: int,
    n: int,
    rounds: int,
    candidates: int,
    widest: int,
    shift: int,
    step: float,
    weak: float,
    loss: Loss = LOGISTIC,
    passengers: float = 0.0,
    cut: int = 1,
) -> Case:
    rng = np.random.default_rng(seed)
    bins = np.array([7, 2, 40, 3], np.int64)
    missing, named = np.array([0, 1, 1, 0]), np.array([0, 0, 0, 1])
    columns = np.array([rng.integers(0, size + gap, n) for size, gap in zip(bins, missing, strict=True)], np.uint8)
    logit = columns[0] / 3 - 1.5 - (columns[2] > 20)
    target = (
        loss.gradient * (rng.random(n) < 1 / (1 + np.exp(-logit)))
        if loss is LOGISTIC
        else 60 * rng.poisson(np.exp(logit))
    )
    weight = (rng.random(n) >= passengers) * rng.choice([1, 1, 3], n)
    names = rng.integers(0, 2**63, (4, 256)).astype(np.uint64)
    plan = plans.draw_plan(KEY, np.arange(4), bins, missing, named, names, rounds, candidates, widest)
    offsets = rng.integers(0, 2**shift, rounds)
    rate, penalty = 0.3 * 256 * loss.curvature / loss.gradient, float(loss.curvature)
    noise = weak * loss.gradient**2 / loss.curvature
    rule = Rule(loss.levels, loss.half, shift, offsets, -200, loss.highest // cut, rate, penalty, step, noise)
    return Case(columns, target.astype(np.int32), weight.astype(np.uint8), plan, rule)


CASES = st.builds(
    case,
    seed=st.integers(0, 10**6),
    n=st.integers(1, 300),
    rounds=st.integers(1, 12),
    candidates=st.integers(1, 4),
    widest=st.integers(1, 3),
    shift=st.sampled_from([0, 3, 7, 8]),
    step=st.sampled_from([1.0, 4.5, 20.0]),
    weak=st.sampled_from([0.0, 1.0]),
    loss=st.sampled_from([LOGISTIC, losses.squared(), losses.poisson()]),
    passengers=st.sampled_from([0.0, 0.0, 0.3]),
    cut=st.sampled_from([1, 1, 40]),
)


def twin(of: Case) -> dict[str, Any]:
    """The module's formulas, one row and one cell at a time."""
    rule, plan = of.rule, of.plan
    scores = [rule.start] * len(of.target)
    found: dict[str, Any] = {"chosen": [], "values": [], "scores": [list(scores)], "sums": []}

    far, half = len(rule.levels) // 2, rule.half

    def slope(score: int, t: int, i: int) -> tuple[int, int]:
        offset = int(rule.offsets[t])
        score = min(max(score, -far), far - 1)
        middle = (score + offset) // 2**rule.shift * 2**rule.shift - offset + 2**rule.shift // 2
        level = int(rule.levels[min(max(middle, -far), far - 1) + far])
        weight = int(of.weight[i])
        return ((level >> half) - int(of.target[i])) * weight, level % 2**half * weight

    def cell(i: int, t: int, k: int) -> int:
        return sum(int(plan.maps[t, k, j, of.columns[plan.features[t, k, j], i]]) for j in range(plan.arity[t, k]))

    for t, arity in enumerate(plan.arity):
        sums = []
        for k in range(len(arity)):
            own: dict[int, tuple[int, int]] = {}
            for i, score in enumerate(scores):
                g, h = slope(score, t, i)
                before = own.get(cell(i, t, k), (0, 0))
                own[cell(i, t, k)] = (before[0] + g, before[1] + h)
            sums.append(own)
        gains = [sum(math.floor(16 * (g * g / (h + rule.penalty))) for g, h in own.values()) for own in sums]
        chosen = gains.index(max(gains))
        values = {}
        for at, (g, h) in sums[chosen].items():
            size = 0
            if g * g >= rule.weak * (h + rule.penalty):
                steps = math.floor(abs(rule.rate * g / (h + rule.penalty)) / rule.step + 0.5)
                size = min(math.floor(rule.step * steps + 0.5), 32_000)
            values[at] = -size if g > 0 else size
        scores = [min(max(s + values[cell(i, t, chosen)], -32_000), rule.most) for i, s in enumerate(scores)]
        found["chosen"].append(chosen)
        found["values"].append(values)
        found["sums"].append(sums)
        found["scores"].append(list(scores))
    return found


@STRICT
@given(CASES)
def test_what_is_learned_is_what_the_formulas_say(of: Case) -> None:
    chain, expected = of.grown(), twin(of)
    assert chain.chosen.tolist() == expected["chosen"]
    assert chain.scores.tolist() == expected["scores"]
    for t, values in enumerate(expected["values"]):
        assert {cell: int(chain.values[t, cell]) for cell in values} == values
        for k, sums in enumerate(expected["sums"][t]):
            packed = {cell: (g << of.rule.half) + h for cell, (g, h) in sums.items()}
            assert {cell: int(chain.sums[t, k, cell]) for cell in packed} == packed
            assert np.count_nonzero(chain.sums[t, k]) == np.count_nonzero(list(packed.values()))


@STRICT
@given(CASES, st.data())
def test_forgetting_gives_what_the_rows_that_stay_give(of: Case, data: st.DataObject) -> None:
    n = len(of.target)
    chain, alive = of.grown(), np.ones(n, np.uint8)
    columns, rows = of.columns.copy(), np.ascontiguousarray(of.columns.T)
    target, weight = of.target.copy(), of.weight.copy()
    order = data.draw(st.permutations(range(n)))[: data.draw(st.integers(0, n - 1))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
    for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        leaving = np.array(order[begin:end], np.int32)
        alive[leaving] = 0
        pushing.forget_rows(rows, columns, target, weight, alive, leaving, of.plan, of.rule, chain)
        rows[leaving], columns[:, leaving], target[leaving], weight[leaving] = 0, 0, 0, 0
    stays = alive.astype(bool)
    fresh = of.grown(stays)
    for name in ("sums", "gains", "chosen", "values"):
        assert np.array_equal(getattr(chain, name), getattr(fresh, name)), name
    assert np.array_equal(chain.scores[:, stays], fresh.scores)
    assert np.array_equal(chain.cell[:, stays], fresh.cell)
    assert not chain.scores[:, ~stays].any(), "nothing of who left is in the scores"


@STRICT
@given(CASES)
def test_rows_are_predicted_as_they_were_learned(of: Case) -> None:
    chain, rounds = of.grown(), np.arange(len(of.plan.arity))
    scores = np.full(len(of.target), of.rule.start, np.int64)
    drawn, chosen = of.plan, (rounds, chain.chosen)
    arrays = (drawn.features[chosen], drawn.arity[chosen], drawn.maps[chosen], chain.values)
    tables.add_tables(of.columns, *arrays, of.rule.most, scores)
    assert np.array_equal(scores, chain.scores[-1])


@STRICT
@given(CASES)
def test_tables_have_no_cell_beyond_a_byte(of: Case) -> None:
    assert of.plan.cells.max() <= 256
    for t, k in np.ndindex(of.plan.arity.shape):
        arity, own = of.plan.arity[t, k], of.plan.maps[t, k].astype(int)
        assert own[:arity].max(axis=1).sum() < of.plan.cells[t, k]
        assert not own[arity:].any()
        features = of.plan.features[t, k, :arity].tolist()
        assert len(set(features)) == arity


def test_every_feature_comes_up_as_often_as_the_others() -> None:
    plan = case(1, 5, 60, 4, 3, 7, 4.0, 0.0).plan
    drawn = np.concatenate([plan.features[t, k, : plan.arity[t, k]] for t, k in np.ndindex(plan.arity.shape)])
    counts = np.bincount(drawn, minlength=4)
    assert counts.max() - counts.min() <= 1 + len(plan.arity) // 10


def test_an_edge_that_moves_touches_only_tables_of_its_feature() -> None:
    bins, gaps = np.array([30, 30, 30, 30], np.int64), np.zeros(4, np.int64)
    names = np.arange(4 * 256, dtype=np.uint64).reshape(4, 256)
    before = plans.draw_plan(KEY, np.arange(4), bins, gaps, gaps, names, 40, 3, 3)
    names[2, 7] = 999_999
    after = plans.draw_plan(KEY, np.arange(4), bins, gaps, gaps, names, 40, 3, 3)
    assert np.array_equal(before.features, after.features)
    moved = (before.maps != after.maps).any(axis=(2, 3))
    with_it = ((before.features == 2) & (np.arange(3) < before.arity[..., None])).any(axis=2)
    assert moved.any()
    assert not (moved & ~with_it).any()


@pytest.mark.parametrize("leaving", [0, 150])
def test_a_row_that_is_alone_in_its_class_can_leave(leaving: int) -> None:
    of = case(2, 151, 6, 2, 3, 8, 2.0, 0.0)
    of.target[:], of.target[leaving] = 0, 256
    chain, alive = of.grown(), np.ones(151, np.uint8)
    alive[leaving] = 0
    rows = np.ascontiguousarray(of.columns.T)
    left = np.array([leaving], np.int32)
    pushing.forget_rows(rows, of.columns, of.target, of.weight, alive, left, of.plan, of.rule, chain)
    assert np.array_equal(chain.sums, of.grown(alive.astype(bool)).sums)
