"""Learners whose state is integers: an encoding of the rows, and the exact sums of what it gives.

Invariant
---------
`_downdated` subtracts and gets, integer for integer, what `_derived` sums up from the rows that stay.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from functools import cached_property
from time import perf_counter
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import learned_digest
from expunge.domain.guarantee import Exact, Guarantee
from expunge.domain.schema import Kind
from expunge.learners.base import Arrays
from expunge.learners.encoding.codes import Column, Encoding, learn_columns
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.classes import ClassSums
from expunge.learners.exact.gram import Moments
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowLearner, RowState
from expunge.learners.exact.spread import ColumnSums

FORMAT: Final = 1

Sums: TypeAlias = Moments | ClassSums | ColumnSums


@dataclass(frozen=True, eq=False)
class TableState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    encoding : Encoding
        Of all columns, target included.
    moments : Moments, ClassSums, ColumnSums or None
        The integers from which predictions derive; None for encoders.
    ends : ndarray of int64 (n_numeric, 3)
        How many rows keep what is known of a column as it is (`_holding`). A cache: no part of what was learned.
    """

    encoding: Encoding
    moments: Sums | None
    ends: npt.NDArray[np.int64]

    @cached_property
    def encoded_inputs(self) -> Encoding:
        """The encoding of the feature columns, without the target."""
        return self.encoding if self.task is None else self.encoding.without_target()


class TableLearner(RowLearner):
    """Base of the learners whose state is integers; see the module.

    Attributes
    ----------
    sums : type or None
        Which integers sum the rows up; None where nothing but the encoding is learned.
    """

    sums: ClassVar[type[Sums] | None] = Moments

    @property
    def guarantee(self) -> Guarantee:
        """Exact on any machine: the state is integers."""
        return Exact("portable")

    @abstractmethod
    def _coding(self) -> tuple[type[Encoding], int]:
        """Return the encoding and its `max_bins`, once the hyperparameters are checked."""

    def _check_parameters(self) -> None:
        self._coding()

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, encoder state and integers (64 hex)."""
        check_is_fitted(self)
        state: TableState = self.state_
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
            "columns": [column.to_dict() for column in state.encoding.columns],
            "rows": None if state.moments is None else state.moments.rows,
        }
        names = [] if state.moments is None else [own.name for own in fields(state.moments) if own.name != "rows"]
        sums = [(name, getattr(state.moments, name)) for name in names]
        return learned_digest(meta, ((name, array.shape, _little(array)) for name, array in sums))

    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return the records, the declared facts, and the integers, which sum the records up. Personal data."""
        meta, arrays = super().to_parts()
        held: Sums | None = self.state_.moments
        return meta, arrays if held is None else arrays | held.to_arrays()

    def _resumed(self, rows: tuple[Any, ...], meta: dict[str, Any], arrays: Arrays) -> TableState:
        """Take the integers up as they were saved: to sum all rows again is a refit, only to forget one of them."""
        del meta
        if self.sums is None:
            return self._derived(*rows)
        features, _, records, _ = rows
        encoding = self._encoded(learn_columns(features, records.cells))
        return self._state(rows, encoding, self.sums.from_arrays(encoding, len(records), arrays))

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> TableState:
        """Build the state from rows; `started` is when reading them began."""
        encoding = self._encoded(learn_columns(features, cells := records.cells))
        integers = None if self.sums is None else self.sums.of(encoding, cells)
        return self._state((features, named, records, started), encoding, integers)

    def _state(self, rows: tuple[Any, ...], encoding: Encoding, integers: Sums | None) -> TableState:
        features, named, records, started = rows
        ends = _holding(features, encoding.columns, records.numbers)
        fitted, seconds = self._hyperparameters(), (perf_counter() - started) / len(records)
        return TableState(self.task, fitted, features, named, records, seconds, encoding, integers, ends)

    def _encoded(self, columns: tuple[Column, ...]) -> Encoding:
        encoding_type, max_bins = self._coding()
        return encoding_type(columns, max_bins)

    def _downdated(
        self, before: TableState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[TableState, dict[str, int]]:
        """Return the state without the rows that leave, and how many rows had to be encoded again."""
        del rows
        encoding, integers, reencoded = before.encoding, before.moments, 0
        ends = before.ends - _holding(before.features, encoding.columns, leaving.numbers)
        if records.words is not before.records.words or (ends[before.ends > 0] == 0).any():
            columns = learn_columns(before.features, records.cells)
            if columns != encoding.columns:
                encoding = type(encoding)(columns, encoding.max_bins)
            ends = _holding(before.features, columns, records.numbers)
        if integers is not None and encoding.scales == before.encoding.scales:
            integers = integers.minus(before.encoding, leaving)
            if encoding is not before.encoding:  # words vanished: so do their places, whose sums are now nought
                integers = integers.kept(surviving(before.encoding, encoding))
        elif integers is not None:
            integers, reencoded = type(integers).of(encoding, records.cells), len(records)
        after = replace(before, records=records, encoding=encoding, moments=integers, ends=ends)
        return after, {"rows_reencoded": reencoded}


def _holding(
    features: tuple[Feature, ...], columns: tuple[Column, ...], numbers: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Count, per column of numbers, the rows that keep what is known of it as it is, while some of each sort are left.

    Those at the lower and at the upper end of a range that is read off them; and those of no whole number, where it is
    state whether all are whole.
    """
    pairs = zip(features, columns, strict=True)
    numeric = (pair for pair in pairs if pair[0].kind is Kind.NUMERIC)
    found = [_held(*pair, values) for pair, values in zip(numeric, numbers.T, strict=True)]
    return np.array(found, np.int64).reshape(-1, 3)


def _held(feature: Feature, column: Column, values: npt.NDArray[np.float64]) -> list[int]:
    low, high = (column.low, column.high) if feature.low is None else (None, None)
    sorts = [values == low, values == high, values % 1 > 0]
    looked = [low is not None, high is not None, feature.whole and column.resolution is None]
    return [int(np.count_nonzero(sort)) if look else 0 for sort, look in zip(sorts, looked, strict=True)]


def surviving(before: Encoding, after: Encoding) -> npt.NDArray[np.intp]:
    """Return the places of `before` that `after` still has: all but those of vanished words."""
    kept = np.ones(int(before.offsets[-1]), np.bool_)
    for start, old, new in zip(before.offsets, before.columns, after.columns, strict=False):  # one offset more: the end
        if old.words is not None and old.words != new.words:
            kept[start : start + len(old.words)] = np.isin(old.words, new.words or ())
    return np.flatnonzero(kept)


def _little(array: npt.NDArray[np.int64]) -> bytes:
    return array.astype("<i8").tobytes()
