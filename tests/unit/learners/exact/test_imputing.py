"""Fillings of missing cells: scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import impute

from expunge.learners.exact import SimpleImputer

RNG = np.random.default_rng(3)
NUMBERS = np.where(RNG.random((301, 3)) < 0.1, np.nan, RNG.gamma(2.0, 9.0, (301, 3)))


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_fillings_are_scikit_learns(strategy: Any) -> None:
    own, theirs = SimpleImputer(strategy).fit(NUMBERS), impute.SimpleImputer(strategy=strategy).fit(NUMBERS)
    atol = np.nanmax(NUMBERS) / 2**16 if strategy == "mean" else 0.0
    np.testing.assert_allclose(own.transform(NUMBERS), theirs.transform(NUMBERS), rtol=1e-15, atol=atol)


def test_words_are_filled_with_the_first_of_the_most_frequent() -> None:
    X = pd.DataFrame({"n": [1.0, np.nan, 3.0], "w": ["b", "a", None]})
    assert SimpleImputer("most_frequent").fit(X).transform(X)["w"].tolist() == ["b", "a", "a"]
    assert SimpleImputer("constant").fit(X).transform(X)["w"].tolist() == ["b", "a", "missing_value"]
    kept = SimpleImputer("median").fit(X)
    assert kept.transform(X)["n"].tolist() == [1.0, 2.0, 3.0]
    assert kept.transform(X)["w"].tolist() == ["b", "a", None]
    assert kept.statistics_.tolist() == [2.0, None]
