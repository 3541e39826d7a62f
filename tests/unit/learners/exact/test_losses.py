"""Losses as integers: their tables, and targets whose scale is forgotten too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.domain.schema import Kind
from expunge.errors import InputError
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact import losses
from expunge.learners.exact.losses import Amounts, Labels
from expunge.learners.exact.records import Records

Y = Feature("y", Kind.NUMERIC)


def numbers(values: Any) -> Records:
    column = np.asarray(values, np.float64).reshape(-1, 1)
    return Records.of(np.arange(len(column)), Cells(column, np.empty((len(column), 0), np.int32), ()))


def classes(values: Any) -> Records:
    column = np.asarray(values, np.int32).reshape(-1, 1)
    return Records.of(np.arange(len(column)), Cells(np.empty((len(column), 0)), column, (("i:0", "i:1", "i:2"),)))


def test_levels_are_those_of_any_machine() -> None:
    """None of the numbers that are rounded is so near to where rounding turns that another `exp` would turn it."""
    p = 1 / (1 + np.exp(-np.arange(-2048, 2048) / 256))
    rate = np.exp(np.arange(-1792, 1024) / 256)
    share = np.clip(np.arange(4097) / 4096, 1 / 256, 255 / 256)
    logits = 256 * np.log(share / (1 - share))
    for number, whole in (
        (logits, share == 0.5),
        (-(256**2) * np.log(1 - p), p < 0),
        (256**2 * rate, rate == 1),
    ):
        assert np.abs(number - np.floor(number) - 0.5)[~whole].min() > 1e-8
    for number, whole in (
        (256 * p, p == 0.5),
        (256 * p * (1 - p), p == 0.5),
        (256 * rate, rate == 1),
        (16 * rate, rate == 1),
    ):
        assert np.abs(number - np.floor(number) - 0.5)[~whole].min() > 1e-7


@pytest.mark.parametrize(
    ("loss", "score", "expected"),
    [
        (losses.logistic(), 0, (128, 64)),
        (losses.squared(), 512, (128, 1)),
        (losses.poisson(), 0, (256, 16)),
        (losses.poisson(), 256, (696, 43)),
        (losses.poisson(), -1792, (0, 1)),
    ],
)
def test_a_level_and_its_slope(loss: losses.Loss, score: int, expected: tuple[int, int]) -> None:
    packed = int(loss.levels[len(loss.levels) // 2 + score])
    assert (packed >> loss.half, packed % 2**loss.half) == expected


@pytest.mark.parametrize("loss", [losses.logistic(), losses.squared(), losses.poisson()])
def test_no_sum_leaves_its_bits(loss: losses.Loss) -> None:
    level, slope = loss.levels >> loss.half, loss.levels % 2**loss.half
    assert int(slope.max()) * loss.most < 2**loss.half
    assert int(np.abs(level).max()) * loss.most * 2 <= 2 ** (63 - loss.half)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.integers(0, 60), min_size=2, max_size=60),
    st.sampled_from(["squared_error", "poisson"]),
    st.sampled_from([1.0, 0.1, 1000.0]),
    st.data(),
)
def test_a_target_that_says_nothing_moved_is_the_one_of_those_who_stay(
    values: list[int], loss: Any, unit: float, data: st.DataObject
) -> None:
    scaled = np.array(values) * unit
    target = Amounts((Y,), numbers(scaled), loss)
    leaving = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=len(values) - 1, unique=True))
    moved = target.leave(np.array(leaving, np.int32))
    fresh = Amounts((Y,), numbers(np.delete(scaled, leaving)), loss)
    assert moved == (fresh.facts != target.facts)
    if not moved:
        assert np.array_equal(np.delete(target.pulls[0], leaving), fresh.pulls[0])
        assert (target.link, target.noise) == (fresh.link, fresh.noise)


def test_a_score_is_a_number_of_the_target_again() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(500, 30, 5000)
    target = Amounts((Y,), numbers(values), "squared_error")
    assert target.link is not None
    told = target.link.offset + target.link.scale * target.pulls[0] / target.loss.gradient
    assert np.abs(told - values).max() < 30 / 64
    assert 0.7 < target.link.scale / 30 < 1.5


def test_who_is_far_out_pulls_no_more_than_sixteen_units() -> None:
    values = np.zeros(10_000)
    values[:5000], values[7] = 1.0, 500.0
    pull = Amounts((Y,), numbers(values), "squared_error").pulls[0]
    assert pull.max() <= 16 * 64


def test_counts_are_not_clipped() -> None:
    values = np.zeros(10_000)
    values[:500], values[7] = 1.0, 500.0
    target = Amounts((Y,), numbers(values), "poisson")
    assert target.link is not None
    assert target.pulls[0][7] / 256 * target.link.scale == pytest.approx(500, rel=1e-3)


def test_numbers_below_nought_are_no_counts() -> None:
    with pytest.raises(InputError, match=r"its least is -1\.0"):
        Amounts((Y,), numbers([3.0, -1.0]), "poisson")


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_target_that_is_one_number_is_that_number(loss: Any) -> None:
    link = Amounts((Y,), numbers([7.0, 7.0]), loss).link
    assert link is not None
    assert link.offset + link.scale * (loss == "poisson") == pytest.approx(7.0)


def test_classes_pull_one_against_the_rest() -> None:
    target = Labels((Y,), classes([0, 1, 2, 2]), ("i:0", "i:1", "i:2"))
    assert [own.tolist() for own in target.pulls] == [[256, 0, 0, 0], [0, 256, 0, 0], [0, 0, 256, 256]]
    assert target.starts == [-256, -256, 0]
    assert target.leave(np.array([3], np.int32))
    assert target.starts == [-128, -128, -128]
