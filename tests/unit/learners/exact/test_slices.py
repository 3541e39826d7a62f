"""What a shard knows of its columns: ranges that are nobody's, and words that keep their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lightgbm import LGBMClassifier

from expunge.domain.schema import Kind
from expunge.learners.encoding.codes import Column
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.slices import Work, _widened, fit_slices

FINITE = st.floats(allow_nan=False, allow_infinity=False)
FEATURES = (Feature("a", Kind.NUMERIC), Feature("c", Kind.CATEGORICAL), Feature("y", Kind.CATEGORICAL))


@given(FINITE, FINITE)
@example(0.0, 0.0)
@example(-1.7e308, 1.7e308)
@example(5e-324, 5e-324)
@example(-2.604693137843693e238, 1.0290491442083619e-86)
@example(-1.7e308, -1e307)
def test_a_range_is_widened_to_round_ends(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    found = _widened(Column("a", None, low, high))
    assert found.low is not None
    assert found.high is not None
    assert found.low <= low <= high <= found.high
    if 0 < (span := high - low) < float("inf"):
        assert found.high - found.low <= 1.5 * span


def test_an_unknown_range_stays_unknown() -> None:
    assert _widened(Column("a")) == Column("a")
    assert _widened(Column("a", None, 38.948783435, 61.2)) == Column("a", None, 36.0, 64.0)


def cells(words: str, classes: str, seed: int = 0) -> Cells:
    """A row for each letter: a number, the letter, and its class."""
    known, labels = tuple(sorted({f"s:{one}" for one in words})), tuple(sorted({f"s:{one}" for one in classes}))
    codes = [[known.index(f"s:{one}"), labels.index(f"s:{of}")] for one, of in zip(words, classes, strict=True)]
    numbers = np.random.default_rng(seed).normal(size=(len(words), 1))
    return Cells(numbers, np.array(codes, np.int32).reshape(-1, 2), (known, labels))


def work(*slices: Cells, kept: tuple[Any, ...] = ()) -> Work:
    estimator = LGBMClassifier(n_estimators=4, min_child_samples=1)
    return Work(estimator, FEATURES, False, True, slices, kept, tuple(range(len(slices))))


def test_a_slice_that_brings_a_class_begins_afresh_with_all_rounds_so_far() -> None:
    stages = fit_slices(work(cells("zyzy" * 5, "0101" * 5), cells("ba" * 5, "02" * 5)))
    first, second = (stage._booster for stage in stages)  # type: ignore[union-attr]
    assert (first.num_trees(), second.num_trees()) == (2, 4 * 3)
    assert [stage.signature.columns[1].words for stage in stages if stage] == [
        ("s:y", "s:z"),
        ("s:y", "s:z", "s:a", "s:b"),
    ]


@pytest.mark.parametrize("empty", [0, 1, 2])
def test_an_empty_slice_is_no_restart_point_or_the_one_before(empty: int) -> None:
    full = [cells("xyxy" * 5, "0101" * 5, seed) for seed in range(3)]
    full[empty] = cells("", "")
    stages = fit_slices(work(*full))
    assert (stages[0] is None) == (empty == 0)
    assert stages[2] is not None
    assert stages[2]._booster.num_trees() == 4  # type: ignore[attr-defined]


def test_what_is_kept_is_not_learned_again() -> None:
    slices = [cells("xyxy" * 5, "0101" * 5, seed) for seed in range(3)]
    whole = fit_slices(work(*slices))
    again = fit_slices(work(*slices, kept=whole[:2]))
    assert again[:2] == whole[:2]
    assert again[2] is not None
    assert whole[2] is not None
    assert again[2].digest() == whole[2].digest()
