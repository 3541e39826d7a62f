"""What a wrapped estimator predicts is what its own library predicts, on the same rows in the same order."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from xgboost import XGBClassifier, XGBRegressor

from expunge.learners.encoding.codes import ONE, Scaled
from expunge.learners.exact import Retrained
from expunge.learners.exact.adapters import FAMILIES
from expunge.learners.exact.retrained import in_keyed_order
from expunge.learners.exact.wrapped import seed_of, target_of

Floats = npt.NDArray[np.float64]
N = 1200

LINEAR: list[Any] = [
    LinearRegression(),
    Ridge(alpha=2.0),
    RidgeClassifier(class_weight="balanced"),
    Lasso(alpha=0.01),
    ElasticNet(alpha=0.01, fit_intercept=False),
    LogisticRegression(C=3.0, max_iter=1000),
    LogisticRegression(solver="saga", max_iter=5000),
    SGDClassifier(loss="log_loss", average=True),
    SGDRegressor(early_stopping=True),
]
HISTOGRAM: list[Any] = [
    HistGradientBoostingClassifier(max_iter=20),
    HistGradientBoostingClassifier(max_iter=5, class_weight="balanced", max_bins=16),
    HistGradientBoostingRegressor(max_iter=20, max_depth=3),
    HistGradientBoostingRegressor(max_iter=20, loss="poisson"),
    HistGradientBoostingRegressor(max_iter=5, loss="quantile", quantile=0.9),
]
LIGHTGBM: list[Any] = [
    LGBMClassifier(n_estimators=20, subsample=0.5, subsample_freq=1),
    LGBMClassifier(n_estimators=5, boosting_type="dart", class_weight="balanced"),
    LGBMRegressor(n_estimators=20, max_bin=31),
    LGBMRegressor(n_estimators=5, objective="poisson"),
    LGBMRegressor(n_estimators=5, objective="quantile", alpha=0.2),
]
XGBOOST: list[Any] = [
    XGBClassifier(n_estimators=20, colsample_bytree=0.7),
    XGBClassifier(n_estimators=5, booster="dart", tree_method="approx", device="cpu"),
    XGBRegressor(n_estimators=20, max_leaves=5, grow_policy="lossguide"),
    XGBRegressor(n_estimators=5, objective="count:poisson"),
]


def table(seed: int = 0) -> tuple[pd.DataFrame, Floats]:
    """Numbers, a count, missing cells, a category, and one of more words than a histogram has bins."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(N) < 0.1, np.nan, rng.normal(size=N))
    ward = rng.choice(["a", "b", "c", "d", "e"], N).astype(object)
    ward[rng.random(N) < 0.1] = None
    code = np.array([f"code {number}" for number in rng.integers(0, 400, N)], dtype=object)
    X = pd.DataFrame({"code": code, "x": x, "ward": ward, "visits": rng.integers(0, 9, N)})
    t = np.nan_to_num(x, nan=1.5) * 2 + (ward == "b") * 3 + X["visits"].to_numpy() + rng.normal(scale=0.3, size=N)
    return X, t


def wrapped(estimator: Any, n_classes: int = 2) -> tuple[Retrained, pd.DataFrame]:
    X, t = table()
    task = FAMILIES[type(estimator).__name__].task
    edges = np.quantile(t, np.arange(1, n_classes) / n_classes)
    y = t - t.min() + 0.5 if task == "regression" else np.array(["low", "mid", "top"])[np.digitize(t, edges)]
    learner = Retrained(clone(estimator), key=bytes(32)).fit(X, y, subjects=np.arange(N) // 2)
    learner.forget(range(40))
    return learner, X


def native(learner: Retrained, matrix: Any) -> tuple[Any, Any]:
    """Fit the library's own estimator on the rows as they lie, after `matrix` made numbers of them."""
    state = learner.state_
    family = FAMILIES[type(learner.estimator).__name__]
    cells = in_keyed_order(state.records, learner.key)
    seed = {"random_state": seed_of(state.hyperparameters, learner.key)} if "random_state" in family.counts else {}
    estimator = clone(learner.estimator).set_params(**family.pinned, **seed)
    words = state.classes if learner.task == "classification" else None
    return estimator, (matrix(state.model.signature.columns, cells), target_of(cells, words))


def by_hand(columns: Any, cells: Any) -> pd.DataFrame:
    """Columns as a data frame, with pandas' categories: made by other means than the adapters'."""
    frame, numbers, coded = {}, iter(cells.numbers.T), iter(zip(cells.codes.T, cells.words, strict=True))
    for column in columns:
        if column.words is None:
            frame[column.name] = next(numbers)
        else:
            codes, words = next(coded)
            known = set(column.words)
            values = [words[code] if code >= 0 and words[code] in known else None for code in codes]
            frame[column.name] = pd.Categorical(values, categories=list(column.words))
    return pd.DataFrame(frame)


def ordered(most: int, frame: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Take a column of more categories as ordered codes."""
    for column in frame.columns:
        if isinstance(frame[column].dtype, pd.CategoricalDtype) and frame[column].nunique() > most:
            for one in (frame, rows):
                one[column] = one[column].cat.codes.astype(float).where(one[column].notna(), np.nan)


def asked(learner: Retrained, X: pd.DataFrame) -> Any:
    """What is predicted, as numbers."""
    return learner.decision_function(X) if learner.task == "classification" else learner.predict(X)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", LINEAR, ids=lambda value: repr(value)[:60])
def test_a_linear_model_predicts_what_scikit_learns_does(estimator: Any, n_classes: int) -> None:
    learner, X = wrapped(estimator, n_classes)

    def matrix(columns: Any, cells: Any) -> Any:
        codes = Scaled(columns, 2).encode(cells)
        return (csr_matrix(codes) if isinstance(estimator, LogisticRegression) else codes) / ONE

    theirs, (A, y) = native(learner, matrix)
    theirs.fit(A, y)
    rows = matrix(learner.state_.model.signature.columns, learner.serve().signature.read(X))
    if learner.task == "classification":
        np.testing.assert_allclose(learner.decision_function(X), theirs.decision_function(rows), atol=1e-9)
        assert (learner.predict(X) == learner.classes_[theirs.predict(rows)]).all()
    else:
        np.testing.assert_allclose(learner.predict(X), theirs.predict(rows), atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", HISTOGRAM, ids=lambda value: repr(value)[:60])
def test_histogram_boosting_predicts_what_scikit_learns_does_bit_for_bit(estimator: Any, n_classes: int) -> None:
    learner, X = wrapped(estimator, n_classes)
    theirs, (frame, y) = native(learner, by_hand)
    rows = by_hand(learner.state_.model.signature.columns, learner.serve().signature.read(X))
    ordered(estimator.max_bins, frame, rows)
    categorical = [isinstance(dtype, pd.CategoricalDtype) for dtype in frame.dtypes]
    order = sorted(range(len(categorical)), key=lambda place: not categorical[place])
    theirs.fit(frame.iloc[:, order], y)
    predict = theirs.decision_function if learner.task == "classification" else theirs.predict
    assert np.array_equal(asked(learner, X), predict(rows.iloc[:, order]))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", LIGHTGBM, ids=lambda value: repr(value)[:60])
def test_a_lightgbm_model_predicts_what_lightgbm_does_bit_for_bit(estimator: Any, n_classes: int) -> None:
    learner, X = wrapped(estimator, n_classes)
    theirs, (frame, y) = native(learner, by_hand)
    rows = by_hand(learner.state_.model.signature.columns, learner.serve().signature.read(X))
    ordered(255, frame, rows)
    theirs.fit(frame, y)
    raw = {"raw_score": True} if learner.task == "classification" else {}
    assert np.array_equal(asked(learner, X), theirs.predict(rows, **raw))
    if learner.task == "classification":
        assert (learner.predict(X) == learner.classes_[theirs.predict(rows)]).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", XGBOOST, ids=lambda value: repr(value)[:60])
def test_an_xgboost_model_predicts_what_xgboost_does(estimator: Any, n_classes: int) -> None:
    learner, X = wrapped(estimator, n_classes)
    theirs, (frame, y) = native(learner, by_hand)
    rows = by_hand(learner.state_.model.signature.columns, learner.serve().signature.read(X))
    ordered(255, frame, rows)
    theirs.fit(frame, y)
    raw = {"output_margin": True} if learner.task == "classification" else {}
    # XGBoost's two ways of predicting sum the trees of a dart model in different orders.
    tolerance = 1e-6 if estimator.booster == "dart" else 0.0
    np.testing.assert_allclose(asked(learner, X), theirs.predict(rows, **raw), rtol=tolerance, atol=tolerance)
    if learner.task == "classification":
        assert (learner.predict(X) == learner.classes_[theirs.predict(rows)]).all()


@pytest.mark.parametrize(
    "estimator", [LINEAR[5], HISTOGRAM[0], LIGHTGBM[0], XGBOOST[0]], ids=lambda value: type(value).__name__
)
def test_a_category_never_seen_is_predicted_as_a_missing_one_by_trees_and_as_nothing_by_lines(estimator: Any) -> None:
    learner, X = wrapped(estimator)
    unseen, missing = X.assign(ward="unseen"), X.assign(ward=pd.Series([None] * N, dtype=object))
    same = np.array_equal(learner.decision_function(unseen), learner.decision_function(missing))
    assert same == (type(estimator) is not LogisticRegression)


def test_what_lightgbm_serves_tells_no_range_no_seed_and_no_time() -> None:
    learner, X = wrapped(LIGHTGBM[0])
    text = learner.serve().files["booster.txt"].decode()
    assert "feature_infos=none none none none" in text
    assert text.endswith("end of trees\n")
    assert "[seed" not in text
    assert repr(float(X["x"].max()))[:10] not in text


def test_what_xgboost_serves_is_its_own_json() -> None:
    learner, _ = wrapped(XGBOOST[0])
    told = json.loads(learner.serve().files["booster.json"])
    assert told["learner"]["feature_types"] == ["q", "q", "c", "q"]
    assert told["learner"]["attributes"] == {}
