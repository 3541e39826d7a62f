"""Linear discriminants: what they tell is what scikit-learn's own do."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import discriminant_analysis
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from expunge.bench import tasks
from expunge.errors import InputError
from expunge.learners import create
from expunge.learners.exact import LinearDiscriminantAnalysis

RNG = np.random.default_rng(6)
Y = RNG.integers(0, 3, 500)
X = pd.DataFrame({"a": RNG.normal(size=500) + Y, "b": RNG.normal(size=500) - 0.5 * Y, "w": RNG.choice(["p", "q"], 500)})

real = pytest.mark.skipif(not os.environ.get(tasks.VARIABLE), reason=f"{tasks.VARIABLE} is not set")


def twin(X: pd.DataFrame, y: Any, **params: Any) -> tuple[Any, np.ndarray[Any, Any]]:
    """scikit-learn's own on numbers scaled to [-1, 1] and a place per word, and these places."""
    numbers = [column for column in X if pd.api.types.is_numeric_dtype(X[column])]
    words = [column for column in X if column not in numbers]
    places = make_column_transformer((MinMaxScaler((-1, 1)), numbers), (OneHotEncoder(sparse_output=False), words))
    Z = places.fit_transform(X)
    return discriminant_analysis.LinearDiscriminantAnalysis(**params).fit(Z, y), Z


@pytest.mark.parametrize(
    "params", [{}, {"priors": [0.2, 0.2, 0.6]}, {"shrinkage": 0.1}, {"shrinkage": 1.0}, {"shrinkage": 0}], ids=str
)
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_scikit_learns(params: dict[str, Any], classes: int) -> None:
    rows = classes > Y
    given = params | ({"priors": [0.3, 0.7]} if "priors" in params and classes == 2 else {})
    own = LinearDiscriminantAnalysis(**given).fit(X[rows], Y[rows])
    solver = "lsqr" if params.get("shrinkage") else "svd"
    theirs, Z = twin(X[rows], Y[rows], **given | ({} if solver == "lsqr" else {"shrinkage": None}), solver=solver)
    np.testing.assert_allclose(own.predict_proba(X[rows]), theirs.predict_proba(Z), atol=1e-4)
    assert (own.predict(X[rows]) == theirs.predict(Z)).mean() > 0.995
    if not params.get("shrinkage"):  # "lsqr" of scikit-learn adds the same number to the scores of all classes
        np.testing.assert_allclose(own.decision_function(X[rows]), theirs.decision_function(Z), atol=2e-3)


@real
@pytest.mark.parametrize("name", tasks.REAL)
def test_probabilities_of_real_people_are_scikit_learns(name: str) -> None:
    task = tasks.REAL[name]().some(6000, np.random.default_rng(0))
    numbers = [column for column in task.X if pd.api.types.is_numeric_dtype(task.X[column])]
    X = task.X.fillna(task.X[numbers].median())
    own, (theirs, Z) = LinearDiscriminantAnalysis().fit(X, task.y).predict_proba(X), twin(X, task.y)
    np.testing.assert_allclose(own, theirs.predict_proba(Z), atol=1e-3)
    assert (own.argmax(axis=1) == theirs.predict(Z)).mean() > 0.999


def test_constant_empty_and_repeated_columns_do_no_harm() -> None:
    more = X.assign(same=4.0, none=np.nan, again=X["a"], word="w")
    own, plain = LinearDiscriminantAnalysis().fit(more, Y), LinearDiscriminantAnalysis().fit(X, Y)
    np.testing.assert_allclose(own.predict_proba(more), plain.predict_proba(X), atol=1e-6)


def test_where_nothing_varies_within_classes_only_their_shares_tell() -> None:
    own = LinearDiscriminantAnalysis().fit([[0.0], [0.0], [0.0], [1.0]], [0, 0, 0, 1])
    np.testing.assert_allclose(own.predict_proba([[0.0], [1.0]]), [[0.75, 0.25]] * 2)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"shrinkage": "auto"}, "fourth moments"),
        ({"shrinkage": 1.5}, "from 0 to 1"),
        ({"shrinkage": True}, "from 0 to 1"),
        ({"priors": [2.0, -1.0]}, "priors="),
    ],
    ids=str,
)
def test_a_hyperparameter_out_of_bounds_is_named(params: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        LinearDiscriminantAnalysis(**params).fit([[0.0], [1.0]], [0, 1])


def test_it_has_a_name() -> None:
    assert type(create("lda", "classification", shrinkage=0.5)) is LinearDiscriminantAnalysis
