"""Poisson regression, exact: coefficients are the optimum's, rounded to a lattice; columns are scaled as in `logistic`.

What is summed per row is ``exp(z) - y z``: y need not be whole.
"""

from __future__ import annotations

import math
from typing import Any, Final

from expunge._kernels.optima import POISSON
from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.encoding.columns import Cells
from expunge.learners.exact.bounds import at_least, positive
from expunge.learners.exact.predictor import Regressor
from expunge.learners.exact.unique import Floats, UniqueLearner

MOST: Final = 2.0**40


class PoissonRegressor(Regressor, UniqueLearner):
    """Poisson regression with a logarithmic link and a ridge penalty: of counts, and of amounts of at least 0.

    Minimises the mean of ``exp(z) - y z`` and half of `alpha` times the squared length of all coefficients, as
    scikit-learn does, but for the intercept, which is penalised too.

    Parameters
    ----------
    alpha : float
        Strength of the penalty, of columns scaled to [-1, 1]; above 0.
    random_state : int
        What the lattice's offsets are drawn from, where no key is given, and beside it.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        32 bytes: what the lattice's offsets are drawn from, with `random_state`.

    Attributes
    ----------
    state_ : UniqueState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> learner = PoissonRegressor(alpha=1e-6).fit(X, np.rint(np.exp(X[:, 0] / 5)))
    >>> learner.predict([[5.0], [10.0]]).round(1).tolist()
    [2.6, 7.2]
    """

    form = POISSON
    link = "log"
    strength = "alpha"

    def __init__(
        self, alpha: float = 1.0, *, random_state: int = 0, schema: Schema | None = None, key: bytes | None = None
    ) -> None:
        self.alpha = alpha
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def __sklearn_tags__(self) -> Any:
        """Declare that the target is not negative."""
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def _check_parameters(self) -> None:
        positive("alpha", self.alpha)
        at_least("random_state", self.random_state, 0)

    def _check_target(self, cells: Cells) -> None:
        least, most = float(cells.numbers[:, -1].min()), float(cells.numbers[:, -1].max())
        if least < 0:
            raise InputError(f"y holds {least:g}, and counts are not negative.", mend="Take `Ridge`, or mend the rows.")
        if most > MOST:
            raise InputError(f"y holds {most:g}, more than 2**40.", mend="Give it in a larger unit.")

    def _lambda(self, strength: float, n_rows: int) -> float:
        return strength * n_rows

    def _targets(self, target: Floats, n_classes: int) -> list[Floats]:
        del n_classes
        return [target]

    def _start(self, target: Floats) -> float:
        return math.log(float(target.mean()) or 1.0)
