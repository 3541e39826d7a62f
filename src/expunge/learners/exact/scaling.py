"""Numbers less their mean, in units of their deviation: a transformer that forgets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Kind, Schema
from expunge.errors import InputError
from expunge.learners.encoding.codes import Encoding, Scaled
from expunge.learners.encoding.columns import Feature
from expunge.learners.exact.spread import ColumnSums, deviation_of, mean_of
from expunge.learners.exact.table import TableLearner, TableState
from expunge.learners.exact.transformer import Transformer
from expunge.learners.served.turns import Scale, Turn

Floats = npt.NDArray[np.float64]


class StandardScaler(Transformer, TableLearner):
    """Scale numbers to mean 0 and variance 1; words go through as they are, and so do missing cells.

    What is learned are integer sums of the numbers and of their squares, in steps of 2**-15 of half a column's range.
    So mean and deviation are off scikit-learn's by at most a step.

    Parameters
    ----------
    with_mean : bool
        Whether the mean is subtracted.
    with_std : bool
        Whether it is divided by the deviation; where all numbers of a column are alike, by 1.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    mean_, scale_ : ndarray (n_numeric,)
        Of the columns of numbers, in their order.
    state_ : TableState
        Personal data.

    Examples
    --------
    >>> scaler = StandardScaler().fit([[1.0], [3.0], [9.0]], subjects=["ann", "bo", "cy"])
    >>> scaler.forget(["cy"]).records
    1
    >>> scaler.transform([[1.0], [2.0], [3.0]]).tolist()
    [[-1.0], [0.0], [1.0]]
    """

    sums = ColumnSums

    def __init__(
        self, with_mean: bool = True, with_std: bool = True, *, schema: Schema | None = None, key: bytes | None = None
    ) -> None:
        self.with_mean = with_mean
        self.with_std = with_std
        self.schema = schema
        self.key = key

    @property
    def mean_(self) -> Floats:
        """Mean of each column of numbers; 0 where all are missing."""
        return _means(self._fitted())

    @property
    def scale_(self) -> Floats:
        """What each column of numbers is divided by."""
        return _scales(self._fitted())

    def _coding(self) -> tuple[type[Encoding], int]:
        for name in ("with_mean", "with_std"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name}={getattr(self, name)!r} is not a bool.", mend="Give True or False.")
        return Scaled, 2

    def _outputs(self, state: TableState) -> tuple[Feature, ...]:
        return tuple(Feature(one.name, one.kind) for one in state.features)

    def _turn(self, state: TableState) -> Turn:
        means, scales = _means(state), _scales(state)
        return Scale(means if self.with_mean else 0 * means, scales if self.with_std else np.ones_like(scales))


def _means(state: TableState) -> Floats:
    return np.array([mean_of(column, count, total) for column, count, total, _ in _columns(state)], np.float64)


def _scales(state: TableState) -> Floats:
    return np.array([deviation_of(*of) or 1.0 for of in _columns(state)], np.float64)


def _columns(state: TableState) -> list[tuple[Any, ...]]:
    learned: Any = state.moments
    pairs = zip(state.features, state.encoding.columns, strict=True)
    columns = [column for feature, column in pairs if feature.kind is Kind.NUMERIC]
    sums = (own.tolist() for own in (learned.counts, learned.sums, learned.squares))
    # A declared range says nothing of a column whose cells are all missing.
    return [of if of[1] else (replace(of[0], low=None, high=None), *of[1:]) for of in zip(columns, *sums, strict=True)]
