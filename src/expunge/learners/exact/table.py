"""Learners over one table of records: reading, forgetting and restoring, the same for all of them.

A subclass says how columns are encoded and what is derived from the moments; everything that can go wrong with
people is here, once.

Invariants
----------
- ``state_`` is the only attribute that a fit sets; it is frozen, and replaced whole by one assignment.
- It is a pure function of (features, records, hyperparameters), so that forgetting equals refitting: `_derived` builds
  it from the rows, and `_downdated` gets the same integers by subtraction.
- What is derived from a state (the served model) is cached inside it, and goes when it goes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import signature
from time import perf_counter
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted, validate_data

from expunge.domain.digest import learned_digest
from expunge.domain.guarantee import Exact, Guarantee
from expunge.domain.schema import Kind, Schema
from expunge.domain.subject import SubjectId, subject_kind
from expunge.errors import CannotForgetError, CorruptedError, InputError, SubjectIdError
from expunge.learners.base import Arrays, ForgetReport, Learner, check_key, listed, positions
from expunge.learners.encoding.codes import ENCODINGS, Column, Encoding, EncodingName, learn_columns
from expunge.learners.encoding.columns import (
    Cells,
    Feature,
    check_ranges,
    check_table,
    features_of,
    raw_columns,
    read_cells,
)
from expunge.learners.exact.gram import Moments, minus, moments
from expunge.learners.exact.records import Records
from expunge.learners.exact.target import Task, read_target
from expunge.learners.served import in_label_order
from expunge.learners.values import to_text

FORMAT: Final = 1


@dataclass(frozen=True, eq=False)
class TableState:
    """All that a fit produces.

    Parameters
    ----------
    task : {"classification", "regression"} or None
    hyperparameters : dict of str to str
        Those of the fit, as typed text.
    features : tuple of Feature
        What is declared about each column; the target, if there is one, is the last.
    named : bool
        Whether the columns were named, by a schema or a data frame.
    records : Records
    encoding : Encoding
        Of all columns, target included.
    moments : Moments or None
        The integers from which predictions derive; None for encoders.
    seconds_per_record : float
        What the last fit took; no part of what was learned.
    """

    task: Task | None
    hyperparameters: dict[str, str]
    features: tuple[Feature, ...]
    named: bool
    records: Records
    encoding: Encoding
    moments: Moments | None
    seconds_per_record: float

    @cached_property
    def inputs(self) -> Encoding:
        """The encoding of the feature columns, without the target."""
        columns = self.encoding.columns
        return type(self.encoding)(columns if self.task is None else columns[:-1], self.encoding.max_bins)

    @property
    def classes(self) -> tuple[str, ...]:
        """Typed class labels in their values' order."""
        return in_label_order(self.encoding.columns[-1].words or ())


class TableLearner(Learner):
    """Base of the learners over one table; see the module."""

    task: ClassVar[Task | None] = None

    schema: Schema | None

    @property
    def guarantee(self) -> Guarantee:
        """Exact on any machine: the state is integers."""
        return Exact("portable")

    @abstractmethod
    def _coding(self) -> tuple[EncodingName, int]:
        """Return the encoding's name and `max_bins`, once the hyperparameters are checked."""

    def fit(self, X: Any, y: Any = None, *, subjects: Any = None) -> Self:
        """Learn from records.

        Parameters
        ----------
        X : array-like or DataFrame (n_rows, n_features)
            Numbers, booleans, text; missing cells are None or NaN. With a schema, a data frame's features are picked
            by name.
        y : array-like (n_rows,)
            Not used by encoders.
        subjects : array-like (n_rows,) of int or str, or None
            Whose record each row is. None takes the positions 0..n-1: for one-off use only.

        Returns
        -------
        self

        Raises
        ------
        InputError
            For hyperparameters out of bounds, and tables that cannot be read.
        SubjectIdError
            For ids that are no ids, or not of the schema's kind.
        """
        started = perf_counter()
        check_key(self.key)
        self._coding()
        raw = raw_columns(X, None if self.schema is None else [column.name for column in self.schema.features])
        features, arrays = features_of(raw, self.schema), raw.arrays
        if self.task is not None:
            target, values = read_target(y, self.task, self.schema, len(arrays[0]))
            features, arrays = (*features, target), (*arrays, values)
        cells = read_cells(features, arrays)
        check_ranges(features, cells)
        self._check_target(cells)
        records = Records.of(positions(len(cells)) if subjects is None else subjects, cells)
        if self.schema is not None and subjects is not None:
            _check_kind(records.subjects, self.schema)
        named = raw.named or self.schema is not None
        self.state_ = self._derived(features, named, records, started)
        return self

    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        """Forget people: all of the list, or nobody.

        Parameters
        ----------
        subjects : iterable of int or str

        Returns
        -------
        ForgetReport
            ``work`` counts ``rows_touched``, and ``rows_reencoded`` where a range had been an owner's who left.

        Raises
        ------
        UnknownSubjectError
            Where one of them is not held (any more); nothing was changed.
        CannotForgetError
            Where nobody, or no member of a class, would be left; nothing was changed.
        """
        started = perf_counter()
        check_is_fitted(self)
        before: TableState = self.state_
        leaving = listed(subjects)
        theirs = before.records.rows_of(leaving)
        records = before.records.without(theirs)
        self._check_classes_stay(before, records)
        after, reencoded = self._downdated(before, records, before.records.cells.take(theirs))
        report = ForgetReport(
            subjects=len(leaving),
            records=len(before.records) - len(records),
            work={"rows_touched": int(theirs.sum()), "rows_reencoded": reencoded},
            seconds=perf_counter() - started,
            refit_seconds=before.seconds_per_record * len(records),
        )
        self.state_ = after  # the one step that changes the learner
        return report

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
        sums = () if state.moments is None else (("sums", state.moments.sums), ("products", state.moments.products))
        return learned_digest(meta, ((name, array.shape, _little(array)) for name, array in sums))

    def subjects_held(self) -> list[SubjectId]:
        """Return the ids of everybody who is learned from, in canonical order. Personal data."""
        check_is_fitted(self)
        return list(self.state_.records.subjects)

    def records_held(self) -> int:
        """Return how many records are learned from."""
        check_is_fitted(self)
        return len(self.state_.records)

    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return the records and the declared facts; all else is derived from them again. Personal data."""
        check_is_fitted(self)
        state: TableState = self.state_
        if state.hyperparameters != self._hyperparameters():
            raise InputError("hyperparameters were set after the fit.", mend="Fit again before saving.")
        records = state.records.canonical()
        meta = {
            "features": [feature.to_dict() for feature in state.features],
            "named": state.named,
            "subjects": list(records.subjects),
            "words": [list(words) for words in records.cells.words],
        }
        cells = records.cells
        return meta, {"starts": records.starts, "numbers": cells.numbers, "codes": cells.codes}

    def restore(self, meta: dict[str, Any], arrays: Arrays) -> None:
        """Take up what `to_parts` returned.

        Raises
        ------
        CorruptedError
            Where it is not such a state.
        """
        started = perf_counter()
        check_key(self.key)
        try:
            features = tuple(Feature.from_dict(feature) for feature in meta["features"])
            records = _restored(features, meta, arrays)
            self.state_ = self._derived(features, bool(meta["named"]), records, started)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CorruptedError(
                f"this is no state of a {type(self).__name__} ({error!r}).", mend="Restore it from a copy."
            ) from error

    @property
    def n_features_in_(self) -> int:
        """How many features are learned from."""
        return len(self._fitted().inputs.columns)

    @property
    def feature_names_in_(self) -> npt.NDArray[np.object_]:
        """Names of the features, where a data frame named them."""
        state = self._fitted()
        if not state.named:
            raise AttributeError("the features have no names")
        return np.array([column.name for column in state.inputs.columns], dtype=object)

    def _fitted(self) -> TableState:
        if "state_" not in self.__dict__:
            raise AttributeError(f"this {type(self).__name__} is not fitted")
        state: TableState = self.__dict__["state_"]
        return state

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> TableState:
        """Build the state from rows; `started` is when reading them began."""
        name, max_bins = self._coding()
        encoding = ENCODINGS[name](learn_columns(features, records.cells), max_bins)
        integers = None if self.task is None else moments(encoding, records.cells)
        seconds = (perf_counter() - started) / len(records)
        return TableState(self.task, self._hyperparameters(), features, named, records, encoding, integers, seconds)

    def _downdated(self, before: TableState, records: Records, leaving: Cells) -> tuple[TableState, int]:
        """Return the state without the rows that leave, and how many rows had to be encoded again."""
        columns = learn_columns(before.features, records.cells)
        encoding = (
            before.encoding
            if columns == before.encoding.columns
            else type(before.encoding)(columns, before.encoding.max_bins)
        )
        integers, reencoded = before.moments, 0
        if integers is not None and _ranges(columns) == _ranges(before.encoding.columns):
            integers = minus(integers, before.encoding, leaving)
            if encoding is not before.encoding:  # words vanished: so do their places, whose sums are now nought
                integers = integers.kept(_surviving(before.encoding, encoding))
        elif integers is not None:
            integers, reencoded = moments(encoding, records.cells), len(records)
        return replace(before, records=records, encoding=encoding, moments=integers), reencoded

    def _hyperparameters(self) -> dict[str, str]:
        """Return what was set, as typed text; where the default is a float, 1 and 1.0 are one."""
        defaults = signature(type(self)).parameters
        return {
            name: to_text(float(value) if isinstance(defaults[name].default, float) else value)
            for name, value in self.get_params(deep=False).items()
            if name not in {"schema", "key"}
        }

    def _check_target(self, cells: Cells) -> None:
        if self.task == "classification" and len(in_label_order(cells.words[-1])) < 2:
            raise InputError(
                f"Classifier can't train when only one class is present: {cells.words[-1][0]!r}.",
                mend="Give rows of two classes or more.",
            )

    def _check_classes_stay(self, before: TableState, records: Records) -> None:
        if self.task == "classification" and (gone := set(before.classes) - set(records.cells.words[-1])):
            raise CannotForgetError(
                f"the last member of class {sorted(gone)[0]!r} would leave.", mend="Retire the model instead."
            )

    def _checked(self, X: Any) -> Any:
        """Refuse, for predicting, a table of other columns than those learned from."""
        check_is_fitted(self)
        check_table(X)
        if self.schema is None:
            try:
                validate_data(self, X, reset=False, skip_check_array=True)
            except ValueError as error:
                raise InputError(str(error), mend="Give the columns that it learned from.") from error
        return X

    def __sklearn_tags__(self) -> Any:
        """Declare missing values, categories and text as welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.target_tags.required = self.task is not None
        return tags


def _check_kind(subjects: tuple[SubjectId, ...], schema: Schema) -> None:
    wrong = next((subject for subject in subjects if subject_kind(subject) != schema.subject_kind), None)
    if wrong is not None:
        raise SubjectIdError(
            f"subject id {wrong!r} is not of the schema's kind, {schema.subject_kind}.", mend="Convert the ids."
        )


def _restored(features: tuple[Feature, ...], meta: dict[str, Any], arrays: Arrays) -> Records:
    """Rebuild records from saved parts; KeyError, TypeError, ValueError or IndexError where they do not fit."""
    words = tuple(tuple(str(word) for word in words) for words in meta["words"])
    for column, known in zip(arrays["codes"].T, words, strict=True):
        if list(known) != sorted(set(known)) or not -1 <= column.min() <= column.max() < len(known):
            raise ValueError("codes do not fit the words")
    cells = Cells(arrays["numbers"], arrays["codes"], words).shrunk()
    numeric = sum(feature.kind is Kind.NUMERIC for feature in features)
    if (cells.numbers.shape[1:], cells.codes.shape[1:]) != ((numeric,), (len(features) - numeric,)):
        raise ValueError("cells do not fit the features")
    subjects = meta["subjects"]
    owners = np.repeat(np.arange(len(subjects)), np.diff(arrays["starts"]))
    records = Records.of([subjects[owner] for owner in owners], cells)
    if list(records.subjects) != subjects:
        raise ValueError("subjects are not in order")
    return records


def _ranges(columns: Iterable[Column]) -> list[tuple[float | None, ...]]:
    return [(column.low, column.high, column.resolution) for column in columns]


def _surviving(before: Encoding, after: Encoding) -> npt.NDArray[np.intp]:
    """Return the places of `before` that `after` still has: all but those of vanished words."""
    kept = np.ones(int(before.offsets[-1]), np.bool_)
    for start, old, new in zip(before.offsets, before.columns, after.columns, strict=False):  # one offset more: the end
        if old.words is not None and old.words != new.words:
            kept[start : start + len(old.words)] = np.isin(old.words, new.words or ())
    return np.flatnonzero(kept)


def _little(array: npt.NDArray[np.int64]) -> bytes:
    return array.astype("<i8").tobytes()
