"""Tug of war: forgetting pulls one way, utility the other. One score for both, against retrained models.

``ToW = (1 - |a_f - r_f|) (1 - |a_r - r_r|) (1 - |a_t - r_t|)``, with accuracies a of the model, r of the retrained
ones, on forget, retain and test rows (Zhao et al., What makes unlearning hard and what to do about it, arXiv
2406.01257). 1 is as good as retraining. A model that flips labels scores badly on the first factor, one that was
destroyed on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expunge.errors import InputError


@dataclass(frozen=True)
class Accuracies:
    """Shares of rows that are classified right.

    Parameters
    ----------
    forget, retain, test : float
    """

    forget: float
    retain: float
    test: float


def tug_of_war(model: Accuracies, retrained: Sequence[Accuracies]) -> float:
    """Return the ToW score, against the mean accuracies of the retrained models.

    Examples
    --------
    >>> round(tug_of_war(Accuracies(0.9, 1.0, 0.9), [Accuracies(0.8, 1.0, 0.9)]), 3)
    0.9
    """
    if not retrained:
        raise InputError("there is no retrained model to score against.", mend="Retrain under several seeds.")
    factors = (
        1 - abs(getattr(model, rows) - np.mean([getattr(one, rows) for one in retrained]))
        for rows in ("forget", "retain", "test")
    )
    return float(np.prod(list(factors)))
