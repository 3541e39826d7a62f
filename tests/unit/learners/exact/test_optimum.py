"""Whatever a search begins from, it ends at the same coefficients, and never says more than it knows."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels import optima
from expunge.errors import InputError
from expunge.learners.exact import fixed, optimum
from expunge.learners.exact.entries import Entries
from expunge.learners.exact.lattice import Lattice
from expunge.learners.exact.optimum import Near, Problem, Slope, begin, bound, narrowed, slope_at, solve, without

BITS = 320
FORMS = (optima.LOGISTIC, optima.POISSON)
SEEDS = st.integers(0, 2**32)
PENALTIES = st.sampled_from([1e-3, 1.0, 50.0])


def problem(seed: int, n: int, form: int, penalty: float = 1.0) -> Problem:
    """Rows of two numbers and a column of three words."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-(2**15), 2**15 + 1, (n, 2)).astype(np.int32)
    places = np.column_stack([np.zeros(n), np.full(n, 2), 4 + rng.integers(0, 3, n)]).astype(np.int32)
    z = numbers[:, 0] / 2**14 - (places[:, 2] == 4) + rng.normal(size=n)
    target = rng.poisson(np.exp(z)) if form == optima.POISSON else z > 0
    target = target.astype(np.float64)
    return Problem(Entries(places, numbers, target, np.array([0, 2, 4]), 8), target, form, penalty)


def some(of: Problem, rows: Any) -> Problem:
    return replace(of, entries=of.entries.take(rows), target=of.target[rows])


def lattice(seed: int, size: int = 9) -> Lattice:
    return Lattice.drawn(seed.to_bytes(8, "big"), [bytes([number]) for number in range(size)])


def nothing(of: Problem) -> Near:
    return begin(of, np.zeros(of.entries.width + 1))


def oracle(of: Problem, start: npt.NDArray[np.float64] | None = None) -> list[Fraction]:
    """The optimum to some hundred bits, by Newton's steps in whole numbers: nothing of `optimum` but the curvature."""
    near = nothing(of) if start is None else begin(of, start)
    for _ in range(100):  # floats lead there, by steps that make the gradient smaller
        slope, share = slope_at(of, near.weights), 1.0
        step = newton(near, slope)
        while share > 1e-9 and not slope_at(of, near.weights - share * step).size < slope.size:
            share /= 2
        if share <= 1e-9:
            break
        near = begin(of, near.weights - share * step)
    penalty = Fraction(of.penalty)
    weights = fixed.whole_parts(near.weights, BITS)
    for _ in range(40):
        rows, _ = fixed.gradient(of.entries, of.target, of.form, weights, BITS)
        gradient = [
            Fraction(int(g), 2 ** (BITS + 15)) + penalty * Fraction(int(w), 2**BITS)
            for g, w in zip(rows, weights, strict=True)
        ]
        largest = max(abs(one) for one in gradient) or Fraction(1)
        step = np.linalg.solve(near.curvature, np.array([float(one / largest) for one in gradient]))
        moves = [math.floor(Fraction(one) * largest * 2**BITS) for one in step.tolist()]
        weights = weights - np.array(moves, dtype=object)
    return [Fraction(int(one), 2**BITS) for one in weights]


def newton(near: Near, slope: Slope) -> npt.NDArray[np.float64]:
    return np.asarray(np.linalg.solve(near.curvature, slope.gradient), dtype=np.float64)


def distance(weights: npt.NDArray[np.float64], true: list[Fraction]) -> float:
    return math.sqrt(sum(float(Fraction(a) - b) ** 2 for a, b in zip(weights.tolist(), true, strict=True)))


def rounded(true: list[Fraction], on: Lattice) -> list[int]:
    return [round(one * 2**16 - Fraction(offset, 2**64)) for one, offset in zip(true, on.offsets.tolist(), strict=True)]


@given(SEEDS, st.integers(2, 80), st.sampled_from(FORMS), PENALTIES)
@settings(max_examples=25, deadline=None)
def test_the_optimum_is_never_further_than_is_said(seed: int, n: int, form: int, penalty: float) -> None:
    """From many places, with curvatures of elsewhere."""
    of, rng = problem(seed, n, form, penalty), np.random.default_rng(seed)
    true = oracle(of)
    middle = np.array([float(one) for one in true])
    said = 0
    for exponent in range(0, -16, -1):
        weights = middle + 10.0**exponent * rng.normal(size=9)
        near = begin(of, middle + 10.0 ** rng.integers(-6, 0) * rng.normal(size=9))
        slope = slope_at(of, weights)
        step = newton(near, slope)
        told = bound(of, near, slope, step)
        assert distance(weights - step, true) <= told + 4 * optima.U * np.abs(weights).sum()
        said += told < 1e-6
    assert said > 3


@given(SEEDS, st.integers(2, 60), st.sampled_from(FORMS), PENALTIES)
@settings(max_examples=25, deadline=None)
def test_coefficients_are_the_optimums_wherever_the_search_began(seed: int, n: int, form: int, penalty: float) -> None:
    of, on = problem(seed, n, form, penalty), lattice(seed)
    expected = rounded(oracle(of), on)
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    for rows in (of, some(of, order)):
        for weights in (np.zeros(9), rng.normal(size=9)):
            assert solve(rows, begin(rows, weights), on)[0].tolist() == expected


@given(SEEDS, st.integers(3, 60), st.sampled_from(FORMS), PENALTIES, st.data())
@settings(max_examples=25, deadline=None)
def test_taking_rows_out_leads_to_the_optimum_without_them(
    seed: int, n: int, form: int, penalty: float, data: st.DataObject
) -> None:
    of, on = problem(seed, n, form, penalty), lattice(seed)
    _, near, _ = solve(of, nothing(of), on)
    gone = np.zeros(n, np.bool_)
    gone[data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n - 1))] = True
    stay = replace(some(of, ~gone), penalty=penalty * 1.25)  # as Poisson regression's is another
    found, _, _ = solve(stay, without(near, some(of, gone), stay.penalty), on)
    assert found.tolist() == rounded(oracle(stay), on)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("exponent", [13, 15, 18])
def test_a_coordinate_next_to_a_middle_is_told_by_whole_numbers(form: int, side: int, exponent: int) -> None:
    """The lattice is laid so that one coordinate's optimum is 10**-exponent from the middle between two points."""
    of = problem(1, 400, form)
    true = oracle(of)
    middle = true[0] + side * Fraction(1, 10**exponent)
    offsets = lattice(0).offsets.copy()
    steps = middle * 2**16 - Fraction(1, 2)
    offsets[0] = np.uint64(int((steps % 1) * 2**64) | 1)
    on = Lattice(offsets)
    below = math.floor(steps)
    found, _, work = solve(of, nothing(of), on)
    assert work["escalations"] or exponent == 13  # float64 may still tell that
    assert found.tolist() == rounded(true, on)
    assert found[0] == (below if side > 0 else below + 1)


def test_what_no_row_speaks_of_is_the_point_nearest_to_nought() -> None:
    of, on = problem(0, 50, optima.LOGISTIC), lattice(0)
    found, near, _ = solve(of, nothing(of), on)
    assert abs(on.points(found)[[1, 3, 7]]).max() <= 2**-17
    kept = np.array([0, 2, 4, 5, 6, 8])
    less = Entries(
        np.searchsorted(kept, of.entries.places).astype(np.int32), of.entries.numbers, of.target, np.array([0, 1, 2]), 5
    )
    narrow, _, work = solve(replace(of, entries=less), narrowed(near, kept), Lattice(on.offsets[kept]))
    assert narrow.tolist() == found[kept].tolist()
    assert work["passes"] <= 2


def test_separable_rows_have_an_optimum_too() -> None:
    of = problem(3, 60, optima.LOGISTIC, 1e-6)
    target = (of.entries.numbers[:, 0] > 0).astype(np.float64)
    of, on = replace(of, target=target), lattice(3)
    found, _, _ = solve(of, nothing(of), on)
    assert found.tolist() == rounded(oracle(of, on.points(found)), on)


def test_where_float64_finds_no_way_it_is_said() -> None:
    of = problem(0, 50, optima.LOGISTIC, 1e-30)
    with pytest.raises(InputError, match="too weak for 50 rows"):
        solve(of, nothing(of), lattice(0))


def test_far_from_the_optimum_steps_are_damped() -> None:
    of, on = problem(5, 100, optima.POISSON), lattice(5)
    expected = solve(of, nothing(of), on)[0].tolist()
    for far in (-20.0, 20.0):
        weights = np.zeros(9)
        weights[-1] = far
        assert solve(of, begin(of, weights), on)[0].tolist() == expected


def test_no_bound_is_claimed_where_the_proof_does_not_reach() -> None:
    of = problem(0, 50, optima.LOGISTIC)
    near = nothing(of)
    slope = slope_at(of, np.ones(9))
    step = newton(near, slope)
    assert bound(of, near, slope, step) == math.inf
    known = replace(near, error=of.penalty)
    slope = slope_at(of, near.weights)
    assert bound(of, known, slope, newton(known, slope)) == math.inf


def test_whole_numbers_alone_find_it() -> None:
    of, on = problem(7, 80, optima.LOGISTIC), lattice(7)
    expected, near, _ = solve(of, nothing(of), on)
    work = {"escalations": 0}
    off = begin(of, near.weights + 0.01)
    assert optimum._exactly(of, off, on, work)[0].tolist() == expected.tolist()
