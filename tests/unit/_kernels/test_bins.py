"""Positions and the dyadic trie over them, against twins that are written for reading."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from expunge._kernels.bins import Ruler, count_facts, leave_intervals, place_numbers, split_intervals

FLOATS = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6, allow_subnormal=False))


def ruler(low: float, high: float, step: float, bits: int) -> Ruler:
    return Ruler(np.array([low]), np.array([high]), np.array([step]), np.array([bits]))


@settings(deadline=None)
@given(hnp.arrays(np.float64, (200, 1), elements=FLOATS), st.floats(-1e3, 1e3), st.floats(0.1, 1e4), st.integers(1, 16))
def test_an_even_ruler_divides_the_range(numbers: Any, low: float, span: float, bits: int) -> None:
    high = low + span
    found = place_numbers(numbers, ruler(low, high, 0.0, bits))[0]
    above = np.clip(numbers[:, 0], low, high) - low
    expected = np.minimum(np.floor(above / (high - low) * 2**bits), 2**bits - 1)
    assert np.array_equal(found, np.where(np.isnan(numbers[:, 0]), -1, expected))


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(-9, 40), st.just(math.nan)), min_size=1), st.integers(1, 4))
def test_whole_numbers_are_where_they_are(values: list[float], step: int) -> None:
    found = place_numbers(np.array(values).reshape(-1, 1), ruler(0.0, 31.0, float(step), 5))[0].tolist()
    clipped = [value if math.isnan(value) else min(max(value, 0), 31) for value in values]
    assert found == [-1 if math.isnan(value) else min(round(value / step), 31) for value in clipped]


def test_a_column_of_one_value_has_one_position() -> None:
    assert place_numbers(np.array([[3.0], [9.0], [np.nan]]), ruler(3.0, 3.0, 0.0, 0)).tolist() == [[0, 0, -1]]


@settings(deadline=None)
@given(hnp.arrays(np.float64, (50, 2), elements=st.sampled_from([0.0, 0.5, 1.0, 2.0, np.nan])))
def test_facts_are_counted(numbers: Any) -> None:
    codes = np.where(np.isnan(numbers), -1, 0).astype(np.int32)
    found = count_facts(numbers, np.array([0.0, np.nan]), np.array([2.0, 1.0]), codes, 1)
    expected = [
        (numbers == [0.0, np.nan]).sum(axis=0),
        (numbers == [2.0, 1.0]).sum(axis=0),
        (numbers == 0.5).sum(axis=0),
        np.isnan(numbers).sum(axis=0),
        [np.isnan(numbers[:, 0]).sum()],
    ]
    assert np.array_equal(found, np.concatenate(expected))


def splits(positions: list[int], low: int, width: int, least: int) -> dict[int, int]:
    """Which intervals are split, and how many rows each holds: the definition."""
    inside = [position for position in positions if low <= position < low + width]
    if width == 1 or len(inside) < least:
        return {}
    middle, half = low + width // 2, width // 2
    return {middle: len(inside)} | splits(inside, low, half, least) | splits(inside, middle, half, least)


def split(positions: list[int], bits: int, least: int) -> dict[int, int]:
    counts = np.bincount(np.array(positions, np.int64), minlength=2**bits)
    before = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    middles, held = split_intervals(before, bits, least)
    assert middles.tolist() == sorted(middles.tolist())
    return dict(zip(middles.tolist(), held.tolist(), strict=True))


POSITIONS = st.lists(st.integers(0, 31), max_size=60)


@settings(deadline=None)
@given(POSITIONS, st.integers(1, 9))
def test_full_intervals_are_split_in_the_middle(positions: list[int], least: int) -> None:
    assert split(positions, 5, least) == splits(positions, 0, 32, least)


@settings(deadline=None)
@given(POSITIONS, st.integers(1, 9), st.data())
def test_leaving_tells_when_other_intervals_are_full(positions: list[int], least: int, data: st.DataObject) -> None:
    before = split(positions, 5, least)
    middles, counts = np.array(list(before), np.int64), np.array(list(before.values()), np.int64)
    leaving = data.draw(st.lists(st.sampled_from(range(len(positions))), unique=True)) if positions else []
    stays = [position for place, position in enumerate(positions) if place not in leaving]
    gone = np.array([positions[place] for place in leaving] + [-1], np.int32)
    emptied = leave_intervals(gone, 5, least, middles, counts)
    after = split(stays, 5, least)
    assert bool(emptied) == (after.keys() != before.keys())
    if not emptied:
        assert dict(zip(middles.tolist(), counts.tolist(), strict=True)) == after
