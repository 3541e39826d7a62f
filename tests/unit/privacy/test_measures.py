"""Measures of loss and risk, by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from expunge.errors import InputError
from expunge.privacy import Hierarchy, Rules, generalise, risk


def test_risks_by_hand() -> None:
    found = risk(np.array([1, 4, 5]))
    assert (found.people, found.groups, found.smallest, found.prosecutor) == (10, 3, 1, 1.0)
    assert (found.prosecutor_mean, found.unique, found.journalist, found.marketer) == (0.3, 0.1, 1.0, 0.3)


def test_a_population_lowers_the_journalists_risk_and_never_the_prosecutors() -> None:
    found = risk(np.array([1, 4]), np.array([10, 4]))
    assert (found.prosecutor, found.journalist) == (1.0, 0.25)
    assert found.marketer == pytest.approx((0.1 + 1) / 5)


@pytest.mark.parametrize("population", [[1], [1, 3]])
def test_a_population_without_the_people_is_refused(population: list[int]) -> None:
    with pytest.raises(InputError, match="does not hold the groups"):
        risk(np.array([1, 4]), np.array(population))


def test_losses_by_hand() -> None:
    frame = pd.DataFrame({"age": [0, 5, 50, 100], "ward": ["a", "b", "c", "c"]})
    made = generalise(frame, Rules(k=2), subjects=range(4), quasi=["age", "ward"])
    # Ages 0 to 5 and 50 to 100 of 100; wards {a, b} of 3, and c.
    assert made.frame.values.tolist() == [["0 to 5", "a | b"]] * 2 + [["50 to 100", "c"]] * 2
    after = made.after.loss
    assert after.ncp == pytest.approx((0.05 * 2 + 0.5 * 2 + 2 / 3 * 2) / 8)
    assert after.discernibility == 8
    assert after.divergence["ward"] == pytest.approx(0.0)
    assert (made.before.loss.ncp, made.before.loss.discernibility) == (0.0, 4)


def test_divergence_spreads_a_cell_over_what_it_stands_for() -> None:
    frame = pd.DataFrame({"ward": ["a", "a", "a", "b"]})
    made = generalise(frame, Rules(k=4), subjects=range(4), quasi=["ward"])
    assert made.after.loss.divergence["ward"] == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))


def test_a_node_of_a_hierarchy_costs_the_leaves_under_it() -> None:
    frame = pd.DataFrame({"town": ["a", "b", "c", "c"]})
    towns = Hierarchy([["a", "x"], ["b", "x"], ["c", "y"], ["d", "y"]])
    made = generalise(frame, Rules(k=2), subjects=range(4), quasi=["town"], hierarchies={"town": towns})
    assert made.frame["town"].tolist() == ["x", "x", "c", "c"]
    assert made.after.loss.ncp == pytest.approx(0.25)


def test_who_was_left_out_counts_as_lost() -> None:
    frame = pd.DataFrame({"age": [20, 20, 21, 21, 22, 22, 99]})
    made = generalise(frame, Rules(k=6, suppress=0.2), subjects=range(7), quasi=["age"])
    assert made.after.loss.ncp == pytest.approx((6 * 2 / 79 + 1) / 7)
    assert made.after.loss.discernibility == 36 + 7
    assert made.after.loss.divergence["age"] == math.inf
