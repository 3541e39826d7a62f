"""Ridge regression and classification on an exact integer Gram matrix.

Columns are scaled to [-1, 1] by their range and rounded to steps of 2**-15 (`encoding.Scaled`); what is learned are the
integer moments of the result. Coefficients are derived from them and are not digested.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Schema
from expunge.learners.encoding.codes import ONE, Encoding, EncodingName, Scaled
from expunge.learners.exact.bounds import positive
from expunge.learners.exact.gram import UNITS, ridge
from expunge.learners.exact.predictor import Classifier, Regressor, TablePredictor
from expunge.learners.exact.table import TableState
from expunge.learners.values import from_text


class RidgeClassifier(Classifier, TablePredictor):
    """Linear classifier: ridge regression on -1 and +1, one class against the rest.

    Parameters
    ----------
    alpha : float
        Strength of the penalty on the coefficients of columns scaled to [-1, 1]; above 0.
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
    >>> import pandas as pd
    >>> X = pd.DataFrame({"age": [31.0, 54, 54, 28, 61], "ward": ["a", "b", "b", "a", None]})
    >>> learner = RidgeClassifier().fit(X, ["no", "yes", "yes", "no", "yes"], subjects=[7, 8, 8, 9, 10])
    >>> learner.forget([8]).records
    2
    >>> rest = [0, 3, 4]
    >>> again = RidgeClassifier().fit(X.iloc[rest], ["no", "no", "yes"], subjects=[7, 9, 10])
    >>> learner.digest() == again.digest()
    True
    """

    def __init__(self, alpha: float = 1.0, *, schema: Schema | None = None, key: bytes | None = None) -> None:
        self.alpha = alpha
        self.schema = schema
        self.key = key

    def _coding(self) -> tuple[type[Encoding], int]:
        positive("alpha", self.alpha)
        return Scaled, 2

    def _solved(self, state: TableState) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return solve_classes(state, "scaled")


class Ridge(Regressor, TablePredictor):
    """Linear regression with a ridge penalty.

    The target is scaled to [-1, 1] by its declared range, or else by that of the remaining rows, and rounded to steps
    of 2**-15.

    Parameters
    ----------
    alpha : float
        Strength of the penalty on the coefficients of columns scaled to [-1, 1]; above 0.
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
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> learner = Ridge(alpha=1e-3).fit(X, 3 * X[:, 0] + 1)
    >>> learner.predict([[4.0], [10.0]]).round(2).tolist()
    [13.0, 31.0]
    """

    def __init__(self, alpha: float = 1.0, *, schema: Schema | None = None, key: bytes | None = None) -> None:
        self.alpha = alpha
        self.schema = schema
        self.key = key

    def _coding(self) -> tuple[type[Encoding], int]:
        positive("alpha", self.alpha)
        return Scaled, 2

    def _solved(self, state: TableState) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return solve_number(state, "scaled")


def solve_number(state: TableState, name: EncodingName) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Regress the scaled target on the features, and scale back to its range."""
    learned: Any = state.moments
    features, column = int(state.encoded_inputs.offsets[-1]), state.encoding.columns[-1]
    low, high = float(column.low or 0.0), float(column.high or 0.0)
    cross = learned.products[:features, [features]] / ONE
    sums = learned.sums[[features]] / ONE
    coef, intercept = ridge(learned, features, cross, sums, unit=UNITS[name], alpha=alpha_of(state))
    half = (high - low) / 2
    return coef * half, intercept * half + (low + half)


def solve_classes(state: TableState, name: EncodingName) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Regress -1 and +1 per class on the features: the second class of two, or each of several."""
    learned: Any = state.moments
    unit, features = UNITS[name], int(state.encoded_inputs.offsets[-1])
    words = state.encoding.columns[-1].words or ()
    chosen = state.classes[1:] if len(words) == 2 else state.classes
    places = [features + words.index(word) for word in chosen]
    # A row's target is 2 * [it is of the class] - 1, and a one-hot place holds `unit` where it is.
    cross = 2 * (learned.products[:features, places] / unit) - learned.sums[:features, None]
    sums = 2 * (learned.sums[places] / unit) - learned.rows
    return ridge(learned, features, cross, sums, unit=unit, alpha=alpha_of(state))


def alpha_of(state: TableState) -> float:
    """Return the penalty that the state was fitted with."""
    return float(str(from_text(state.hyperparameters["alpha"])))
