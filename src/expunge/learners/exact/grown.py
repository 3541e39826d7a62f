"""Learners over bins that keep, beside their records, what they grew from them, and change it in place to forget.

Invariants
----------
- What was grown is a cache: a function of (records, declared facts, hyperparameters, key), personal data, never saved.
- It belongs to one state at a time: a state whose own has gone on to another grows its own again from its records. So
  an interrupted call leaves the old state or the new.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from time import perf_counter
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from expunge._kernels.siphash import Words as Keys
from expunge.domain.digest import learned_digest
from expunge.domain.guarantee import Exact, Guarantee
from expunge.errors import InputError
from expunge.learners.encoding.adaptive import learn_bins
from expunge.learners.encoding.codes import learn_columns
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.compiling import compile_kernels
from expunge.learners.exact.losses import Target
from expunge.learners.exact.predictor import RowPredictor
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowState
from expunge.learners.values import to_text

Rows = npt.NDArray[np.int32]

MOST_COLUMNS: Final = 2**15 - 1
"""A tree's features are numbers of 16 bits."""
MOST_ROWS: Final = 2**22
"""Beyond, a sum could leave its bits, whatever the loss."""
MANY: Final = 50
"""Where one row in so many leaves, to grow afresh is faster."""


class Grown(ABC):
    """What was grown from records; `forget` changes it.

    Parameters
    ----------
    features : sequence of Feature
        What is declared about the columns, the target the last.
    records : Records
    target : Target
    key : ndarray of uint64 (2,)

    Attributes
    ----------
    binning : Binning
    columns, rows : ndarray of uint8 (n_features, n_rows), (n_rows, n_features)
        Bins, laid out in both ways.
    target : Target
    weights : Weights
        The target's.
    """

    def __init__(self, features: Sequence[Feature], records: Records, target: Target, key: Keys) -> None:
        cells = records.cells
        facts = learn_columns(features[:-1], cells)
        self.binning, self.columns, self._watch = learn_bins(features[:-1], facts, key, cells)
        self.rows = np.ascontiguousarray(self.columns.T)
        self._words = records.words
        self.target, self.weights = target, target.weights
        self._n = len(cells)
        self._at = np.zeros(int(records.rows.max()) + 1, np.int32)
        self._at[records.rows] = np.arange(len(cells), dtype=np.int32)

    def forget(self, kept: Records, leaving: Cells, names: Rows) -> dict[str, int] | None:
        """Take rows away.

        Parameters
        ----------
        kept : Records
            Those who stay.
        leaving : Cells
            The rows that leave, with the words of all.
        names : ndarray of int32
            Where they stood when the records were made.

        Returns
        -------
        dict or None
            The work, or None where it must be grown afresh, and is of no use now.
        """
        self._n -= len(names)
        if len(names) > self._n // MANY or kept.words is not self._words or self._watch.leave(leaving):
            return None
        rows, edges = self._at[names], self._watch.gone()
        if self.weights.leave(rows):
            return None
        work = self._left(rows, moved=bool(edges))
        self.rows[rows], self.columns[:, rows] = 0, 0
        self.weights.forget(rows)
        for column, edge in edges:
            self.binning, before = self.binning.merged(column, edge)
            self.columns[column] -= self.columns[column] > before
            self.rows[:, column] = self.columns[column]
            self._merged(column, before)
        if edges and work is not None:
            self._moved()
        return work

    @property
    @abstractmethod
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What was learned, beside the bins, as integers: for the digest."""

    @property
    def facts(self) -> dict[str, Any]:
        """What else was learned: for the digest."""
        return {"target": self.target.facts, "sample_weight": self.weights.facts}

    @abstractmethod
    def _left(self, rows: Rows, *, moved: bool) -> dict[str, int] | None:
        """Take rows away whose bins are still here, from the target too; with `moved`, `_moved` is called later."""

    @abstractmethod
    def _merged(self, column: int, before: int) -> None:
        """Mend what was grown where a bin of a column took the one behind it: the rows have their new bins."""

    @abstractmethod
    def _moved(self) -> None:
        """Grow afresh what is not mended, from the rows in their new bins."""


@dataclass(frozen=True, eq=False)
class GrownState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    learner : GrownPredictor
        A copy with the parameters of the fit.
    held : list of Grown
        What was grown, where it is this state's; empty where it has gone on to another.
    """

    learner: Any
    held: list[Any] = field(default_factory=list)

    @property
    def grown(self) -> Any:
        """What was grown, grown again where it is not here."""
        if not self.held:
            self.held.append(self.learner._grow(self.features, self.records, self.classes))
        return self.held[0]


class GrownPredictor(RowPredictor):
    """Base of those that grow something; see the module."""

    forgets = "what changes mended"

    format: ClassVar[int]
    """Of what the digest covers."""
    decisive: ClassVar[tuple[str, ...]] = ()
    """Hyperparameters by which other kernels are called."""
    random_state: int

    @abstractmethod
    def _grow(self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...]) -> Grown:
        """Grow from records."""

    def fit(self, X: Any, y: Any = None, *, subjects: Any = None, sample_weight: Any = None) -> Self:
        """Learn from records.

        Parameters
        ----------
        X : array-like or DataFrame (n_rows, n_features)
            Numbers, booleans, text; missing cells are None or NaN. With a schema, a data frame's features are picked
            by name.
        y : array-like (n_rows,)
        subjects : array-like (n_rows,) of int or str, or None
            Whose record each row is. None takes the positions 0..n-1: for one-off use only.
        sample_weight : array-like (n_rows,), float or None
            How much each row counts; rows of weight 0 are left out. Whole numbers up to 255 count as they are, a row
            of weight 3 as three rows; others relative to what is usual, in steps of a sixteenth of it and up to about
            sixteen times as much. Bins do not look at them.

        Returns
        -------
        self

        Raises
        ------
        InputError
            For hyperparameters out of bounds, tables that cannot be read, and weights that are none.
        SubjectIdError
            For ids that are no ids, or not of the schema's kind.
        """
        return self._learned(X, y, subjects, sample_weight)

    def learn(self, X: Any, y: Any = None, *, subjects: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more records: what is learned then is what a fit on all of them learns. It takes as long as one.

        Parameters
        ----------
        X : array-like or DataFrame (n_rows, n_features)
            The columns of the fit, of the same kinds.
        y : array-like (n_rows,)
            As `fit` has it; it may hold new classes.
        subjects : array-like (n_rows,) of int or str
            Whose record each row is: new people, or more records of those who are known.
        sample_weight : array-like (n_rows,), float or None
            Where the fit had weights.

        Returns
        -------
        self

        Raises
        ------
        InputError
            Where no ids are given, the columns are others, or weights are given where there were none, or the reverse;
            nothing was changed.
        SubjectIdError
            As `fit`.
        """
        return self._learned_more(X, y, subjects, sample_weight)

    def prepare(self) -> None:
        """Compile the kernels."""
        compile_kernels(self, *self.decisive)

    def expected_share(self, n_leaving: int) -> float:
        """Return about what the benchmark measured: a person changes a hundredth of what is learned."""
        return float(1 - 0.99**n_leaving)

    @property
    def guarantee(self) -> Guarantee:
        """Exact on any machine: what decides is integers."""
        return Exact("portable")

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, bins and all that was learned (64 hex)."""
        check_is_fitted(self)
        state: GrownState = self.state_
        grown: Grown = state.grown
        meta = {
            "format": self.format,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
            "columns": [column.to_dict() for column in grown.binning.columns],
            "classes": list(state.classes),
        }
        arrays = (grown.binning.arrays | grown.arrays).items()
        spelled = ((name, own.shape, own.astype("<i8", copy=False).tobytes()) for name, own in arrays)
        return learned_digest(meta | grown.facts, spelled)

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> GrownState:
        if len(records) > MOST_ROWS:
            raise InputError(f"{len(records)} rows are too many.", mend=f"Give at most {MOST_ROWS}.")
        if len(features) - 1 > MOST_COLUMNS:
            raise InputError(f"{len(features) - 1} columns are too many.", mend=f"Give at most {MOST_COLUMNS}.")
        copy = type(self)(**(self.get_params(deep=False) | {"schema": None}))
        state = GrownState(self.task, self._hyperparameters(), features, named, records, 0.0, copy)
        if len(state.classes) > np.iinfo(np.uint8).max:
            raise InputError(f"{len(state.classes)} classes are too many.", mend="Give at most 255.")
        _ = state.grown
        return replace(state, seconds_per_record=(perf_counter() - started) / len(records))

    def _downdated(
        self, before: GrownState, records: Records, leaving: Cells, rows: Rows
    ) -> tuple[GrownState, dict[str, int]]:
        grown = before.grown
        before.held.clear()  # it is nobody's until it is changed: see the module
        work = grown.forget(records, leaving, rows)
        after = replace(before, records=records, held=[] if work is None else [grown])
        if work is None:
            _ = after.grown
            return after, {"rows_learned_again": len(records)}
        return after, work


def key_of(learner: GrownPredictor, purpose: bytes) -> Keys:
    """Derive 128 bits for a purpose from the key and `random_state`: ndarray of uint64 (2,)."""
    stated = to_text(learner.random_state).encode()
    drawn = blake2b(stated, key=learner.key or b"", digest_size=16, person=purpose).digest()
    return np.frombuffer(drawn, "<u8").astype(np.uint64)


def shares(gains: npt.NDArray[np.float64], n_features: int) -> npt.NDArray[np.float64]:
    """Return gains as shares of their sum, where anything was gained: (n_features,)."""
    return np.pad(gains, (0, n_features - len(gains))) / (gains.sum() or 1.0)
