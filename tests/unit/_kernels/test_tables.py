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

KEY = np.array([3, 5], np.uint64)
STRICT = settings(deadline=None, max_examples=60)


@dataclass
class Case:
    """Rows in bins, a plan and a rule."""

    columns: np.ndarray[Any, np.dtype[np.uint8]]
    y: np.ndarray[Any, np.dtype[np.uint8]]
    plan: Plan
    rule: Rule

    def grown(self, stays: Any = None) -> Chain:
        """What is learned from all rows, or from some."""
        columns, y = (self.columns, self.y) if stays is None else (self.columns[:, stays].copy(), self.y[stays].copy())
        chain = tables.empty_chain(self.plan, len(y))
        tables.grow(columns, y, self.plan, self.rule, chain)
        return chain


def case(seed: int, n: int, rounds: int, candidates: int, widest: int, shift: int, step: float, weak: float) -> Case:
    rng = np.random.default_rng(seed)
    bins = np.array([7, 2, 40, 3], np.int64)
    missing, named = np.array([0, 1, 1, 0]), np.array([0, 0, 0, 1])
    columns = np.array([rng.integers(0, size + gap, n) for size, gap in zip(bins, missing, strict=True)], np.uint8)
    y = (rng.random(n) < 1 / (1 + np.exp(1.5 - columns[0] / 3 + (columns[2] > 20)))).astype(np.uint8)
    names = rng.integers(0, 2**63, (4, 256)).astype(np.uint64)
    plan = Plan(*plans.draw_plan(KEY, np.arange(4), bins, missing, named, names, rounds, candidates, widest))
    offsets = rng.integers(0, 2**shift, rounds)
    return Case(columns, y, plan, Rule(tables.slopes(), shift, offsets, -200, 0.3, 256.0, step, weak))


CASES = st.builds(
    case,
    seed=st.integers(0, 10**6),
    n=st.integers(1, 300),
    rounds=st.integers(1, 12),
    candidates=st.integers(1, 4),
    widest=st.integers(1, 3),
    shift=st.sampled_from([0, 3, 7, 8]),
    step=st.sampled_from([1.0, 4.5, 20.0]),
    weak=st.sampled_from([0.0, 256.0]),
)


def twin(of: Case) -> dict[str, Any]:
    """The module's formulas, one row and one cell at a time."""
    rule, plan = of.rule, of.plan
    scores = [rule.start] * len(of.y)
    found: dict[str, Any] = {"chosen": [], "values": [], "scores": [list(scores)], "sums": []}

    def slope(score: int, t: int, label: int) -> tuple[int, int]:
        offset = int(rule.offsets[t])
        score = min(max(score, -2048), 2047)
        middle = (score + offset) // 2**rule.shift * 2**rule.shift - offset + 2**rule.shift // 2
        p = 1 / (1 + math.exp(-min(max(middle, -2048), 2047) / 256))
        return math.floor(256 * (p - label) + 0.5), max(1, math.floor(256 * p * (1 - p) + 0.5))

    def cell(i: int, t: int, k: int) -> int:
        return sum(int(plan.maps[t, k, j, of.columns[plan.features[t, k, j], i]]) for j in range(plan.arity[t, k]))

    for t, arity in enumerate(plan.arity):
        sums = []
        for k in range(len(arity)):
            own: dict[int, tuple[int, int]] = {}
            for i, label in enumerate(of.y.tolist()):
                g, h = slope(scores[i], t, label)
                before = own.get(cell(i, t, k), (0, 0))
                own[cell(i, t, k)] = (before[0] + g, before[1] + h)
            sums.append(own)
        gains = [sum(math.floor(16 * (g * g / (h + rule.penalty))) for g, h in own.values()) for own in sums]
        chosen = gains.index(max(gains))
        values = {}
        for at, (g, h) in sums[chosen].items():
            size = 0
            if g * g >= rule.weak * (h + rule.penalty):
                steps = math.floor(abs(rule.rate * 256 * g / (h + rule.penalty)) / rule.step + 0.5)
                size = min(math.floor(rule.step * steps + 0.5), 32_000)
            values[at] = -size if g > 0 else size
        scores = [min(max(s + values[cell(i, t, chosen)], -32_000), 32_000) for i, s in enumerate(scores)]
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
            packed = {cell: (g << 32) + h for cell, (g, h) in sums.items()}
            assert {cell: int(chain.sums[t, k, cell]) for cell in packed} == packed
            assert np.count_nonzero(chain.sums[t, k]) == len(packed)


@STRICT
@given(CASES, st.data())
def test_forgetting_gives_what_the_rows_that_stay_give(of: Case, data: st.DataObject) -> None:
    n = len(of.y)
    chain, alive = of.grown(), np.ones(n, np.uint8)
    columns, rows, y = of.columns.copy(), np.ascontiguousarray(of.columns.T), of.y.copy()
    order = data.draw(st.permutations(range(n)))[: data.draw(st.integers(0, n - 1))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
    for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        leaving = np.array(order[begin:end], np.int32)
        alive[leaving] = 0
        pushing.forget_rows(rows, columns, y, alive, leaving, of.plan, of.rule, chain)
        rows[leaving], columns[:, leaving], y[leaving] = 0, 0, 0
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
    scores = np.full(len(of.y), of.rule.start, np.int64)
    drawn, chosen = of.plan, (rounds, chain.chosen)
    tables.add_tables(of.columns, drawn.features[chosen], drawn.arity[chosen], drawn.maps[chosen], chain.values, scores)
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
    before = Plan(*plans.draw_plan(KEY, np.arange(4), bins, gaps, gaps, names, 40, 3, 3))
    names[2, 7] = 999_999
    after = Plan(*plans.draw_plan(KEY, np.arange(4), bins, gaps, gaps, names, 40, 3, 3))
    assert np.array_equal(before.features, after.features)
    moved = (before.maps != after.maps).any(axis=(2, 3))
    with_it = ((before.features == 2) & (np.arange(3) < before.arity[..., None])).any(axis=2)
    assert moved.any()
    assert not (moved & ~with_it).any()


def test_the_slopes_are_those_of_any_machine() -> None:
    """None of the numbers that are rounded is so near to where rounding turns that another `exp` would turn it."""
    p = 1 / (1 + np.exp(-np.arange(-tables.FAR, tables.FAR) / 256))
    for number in (256 * p, 256 * p * (1 - p)):
        distance = np.abs(number + 0.5 - np.rint(number + 0.5))
        assert distance[np.abs(p - 0.5) > 1e-9].min() > 1e-7
    middle = tables.slopes()[:, tables.FAR]
    assert [(int(own) >> 32, int(own) & 0xFFFFFFFF) for own in middle] == [(128, 64), (-128, 64)]


@pytest.mark.parametrize("leaving", [0, 150])
def test_a_row_that_is_alone_in_its_class_can_leave(leaving: int) -> None:
    of = case(2, 151, 6, 2, 3, 8, 2.0, 0.0)
    of.y[:], of.y[leaving] = 0, 1
    chain, alive = of.grown(), np.ones(151, np.uint8)
    alive[leaving] = 0
    rows = np.ascontiguousarray(of.columns.T)
    pushing.forget_rows(rows, of.columns, of.y, alive, np.array([leaving], np.int32), of.plan, of.rule, chain)
    assert np.array_equal(chain.sums, of.grown(alive.astype(bool)).sums)
