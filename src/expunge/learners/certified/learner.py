"""Certified removal for linear scores of the logistic link (ADR 37).

Invariants
----------
- The gradient of the perturbed objective at ``coefficients``, all scores' together, is no longer than ``residual``:
  the sum of what `bound.residual_above` gave at the fit and for the last step of every removal since.
- ``residual`` never falls but by a fit, and is never above what the noise covers (`budget`).
- Whatever is derived from rows that left is gone: columns that nobody declared are read again, and where one is
  another, all is fitted again.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from time import perf_counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import learned_digest
from expunge.domain.guarantee import Certified, Guarantee
from expunge.errors import BudgetSpentError, InputError
from expunge.learners.base import Arrays
from expunge.learners.certified.bound import residual_above
from expunge.learners.certified.budget import distance_allowed
from expunge.learners.certified.objective import Floats, Objective, drawn
from expunge.learners.encoding.codes import Column, learn_columns
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.adapters.environment import environment, few_threads
from expunge.learners.exact.bounds import at_least, positive
from expunge.learners.exact.predictor import ProbableClassifier
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowState
from expunge.learners.served import ServedModel, Signature
from expunge.learners.values import from_text

FORMAT: Final = 1
ENOUGH: Final = 1e-9
"""A fit ends where the gradient is so short, in deviations of the noise."""
NEAR: Final = 1e-3
"""A removal takes another step while it would spend more, a share of the budget: one who stood alone moves much."""
STEPS: Final = 4
LEAST_DELTA: Final = 1e-10
MOST_EPSILON: Final = 100.0


@dataclass(frozen=True, eq=False)
class CertifiedState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    columns : tuple of Column
        Of the features; without resolutions, which scaling does not ask for.
    coefficients : ndarray of float64 (n_scores, width + 1)
        Of rows that are no longer than 1; the intercept is the last.
    residual : float
        The gradient is no longer than this.
    """

    columns: tuple[Column, ...]
    coefficients: Floats
    residual: float


class CertifiedLearner(ProbableClassifier):
    """Base of the certified learners; see the module. A subclass says what a row's features are."""

    forgets = "Newton step"

    C: float
    epsilon: float
    delta: float
    sigma: float
    random_state: int

    @abstractmethod
    def _features(self, columns: tuple[Column, ...], cells: Cells) -> Floats:
        """Return the features of rows, the intercept last: (n_rows, width + 1), squared length at most `_square`."""

    @abstractmethod
    def _places(self, columns: tuple[Column, ...]) -> list[list[str]]:
        """Return what each feature is about, without the intercept."""

    @abstractmethod
    def _square(self, columns: tuple[Column, ...]) -> int:
        """Return what the squared length of a row is at most, whoever's it is: public."""

    @abstractmethod
    def _served(self, signature: Signature, coef: Floats, intercept: Floats) -> ServedModel:
        """Return what predicts."""

    def _check_parameters(self) -> None:
        positive("C", self.C)
        positive("sigma", self.sigma)
        at_least("random_state", self.random_state, 0)
        if positive("epsilon", self.epsilon) > MOST_EPSILON:
            raise InputError(f"epsilon={self.epsilon!r} promises nothing.", mend=f"Give {MOST_EPSILON:g} or less.")
        if not LEAST_DELTA <= positive("delta", self.delta) < 1:
            raise InputError(f"delta={self.delta!r} is not in [{LEAST_DELTA:g}, 1).", mend="Give one, such as 1e-5.")

    def expected_share(self, n_leaving: int) -> float:
        """Return what one step and its bound are of a fit of some ten, however many leave."""
        del n_leaving
        return 0.2

    @property
    def budget(self) -> float:
        """The longest gradient that the noise covers: at (epsilon, delta), `sigma` times `distance_allowed`."""
        return self.sigma * distance_allowed(self.epsilon, self.delta)

    @property
    def spent(self) -> float:
        """The share of the budget that is spent: 0 before a fit, never above 1."""
        return self.state_.residual / self.budget if hasattr(self, "state_") else 0.0

    @property
    def guarantee(self) -> Guarantee:
        """Certified, at the declared ε and δ."""
        return Certified(float(self.epsilon), float(self.delta), self.spent)

    @property
    def environment(self) -> dict[str, str]:
        """What the digest depends on beside rows, schema, hyperparameters, key, and the order of removals."""
        return environment("scipy")

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, encoder state, coefficients, residual."""
        check_is_fitted(self)
        state: CertifiedState = self.state_
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
            "columns": [column.to_dict() for column in state.columns],
            "classes": list(state.classes),
        }
        arrays = _arrays(state)
        return learned_digest(meta, [(name, one.shape, one.astype("<f8").tobytes()) for name, one in arrays.items()])

    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return the records, the declared facts, the coefficients and the bound. Personal data."""
        meta, arrays = super().to_parts()
        return meta, arrays | _arrays(self.state_)

    def _made(self, state: CertifiedState) -> ServedModel:
        points = state.coefficients / math.sqrt(self._square(state.columns))
        signature = Signature(state.columns, state.named, state.classes)
        return self._served(signature, points[:, :-1].copy(), points[:, -1].copy())

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> CertifiedState:
        columns = _columns(features[:-1], records.cells)
        settings, nothing = self._hyperparameters(), np.empty((0, 0))
        state = CertifiedState(self.task, settings, features, named, records, 0.0, columns, nothing, 0.0)
        with few_threads():
            objectives = self._objectives(state)
            found = np.array([one.minimise(ENOUGH * _stated(state, "sigma")) for one in objectives])
            residual = _together(residual_above(*one) for one in zip(objectives, found, found, strict=True))
        if not residual <= _allowed(state):
            raise InputError(
                f"the fit ends with a gradient of {residual:.3g}, and the noise covers {_allowed(state):.3g}.",
                mend="Raise sigma, epsilon or delta, or lower C.",
            )
        seconds = (perf_counter() - started) / len(records)
        return replace(state, seconds_per_record=seconds, coefficients=found, residual=residual)

    def _resumed(self, rows: tuple[Any, ...], meta: dict[str, Any], arrays: Arrays) -> CertifiedState:
        """Take the coefficients up as they were saved."""
        del meta
        features, named, records, started = rows
        columns = _columns(features[:-1], records.cells)
        found, (residual,) = arrays["coefficients"], arrays["residual"].tolist()
        seconds = (perf_counter() - started) / len(records)
        settings = self._hyperparameters()
        state = CertifiedState(self.task, settings, features, named, records, seconds, columns, found, residual)
        if found.shape != (len(self._scores(state)), len(self._places(columns)) + 1) or not np.isfinite(found).all():
            raise ValueError("the coefficients are not those of these columns")
        if not 0 <= residual <= _allowed(state):
            raise ValueError("more than the budget is spent")
        return state

    def _downdated(
        self, before: CertifiedState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[CertifiedState, dict[str, int]]:
        del leaving, rows
        if _columns(before.features[:-1], records.cells) != before.columns:
            return self._derived(before.features, before.named, records, perf_counter()), {"refits": 1}
        rest = replace(before, records=records)
        allowed = _allowed(before)
        with few_threads():
            objectives = self._objectives(rest)
            after, added, steps = before.coefficients, math.inf, 0
            while steps < STEPS and not added <= NEAR * allowed:
                pairs = list(zip(objectives, after, strict=True))
                after = np.array([weights + one.step(weights, one.gradient(weights)) for one, weights in pairs])
                added = _together(residual_above(*pair, there) for pair, there in zip(pairs, after, strict=True))
                steps += 1
        residual = before.residual + added
        if not residual <= allowed:
            raise BudgetSpentError(
                f"{before.residual / allowed:.3g} of the budget is spent, they would take {added / allowed:.3g}.",
                mend="Nobody was forgotten. Fit again without them: that begins a fresh budget.",
            )
        return replace(rest, coefficients=after, residual=residual), {"newton_steps": steps}

    def _objectives(self, state: CertifiedState) -> list[Objective]:
        """Return each score's objective; rows in one order, however the records came to be."""
        cells = state.records.canonical().cells
        square, strength = self._square(state.columns), _stated(state, "C")
        rows = self._features(state.columns, cells) / math.sqrt(square)
        place = {word: number for number, word in enumerate(state.classes)}
        classes = np.array([place[word] for word in cells.words[-1]])[cells.codes[:, -1]]
        numbers = (1,) if len(state.classes) == 2 else range(len(state.classes))
        noise = self._noise(state)
        return [
            Objective(rows, (classes == number).astype(np.float64), 1 / (strength * square), own)
            for number, own in zip(numbers, noise, strict=True)
        ]

    def _scores(self, state: CertifiedState) -> tuple[str, ...]:
        """Return the class that each score is about."""
        return state.classes[1:] if len(state.classes) == 2 else state.classes

    def _noise(self, state: CertifiedState) -> list[Floats]:
        """Draw each score's noise, by what its features are about."""
        stated = state.hyperparameters["random_state"].encode()
        key = blake2b(stated, key=self.key or b"", digest_size=32, person=b"expunge certify").digest()
        about = [*self._places(state.columns), []]
        sigma = _stated(state, "sigma")
        return [drawn(key, sigma, [[score, *one] for one in about]) for score in self._scores(state)]


def _columns(features: tuple[Feature, ...], cells: Cells) -> tuple[Column, ...]:
    """Complete the features' declared facts from the rows."""
    return tuple(replace(column, resolution=None) for column in learn_columns(features, cells))


def _arrays(state: CertifiedState) -> Arrays:
    return {"coefficients": state.coefficients, "residual": np.array([state.residual])}


def _stated(state: CertifiedState, name: str) -> float:
    """Return a hyperparameter of the fit."""
    return float(str(from_text(state.hyperparameters[name])))


def _allowed(state: CertifiedState) -> float:
    """Return how long the gradient may be."""
    return _stated(state, "sigma") * distance_allowed(_stated(state, "epsilon"), _stated(state, "delta"))


def _together(lengths: Iterable[float]) -> float:
    """Return the length of all scores' gradients, laid end to end."""
    return math.hypot(*lengths) * (1 + 1e-12)
