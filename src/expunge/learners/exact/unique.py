"""Learners whose optimum is unique: rows, and coefficients that are whole numbers of a lattice.

Invariants
----------
- ``coefficients`` are those of `optimum.solve`: a function of the remaining rows, whatever the search began from.
- ``warm`` is a cache: it makes forgetting fast, is never saved and never digested, and nobody who left is in it (but
  for what subtracting floats leaves of them in a matrix's last digits).
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import blake2b
from time import perf_counter
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import canonical_json, learned_digest
from expunge.domain.guarantee import Exact, Guarantee
from expunge.domain.schema import Kind
from expunge.learners.base import Arrays
from expunge.learners.encoding.codes import Column, Scaled, learn_columns
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.compiling import compile_kernels
from expunge.learners.exact.entries import Entries, entries_of
from expunge.learners.exact.lattice import Lattice
from expunge.learners.exact.optimum import Near, Problem, begin, narrowed, solve, without
from expunge.learners.exact.predictor import RowPredictor
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowState
from expunge.learners.exact.table import surviving
from expunge.learners.served import LinearModel, ServedModel, Signature
from expunge.learners.served.linear import LinkName
from expunge.learners.values import from_text

FORMAT: Final = 1
_MAX_BINS: Final = 2
"""`Scaled` does not read it; one value, so that equal models have equal bytes."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Warm:
    """What forgetting begins from. Personal data.

    Parameters
    ----------
    entries : Entries
        All rows, in the order of the records.
    nears : tuple of Near
        One per score.
    lattices : tuple of Lattice
        Of each score's coefficients.
    ends : ndarray of int64 (2, n_numbers)
        How many rows are at the low and the high end of each column of numbers.
    """

    entries: Entries
    nears: tuple[Near, ...]
    lattices: tuple[Lattice, ...]
    ends: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class UniqueState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    columns : tuple of Column
        Of the features; without resolutions, which scaling does not ask for.
    coefficients : ndarray of int64 (n_scores, width + 1)
        In steps of the lattice; the intercept is the last.
    warm : Warm or None
        A cache; None for a state that was loaded.
    """

    columns: tuple[Column, ...]
    coefficients: npt.NDArray[np.int64]
    warm: Warm | None


class UniqueLearner(RowPredictor):
    """Base of the learners whose optimum is unique; see the module."""

    forgets = "warm refit"

    form: ClassVar[int]
    link: ClassVar[LinkName]
    strength: ClassVar[str]
    """The hyperparameter that says how strong the penalty is."""

    @abstractmethod
    def _lambda(self, strength: float, n_rows: int) -> float:
        """Return what half the squared length of all weights is multiplied by, beside the sum over rows."""

    @abstractmethod
    def _targets(self, target: Floats, n_classes: int) -> list[Floats]:
        """Return what each score is to fit, row by row."""

    @abstractmethod
    def _start(self, target: Floats) -> float:
        """Return the intercept that a search from nothing begins with."""

    def prepare(self) -> None:
        """Compile the kernels."""
        compile_kernels(self)

    def expected_share(self, n_leaving: int) -> float:
        """Return what two or three passes over the rows are of a fit, however many leave."""
        del n_leaving
        return 0.1

    @property
    def guarantee(self) -> Guarantee:
        """Exact on any machine: what is digested is proven of the rows' optimum, not of the way to it."""
        return Exact("portable")

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, encoder state and integers (64 hex)."""
        check_is_fitted(self)
        state: UniqueState = self.state_
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
            "columns": [column.to_dict() for column in state.columns],
            "classes": list(state.classes),
        }
        found = state.coefficients
        return learned_digest(meta, [("coefficients", found.shape, found.astype("<i8").tobytes())])

    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return the records, the declared facts and the coefficients. Personal data."""
        meta, arrays = super().to_parts()
        return meta, arrays | {"coefficients": self.state_.coefficients}

    def _made(self, state: UniqueState) -> ServedModel:
        points = self._points(state)
        words = state.classes if self.task == "classification" else None
        signature = Signature(state.columns, state.named, words)
        return LinearModel(signature, "scaled", _MAX_BINS, points[:, :-1].copy(), points[:, -1].copy(), self.link)

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> UniqueState:
        cells = records.cells
        columns = _columns(features[:-1], cells)
        state = UniqueState(
            self.task, self._hyperparameters(), features, named, records, 0.0, columns, np.empty((0, 0), np.int64), None
        )
        entries, nears = self._entries(state, cells), []
        for problem in self._problems(entries, state):
            weights = np.zeros(entries.width + 1)
            weights[-1] = self._start(problem.target)
            nears.append(begin(problem, weights))
        found, _ = self._solved(state, Warm(entries, tuple(nears), self._lattices(state), _ends(columns, cells)))
        return replace(found, seconds_per_record=(perf_counter() - started) / len(records))

    def _resumed(self, rows: tuple[Any, ...], meta: dict[str, Any], arrays: Arrays) -> UniqueState:
        """Take the coefficients up as they were saved."""
        del meta
        features, named, records, started = rows
        columns, found = _columns(features[:-1], records.cells), arrays["coefficients"].astype(np.int64)
        seconds = (perf_counter() - started) / len(records)
        state = UniqueState(self.task, self._hyperparameters(), features, named, records, seconds, columns, found, None)
        if found.shape != (len(self._scores(state)), int(Scaled(columns).offsets[-1]) + 1):
            raise ValueError("the coefficients are not those of these columns")
        return state

    def _downdated(
        self, before: UniqueState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[UniqueState, dict[str, int]]:
        warm = before.warm or self._warmed(before)
        gone = _ends(before.columns, leaving)
        stay = np.ones(len(warm.entries), np.bool_)
        stay[np.searchsorted(before.records.rows, rows)] = False
        inferred = np.array([one.low is None for one in before.inputs if one.kind is Kind.NUMERIC], np.bool_)
        an_end_left = bool((inferred & (gone > 0) & (gone == warm.ends)).any())
        if not an_end_left and records.words is before.records.words:
            cells, columns = None, before.columns
        else:
            cells = records.cells
            columns = _columns(before.inputs, cells)
        after = replace(before, records=records, columns=columns)
        kept = surviving(Scaled(before.columns), Scaled(columns))
        with_intercept = np.append(kept, warm.entries.width)
        if cells is not None and _ranges(columns) != _ranges(before.columns):
            entries = self._entries(after, cells)
            nears = [
                begin(problem, near.weights[with_intercept])
                for problem, near in zip(self._problems(entries, after), warm.nears, strict=True)
            ]
            return self._solved(after, Warm(entries, tuple(nears), self._lattices(after), _ends(columns, cells)))
        theirs = self._problems(warm.entries.take(~stay), before)
        penalty = self._penalty(after)
        nears = [without(near, own, penalty) for near, own in zip(warm.nears, theirs, strict=True)]
        entries, lattices = warm.entries.take(stay), warm.lattices
        if columns is not before.columns:
            entries, nears = entries.moved(kept, columns), [narrowed(near, with_intercept) for near in nears]
            lattices = self._lattices(after)
        return self._solved(after, Warm(entries, tuple(nears), lattices, warm.ends - gone))

    def _solved(self, state: UniqueState, warm: Warm) -> tuple[UniqueState, dict[str, int]]:
        """Return the state at the optimum, and the work."""
        works: Counter[str] = Counter()
        found, nears = [], []
        problems = self._problems(warm.entries, state)
        for problem, near, lattice in zip(problems, warm.nears, warm.lattices, strict=True):
            coefficients, there, work = solve(problem, near, lattice)
            found.append(coefficients)
            nears.append(there)
            works.update(work)
        return replace(state, coefficients=np.array(found), warm=replace(warm, nears=tuple(nears))), dict(works)

    def _warmed(self, state: UniqueState) -> Warm:
        """Make the cache of a state that was loaded."""
        cells = state.records.cells
        entries = self._entries(state, cells)
        starts = zip(self._problems(entries, state), self._points(state), strict=True)
        nears = tuple(begin(problem, point) for problem, point in starts)
        return Warm(entries, nears, self._lattices(state), _ends(state.columns, cells))

    def _entries(self, state: UniqueState, cells: Cells) -> Entries:
        if self.task == "regression":
            return entries_of(state.columns, cells, cells.numbers[:, -1].copy())
        order = np.array([state.classes.index(word) for word in cells.words[-1]], np.float64)
        return entries_of(state.columns, cells, order[cells.codes[:, -1]])

    def _problems(self, entries: Entries, state: UniqueState) -> list[Problem]:
        """Return what is minimised for each score; the penalty is that of all the state's rows."""
        penalty = self._penalty(state)
        targets = self._targets(entries.target, len(state.classes))
        return [Problem(entries, target, self.form, penalty) for target in targets]

    def _penalty(self, state: UniqueState) -> float:
        return self._lambda(float(str(from_text(state.hyperparameters[self.strength]))), len(state.records))

    def _scores(self, state: UniqueState) -> tuple[str, ...]:
        """Return what each score is about: a class's typed label; nothing, of numbers."""
        return (state.classes[1:] if len(state.classes) == 2 else state.classes) or ("",)

    def _lattices(self, state: UniqueState) -> tuple[Lattice, ...]:
        """Return the lattice of each score's coefficients, drawn by what they are about."""
        stated = state.hyperparameters["random_state"].encode()
        key = blake2b(stated, key=self.key or b"", digest_size=32, person=b"expunge unique").digest()
        about = [*map(list, Scaled(state.columns).places), []]
        return tuple(
            Lattice.drawn(key, [canonical_json([score, *one]) for one in about]) for score in self._scores(state)
        )

    def _points(self, state: UniqueState) -> Floats:
        """Return the coefficients as numbers: (n_scores, width + 1)."""
        lattices = self._lattices(state) if state.warm is None else state.warm.lattices
        pairs = zip(lattices, state.coefficients, strict=True)
        return np.array([lattice.points(own) for lattice, own in pairs])


def _columns(features: tuple[Feature, ...], cells: Cells) -> tuple[Column, ...]:
    """Complete the features' declared facts from the rows."""
    return tuple(replace(column, resolution=None) for column in learn_columns(features, cells))


def _ranges(columns: tuple[Column, ...]) -> list[tuple[float | None, float | None]]:
    return [(column.low, column.high) for column in columns]


def _ends(columns: tuple[Column, ...], cells: Cells) -> npt.NDArray[np.int64]:
    """Count the rows at the low and the high end of each column of numbers: (2, n_numbers)."""
    numeric = [column for column in columns if column.words is None]
    ends = np.array([[one.low for one in numeric], [one.high for one in numeric]], np.float64)
    return np.asarray((cells.numbers[None, :, : len(numeric)] == ends[:, None]).sum(axis=1), dtype=np.int64)
