"""Sorting in kernels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from expunge._kernels.sorting import order


@given(st.lists(st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1)), max_size=70))
def test_places_come_in_the_order_of_their_keys_equals_as_they_stood(keys: list[int]) -> None:
    given_keys = np.array(keys, np.uint64)
    assert order(given_keys).tolist() == np.argsort(given_keys, kind="stable").tolist()
    assert given_keys.tolist() == keys
