"""Quantisation: within half a step, the same again when repeated, and recovery has a direction."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from expunge.errors import InputError
from expunge.verification.quantised import Quantisation, quantise

FLOATS = arrays(np.float64, array_shapes(max_dims=3, max_side=5), elements=st.floats(-1e3, 1e3))
BITS = st.sampled_from([4, 8])


@given(FLOATS, BITS)
def test_no_weight_moves_by_more_than_half_a_step(weights: Any, bits: Literal[4, 8]) -> None:
    rounded = quantise({"w": weights}, bits)["w"]
    largest = np.abs(weights).max()
    step = largest / (2 ** (bits - 1) - 1)
    assert (np.abs(rounded - weights) <= step / 2 * (1 + 1e-9) + 1e-300).all()
    assert len(np.unique(rounded)) <= 2**bits - 1
    assert np.abs(rounded).max() == pytest.approx(largest)


@given(FLOATS, BITS)
def test_rounding_twice_is_rounding_once(weights: Any, bits: Literal[4, 8]) -> None:
    once = quantise({"w": weights}, bits)
    assert quantise(once, bits)["w"] == pytest.approx(once["w"], rel=1e-12)


def test_counters_are_left_alone_and_nothing_is_shared() -> None:
    given_arrays = {"count": np.array([3, 1000]), "w": np.zeros(2, np.float32), "none": np.zeros((0, 3))}
    found = quantise(given_arrays, 8)
    for name, array in given_arrays.items():
        assert found[name].dtype == array.dtype
        assert (found[name] == array).all()
        assert not np.shares_memory(found[name], array)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_broken_weights_are_refused(broken: float) -> None:
    with pytest.raises(InputError, match="'w'"):
        quantise({"w": np.array([1.0, broken])}, 8)


def test_other_widths_are_refused() -> None:
    with pytest.raises(InputError, match="2 bits"):
        quantise({}, 2)  # type: ignore[arg-type]


def test_recovery_is_towards_the_original() -> None:
    lower = Quantisation(8, 0.9, 0.2, 0.5, (0.4,), (0.3,))
    assert (round(lower.recovery, 9), round(lower.retrained_recoveries[0], 9)) == (0.3, -0.1)
    higher = Quantisation(8, 0.1, 0.8, 0.5, (0.4,), (0.3,))
    assert (round(higher.recovery, 9), round(higher.retrained_recoveries[0], 9)) == (0.3, 0.1)
