"""Bins that hold equally many."""

from __future__ import annotations

import numpy as np
import pandas as pd

from expunge.learners.exact import QuantileBinner


def test_bins_hold_equally_many_and_equal_numbers_are_in_one() -> None:
    values = np.random.default_rng(3).permutation(
        np.arange(31.0)
    )  # 6 * 5 + 1 rows: edges are numbers that are present in both
    own = QuantileBinner(5).fit(values[:, None])
    assert own.transform(values[:, None])[:, 0].tolist() == pd.qcut(values, 5, labels=False).tolist()
    ties = np.array([1.0, 1, 1, 1, 1, 2, 9, 9])[:, None]
    assert QuantileBinner(4).fit(ties).bin_edges_[0].tolist() == [1.0, 2.0]
