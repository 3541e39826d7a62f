"""`Retrained`: another library's estimator, which forgets by a full refit on the rows that stay.

The invariants are those of `expunge.learners.exact.wrapped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import learned_digest
from expunge.domain.schema import Schema
from expunge.learners.base import Arrays, Key
from expunge.learners.encoding.codes import learn_columns
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.adapters import estimator_from, family_of
from expunge.learners.exact.adapters.environment import environment
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowState
from expunge.learners.exact.wrapped import ESTIMATOR, Wrapped, keyed_ranks, rows_of, seed_of
from expunge.learners.served import ServedModel, unpacked
from expunge.learners.values import Scalar

FORMAT: Final = 1


@dataclass(frozen=True, eq=False)
class RetrainedState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    model : ServedModel
        What was learned, in the form that predicts.
    environment : dict of str to str
        In which it was learned.
    """

    model: ServedModel
    environment: dict[str, str]


class Retrained(Wrapped):
    """Wrap an estimator of another library: it forgets by a full refit, exactly, in one environment.

    Columns are encoded here, from the rows that remain: numbers stay numbers (linear models: scaled by their range),
    categories become codes or places of their own, missing cells are told apart. So a category leaves with its last
    holder.

    Parameters
    ----------
    estimator : estimator
        ``Ridge``, ``RidgeClassifier``, ``LinearRegression``, ``Lasso``, ``ElasticNet``, ``LogisticRegression``,
        ``SGDClassifier``, ``SGDRegressor``, ``HistGradientBoostingClassifier`` or ``-Regressor`` of scikit-learn,
        ``LGBMClassifier`` or ``-Regressor`` of LightGBM, ``XGBClassifier`` or ``-Regressor`` of XGBoost,
        ``NetworkClassifier`` or ``-Regressor`` (`expunge.learners.networks`). Unfitted, or
        fitted: only its hyperparameters are taken. Threads are pinned to one; seeds come from `key` and its
        ``random_state``.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes.
    key : bytes or None
        32 bytes, from which the order of rows and the seeds are derived.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
        Of a classifier.
    state_ : RetrainedState
        Personal data.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"age": [31.0, 54, 54, 28, 61], "ward": ["a", "b", "b", "a", None]})
    >>> learner = Retrained(LogisticRegression()).fit(X, ["no", "yes", "yes", "no", "yes"], subjects=[7, 8, 8, 9, 10])
    >>> learner.forget([8]).work
    {'rows_touched': 2, 'rows_reencoded': 3}
    >>> rest = [0, 3, 4]
    >>> again = Retrained(LogisticRegression()).fit(X.iloc[rest], ["no", "no", "yes"], subjects=[7, 9, 10])
    >>> learner.digest() == again.digest()
    True
    >>> str(learner.guarantee)
    'Exact (environment)'
    """

    refits = True
    forgets = "full refit"

    def __init__(self, estimator: Any, *, schema: Schema | None = None, key: bytes | None = None) -> None:
        self.estimator = estimator
        self.schema = schema
        self.key = key

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, and the arrays or text (64 hex)."""
        check_is_fitted(self)
        state: RetrainedState = self.state_
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
        }
        return learned_digest(meta, ((name, (len(data),), data) for name, data in sorted(state.model.files.items())))

    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return records, declared facts, what was learned from them, and where. Personal data."""
        meta, arrays = super().to_parts()
        model = np.frombuffer(self.state_.model.packed(), dtype=np.uint8)
        return meta | {"environment": self.state_.environment}, arrays | {"model": model}

    def plain_params(self) -> dict[str, Scalar]:
        """Return the estimator's class name and the hyperparameters that were set."""
        family = family_of(self.estimator)
        return {ESTIMATOR: family.name, **family.hyperparameters(self.estimator)}

    @classmethod
    def from_plain(cls, params: Mapping[str, Scalar], *, schema: Schema | None, key: bytes | None) -> Self:
        """Make one from what `plain_params` returned."""
        rest = {name: value for name, value in params.items() if name != ESTIMATOR}
        return cls(estimator_from(str(params[ESTIMATOR]), rest), schema=schema, key=key)

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> RetrainedState:
        family, hyperparameters = family_of(self.estimator), self._hyperparameters()
        cells = in_keyed_order(records, self.key)
        columns = learn_columns(features[:-1], cells)
        state = RowState(self.task, hyperparameters, features, named, records, 0.0)
        rows = rows_of(columns, cells, of_classes=self.task == "classification", named=named)
        model = family.fit(self.estimator, rows, seed_of(hyperparameters, self.key))
        seconds = (perf_counter() - started) / len(records)
        fields = state.__dict__ | {"seconds_per_record": seconds}
        return RetrainedState(**fields, model=model, environment=environment(family.package))

    def _downdated(
        self, before: RetrainedState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[RetrainedState, dict[str, int]]:
        del leaving, rows  # a refit looks at those who stay, and at nobody else
        after = self._derived(before.features, before.named, records, perf_counter())
        return after, {"rows_reencoded": len(records)}

    def _resumed(self, rows: tuple[Any, ...], meta: dict[str, Any], arrays: Arrays) -> RetrainedState:
        """Take up the model as it was saved: a refit in another environment would be another model."""
        features, named, records, started = rows
        model = unpacked(arrays["model"].tobytes())
        recorded = {str(name): str(value) for name, value in dict(meta["environment"]).items()}
        seconds = (perf_counter() - started) / len(records)
        return RetrainedState(self.task, self._hyperparameters(), features, named, records, seconds, model, recorded)

    def _made(self, state: RetrainedState) -> ServedModel:
        return state.model


def in_keyed_order(records: Records, key: Key | bytes | None) -> Cells:
    """Return the rows sorted by (keyed hash of the subject, content of the record)."""
    canonical = records.canonical()
    owners = np.repeat(keyed_ranks(canonical.subjects, key), np.diff(canonical.starts))
    return canonical.cells.take(np.argsort(owners, kind="stable"))
