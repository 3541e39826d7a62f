"""scikit-learn's linear models: columns are scaled and spread out as `Ridge` and `RidgeClassifier` do it.

What they learn is one vector of coefficients per score, which `LinearModel` serves with NumPy alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix

from expunge.learners.encoding.codes import ONE, Scaled
from expunge.learners.exact.adapters.family import RANDOM_STATE, Family, Resume, Rows
from expunge.learners.registry import Task
from expunge.learners.served import LinearModel, ServedModel

_MAX_BINS: Final = 2
"""`Scaled` does not read it; one value, so that equal models have equal bytes."""


def _learn(estimator: Any, rows: Rows) -> ServedModel:
    return _fitted(estimator, Scaled(rows.columns, _MAX_BINS).encode(rows.cells) / ONE, rows)


def _learn_sparse(estimator: Any, rows: Rows) -> ServedModel:
    """Learn from a sparse table, where that makes no other model: most places of a row are nought."""
    return _fitted(estimator, csr_matrix(Scaled(rows.columns, _MAX_BINS).encode(rows.cells)) / ONE, rows)


def _resume(estimator: Any, rows: Rows, before: LinearModel) -> ServedModel:
    """Start from the coefficients of before: those of a word that is new from nought."""
    encoding = Scaled(rows.columns, _MAX_BINS)
    known = {place: at for at, place in enumerate(before.encoding.places)}
    padded = np.pad(before.coef, [(0, 0), (0, 1)])
    coef = padded[:, [known.get(place, -1) for place in encoding.places]]
    start = {"coef_init": coef.squeeze(0) if len(coef) == 1 else coef, "intercept_init": before.intercept.copy()}
    return _fitted(estimator, encoding.encode(rows.cells) / ONE, rows, **start)


def _fitted(estimator: Any, X: Any, rows: Rows, **start: Any) -> ServedModel:
    estimator.fit(X, rows.target, **start)
    signature = rows.signature(rows.columns)
    coef = np.array(estimator.coef_, dtype=np.float64).reshape(signature.n_scores, X.shape[1])
    intercept = np.zeros(signature.n_scores) + np.ravel(estimator.intercept_)
    if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise ValueError("a coefficient is not finite; it diverged.")
    return LinearModel(signature, "scaled", _MAX_BINS, coef, intercept)


def _family(name: str, task: Task, counts: tuple[str, ...], **pinned: Any) -> Family:
    return Family(name, "sklearn.linear_model", "sklearn", "learners", task, counts, _learn, pinned)


_SGD: Final = (
    "loss", "penalty", "alpha", "l1_ratio", "fit_intercept", "max_iter", "tol", "shuffle", "epsilon", "learning_rate",
    "eta0", "power_t", "early_stopping", "validation_fraction", "n_iter_no_change", "average", RANDOM_STATE,
)  # fmt: skip
_RIDGE: Final = ("alpha", "fit_intercept", "max_iter", "positive", "solver", "tol", RANDOM_STATE)
_LASSO: Final = ("alpha", "fit_intercept", "max_iter", "positive", "selection", "tol", RANDOM_STATE)
_LOGISTIC: Final = (
    "C", "class_weight", "dual", "fit_intercept", "intercept_scaling", "l1_ratio", "max_iter", "solver", "tol",
    RANDOM_STATE,
)  # fmt: skip
_ON: Final = Resume("max_iter", 1000, _resume)

FAMILIES: Final = (
    _family("LinearRegression", "regression", ("fit_intercept", "positive", "tol"), n_jobs=1),
    _family("Ridge", "regression", _RIDGE),
    _family("RidgeClassifier", "classification", (*_RIDGE, "class_weight")),
    _family("Lasso", "regression", _LASSO),
    _family("ElasticNet", "regression", (*_LASSO, "l1_ratio")),
    replace(
        _family("LogisticRegression", "classification", _LOGISTIC, n_jobs=None, verbose=0),
        learn=_learn_sparse,
        link=lambda _: "softmax",
    ),
    replace(
        _family("SGDClassifier", "classification", (*_SGD, "class_weight"), n_jobs=1, verbose=0),
        link=lambda estimator: "sigmoid" if estimator.loss == "log_loss" else None,
        resume=_ON,
    ),
    replace(_family("SGDRegressor", "regression", _SGD, verbose=0), resume=_ON),
)
