"""Intervals hold what they promise to hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from expunge.errors import InputError
from expunge.verification.intervals import LEAST_DRAWS, next_draw, share, wilson


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_a_share_has_the_textbooks_interval(counts: tuple[int, int], confidence: float) -> None:
    hits, draws = counts
    expected = binomtest(hits, draws).proportion_ci(confidence, method="exact")
    found = share(hits, draws, confidence)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.low <= found.value <= found.high
    score = wilson(found.value, draws, confidence)
    expected = binomtest(hits, draws).proportion_ci(confidence, method="wilson")
    assert (score.low, score.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("draws", [5, 8, 20])
def test_the_next_normal_draw_lies_outside_as_often_as_stated(draws: int) -> None:
    rng = np.random.default_rng(draws)
    outside = 0
    for _ in range(4000):
        *seen, new = rng.normal(3, 2, draws + 1)
        bounds = next_draw(seen, 0.05, 0.0)
        outside += not bounds.low <= new <= bounds.high
    assert binom.ppf(0.001, 4000, 0.05) <= outside <= binom.ppf(0.999, 4000, 0.05)


def test_seeds_that_agree_leave_one_row_of_room() -> None:
    bounds = next_draw([1.0] * 5, 0.05, 0.01)
    assert bounds.low < 0.99
    assert bounds.high > 1


def test_a_few_draws_are_no_yardstick() -> None:
    with pytest.raises(InputError, match="4 retrained models"):
        next_draw([1.0] * (LEAST_DRAWS - 1), 0.05, 0.0)
