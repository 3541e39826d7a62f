"""What predicting learners over one table have in common: they predict what they serve, and nothing else."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from expunge.learners.encoding.codes import encoding_name
from expunge.learners.exact.table import TableLearner, TableState
from expunge.learners.exact.target import Task
from expunge.learners.served import ServedModel, labels


class TablePredictor(TableLearner):
    """Base of those that predict: what they predict comes from the served model, and from nowhere else."""

    @abstractmethod
    def _solved(self, state: TableState) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Derive coefficients and intercepts from the state's integers, by one fixed formula."""

    def serve(self) -> ServedModel:
        """Return what predicts; solved once per state."""
        check_is_fitted(self)
        state: TableState = self.state_
        served: ServedModel | None = state.__dict__.get("served")
        if served is None:
            coef, intercept = self._solved(state)
            name = encoding_name(state.inputs)
            words = state.classes if self.task == "classification" else None
            served = ServedModel(name, state.inputs, state.named, words, coef, intercept)
            state.__dict__["served"] = served  # as cached_property does
        return served

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return a class label, or a number, per row.

        Parameters
        ----------
        X : DataFrame or array-like (n_rows, n_features)
            Numbers beyond a column's range are clipped to it; categories never seen contribute nothing.

        Returns
        -------
        ndarray (n_rows,)
        """
        return self.serve().predict(self._checked(X))


class TableClassifier(TablePredictor):
    """Base of the classifiers."""

    task: ClassVar[Task | None] = "classification"

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Class labels, sorted: (n_classes,)."""
        return labels(self._fitted().classes)

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return scores: (n_rows,) for two classes, above 0 for the second; else (n_rows, n_classes)."""
        return self.serve().decision_function(self._checked(X))
