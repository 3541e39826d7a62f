"""Whole numbers tell what floats cannot."""

from __future__ import annotations

import decimal
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.learners.exact.fixed import exponentials, float_parts, whole_parts


@given(st.lists(st.floats(-2000, 300), min_size=1, max_size=8), st.sampled_from([64, 128, 400]))
@settings(max_examples=60, deadline=None)
def test_exponentials_are_right_to_the_last_bit_but_one(numbers: list[float], bits: int) -> None:
    scores = np.array([int(Fraction(number) * 2 ** (bits + 15)) for number in numbers], dtype=object)
    with decimal.localcontext(prec=320):
        for score, found in zip(scores, exponentials(scores, bits + 15, bits), strict=True):
            true = (decimal.Decimal(int(score)) / decimal.Decimal(2) ** (bits + 15)).exp()
            assert abs(int(found) - true * 2**bits) <= 1 + true


@given(st.lists(st.integers(-(2**300), 2**300), min_size=1, max_size=6))
def test_whole_numbers_become_floats_and_back(numbers: list[int]) -> None:
    floats, shift = float_parts(np.array(numbers, dtype=object))
    back = whole_parts(floats, shift)
    assert all(abs(a - b) <= abs(a) * 2.0**-50 + 1 for a, b in zip(numbers, back.tolist(), strict=True))
