"""Divergence: how far apart the outputs of two models are, and those of retrained ones among themselves.

The yardstick is seed noise: of K retrained models and the model under test, each has a mean divergence from the other
K. Were the model one more retrained model, the K + 1 figures would be exchangeable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from expunge.errors import InputError

_Floats: TypeAlias = npt.NDArray[np.float64]


def jensen_shannon(p: _Floats, q: _Floats) -> _Floats:
    """Return the Jensen-Shannon divergence of each row, in nats: symmetric, in [0, log 2] (Lin 1991).

    Parameters
    ----------
    p, q : ndarray of float64 (n_rows, n_classes)
        Probabilities.

    Returns
    -------
    ndarray of float64 (n_rows,)

    Examples
    --------
    >>> jensen_shannon(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).round(4).tolist()
    [0.6931]
    """
    if p.shape != q.shape or p.ndim != 2 or not p.size:
        raise InputError(
            f"outputs of shapes {p.shape} and {q.shape} cannot be compared.", mend="Give both models the same rows."
        )
    middle = (p + q) / 2
    found = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / 2
    return np.asarray(np.clip(found, 0, np.log(2)))


def divergence(p: _Floats, q: _Floats) -> float:
    """Return the mean Jensen-Shannon divergence over rows."""
    return float(jensen_shannon(p, q).mean())


def from_the_others(outputs: Sequence[_Floats]) -> _Floats:
    """Return each model's mean divergence from all the others: leave one out.

    Parameters
    ----------
    outputs : sequence of ndarray of float64 (n_rows, n_classes)
        Of two models or more.

    Returns
    -------
    ndarray of float64 (n_models,)

    Examples
    --------
    >>> sure, unsure = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
    >>> from_the_others([sure, sure, unsure]).round(3).tolist()
    [0.108, 0.108, 0.216]
    """
    count = len(outputs)
    if count < 2:
        raise InputError(f"{count} models have nothing to differ from.", mend="Give two or more.")
    table = np.zeros((count, count))
    for one in range(count):
        for other in range(one):
            table[one, other] = table[other, one] = divergence(outputs[one], outputs[other])
    return np.asarray(table.sum(axis=1) / (count - 1))
