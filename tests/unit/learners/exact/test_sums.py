"""Learners whose state is integer sums: whoever leaves, in whatever order, the sums are those of a refit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.learners.exact import PCA, GaussianNB, LinearDiscriminantAnalysis, MultinomialNB
from expunge.learners.state import dump

LEARNERS: list[Any] = [
    GaussianNB(),
    MultinomialNB(),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(0.1),
    PCA(2),
]

DECLARED = Schema(
    (
        Column("id", Role.SUBJECT, Kind.NUMERIC),
        Column("n", Role.FEATURE, Kind.NUMERIC, 0.0, 20.0, 0.5),
        Column("open", Role.FEATURE, Kind.NUMERIC, 0.0, 1.0, 1.0, inferred=("range", "resolution")),
        Column("c", Role.FEATURE, Kind.CATEGORICAL),
        Column("y", Role.TARGET, Kind.CATEGORICAL),
    ),
    "int",
)

SEQUENCES = 250


def table(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, Any, Any]:
    opened = rng.integers(0, 6, n) + rng.choice([0.0, 0.5], n, p=[0.95, 0.05])  # now and then all are whole
    X = pd.DataFrame(
        {
            "n": np.where(rng.random(n) < 0.15, np.nan, rng.gamma(2.0, 2.0, n).clip(max=20.0)),
            "open": np.where(rng.random(n) < 0.1, np.nan, opened),
            "c": pd.Series(rng.choice(["a", "b", "rare", ""], n, p=[0.5, 0.4, 0.05, 0.05]), dtype=object),
        }
    )
    X.loc[X["c"] == "", "c"] = None
    people = rng.integers(0, max(n // 2, 3), n)
    y = rng.integers(0, 3, n)
    y[:6], people[:6] = [0, 1, 2] * 2, np.arange(6) - 10  # some who stay, so that no class is lost
    return X, y, people


@pytest.mark.parametrize("learner", LEARNERS, ids=str)
def test_hundreds_of_random_sequences_end_where_a_refit_does(learner: Any) -> None:
    for seed in range(SEQUENCES):
        rng = np.random.default_rng(seed)
        X, y, ids = table(rng, int(rng.integers(8, 40)))
        own = clone(learner).set_params(schema=DECLARED if seed % 2 else None).fit(X, y, subjects=ids)
        leaving = rng.permutation(np.unique(ids[ids >= 0]))[: int(rng.integers(1, 12))].tolist()
        cuts = sorted(rng.integers(0, len(leaving) + 1, int(rng.integers(0, len(leaving) + 1))).tolist())
        for start, end in zip([0, *cuts], [*cuts, len(leaving)], strict=True):
            own.forget(leaving[start:end])
        stays = np.flatnonzero(~np.isin(ids, leaving))
        order = rng.permutation(stays)
        fresh = clone(own).fit(X.iloc[order], y[order], subjects=ids[order])
        assert own.digest() == fresh.digest(), seed
        if seed % 25 == 0:
            assert dump(own) == dump(fresh), seed


def test_twenty_thousand_leave_one_after_another() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 50, (20_300, 2)), rng.integers(0, 2, 20_300)
    own = GaussianNB().fit(X, y)
    for person in rng.permutation(20_000).tolist():
        own.forget([person])
    rest = np.arange(20_000, 20_300)
    fresh = GaussianNB().fit(X[rest], y[rest], subjects=rest)
    assert own.digest() == fresh.digest()
    assert dump(own) == dump(fresh)
