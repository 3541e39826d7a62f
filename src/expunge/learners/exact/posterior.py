"""Classifiers that weigh classes by how likely a row is in each, by Bayes' rule; and how probable each class is before.

Priors are state unless they are given: the shares of the classes among the rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.encoding.columns import Feature
from expunge.learners.exact.predictor import ProbableClassifier, TablePredictor
from expunge.learners.exact.records import Records
from expunge.learners.exact.table import TableState
from expunge.learners.served import Signature, in_label_order
from expunge.learners.served.bayes import BayesModel, Coding
from expunge.learners.values import Scalar

Floats = npt.NDArray[np.float64]


class PosteriorClassifier(ProbableClassifier, TablePredictor):
    """Base of the classifiers; see the module."""

    def _densities(self, state: TableState) -> tuple[Floats, Floats]:
        """Derive means and variances of the numbers, per class; none unless a subclass has them."""
        none = np.empty((len(state.classes), 0))
        return none, none

    @property
    def _coding_name(self) -> Coding:
        return "scaled"

    def _made(self, state: TableState) -> BayesModel:
        signature = Signature(state.encoded_inputs.columns, state.named, state.classes)
        coef, intercept = self._solved(state)
        return BayesModel(signature, self._coding_name, intercept, coef, *self._densities(state))

    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithm of the probability of each class: ndarray (n_rows, n_classes)."""
        served: Any = self.serve()
        return np.asarray(served.predict_log_proba(self._checked(X)))


class PriorsClassifier(PosteriorClassifier):
    """Base of those that take `priors`: as a single value, which is what states and digests have, text."""

    priors: Any

    def _check_parameters(self) -> None:
        super()._check_parameters()
        read_priors(self.priors)

    def plain_params(self) -> dict[str, Scalar]:
        """Return the hyperparameters as single values."""
        params, given = super().plain_params(), read_priors(self.priors)
        return params | {"priors": None if given is None else ",".join(map(repr, given))}

    @classmethod
    def from_plain(cls, params: Mapping[str, Scalar], *, schema: Schema | None, key: bytes | None) -> Self:
        """Make one from what `plain_params` returned."""
        given: Any = read_priors(params.get("priors"))
        return cls(**params | {"priors": given and list(given)}, schema=schema, key=key)  # type: ignore[operator]

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> TableState:
        given, classes = read_priors(self.priors), in_label_order(records.words[-1])
        if given is not None and len(given) != len(classes):
            raise InputError(
                f"there are {len(given)} priors for {len(classes)} classes.",
                mend="Give one per class, in the order in which the classes sort.",
            )
        return super()._derived(features, named, records, started)

    def _shares(self, members: npt.NDArray[np.int64]) -> Floats:
        """Return how probable each class is beforehand, in the order of `members`, which is that of the labels."""
        given = read_priors(self.priors)
        return members / members.sum() if given is None else np.array(given)


def read_priors(value: Any) -> tuple[float, ...] | None:
    """Read priors: None, numbers, or text such as ``0.3,0.7``.

    Raises
    ------
    InputError
        Unless they are numbers above 0 whose sum is 1.

    Examples
    --------
    >>> read_priors("0.25,0.75")
    (0.25, 0.75)
    """
    if value is None:
        return None
    try:
        given = tuple(float(one) for one in (value.split(",") if isinstance(value, str) else value))
    except (TypeError, ValueError):
        given = ()
    if not (given and min(given) > 0 and math.isclose(sum(given), 1.0, rel_tol=1e-8)):
        raise InputError(f"priors={value!r} are not numbers above 0 whose sum is 1.", mend="Give such as [0.3, 0.7].")
    return given
