"""Relearning: steps are counted as they are made, and no longer than was asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import InputError
from expunge.verification.relearning import counted, relearning


@given(st.integers(0, 30), st.integers(1, 30))
def test_it_takes_as_many_steps_as_it_takes(needed: int, most: int) -> None:
    made: list[int] = []
    found = relearning(lambda: made.append(1), lambda: float(needed - len(made)), 0.0, most)
    assert found == (needed if needed <= most else None)
    assert len(made) == min(needed, most)


def test_who_did_not_get_there_counts_one_more_than_the_most() -> None:
    assert counted([3, None], 10) == [3, 11]


def test_no_step_is_no_relearning() -> None:
    with pytest.raises(InputError, match="most=0"):
        relearning(lambda: None, lambda: 1.0, 0.0, 0)
