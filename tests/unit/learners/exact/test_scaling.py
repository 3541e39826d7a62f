"""Scaling: scikit-learn's to a step."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import preprocessing

from expunge.learners.exact import StandardScaler

RNG = np.random.default_rng(3)
NUMBERS = np.where(RNG.random((301, 3)) < 0.1, np.nan, RNG.gamma(2.0, 9.0, (301, 3)))


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_scaling_is_scikit_learns_to_a_step(with_mean: bool, with_std: bool) -> None:
    own = StandardScaler(with_mean, with_std).fit(NUMBERS)
    theirs = preprocessing.StandardScaler(with_mean=with_mean, with_std=with_std).fit(NUMBERS)
    np.testing.assert_allclose(own.transform(NUMBERS), theirs.transform(NUMBERS), rtol=1e-4, atol=2e-3)
    step = np.ptp(NUMBERS[~np.isnan(NUMBERS).any(axis=1)], axis=0) / 2**15
    both = preprocessing.StandardScaler().fit(NUMBERS)
    assert (np.abs(own.mean_ - both.mean_) < step).all()
    assert (np.abs(own.scale_ - both.scale_) < step).all()


def test_numbers_that_are_all_alike_or_all_missing_are_divided_by_1() -> None:
    own = StandardScaler().fit([[2.5, np.nan], [2.5, np.nan]])
    assert own.mean_.tolist() == [2.5, 0.0]
    assert own.scale_.tolist() == [1.0, 1.0]
