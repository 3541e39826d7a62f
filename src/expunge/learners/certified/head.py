"""A linear head on frozen features, with certified removal."""

from __future__ import annotations

import numpy as np

from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.certified.learner import CertifiedLearner
from expunge.learners.certified.objective import Floats
from expunge.learners.encoding.codes import ONE, Column, Scaled
from expunge.learners.encoding.columns import Cells
from expunge.learners.extractors import find
from expunge.learners.served import ServedModel, Signature
from expunge.learners.served.head import HeadModel


class CertifiedLinearHead(CertifiedLearner):
    """Logistic regression on the features of a frozen extractor, which forgets by a Newton step.

    **The promise is about the head. Where the extractor learned from the people who may leave, it is void.**

    Parameters
    ----------
    extractor : str
        Name of an `expunge.learners.extractors.Extractor`. Features longer than 1 are divided by their length, row by
        row. ``fourier`` draws random Fourier features, the same for everybody.
    C : float
        Inverse of the penalty on the head's coefficients and its intercept; above 0.
    epsilon, delta, sigma, random_state, schema, key
        As `CertifiedLogisticRegression` has them.

    Attributes
    ----------
    classes_, spent, budget, state_
        As `CertifiedLogisticRegression` has them.

    References
    ----------
    A. Rahimi, B. Recht, "Random Features for Large-Scale Kernel Machines", NeurIPS 2007.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (2000, 2))
    >>> learner = CertifiedLinearHead(C=10.0, key=bytes(32)).fit(X, X[:, 0] * X[:, 1] > 0)
    >>> learner.forget([7]).records
    1
    >>> learner.score(X, X[:, 0] * X[:, 1] > 0) > 0.9
    True
    """

    def __init__(
        self,
        extractor: str = "fourier",
        *,
        C: float = 1.0,
        epsilon: float = 1.0,
        delta: float = 1e-5,
        sigma: float = 0.25,
        random_state: int = 0,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.extractor = extractor
        self.C = C
        self.epsilon = epsilon
        self.delta = delta
        self.sigma = sigma
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if not isinstance(self.extractor, str):
            raise InputError(f"extractor={self.extractor!r} is not a name.", mend="Add it, and give its name.")
        find(self.extractor)

    def _features(self, columns: tuple[Column, ...], cells: Cells) -> Floats:
        found = find(self.extractor).features(Scaled(columns).encode(cells) / ONE)
        return np.column_stack([found, np.ones(len(found))])

    def _places(self, columns: tuple[Column, ...]) -> list[list[str]]:
        inputs = np.zeros((1, int(Scaled(columns).offsets[-1])))
        width = find(self.extractor).features(inputs).shape[1]
        return [[self.extractor, str(number)] for number in range(width)]

    def _square(self, columns: tuple[Column, ...]) -> int:
        del columns
        return 2  # the features' and the intercept's

    def _served(self, signature: Signature, coef: Floats, intercept: Floats) -> ServedModel:
        return HeadModel(signature, self.extractor, coef, intercept)
