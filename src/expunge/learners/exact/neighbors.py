"""Nearest neighbours: what is learned are the rows themselves, encoded as integers.

Instance-based: the served model holds rows. It is personal data, sealed in a workspace, and never exported.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import learned_digest
from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.encoding.codes import Encoding, Scaled
from expunge.learners.exact.bounds import at_least
from expunge.learners.exact.predictor import ProbableClassifier, Regressor, RowPredictor
from expunge.learners.exact.table import FORMAT, TableLearner, TableState
from expunge.learners.served import Signature
from expunge.learners.served.neighbors import WEIGHINGS, NeighborsModel, Weighing, packed


class Neighbors(RowPredictor, TableLearner):
    """Base of both; see the module."""

    sums = None

    def __init__(
        self,
        n_neighbors: int = 5,
        weights: Weighing = "uniform",
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.schema = schema
        self.key = key

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, encoder state and encoded rows (64 hex)."""
        check_is_fitted(self)
        state, served = self.state_, self.serve()
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
            "columns": [column.to_dict() for column in state.encoding.columns],
        }
        rows = (("rows", served.rows), ("targets", served.targets))
        return learned_digest(meta, ((name, array.shape, array.astype("<f8").tobytes()) for name, array in rows))

    def serve(self) -> NeighborsModel:
        """Return what predicts; made once per state. It holds rows: personal data."""
        return cast("NeighborsModel", super().serve())

    def _made(self, state: TableState) -> NeighborsModel:
        cells, inputs = state.records.cells, Scaled(state.encoded_inputs.columns)
        targets = cells.numbers[:, -1]
        if self.task == "classification":
            place = np.array([state.classes.index(word) for word in cells.words[-1]], np.float64)
            targets = place[cells.codes[:, -1]]
        rows = packed(inputs, inputs.encode(cells))
        order = np.lexsort((targets, *rows.T[::-1]))
        signature = Signature(inputs.columns, state.named, state.classes or None)
        return NeighborsModel(signature, int(self.n_neighbors), self.weights, rows[order], targets[order])

    def _coding(self) -> tuple[type[Encoding], int]:
        at_least("n_neighbors", self.n_neighbors, 1)
        if self.weights not in WEIGHINGS:
            raise InputError(f"weights={self.weights!r} are none.", mend=f"Choose from {list(WEIGHINGS)}.")
        return Scaled, 2


class KNeighborsClassifier(ProbableClassifier, Neighbors):
    """Classify by the nearest rows. The served model holds the rows: personal data, never exported.

    Columns are scaled to [-1, 1] by their range and rounded to steps of 2**-15; a word has a place of its own, 0 or 1.
    Distances are Euclidean, and exact: of rows equally near, those come first whose codes are smaller, whosever they
    are.

    Parameters
    ----------
    n_neighbors : int
        How many are asked, at least 1; all rows where there are fewer.
    weights : {"uniform", "distance"}
        Whether all count alike, or by the inverse of their distance.
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
    >>> learner = KNeighborsClassifier(1).fit([[0.0], [1.0], [9.0]], ["low", "low", "high"], subjects=[7, 8, 9])
    >>> learner.predict([[0.4], [8.0]]).tolist()
    ['low', 'high']
    """


class KNeighborsRegressor(Regressor, Neighbors):
    """Predict the mean of the nearest rows' numbers. The served model holds the rows: personal data, never exported.

    As `KNeighborsClassifier`.

    Parameters
    ----------
    n_neighbors : int
        How many are asked, at least 1; all rows where there are fewer.
    weights : {"uniform", "distance"}
        Whether all count alike, or by the inverse of their distance.
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
    >>> learner = KNeighborsRegressor(2).fit([[0.0], [1.0], [9.0]], [2.0, 4.0, 50.0], subjects=[7, 8, 9])
    >>> learner.predict([[0.4]]).tolist()
    [3.0]
    """
