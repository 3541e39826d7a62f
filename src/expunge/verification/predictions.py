"""Predictions: any classifier goes in, probabilities of the same classes in the same order come out.

What judges a model asks it for nothing else, so that estimators of scikit-learn, XGBoost and LightGBM, learners, served
models and plain functions are judged by the same code.

A model is asked in this order: ``predict_proba``; ``decision_function``, whose scores are taken for log odds: sigmoid
for two classes, softmax for more (for scores that are no log odds, those of a ridge say, that is a monotone scale and
no probability); else it is called.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from expunge.errors import InputError

MARGIN_BOUND: Final = 30.0
"""Margins are clipped to [-30, 30]: beyond it a float32 softmax tells nothing but its own rounding."""
_TOLERANCE: Final = 1e-4
_MEND: Final = "Give a classifier that was fitted, or a function that gives probabilities in the order of `classes`."


def probabilities(model: Any, X: Any, classes: Any) -> npt.NDArray[np.float64]:
    """Return the probability of each class.

    Parameters
    ----------
    model : classifier, learner, served model, or callable
        A callable takes `X` and gives probabilities in the order of `classes`.
    X : array-like or DataFrame (n_rows, n_features)
    classes : array-like (n_classes,)
        In whose order the columns come. A class that the model does not know has probability 0: a model that was
        fitted without a class that was forgotten.

    Returns
    -------
    ndarray of float64 (n_rows, n_classes)
        Rows of sum 1.

    Raises
    ------
    InputError
        Where the model gives something else, or knows a class that is not listed.

    Examples
    --------
    >>> probabilities(lambda X: [[0.25, 0.75]] * len(X), [[1], [2]], ["no", "yes"]).tolist()
    [[0.25, 0.75], [0.25, 0.75]]
    """
    order = np.asarray(classes)
    raw, own = _asked(model, X, order)
    if raw.ndim != 2 or raw.shape != (len(X), len(own)):
        raise InputError(
            f"the model gave an array of shape {raw.shape} for {len(X)} rows and {len(own)} classes.", mend=_MEND
        )
    sums = raw.sum(axis=1)
    if not np.isfinite(raw).all() or (raw < -_TOLERANCE).any() or (np.abs(sums - 1) > _TOLERANCE).any():
        raise InputError(
            "the model gave rows that are no probabilities: negative, not finite, or not of sum 1.", mend=_MEND
        )
    place = {label: column for column, label in enumerate(order.tolist())}
    if strangers := [label for label in own.tolist() if label not in place]:
        raise InputError(f"the model knows classes that are not listed: {strangers[:8]}.", mend="List every class.")
    found = np.zeros((len(raw), len(order)))
    found[:, [place[label] for label in own.tolist()]] = np.maximum(raw, 0)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _asked(model: Any, X: Any, order: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
    """Return what the model gives, and of which classes."""
    if not (hasattr(model, "predict_proba") or hasattr(model, "decision_function")):
        if not callable(model):
            raise InputError(f"a {type(model).__name__} gives no probabilities.", mend=_MEND)
        return np.asarray(model(X), dtype=np.float64), order
    own = getattr(model, "classes_", None)
    own = getattr(model, "classes", None) if own is None else own
    if own is None:
        raise InputError(f"a {type(model).__name__} has no classes.", mend=_MEND)
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(X), dtype=np.float64), np.asarray(own)
    scores = np.asarray(model.decision_function(X), dtype=np.float64)
    found = np.column_stack([expit(-scores), expit(scores)]) if scores.ndim == 1 else softmax(scores, axis=1)
    return found, np.asarray(own)


def margins(proba: npt.NDArray[np.float64], target: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Return how sure a model is of the true class: log p - log(1 - p), which is nearly normal (LiRA).

    1 - p is summed from the other classes, so that it keeps its digits where p is near 1.

    Parameters
    ----------
    proba : ndarray of float64 (n_rows, n_classes)
    target : ndarray of int (n_rows,)
        Place of the true class.

    Returns
    -------
    ndarray of float64 (n_rows,)
        In [-`MARGIN_BOUND`, `MARGIN_BOUND`].

    References
    ----------
    Carlini et al., Membership inference attacks from first principles. arXiv 2112.03570.

    Examples
    --------
    >>> margins(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([1, 1])).tolist()
    [0.0, -30.0]
    """
    true = _of_target(proba, target)
    others = np.where(np.arange(proba.shape[1]) == np.asarray(target)[:, None], 0.0, proba).sum(axis=1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.clip(np.log(true) - np.log(others), -MARGIN_BOUND, MARGIN_BOUND))


def accuracy(proba: npt.NDArray[np.float64], target: npt.NDArray[np.intp]) -> float:
    """Return the share of rows whose likeliest class is the true one.

    Examples
    --------
    >>> accuracy(np.array([[0.4, 0.6], [0.9, 0.1]]), np.array([1, 1]))
    0.5
    """
    _of_target(proba, target)
    return float((proba.argmax(axis=1) == target).mean())


def _of_target(proba: npt.NDArray[np.float64], target: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    places = np.asarray(target)
    if proba.ndim != 2 or not len(proba) or places.shape != (len(proba),):
        raise InputError(
            f"probabilities of shape {proba.shape} and targets of shape {places.shape} do not belong together.",
            mend="Give one target for each row, and a row at least.",
        )
    if not np.issubdtype(places.dtype, np.integer) or places.min() < 0 or places.max() >= proba.shape[1]:
        raise InputError(
            f"targets must be places 0 to {proba.shape[1] - 1} in the classes.", mend="Use np.searchsorted(classes, y)."
        )
    return np.asarray(proba[np.arange(len(places)), places])


def per_subject(
    values: npt.NDArray[np.float64], subjects: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Return one figure for each person, the mean of their rows': a person is in or out with all of them.

    Parameters
    ----------
    values : ndarray of float64 (n_rows,) or (n_models, n_rows)
    subjects : ndarray (n_rows,)

    Returns
    -------
    ids : ndarray (n_subjects,)
        Sorted.
    means : ndarray of float64 (n_subjects,) or (n_models, n_subjects)

    Examples
    --------
    >>> ids, means = per_subject(np.array([1.0, 5.0, 3.0]), np.array([8, 7, 8]))
    >>> ids.tolist(), means.tolist()
    ([7, 8], [5.0, 2.0])
    """
    owners = np.asarray(subjects)
    if owners.ndim != 1 or not len(owners) or values.shape[-1] != len(owners):
        raise InputError(
            f"values of shape {values.shape} and {len(owners)} subjects do not belong together.",
            mend="Give the subject of each row.",
        )
    ids, place, counts = np.unique(owners, return_inverse=True, return_counts=True)
    rows = np.atleast_2d(values)
    means = np.stack([np.bincount(place, row, len(ids)) for row in rows]) / counts
    return ids, means.reshape(*values.shape[:-1], len(ids))
