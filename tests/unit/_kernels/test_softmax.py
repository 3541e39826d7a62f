"""Boosting of several classes at once: against a twin that is written for reading, and forgetting against afresh."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels import plans, softmax, tables
from expunge._kernels.tables import Chain, Plan, Rule
from expunge.learners.exact import losses

KEY = np.array([3, 5], np.uint64)
LOSS = losses.softmax()
STRICT = settings(deadline=None, max_examples=50)


@dataclass
class Case:
    """Rows in bins, a plan and a rule."""

    columns: np.ndarray[Any, np.dtype[np.uint8]]
    labels: np.ndarray[Any, np.dtype[np.uint8]]
    weight: np.ndarray[Any, np.dtype[np.uint8]]
    starts: list[int]
    plan: Plan
    rule: Rule

    def grown(self, stays: Any = None) -> Chain:
        """What is learned from all rows, or from some."""
        who = np.flatnonzero(np.ones(len(self.labels)) if stays is None else stays)
        labels, weight, columns = self.labels[who], self.weight[who], np.ascontiguousarray(self.columns[:, who])
        chains = softmax.empty_chains(self.plan, len(self.starts), len(labels))
        chains.scores[:, 0] = np.array(self.starts)[:, None]
        slopes = np.empty((len(self.starts), len(labels)), np.int64)
        for t in range(len(self.plan.arity)):
            softmax.slopes_of_all(chains.scores[:, t], labels, weight, t, self.rule, slopes)
            for c, own in enumerate(slopes):
                tables.learn_round(columns, own, self.plan, t, self.rule, softmax.chain_of(chains, c))
        return chains


def case(seed: int, n: int, n_classes: int, rounds: int, candidates: int, shift: int, step: float, weak: float) -> Case:
    rng = np.random.default_rng(seed)
    bins = np.array([7, 2, 40, 3], np.int64)
    missing, named = np.array([0, 1, 1, 0]), np.array([0, 0, 0, 1])
    columns = np.array([rng.integers(0, size + gap, n) for size, gap in zip(bins, missing, strict=True)], np.uint8)
    labels = (columns[0] * n_classes // 7 + (rng.random(n) < 0.3)) % n_classes
    weight = (rng.random(n) >= 0.1) * rng.choice([1, 1, 3], n)
    names = rng.integers(0, 2**63, (4, 256)).astype(np.uint64)
    plan = plans.draw_plan(KEY, np.arange(4), bins, missing, named, names, rounds, candidates, 3)
    offsets = rng.integers(0, 2**shift, rounds)
    rule = Rule(LOSS.levels, LOSS.half, shift, offsets, 0, LOSS.highest, 70.0, 256.0, step, weak * 256)
    starts = rng.integers(-300, 100, n_classes).tolist()
    return Case(columns, labels.astype(np.uint8), weight.astype(np.uint8), starts, plan, rule)


CASES = st.builds(
    case,
    seed=st.integers(0, 10**6),
    n=st.integers(1, 250),
    n_classes=st.integers(2, 5),
    rounds=st.integers(1, 8),
    candidates=st.integers(1, 3),
    shift=st.sampled_from([0, 5, 8]),
    step=st.sampled_from([1.0, 4.5, 20.0]),
    weak=st.sampled_from([0.0, 1.0]),
)


def twin(of: Case) -> dict[str, Any]:
    """The module's formulas, one row and one cell at a time."""
    rule, plan, n_classes = of.rule, of.plan, len(of.starts)
    scores = [list(of.starts) for _ in of.labels]
    found: dict[str, Any] = {"chosen": [], "scores": [[list(own) for own in scores]]}

    def slopes(own: list[int], t: int) -> list[tuple[int, int]]:
        buckets = [(score + int(rule.offsets[t])) // 2**rule.shift for score in own]
        below = [(max(buckets) - one) * 2**rule.shift for one in buckets]
        exps = [round(65536 * math.exp(-min(one, 12 * 256 - 1) / 256)) for one in below]
        levels = [(256 * one + sum(exps) // 2) // sum(exps) for one in exps]
        return [(level, max(1, (level * (256 - level) + 128) // 256)) for level in levels]

    def cell(i: int, t: int, k: int) -> int:
        return sum(int(plan.maps[t, k, j, of.columns[plan.features[t, k, j], i]]) for j in range(plan.arity[t, k]))

    for t, arity in enumerate(plan.arity):
        each = [slopes(own, t) for own in scores]
        chosen = []
        for c in range(n_classes):
            sums: list[dict[int, tuple[int, int]]] = [{} for _ in arity]
            for (i, label), weight in zip(enumerate(of.labels.tolist()), of.weight.tolist(), strict=True):
                m, v = each[i][c]
                for k, own in enumerate(sums):
                    g, h = own.get(cell(i, t, k), (0, 0))
                    own[cell(i, t, k)] = (g + (m - 256 * (label == c)) * weight, h + v * weight)
            gains = [sum(math.floor(16 * (g * g / (h + rule.penalty))) for g, h in own.values()) for own in sums]
            best = gains.index(max(gains))
            chosen.append(best)
            for i in range(len(of.labels)):
                g, h = sums[best][cell(i, t, best)]
                size = 0
                if g * g >= rule.weak * (h + rule.penalty):
                    steps = math.floor(abs(rule.rate * g / (h + rule.penalty)) / rule.step + 0.5)
                    size = min(math.floor(rule.step * steps + 0.5), 32_000)
                scores[i][c] = min(max(scores[i][c] + (-size if g > 0 else size), -32_000), rule.most)
        found["chosen"].append(chosen)
        found["scores"].append([list(own) for own in scores])
    return found


@STRICT
@given(CASES)
def test_what_is_learned_is_what_the_formulas_say(of: Case) -> None:
    chains, expected = of.grown(), twin(of)
    assert chains.chosen.T.tolist() == expected["chosen"]
    assert chains.scores.transpose(1, 2, 0).tolist() == expected["scores"]


@STRICT
@given(CASES, st.data())
def test_forgetting_gives_what_the_rows_that_stay_give(of: Case, data: st.DataObject) -> None:
    n = len(of.labels)
    chains, alive = of.grown(), np.ones(n, np.uint8)
    columns, rows = of.columns.copy(), np.ascontiguousarray(of.columns.T)
    labels, weight = of.labels.copy(), of.weight.copy()
    order = data.draw(st.permutations(range(n)))[: data.draw(st.integers(0, n - 1))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
    for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        leaving = np.array(order[begin:end], np.int32)
        alive[leaving] = 0
        args = (rows, columns, labels, weight, alive, leaving, of.plan, of.rule, chains)
        assert softmax.forget_together(*args, 10**9)[0] >= 0
        rows[leaving], columns[:, leaving], labels[leaving], weight[leaving] = 0, 0, 0, 0
    stays = alive.astype(bool)
    fresh = of.grown(stays)
    for name in ("sums", "gains", "chosen", "values"):
        assert np.array_equal(getattr(chains, name), getattr(fresh, name)), name
    assert np.array_equal(chains.scores[:, :, stays], fresh.scores)
    assert np.array_equal(chains.cell[:, :, stays], fresh.cell)
    assert not chains.scores[:, :, ~stays].any(), "nothing of who left is in the scores"


def test_it_gives_up_where_too_many_rows_are_pushed() -> None:
    of = case(1, 200, 3, 8, 2, 0, 1.0, 0.0)
    rows = np.ascontiguousarray(of.columns.T)
    alive, leaving = np.ones(200, np.uint8), np.arange(5, dtype=np.int32)
    alive[leaving] = 0
    args = (rows, of.columns, of.labels, of.weight, alive, leaving, of.plan, of.rule, of.grown())
    assert softmax.forget_together(*args, 0)[0] < 0


@pytest.mark.parametrize("below", [0, 256, 3000])
def test_probabilities_are_those_of_the_formula(below: int) -> None:
    rule = case(1, 5, 3, 1, 1, 0, 1.0, 0.0).rule
    slopes = np.empty(3, np.int64)
    softmax.slopes_of(np.array([100, 100 - below, -20], np.int16), 0, rule, slopes)
    each = np.exp(np.array([100, 100 - below, -20]) / 256)
    assert (slopes >> 32) / 256 == pytest.approx(each / each.sum(), abs=0.003)
