"""What predicting learners have in common: they predict what they serve, and nothing else."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import ClassifierTags, RegressorTags
from sklearn.utils.validation import check_is_fitted

from expunge.learners.encoding.codes import encoding_name
from expunge.learners.exact.rows import RowLearner
from expunge.learners.exact.table import TableLearner, TableState
from expunge.learners.exact.target import Task
from expunge.learners.served import LinearModel, ServedModel, Signature, labels


class RowPredictor(RowLearner):
    """Base of those that predict: what they predict comes from the served model, and from nowhere else."""

    @abstractmethod
    def _made(self, state: Any) -> ServedModel:
        """Derive what predicts from the state, by one fixed formula."""

    def serve(self) -> ServedModel:
        """Return what predicts; made once per state."""
        check_is_fitted(self)
        served: ServedModel | None = self.state_.__dict__.get("served")
        if served is None:
            served = self._made(self.state_)
            self.state_.__dict__["served"] = served  # as cached_property does
        return served

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return a class label, or a number, per row.

        Parameters
        ----------
        X : DataFrame or array-like (n_rows, n_features)
            Categories never seen contribute nothing, or are taken as missing; a learner that scales numbers clips
            those beyond a column's range.

        Returns
        -------
        ndarray (n_rows,)
        """
        return self.serve().predict(self._checked(X))


class Classifier(ClassifierMixin, RowPredictor):  # type: ignore[misc]  # no types in scikit-learn
    """Base of the classifiers."""

    @property
    def task(self) -> Task | None:
        """What is predicted."""
        return "classification"

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Class labels, sorted: (n_classes,)."""
        return labels(self._fitted().classes)

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return scores: (n_rows,) for two classes, above 0 for the second; else (n_rows, n_classes)."""
        return self.serve().decision_function(self._checked(X))


class ProbableClassifier(Classifier):
    """Base of the classifiers whose served models know probabilities."""

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class: ndarray (n_rows, n_classes), rows of sum 1."""
        served: Any = self.serve()
        return np.asarray(served.predict_proba(self._checked(X)))


class Regressor(RegressorMixin, RowPredictor):  # type: ignore[misc]  # no types in scikit-learn
    """Base of the regressions."""

    @property
    def task(self) -> Task | None:
        """What is predicted."""
        return "regression"


class TablePredictor(RowPredictor, TableLearner):
    """Base of those that derive a linear score from integers."""

    @abstractmethod
    def _solved(self, state: TableState) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Derive coefficients and intercepts from the state's integers, by one fixed formula."""

    def _made(self, state: TableState) -> ServedModel:
        coef, intercept = self._solved(state)
        inputs = state.encoded_inputs
        words = state.classes if self.task == "classification" else None
        signature = Signature(inputs.columns, state.named, words)
        return LinearModel(signature, encoding_name(inputs), inputs.max_bins, coef, intercept)


def tagged(tags: Any, task: Task | None) -> Any:
    """Return scikit-learn's tags of what does a task, or none."""
    kinds: dict[Task | None, str | None] = {"classification": "classifier", "regression": "regressor", None: None}
    tags.estimator_type = kinds[task]
    tags.classifier_tags = ClassifierTags() if task == "classification" else None
    tags.regressor_tags = RegressorTags() if task == "regression" else None
    return tags


def scored(learner: Any, X: Any, y: Any, sample_weight: Any) -> float:
    """Return the accuracy of what classifies, the R2 of what does not."""
    mixin = ClassifierMixin if learner.task == "classification" else RegressorMixin
    return float(mixin.score(learner, X, y, sample_weight=sample_weight))
