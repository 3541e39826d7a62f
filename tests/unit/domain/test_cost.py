"""What is predicted: the expected share of a fit, until something was measured."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.cost import KEPT, SIZES, Costs, Measured, between, duration

SHARES = (0.01, 0.1, 0.5, 1.0, 1.0)
SECONDS = st.floats(1e-6, 1e6)


def test_shares_are_met_at_their_sizes_and_grow_between() -> None:
    assert [round(between(SHARES, size), 9) for size in SIZES] == list(SHARES)
    found = [between(SHARES, size) for size in range(1, 20_000, 37)]
    assert found == sorted(found)
    assert (between(SHARES, 0), between(SHARES, 10**9)) == pytest.approx((0.01, 1.0))


def test_without_shares_the_expected_cost_is_in_proportion_to_records() -> None:
    seconds, basis = Costs(3.0, 100).forget(2, 5, 50)
    assert seconds == pytest.approx(3.0 * 5 / 100)
    assert basis == "expected"
    assert Costs(3.0, 100).refit(50) == 1.5


@given(st.lists(st.tuples(st.integers(1, 1000), SECONDS), min_size=1, max_size=30), st.integers(1, 1000))
def test_what_was_measured_of_as_many_people_is_what_is_predicted(
    measured: list[tuple[int, float]], subjects: int
) -> None:
    costs = Costs(2.0, 5000, SHARES)
    for count, seconds in measured:
        costs = costs.after(Measured("forget", count, count, 5000, seconds, 1.0))
    for _ in range(3):
        costs = costs.after(Measured("forget", subjects, subjects, 5000, 0.25, 1.0))
    assert costs.forget(subjects, subjects, 5000)[0] == pytest.approx(0.25)
    assert len(costs.measured) <= KEPT


def test_other_sizes_are_scaled_by_what_is_expected_of_them() -> None:
    costs = Costs(2.0, 1000, SHARES).after(Measured("forget", 10, 10, 1000, 0.6, 0.2))
    seconds, basis = costs.forget(100, 100, 1000)
    assert seconds == pytest.approx(3.0**0.5)
    assert basis == "measured on 1 batch"
    seconds, basis = costs.after(Measured("forget", 10, 10, 1000, 0.8, 0.2)).forget(100, 100, 1000)
    assert seconds == pytest.approx(3.0)
    assert basis == "measured on 2 batches"


def test_a_first_call_that_was_slow_is_tried_again() -> None:
    costs = Costs(0.5, 1000, SHARES).after(Measured("forget", 1, 1, 1000, 20.0, 0.005))
    assert costs.forget(1, 1, 1000)[0] < costs.refit(999)
    assert costs.after(Measured("forget", 1, 1, 1000, 0.004, 0.3)).forget(1, 1, 1000)[0] == 0.004


def test_a_refit_tells_what_a_fit_takes_now() -> None:
    costs = Costs(9.0, 1000, SHARES).after(Measured("refit", 10, 200, 1000, 4.0, 7.2))
    assert (costs.fit_seconds, costs.fitted) == (4.0, 800)
    assert costs.refit(400) == 2.0
    assert costs.error == pytest.approx(1.8)
    assert Costs(9.0, 1000).error is None


@given(SECONDS, SECONDS)
def test_an_error_is_a_factor_either_way(seconds: float, predicted: float) -> None:
    one, other = (Measured("forget", 1, 1, 9, *pair) for pair in ((seconds, predicted), (predicted, seconds)))
    assert one.error == pytest.approx(other.error)
    assert one.error >= 1


def test_costs_come_back_from_json() -> None:
    costs = Costs(2.0, 10, SHARES, (Measured("refit", 1, 2, 10, 0.5, 0.25),))
    assert Costs.from_dict(json.loads(json.dumps(costs.to_dict()))) == costs


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_duration_is_short_and_has_a_unit(first: float, second: float) -> None:
    for text in (duration(first), duration(second)):
        assert text.rsplit(" ", 1)[1] in {"ms", "s", "min"}
        assert len(text) <= 16
