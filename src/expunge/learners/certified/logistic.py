"""Logistic regression with certified removal."""

from __future__ import annotations

import numpy as np

from expunge.domain.schema import Schema
from expunge.learners.certified.learner import CertifiedLearner
from expunge.learners.certified.objective import Floats
from expunge.learners.encoding.codes import ONE, Column, Scaled
from expunge.learners.encoding.columns import Cells
from expunge.learners.served import LinearModel, ServedModel, Signature

_MAX_BINS = 2
"""`Scaled` does not read it; one value, so that equal models have equal bytes."""


class CertifiedLogisticRegression(CertifiedLearner):
    """Logistic regression with a ridge penalty that forgets by a Newton step; of several classes each against the rest.

    Parameters
    ----------
    C : float
        Inverse of the penalty on all coefficients, of columns scaled to [-1, 1], and on the intercept; above 0. What it
        is of the exact `LogisticRegression`. The smaller, the less a removal spends.
    epsilon, delta : float
        What is promised: see Notes.
    sigma : float
        Standard deviation of the noise in the objective, in units of the longest gradient that a row may have. The
        larger, the more can be removed before a refit, and the worse the model.
    random_state : int
        What the noise is drawn from, where no key is given, and beside it. Whoever knows it can take the noise out
        again: where the promise is to hold, give a key.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state: a removal that moves one is a refit.
    key : bytes or None
        32 bytes: what the noise is drawn from, with `random_state`. A secret.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    spent : float
        The share of the budget that removals have spent; `forget` raises `BudgetSpentError` rather than pass 1.
    budget : float
        The longest gradient that the noise covers.
    state_ : CertifiedState
        Personal data.

    Notes
    -----
    Of the model after removals, taken by itself, and the optimum of the perturbed objective without these people, no
    event is more probable under the one than exp(epsilon) times as probable under the other, and delta more, over the
    draw of the noise; all of a person's rows count. ADR 37 has the theorem, what it takes for granted, and what it does
    not cover.

    References
    ----------
    C. Guo et al., "Certified Data Removal from Machine Learning Models", ICML 2020, arXiv 1911.03030.
    A. Sekhari et al., "Remember What You Want to Forget", NeurIPS 2021, arXiv 2103.03279.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (2000, 3))
    >>> learner = CertifiedLogisticRegression(key=bytes(32)).fit(X, X[:, 0] > rng.normal(size=2000))
    >>> learner.forget([7, 8]).work
    {'rows_touched': 2, 'newton_steps': 2}
    >>> print(learner.guarantee)
    Certified (ε=1, δ=1e-05)
    >>> 0 < learner.spent < 0.1
    True
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        epsilon: float = 1.0,
        delta: float = 1e-5,
        sigma: float = 0.25,
        random_state: int = 0,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.C = C
        self.epsilon = epsilon
        self.delta = delta
        self.sigma = sigma
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def _features(self, columns: tuple[Column, ...], cells: Cells) -> Floats:
        codes = Scaled(columns).encode(cells)
        return np.column_stack([codes / ONE, np.ones(len(codes))])

    def _places(self, columns: tuple[Column, ...]) -> list[list[str]]:
        """Return a number for each column, since no model depends on what one is called; and the words by name."""
        places = Scaled(columns).places
        numbers = np.repeat(np.arange(len(columns)), Scaled(columns).widths)
        return [[str(number), what] for number, (_, what) in zip(numbers.tolist(), places, strict=True)]

    def _square(self, columns: tuple[Column, ...]) -> int:
        return len(columns) + 1  # one place of each column is not 0, and none is beyond 1

    def _served(self, signature: Signature, coef: Floats, intercept: Floats) -> ServedModel:
        return LinearModel(signature, "scaled", _MAX_BINS, coef, intercept, "logistic")
