"""Logistic regression, exact: coefficients are the optimum's, rounded to a lattice.

Columns are scaled to [-1, 1] by their range and rounded to steps of 2**-15 (`encoding.Scaled`), words and missing cells
have a place each, as in `Ridge`. The intercept is penalised like the rest, so that there is one optimum.
"""

from __future__ import annotations

import numpy as np

from expunge._kernels.optima import LOGISTIC
from expunge.domain.schema import Schema
from expunge.learners.exact.bounds import at_least, positive
from expunge.learners.exact.predictor import ProbableClassifier
from expunge.learners.exact.unique import Floats, UniqueLearner


class LogisticRegression(ProbableClassifier, UniqueLearner):
    """Logistic regression with a ridge penalty; of several classes each against the rest.

    Each class of several has an optimum of its own, and a curvature of its own size: their common one would be as many
    times wider, and its factors would cost the cube of that.

    Parameters
    ----------
    C : float
        Inverse of the penalty on all coefficients, of columns scaled to [-1, 1], and on the intercept; above 0. The
        smaller, the stronger the penalty, as in scikit-learn.
    random_state : int
        What the lattice's offsets are drawn from, where no key is given, and beside it.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        32 bytes: what the lattice's offsets are drawn from, with `random_state`.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    state_ : UniqueState
        Personal data.

    Notes
    -----
    A coefficient is within 2**-17 of the optimum's; most removals cost two or three passes over the rows.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"age": [31.0, 54, 54, 28, 61], "ward": ["a", "b", "b", "a", None]})
    >>> learner = LogisticRegression().fit(X, ["no", "yes", "yes", "no", "yes"], subjects=[7, 8, 8, 9, 10])
    >>> learner.forget([8]).records
    2
    >>> rest = [0, 3, 4]
    >>> again = LogisticRegression().fit(X.iloc[rest], ["no", "no", "yes"], subjects=[7, 9, 10])
    >>> learner.digest() == again.digest()
    True
    """

    form = LOGISTIC
    link = "logistic"
    strength = "C"

    def __init__(
        self, C: float = 1.0, *, random_state: int = 0, schema: Schema | None = None, key: bytes | None = None
    ) -> None:
        self.C = C
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def _check_parameters(self) -> None:
        positive("C", self.C)
        at_least("random_state", self.random_state, 0)

    def _lambda(self, strength: float, n_rows: int) -> float:
        del n_rows
        return 1 / strength

    def _targets(self, target: Floats, n_classes: int) -> list[Floats]:
        numbers = (1,) if n_classes == 2 else range(n_classes)
        return [(target == number).astype(np.float64) for number in numbers]

    def _start(self, target: Floats) -> float:
        del target
        return 0.0
