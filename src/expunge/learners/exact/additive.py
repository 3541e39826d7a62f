"""Additive models: one coefficient per bin, on exact integer counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Schema
from expunge.learners.encoding.codes import Bins, BinsToNumber, Encoding
from expunge.learners.exact.bounds import at_least, positive
from expunge.learners.exact.linear import solve_classes, solve_number
from expunge.learners.exact.predictor import Classifier, Regressor, TablePredictor
from expunge.learners.exact.table import TableState


class AdditiveClassifier(Classifier, TablePredictor):
    """Sum of one learned function per column: a step per bin, a value per category, one for missing.

    Numbers fall into universal bins (`grid`), which remember nobody. The coefficients are the ridge regression of -1
    and +1 (one class against the rest) on one-hot bins, in closed form from the integer counts of pairs of bins.

    Parameters
    ----------
    alpha : float
        Strength of the penalty on every coefficient, in rows; above 0.
    max_bins : int
        Most bins per numeric column, at least 2.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    state_ : TableState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 200)
    >>> learner = AdditiveClassifier(alpha=1.0).fit(x.reshape(-1, 1), np.abs(x) > 0.5)
    >>> learner.predict([[-0.9], [0.1], [0.9]]).tolist()
    [True, False, True]
    """

    def __init__(
        self,
        alpha: float = 30.0,
        max_bins: int = 64,
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.alpha = alpha
        self.max_bins = max_bins
        self.schema = schema
        self.key = key

    def _coding(self) -> tuple[type[Encoding], int]:
        positive("alpha", self.alpha)
        return Bins, at_least("max_bins", self.max_bins, 2)

    def _solved(self, state: TableState) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return solve_classes(state, "bins")


class AdditiveRegressor(Regressor, TablePredictor):
    """Sum of one learned function per column, for a number: a step per bin, a value per category, one for missing.

    As `AdditiveClassifier`, but that the coefficients are the ridge regression of the target: scaled to [-1, 1] by its
    declared range, or else by that of the remaining rows, and rounded to steps of 2**-15.

    Parameters
    ----------
    alpha : float
        Strength of the penalty on every coefficient, in rows; above 0.
    max_bins : int
        Most bins per numeric column, at least 2.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    state_ : TableState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(200) % 10
    >>> learner = AdditiveRegressor(alpha=1e-3).fit(x.reshape(-1, 1), (x - 4.0) ** 2)
    >>> learner.predict([[0], [4], [7]]).round(2).tolist()
    [16.0, 0.0, 9.0]
    """

    def __init__(
        self,
        alpha: float = 30.0,
        max_bins: int = 64,
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.alpha = alpha
        self.max_bins = max_bins
        self.schema = schema
        self.key = key

    def _coding(self) -> tuple[type[Encoding], int]:
        positive("alpha", self.alpha)
        return BinsToNumber, at_least("max_bins", self.max_bins, 2)

    def _solved(self, state: TableState) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return solve_number(state, "bins")
