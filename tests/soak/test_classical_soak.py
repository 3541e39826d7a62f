"""Twenty thousand people leave one after another, or some together, in any order. `make soak` runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest

from expunge.learners.exact import (
    PCA,
    ColumnTransformer,
    GaussianNB,
    KNeighborsClassifier,
    LinearDiscriminantAnalysis,
    LogisticRegression,
    MultinomialNB,
    OneHotEncoder,
    Pipeline,
    PoissonRegressor,
    QuantileBinner,
    SimpleImputer,
    StandardScaler,
)

PEOPLE, LEAVING, ALONE = 24_000, 20_000, 500
RNG = np.random.default_rng(3)
X = pd.DataFrame(
    {
        "dose": RNG.lognormal(size=PEOPLE),
        "visits": RNG.integers(0, 90, PEOPLE),
        "pulse": np.where(RNG.random(PEOPLE) < 0.1, np.nan, RNG.normal(70, 9, PEOPLE)),
        "ward": RNG.choice(["a", "b", "c", "d"], PEOPLE, p=[0.6, 0.3, 0.0999, 0.0001]),
    }
)
Y = X["dose"] + X["visits"] / 30 + RNG.normal(size=PEOPLE) > 3
COUNTS = RNG.poisson(np.exp(X["visits"] / 90))
MIXED: Final = [("scale", StandardScaler(), ["dose", "visits"]), ("spread", OneHotEncoder(), ["ward"])]
CASES: Final[dict[str, tuple[Callable[[], Any], Any]]] = {
    "GaussianNB": (GaussianNB, Y),
    "MultinomialNB": (MultinomialNB, Y),
    "LinearDiscriminantAnalysis": (LinearDiscriminantAnalysis, Y),
    "KNeighborsClassifier": (KNeighborsClassifier, Y),
    "LogisticRegression": (LogisticRegression, Y),
    "PoissonRegressor": (PoissonRegressor, COUNTS),
    "PCA": (PCA, None),
    "StandardScaler": (StandardScaler, None),
    "OneHotEncoder": (OneHotEncoder, None),
    "SimpleImputer": (lambda: SimpleImputer("median"), None),
    "QuantileBinner": (QuantileBinner, None),
    "ColumnTransformer": (lambda: ColumnTransformer(MIXED), None),
    "Pipeline": (lambda: Pipeline([("fill", SimpleImputer("median")), ("learn", GaussianNB())]), Y),
}


@pytest.mark.soak
@pytest.mark.parametrize("name", CASES)
def test_twenty_thousand_leave_and_what_is_left_is_a_refit(name: str) -> None:
    make, y = CASES[name]
    rng = np.random.default_rng(len(name))
    order = rng.permutation(PEOPLE)
    learner = make().fit(*_rows(np.arange(PEOPLE), y), subjects=np.arange(PEOPLE))
    ends = [*range(1, ALONE), *np.sort(rng.choice(np.arange(ALONE, LEAVING), 200, replace=False)).tolist(), LEAVING]
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        learner.forget(order[begin:end].tolist())
    stays = np.sort(order[LEAVING:])
    assert learner.digest() == make().fit(*_rows(stays, y), subjects=stays).digest()


def _rows(which: Any, y: Any) -> tuple[Any, ...]:
    return (X.iloc[which],) if y is None else (X.iloc[which], np.asarray(y)[which])
