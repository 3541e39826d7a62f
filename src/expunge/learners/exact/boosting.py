"""Boosting by tables: gradient boosting whose every round is a lookup table, and that forgets in milliseconds.

`expunge._kernels.tables` says what is computed. Here rows become bins, bins a plan, and the plan's rounds are learned;
what is forgotten goes through all three.

Invariants
----------
- All that was learned is a function of (records, declared facts, hyperparameters, key): forgetting changes the rounds
  where nothing else moved, and learns them afresh where a bin, a category or the starting score did. Both give the
  same bytes.
- The rounds are a cache that is changed in place. It belongs to one state at a time: a state whose rounds have gone on
  to another learns them again from its own records. So an interrupted call leaves the old state or the new.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from time import perf_counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from expunge._kernels import tables
from expunge._kernels.siphash import Words as Keys
from expunge._kernels.siphash import hash_each
from expunge._kernels.tables import Plan, Rule
from expunge.domain.digest import learned_digest
from expunge.domain.guarantee import Exact, Guarantee
from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.encoding.adaptive import Binning, learn_bins
from expunge.learners.encoding.codes import learn_columns
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.bounds import at_least, positive
from expunge.learners.exact.predictor import RowPredictor
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowState
from expunge.learners.exact.target import Task
from expunge.learners.served import ServedModel, Signature, labels
from expunge.learners.served.tables import TablesModel
from expunge.learners.values import to_text

FORMAT: Final = 1
MOST_ROWS: Final = 2**22
"""Beyond, a sum of gradients could leave its 32 bits."""
STARTS: Final = tables.UNIT // 2
"""The starting score is a multiple of half a logit: it moves seldom."""
MANY: Final = 50
"""Where one row in so many leaves, to learn afresh is faster."""
SHIFT: Final = 8
"""A bucket of scores is one logit wide; narrower ones are no more accurate, and more work to forget."""


class Rounds:
    """What a state's rows became: bins, plan and chains. A cache, and personal data; `forget` changes it.

    Parameters
    ----------
    records : Records
    features : tuple of Feature
    classes : tuple of str
    learner : BoostingClassifier
        For its hyperparameters and key.
    """

    def __init__(self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...], learner: Any) -> None:
        cells, key = records.cells, key_of(learner)
        self.binning, self._columns, self._watch = learn_bins(
            features[:-1], learn_columns(features[:-1], cells), key, cells
        )
        self._rows = np.ascontiguousarray(self._columns.T)
        self._alive = np.ones(len(cells), np.uint8)
        self._words = records.words
        self._classes = [records.words[-1].index(word) for word in (classes[1:] if len(classes) == 2 else classes)]
        self._labels = [(cells.codes[:, -1] == code).astype(np.uint8) for code in self._classes]
        self._counts = np.array([int(own.sum()) for own in self._labels], np.int64)
        self._n = len(cells)
        self._at = np.zeros(int(records.rows.max()) + 1, np.int32)
        self._at[records.rows] = np.arange(len(cells), dtype=np.int32)
        self.starts = self._starting()
        self.plan = _plan(self.binning, key, learner)
        self.rules = [_rule(start, key, learner) for start in self.starts]
        self.chains = [tables.empty_chain(self.plan, self._n) for _ in self.starts]
        for labels_of, rule, chain in zip(self._labels, self.rules, self.chains, strict=True):
            tables.grow(self._columns, labels_of, self.plan, rule, chain)

    def forget(self, kept: Records, leaving: Cells, rows: npt.NDArray[np.int32]) -> dict[str, int] | None:
        """Take rows away; returns the work, or None where the rounds must be learned afresh, and are of no use now.

        `rows` are named as the records name them.
        """
        if len(rows) > self._n // MANY:
            return None
        rows = self._at[rows]
        self._n -= len(rows)
        self._counts -= [int((leaving.codes[:, -1] == code).sum()) for code in self._classes]
        if kept.words is not self._words or self._watch.leave(leaving) or self._starting() != self.starts:
            return None
        self._alive[rows] = 0
        work = {"rows_pushed": 0, "values_moved": 0, "tables_changed": 0}
        for own, rule, chain in zip(self._labels, self.rules, self.chains, strict=True):
            done = tables.forget_rows(self._rows, self._columns, own, self._alive, rows, self.plan, rule, chain)
            for name, number in zip(work, done, strict=True):
                work[name] += number
            own[rows] = 0
        self._rows[rows] = 0
        self._columns[:, rows] = 0
        return work

    def _starting(self) -> list[int]:
        """Return the score of each chain before its first round: the logit of its share of rows, coarsely."""
        return [
            STARTS * math.floor(math.log(count / (self._n - count)) * tables.UNIT / STARTS + 0.5)
            for count in self._counts.tolist()
        ]


@dataclass(frozen=True, eq=False)
class BoostingState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    learner : BoostingClassifier
        A copy with the parameters of the fit.
    held : list of Rounds
        The rounds, where they are this state's; empty where they have gone on to another.
    """

    learner: Any
    held: list[Rounds] = field(default_factory=list)

    @property
    def rounds(self) -> Rounds:
        """The rounds, learned again where they are not here."""
        if not self.held:
            self.held.append(Rounds(self.features, self.records, self.classes, self.learner))
        return self.held[0]


class BoostingClassifier(ClassifierMixin, RowPredictor):  # type: ignore[misc]  # no types in scikit-learn
    """Gradient boosting by lookup tables, with the logistic loss; one class against the rest where there are several.

    Every round is a table over one to three columns, cut into at most 256 cells. Columns and cuts are drawn by key; the
    data choose one of some candidates, and the values of its cells. So one person's leaving seldom changes more than
    a few integer sums, and forgetting takes milliseconds.

    Parameters
    ----------
    n_estimators : int
        Rounds.
    learning_rate : float
    n_candidates : int
        Tables drawn in each round, of which the data choose one.
    max_features : int
        Most columns of a table, 1 to 3.
    reg_lambda : float
        Added to each cell's sum of second derivatives, as in LightGBM.
    value_step : float
        Values of cells are multiples of this share of the learning rate: the coarser, the fewer move.
    min_signal : float
        A cell whose sum of gradients is below so many standard deviations adds nothing.
    random_state : int
        What the key is derived from, where none is given.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        32 bytes: what all random choices derive from, with `random_state`.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    state_ : BoostingState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (2000, 2))
    >>> learner = BoostingClassifier(n_estimators=80).fit(X, X[:, 0] * X[:, 1] > 0)
    >>> learner.predict([[0.7, 0.7], [0.7, -0.7]]).tolist()
    [True, False]
    >>> report = learner.forget([3, 4])
    >>> rest = np.delete(np.arange(2000), [3, 4])
    >>> again = BoostingClassifier(n_estimators=80).fit(X[rest], (X[:, 0] * X[:, 1] > 0)[rest], subjects=rest)
    >>> learner.digest() == again.digest()
    True
    """

    def __init__(
        self,
        n_estimators: int = 100,
        learning_rate: float = 0.12,
        *,
        n_candidates: int = 4,
        max_features: int = 3,
        reg_lambda: float = 2.0,
        value_step: float = 0.3,
        min_signal: float = 1.0,
        random_state: int = 0,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.n_candidates = n_candidates
        self.max_features = max_features
        self.reg_lambda = reg_lambda
        self.value_step = value_step
        self.min_signal = min_signal
        self.random_state = random_state
        self.schema = schema
        self.key = key

    @property
    def task(self) -> Task | None:
        """What is predicted."""
        return "classification"

    @property
    def guarantee(self) -> Guarantee:
        """Exact on any machine: what decides is integers."""
        return Exact("portable")

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Class labels, sorted: (n_classes,)."""
        return labels(self._fitted().classes)

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return logits: (n_rows,) for two classes, above 0 for the second; else (n_rows, n_classes)."""
        return self.serve().decision_function(self._checked(X))

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class: (n_rows, n_classes)."""
        served: Any = self.serve()
        found: npt.NDArray[np.float64] = served.predict_proba(self._checked(X))
        return found

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """Share of each column in what the tables gained: (n_features,), of sum 1 where anything was gained.

        A table's gain is divided evenly among its columns.
        """
        rounds = self._fitted().rounds
        found = np.zeros(len(rounds.binning.columns))
        turns = np.arange(len(rounds.plan.arity))
        for chain in rounds.chains:
            gains, arity = chain.gains[turns, chain.chosen], rounds.plan.arity[turns, chain.chosen]
            for features, gain, n in zip(rounds.plan.features[turns, chain.chosen], gains, arity, strict=True):
                found[features[:n]] += gain / max(n, 1)
        return found / (found.sum() or 1.0)

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, bins and all sums of gradients (64 hex)."""
        check_is_fitted(self)
        state: BoostingState = self.state_
        rounds = state.rounds
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
            "columns": [column.to_dict() for column in rounds.binning.columns],
            "classes": list(state.classes),
            "starts": rounds.starts,
        }
        edges = [(f"edges {j}", own) for j, own in enumerate(rounds.binning.edges)]
        sums = [
            (f"{name} {c}", getattr(own, name)) for c, own in enumerate(rounds.chains) for name in ("sums", "chosen")
        ]
        arrays = (*edges, ("missing", rounds.binning.missing), *sums)
        return learned_digest(
            meta, ((name, own.shape, own.astype("<i8", copy=False).tobytes()) for name, own in arrays)
        )

    def _check_parameters(self) -> None:
        for name, least in (("n_estimators", 1), ("n_candidates", 1), ("max_features", 1), ("random_state", 0)):
            at_least(name, getattr(self, name), least)
        if self.max_features > tables.MOST_FEATURES:
            raise InputError(f"max_features={self.max_features} is too many.", mend="Give 1, 2 or 3.")
        for name in ("learning_rate", "reg_lambda", "value_step"):
            positive(name, getattr(self, name))
        if isinstance(self.min_signal, bool) or not 0 <= self.min_signal < math.inf:
            raise InputError(f"min_signal={self.min_signal!r} is below 0.", mend="Give 0 or more.")

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> BoostingState:
        if len(records) > MOST_ROWS:
            raise InputError(f"{len(records)} rows are too many.", mend=f"Give at most {MOST_ROWS}.")
        params = self.get_params(deep=False) | {"schema": None}
        state = BoostingState(self.task, self._hyperparameters(), features, named, records, 0.0, type(self)(**params))
        _ = state.rounds
        return replace(state, seconds_per_record=(perf_counter() - started) / len(records))

    def _downdated(
        self, before: BoostingState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[BoostingState, dict[str, int]]:
        rounds = before.rounds
        before.held.clear()  # the rounds are nobody's until they are changed: see the module
        work = rounds.forget(records, leaving, rows)
        after = replace(before, records=records, held=[] if work is None else [rounds])
        if work is None:
            _ = after.rounds
            return after, {"rows_learned_again": len(records)}
        return after, work

    def _made(self, state: BoostingState) -> ServedModel:
        rounds = state.rounds
        signature = Signature(rounds.binning.columns, state.named, state.classes)
        return TablesModel.of(signature, rounds.binning, rounds.plan, rounds.chains, rounds.starts)


def key_of(learner: BoostingClassifier) -> Keys:
    """Derive 128 bits from the key and `random_state`: ndarray of uint64 (2,)."""
    stated = to_text(learner.random_state).encode()
    drawn = blake2b(stated, key=learner.key or b"", digest_size=16, person=b"expunge tables").digest()
    return np.frombuffer(drawn, "<u8").astype(np.uint64)


def _plan(binning: Binning, key: Keys, learner: BoostingClassifier) -> Plan:
    drawn = tables.draw_plan(
        key,
        binning.live,
        binning.bins,
        binning.missing,
        binning.named,
        binning.names,
        int(learner.n_estimators),
        int(learner.n_candidates),
        int(learner.max_features),
    )
    return Plan(*drawn)


def _rule(start: int, key: Keys, learner: BoostingClassifier) -> Rule:
    rounds = np.arange(int(learner.n_estimators), dtype=np.uint64)
    offsets = hash_each(key, np.full(1, 9, np.uint64), rounds) % np.uint64(1 << SHIFT)
    rate = float(learner.learning_rate)
    return Rule(
        tables.slopes(),
        SHIFT,
        offsets.astype(np.int64),
        start,
        rate,
        float(learner.reg_lambda) * tables.UNIT,
        max(1.0, float(learner.value_step) * rate * tables.UNIT),
        float(learner.min_signal) ** 2 * tables.UNIT,
    )
