"""Coefficients are rounded where it is told to which point, and nowhere else."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from expunge.learners.exact.lattice import Lattice

OFFSETS = st.integers(0, 2**64 - 1).map(lambda number: number | 1)


@given(OFFSETS, st.floats(-1e6, 1e6), st.floats(0, 1e-5))
def test_what_is_told_is_the_nearest_point_of_all_that_may_be_the_optimum(
    offset: int, weight: float, radius: float
) -> None:
    found = Lattice(np.array([offset], np.uint64)).nearest(np.array([weight]), radius)
    ends = [Fraction(weight) - Fraction(radius), Fraction(weight) + Fraction(radius)]
    wholes = {round(end * 2**16 - Fraction(offset, 2**64)) for end in ends}
    if found is not None:
        assert wholes == {int(found[0])}
    elif radius < 1e-6:  # it must be near a middle
        middle = (Fraction(weight) * 2**16 - Fraction(offset, 2**64)) % 1 - Fraction(1, 2)
        assert abs(middle) < Fraction(radius) * 2**16 + Fraction(1, 2**12)


@given(OFFSETS, st.integers(-(2**140), 2**140), st.integers(0, 2**100))
def test_whole_numbers_are_rounded_exactly(offset: int, weight: int, radius: int) -> None:
    found = Lattice(np.array([offset], np.uint64)).nearest_exactly([weight], 128, radius)
    steps = [Fraction(end, 2**112) - Fraction(offset, 2**64) for end in (weight - radius, weight + radius)]
    near = [end - Fraction(1, 2) for end in steps]
    if found is not None:
        assert {round(end) for end in steps} == {int(found[0])}
    else:
        assert any(end.denominator == 1 for end in near) or near[0] // 1 != near[1] // 1


@given(OFFSETS)
def test_nought_is_never_on_a_middle(offset: int) -> None:
    lattice = Lattice(np.array([offset], np.uint64))
    assert lattice.nearest_exactly([0], 128, 2**20) is not None


def test_offsets_follow_from_the_key_and_what_they_are_about() -> None:
    drawn = Lattice.drawn(b"k" * 32, [b"a", b"b"])
    assert drawn.offsets.tolist() != Lattice.drawn(b"l" * 32, [b"a", b"b"]).offsets.tolist()
    assert drawn.offsets[1] == Lattice.drawn(b"k" * 32, [b"b"]).offsets[0]
    assert (drawn.offsets % 2 == 1).all()
