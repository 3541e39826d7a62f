"""Counts in whole steps."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.schema import Kind
from expunge.learners.encoding.codes import learn_columns
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.encoding.counts import MOST, Counts, step_of
from expunge.learners.exact import MultinomialNB

NUMBERS = st.floats(0, 2.0**53)


@given(low=NUMBERS, high=NUMBERS, values=st.lists(NUMBERS, min_size=1, max_size=9), whole=st.booleans())
def test_counts_are_within_half_a_step_and_never_beyond_their_bits(
    low: float, high: float, values: list[float], whole: bool
) -> None:
    low, high = min(low, high), max(low, high)
    facts = learn_columns([Feature("n", Kind.NUMERIC, low, high, 1.0 if whole else None)], _numbers([low]))
    codes, step = Counts(facts).encode(_numbers(values))[:, 0], step_of(facts[0])
    assert 0 <= codes.min() <= codes.max() <= MOST
    for code, value in zip(codes.tolist(), values, strict=True):
        if value <= high:
            assert abs(code * step - value) <= step / 2 * (1 + 1e-6)
        if whole and high <= MOST and value <= high:
            assert code == np.rint(value)


def test_whole_counts_are_not_counted_again_when_the_largest_leaves() -> None:
    learner = MultinomialNB().fit([[1, 0], [900, 3], [2, 5], [4, 4]], [0, 0, 1, 1])
    assert learner.forget([1]).work == {"rows_touched": 1, "rows_reencoded": 0}
    again = MultinomialNB().fit([[1, 0], [2, 5], [4, 4]], [0, 1, 1], subjects=[0, 2, 3])
    assert learner.digest() == again.digest()


def _numbers(values: list[float]) -> Cells:
    return Cells(np.array(values)[:, None], np.empty((len(values), 0), np.int32), ())
