"""Learners that keep one table of records: reading, forgetting and restoring, the same for all of them.

A subclass says what is learned from the rows; everything that can go wrong with people is here, once.

Invariants
----------
- ``state_`` is the only attribute that a fit sets; it is frozen, and replaced whole by one assignment.
- It is a pure function of (features, records, hyperparameters, key), so that forgetting equals refitting: `_derived`
  builds it from the rows, and `_downdated` gets the same from the state before.
- What is derived from a state (the served model) is cached inside it, and goes when it goes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from inspect import signature
from time import perf_counter
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted, validate_data

from expunge.domain.schema import Kind, Schema
from expunge.domain.subject import SubjectId, subject_kind
from expunge.errors import CannotForgetError, CorruptedError, InputError, SubjectIdError
from expunge.learners.base import Arrays, ForgetReport, Learner, check_key, listed, positions
from expunge.learners.encoding.columns import (
    Cells,
    Feature,
    check_ranges,
    check_table,
    features_of,
    joined,
    raw_columns,
    read_cells,
)
from expunge.learners.exact.records import Records
from expunge.learners.exact.target import Task, read_target
from expunge.learners.exact.weights import check_weights, is_weighted, numeric_inputs, weighed
from expunge.learners.served import in_label_order
from expunge.learners.values import to_text


@dataclass(frozen=True, eq=False)
class RowState:
    """What every fit keeps in order to forget. Personal data.

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
    seconds_per_record : float
        What the last fit took; no part of what was learned.
    """

    task: Task | None
    hyperparameters: dict[str, str]
    features: tuple[Feature, ...]
    named: bool
    records: Records
    seconds_per_record: float

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The features, without the target."""
        return self.features if self.task is None else self.features[:-1]

    @property
    def weighted(self) -> bool:
        """Whether the rows have weights."""
        return is_weighted(self.features, self.records)

    @property
    def classes(self) -> tuple[str, ...]:
        """Typed class labels in their values' order; none where no class is predicted."""
        return in_label_order(self.records.words[-1]) if self.task == "classification" else ()


class RowLearner(Learner):
    """Base of the learners that keep their rows; see the module."""

    schema: Schema | None

    @property
    def task(self) -> Task | None:
        """What is predicted; None for encoders."""
        return None

    @abstractmethod
    def _check_parameters(self) -> None:
        """Refuse hyperparameters out of bounds, before anything is read."""

    @abstractmethod
    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> Any:
        """Build the state (a `RowState`) from rows; `started` is when reading them began."""

    @abstractmethod
    def _downdated(
        self, before: Any, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[Any, dict[str, int]]:
        """Return the state without the rows that leave, and the work; `rows` are their names (`Block.rows`)."""

    def _resumed(self, rows: tuple[Any, ...], meta: dict[str, Any], arrays: Arrays) -> Any:
        """Rebuild the state from what was saved; `rows` are the arguments of `_derived`."""
        del meta, arrays  # all else is derived from the rows again
        return self._derived(*rows)

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
        return self._learned(X, y, subjects)

    def _learned(self, X: Any, y: Any, subjects: Any, sample_weight: Any = None) -> Self:
        """Learn from records, which may have weights."""
        started = perf_counter()
        check_key(self.key)
        self._check_parameters()
        named_people = subjects is not None
        features, named, cells, subjects = self._read(X, y, subjects, sample_weight)
        self._check_target(cells)
        records = Records.of(subjects, cells)
        if self.schema is not None and named_people:
            _check_kind(records.subjects, self.schema)
        self.state_ = self._derived(features, named, records, started)
        return self

    def _learn_rows(self, features: tuple[Feature, ...], cells: Cells, subjects: Any) -> Self:
        """Learn from rows that were read, and transformed, already; the target is the last column."""
        started = perf_counter()
        check_key(self.key)
        self._check_parameters()
        if len(features) == (self.task is not None):
            raise InputError("no column is left to learn from.", mend="Take other transformers.")
        names = [feature.name for feature in (features if self.task is None else features[:-1])]
        if twice := sorted(name for name, times in Counter(names).items() if times > 1):
            raise InputError(f"columns {twice} stand twice.", mend="Give every column its own name.")
        self._check_cells(features, cells)
        self._check_target(cells)
        self.state_ = self._derived(features, True, Records.of(subjects, cells), started)
        return self

    def learn(self, X: Any, y: Any = None, *, subjects: Any = None) -> Self:
        """Learn from more records: what is learned then is what a fit on all of them learns. It takes as long as one.

        Parameters
        ----------
        X : array-like or DataFrame (n_rows, n_features)
            The columns of the fit, of the same kinds.
        y : array-like (n_rows,)
            As `fit` has it; it may hold new classes.
        subjects : array-like (n_rows,) of int or str
            Whose record each row is: new people, or more records of those who are known.

        Returns
        -------
        self

        Raises
        ------
        InputError
            Where no ids are given, or the columns are others; nothing was changed.
        SubjectIdError
            As `fit`.

        Examples
        --------
        >>> from expunge.learners.exact import RidgeClassifier
        >>> learner = RidgeClassifier().fit([[0.0], [1.0]], [0, 1], subjects=[7, 8]).learn([[3.0]], [1], subjects=[9])
        >>> whole = RidgeClassifier().fit([[0.0], [1.0], [3.0]], [0, 1, 1], subjects=[7, 8, 9])
        >>> learner.digest() == whole.digest()
        True
        """
        return self._learned_more(X, y, subjects)

    def _learned_more(self, X: Any, y: Any, subjects: Any, sample_weight: Any = None) -> Self:
        """Learn from more records, which have weights where the first ones had."""
        started = perf_counter()
        self._checked(X)
        before: RowState = self.state_
        if subjects is None:
            raise InputError("whose the new records are is not said.", mend="Give subjects, an id for each row.")
        features, _, more, subjects = self._read(X, y, subjects, sample_weight)
        if features != before.features:
            raise InputError("the new columns are not of the kinds that were learned from.", mend="Convert them.")
        if before.weighted != (sample_weight is not None):
            had = "weights" if before.weighted else "no weights"
            raise InputError(f"the first records had {had}.", mend="Give sample_weight each time, or never.")
        known = before.records
        held = [one for one, count in zip(known.subjects, known.counts.tolist(), strict=True) for _ in range(count)]
        new = Records.of(subjects, more)
        if self.schema is not None:
            _check_kind(new.subjects, self.schema)
        added = [one for one, count in zip(new.subjects, new.counts.tolist(), strict=True) for _ in range(count)]
        records = Records.of([*held, *added], joined(known.cells, new.cells))
        self.state_ = self._derived(before.features, before.named, records, started)
        return self

    def _read(self, X: Any, y: Any, subjects: Any, sample_weight: Any) -> tuple[tuple[Feature, ...], bool, Cells, Any]:
        """Read a table: what is declared about its columns, whether they are named, copies of its cells, and whose.

        Weights become a column of the cells that no feature declares (`weights`); rows of weight 0 are left out.
        """
        raw = raw_columns(X, None if self.schema is None else [column.name for column in self.schema.features])
        features, arrays = features_of(raw, self.schema), raw.arrays
        if self.task is not None:
            target, values = read_target(y, self.task, self.schema, len(arrays[0]))
            features, arrays = (*features, target), (*arrays, values)
        cells = read_cells(features, arrays)
        self._check_cells(features, cells)
        subjects = positions(len(cells)) if subjects is None else subjects
        if sample_weight is not None:
            cells, subjects = weighed(features, cells, subjects, check_weights(sample_weight, len(cells)))
        return features, raw.named or self.schema is not None, cells, subjects

    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        """Forget people: all of the list, or nobody.

        Parameters
        ----------
        subjects : iterable of int or str

        Returns
        -------
        ForgetReport
            ``work`` counts ``rows_touched``, and what else the learner had to do.

        Raises
        ------
        UnknownSubjectError
            Where one of them is not held (any more); nothing was changed.
        CannotForgetError
            Where nobody, or no member of a class, would be left; nothing was changed.
        """
        started = perf_counter()
        if "state_" not in self.__dict__:
            check_is_fitted(self)
        before: RowState = self.state_
        leaving = listed(subjects)
        places = before.records.places_of(leaving)
        rows, names = before.records.rows_at(places)
        records = before.records.without(places, rows)
        if records.words is not before.records.words:
            self._check_classes_stay(before, records)
        after, work = self._downdated(before, records, rows, names)
        report = ForgetReport(
            subjects=len(leaving),
            records=len(rows),
            work={"rows_touched": len(rows), **work},
            seconds=perf_counter() - started,
            refit_seconds=before.seconds_per_record * len(records),
        )
        self.state_ = after  # the one step that changes the learner
        return report

    def subjects_held(self) -> list[SubjectId]:
        """Return the ids of everybody who is learned from, in canonical order. Personal data."""
        check_is_fitted(self)
        return list(self.state_.records.subjects)

    def records_held(self) -> int:
        """Return how many records are learned from."""
        check_is_fitted(self)
        return len(self.state_.records)

    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return the records and the declared facts. Personal data."""
        check_is_fitted(self)
        state: RowState = self.state_
        if state.hyperparameters != self._hyperparameters():
            raise InputError("hyperparameters were set after the fit.", mend="Fit again before saving.")
        records = state.records.canonical()
        meta = {
            "features": [feature.to_dict() for feature in state.features],
            "named": state.named,
            "subjects": list(records.subjects),
            "words": [list(words) for words in records.words],
            "weighted": state.weighted,
        }
        cells = records.cells
        return meta, {"starts": records.starts, "numbers": cells.numbers, "codes": cells.codes}

    @classmethod
    def subjects_in(cls, meta: dict[str, Any], arrays: Arrays) -> list[SubjectId]:
        """Return the ids of everybody whose rows are in these parts."""
        del arrays
        found = list(meta["subjects"])
        if not set(map(type, found)) <= {int, str}:
            raise ValueError("not every subject is an int or a str")
        return found

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
            self.state_ = self._resumed((features, bool(meta["named"]), records, started), meta, arrays)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CorruptedError(
                f"this is no state of a {type(self).__name__} ({error!r}).", mend="Restore it from a copy."
            ) from error

    @property
    def n_features_in_(self) -> int:
        """How many features are learned from."""
        return len(self._fitted().inputs)

    @property
    def feature_names_in_(self) -> npt.NDArray[np.object_]:
        """Names of the features, where a data frame named them."""
        state = self._fitted()
        if not state.named:
            raise AttributeError("the features have no names")
        return np.array([feature.name for feature in state.inputs], dtype=object)

    def _fitted(self) -> Any:
        if "state_" not in self.__dict__:
            raise AttributeError(f"this {type(self).__name__} is not fitted")
        return self.__dict__["state_"]

    def _hyperparameters(self) -> dict[str, str]:
        """Return what was set, as typed text; where the default is a float, 1 and 1.0 are one."""
        defaults = signature(type(self)).parameters
        plain: dict[str, Any] = self.plain_params()
        return {
            name: to_text(float(value) if isinstance(defaults[name].default, float) else value)
            for name, value in plain.items()
            if name != "n_jobs"
        }

    def _check_cells(self, features: tuple[Feature, ...], cells: Cells) -> None:
        """Refuse numbers that cannot be learned from."""
        check_ranges(features, cells)

    def _check_target(self, cells: Cells) -> None:
        if self.task == "classification" and len(in_label_order(cells.words[-1])) < 2:
            raise InputError(
                f"Classifier can't train when only one class is present: {cells.words[-1][0]!r}.",
                mend="Give rows of two classes or more.",
            )

    def _check_classes_stay(self, before: RowState, records: Records) -> None:
        if self.task == "classification" and (gone := set(before.classes) - set(records.words[-1])):
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
    weighted = meta.get("weighted") is True
    if (cells.numbers.shape[1:], cells.codes.shape[1:]) != ((numeric + weighted,), (len(features) - numeric,)):
        raise ValueError("cells do not fit the features")
    if weighted and not check_weights(cells.numbers[:, numeric_inputs(features)], len(cells)).all():
        raise ValueError("a row of weight 0 is among the records")
    subjects = meta["subjects"]
    owners = np.repeat(np.arange(len(subjects)), np.diff(arrays["starts"]))
    records = Records.of([subjects[owner] for owner in owners], cells)
    if list(records.subjects) != subjects:
        raise ValueError("subjects are not in order")
    return records
