"""How forgetting grows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.bench import growth, rivals
from expunge.bench.tasks import Task


def test_people_are_drawn_with_all_their_rows_and_new_ids(task: Task) -> None:
    coded = task.coded()
    grown = growth.drawn(coded, 3000)
    assert 3000 <= len(grown.y) < 3000 + np.bincount(coded.people).max()
    known = {(tuple(row), y) for row, y in zip(coded.X.to_numpy().tolist(), coded.y.tolist(), strict=True)}
    assert {(tuple(row), y) for row, y in zip(grown.X.to_numpy().tolist(), grown.y.tolist(), strict=True)} <= known
    sizes = set(np.bincount(coded.people)[np.unique(coded.people)].tolist())
    assert set(np.bincount(grown.people).tolist()) <= sizes
    assert grown.people.max() + 1 == len(np.unique(grown.people))


def test_each_person_is_timed(task: Task) -> None:
    found = growth.of_learner(rivals.LEARNERS["boosting"], growth.drawn(task.coded(), 500), 5)
    assert found["fit"] > 0
    assert 0 < found["median"] <= found["max"]


@given(power=st.floats(-2, 3), scale=st.floats(1e-6, 1e3))
def test_the_exponent_of_a_power_is_that_power(power: float, scale: float) -> None:
    sizes = [{"rows": n, "mean": scale * float(n) ** power} for n in (10, 300, 5000)]
    assert growth.exponent(sizes, "mean") == pytest.approx(power, abs=1e-9)
