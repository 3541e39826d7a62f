from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.learners.encoding.grid import grid_edges

RANGES = st.tuples(st.floats(-1e9, 1e9, allow_nan=False), st.floats(-1e9, 1e9, allow_nan=False)).filter(
    lambda ends: (ends[1] - ends[0]) / 2**16 > 0  # below, the twin's logarithm has nothing to work with
)
RESOLUTIONS = st.one_of(st.none(), st.floats(1e-6, 1e3))
MAX_BINS = st.integers(2, 100)


def _step(low: float, high: float, resolution: float | None) -> int:
    """Exponent of the smallest power of two that is at least the resolution."""
    wanted = resolution if resolution is not None else (high - low) / 2**16
    exponent = math.floor(math.log2(wanted)) - 2
    while math.ldexp(1.0, exponent) < wanted:
        exponent += 1
    return exponent


def _bits(edge: float, step: int) -> int:
    """Significant bits of an edge, counted in steps; checks that it is a whole number of them."""
    count = math.ldexp(edge, -step)
    assert count == int(count)
    whole = abs(int(count))
    return 0 if whole == 0 else (whole // (whole & -whole)).bit_length()


@given(RANGES, RESOLUTIONS, MAX_BINS)
def test_edges_are_ascending_members_inside_the_range_and_few(
    ends: tuple[float, float], resolution: float | None, max_bins: int
) -> None:
    edges = grid_edges(*ends, resolution, max_bins)
    assert len(edges) <= max_bins - 1
    assert (np.diff(edges) > 0).all()
    assert ((edges > ends[0]) & (edges <= ends[1])).all()
    for edge in edges:
        _bits(float(edge), _step(*ends, resolution))


@given(st.tuples(st.integers(-300, 300), st.integers(1, 300)), st.sampled_from([1.0, 0.75, 2.0]), MAX_BINS)
def test_the_grid_is_all_numbers_of_m_bits_and_m_the_largest(
    place: tuple[int, int], resolution: float, max_bins: int
) -> None:
    low, high = float(place[0]), float(place[0] + place[1])
    step = _step(low, high, resolution)
    every = [q * 2.0**step for q in range(-700, 701) if low < q * 2.0**step <= high]
    by_bits = {m: [v for v in every if _bits(v, step) <= m] for m in range(12)}
    best = max((m for m, members in by_bits.items() if len(members) <= max_bins - 1), default=None)
    expected = [] if best is None else by_bits[best]
    assert grid_edges(low, high, resolution, max_bins).tolist() == expected


@given(st.integers(-40, 40), st.integers(1, 40))
def test_small_integers_are_as_they_are(low: int, width: int) -> None:
    values = np.arange(low, low + width + 1, dtype=np.float64)
    edges = grid_edges(float(low), float(low + width), 1.0, 64)
    assert np.searchsorted(edges, values, side="right").tolist() == list(range(width + 1))


@pytest.mark.parametrize(("low", "high"), [(None, None), (3.0, 3.0), (0.0, 0.0)])
def test_a_column_of_nothing_or_one_value_has_no_edges(low: float | None, high: float | None) -> None:
    assert grid_edges(low, high, None, 64).tolist() == []


@pytest.mark.parametrize(
    ("low", "high", "resolution"),
    [(-1e300, 1e300, None), (-1e300, 1e300, 1e-300), (5e-324, 1e-323, None), (1e9, 1e9 + 1, None), (0.0, 1.0, 9.0)],
)
def test_extreme_ranges_are_no_harder(low: float, high: float, resolution: float | None) -> None:
    edges = grid_edges(low, high, resolution, 64)
    assert len(edges) <= 63
    assert ((edges > low) & (edges <= high)).all()


def test_a_narrow_range_far_from_nought_is_resolved() -> None:
    assert len(grid_edges(1e6, 1e6 + 1, None, 64)) >= 31
