"""Scores of classes as probabilities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def against_the_rest(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the probability of each class from its log odds against the rest, rows of sum 1.

    Parameters
    ----------
    scores : ndarray of float64 (n_rows, n_scores)
        One for two classes, else one for each.

    Examples
    --------
    >>> against_the_rest(np.array([[0.0], [1000.0]])).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    odds = np.hstack([-scores, scores]) if scores.shape[1] == 1 else scores
    logs = np.minimum(odds, 0) - np.log1p(np.exp(-np.abs(odds)))
    return softmax(logs)


def softmax(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the softmax of scores, row by row.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    each = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(each / each.sum(axis=1, keepdims=True))
