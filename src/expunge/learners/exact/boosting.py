"""Boosting by tables: gradient boosting whose every round is a lookup table, and that forgets in milliseconds.

`expunge._kernels.tables` says what is computed. Here rows become bins, bins a plan, and the plan's rounds are learned;
what is forgotten goes through all three.

Invariant
---------
Forgetting changes the rounds where nothing else moved, and learns them afresh where a bin did; bins too where a range,
a category or the starting score did. All give the same bytes.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from expunge._kernels import judging, tables
from expunge._kernels.staging import DEEPEST
from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.bounds import at_least, positive
from expunge.learners.exact.drawn import drawn_apart
from expunge.learners.exact.grown import (
    Grown,
    GrownPredictor,
    GrownState,
    key_of,
    shares,
)
from expunge.learners.exact.grown import Rows as Numbers
from expunge.learners.exact.losses import Amounts, Labels, LossName, Target
from expunge.learners.exact.predictor import ProbableClassifier, Regressor
from expunge.learners.exact.records import Records
from expunge.learners.exact.series import Series
from expunge.learners.exact.staged import Stages
from expunge.learners.exact.threads import workers
from expunge.learners.served import ServedModel, Signature
from expunge.learners.served.staged import StagedModel
from expunge.learners.served.tables import TablesModel

MultiClass: TypeAlias = Literal["ovr", "softmax"]

PURPOSE: Final = b"expunge tables"
MOST_SIGNAL: Final = 1000

OF_TABLES: Final = ("n_candidates", "max_features", "multi_class")
OF_STAGES: Final = ("n_stages", "max_depth")
"""What is said about one structure alone."""
OF_ONE: Final = {"tables": OF_STAGES, "staged": OF_TABLES, "auto": ("multi_class",)}
"""What is therefore not said where another is taken."""
JUDGES: Final = 0.1
"""Share of the people who judge structures."""

Structure: TypeAlias = Literal["tables", "staged", "auto"]


class Rounds(Grown):
    """What a state's rows became: bins, and a series; or two, of which the better is chosen by people apart.

    These judges are drawn by key: they have weight nought in both, which get scores for them and learn nothing of them.
    The structure of least loss on them is taken, tables where both are as good. All is integers, so the choice is a
    function of who is left, and it is looked at again whenever somebody leaves.
    """

    def __init__(self, features: tuple[Feature, ...], records: Records, target: Target, learner: Boosting) -> None:
        key = key_of(learner, PURPOSE)
        super().__init__(features, records, target, key)
        target.check_rows()
        self._alive = np.ones(self._n, np.uint8)
        self._apart, known = np.zeros(self._n, np.uint8), self.weights.units
        if learner.structure == "auto":
            self._apart = drawn_apart(records, key_of(learner, b"expunge judges"), JUDGES)
            known = known * (1 - self._apart)
        names = (*KINDS,) if learner.structure == "auto" else (learner.structure,)
        self.contenders: dict[str, Series | Stages] = {
            name: KINDS[name](self, known.copy(), key, learner) for name in names
        }
        self.chosen = self._chosen()

    @property
    def series(self) -> Series | Stages:
        """The one that was chosen."""
        return self.contenders[self.chosen]

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was learned, of all contenders."""
        if len(self.contenders) == 1:
            return self.series.arrays
        return {f"{name} {part}": own for name, one in self.contenders.items() for part, own in one.arrays.items()}

    @property
    def facts(self) -> dict[str, Any]:
        """Those of the target, and which structure was chosen."""
        return super().facts | {"structure": self.chosen}

    def forget(self, kept: Records, leaving: Cells, names: Numbers) -> dict[str, int] | None:
        """Take rows away, as `Grown.forget`, and choose again."""
        work = super().forget(kept, leaving, names)
        if work is not None:
            self.chosen = self._chosen()
        return work

    def _chosen(self) -> str:
        if len(self.contenders) == 1:
            return next(iter(self.contenders))
        loss, units = self.target.loss, self.weights.units * self._apart
        return min(
            self.contenders,
            key=lambda name: sum(
                judging.loss_of(units, chain.scores[-1], pull, loss.costs, loss.pull)
                for chain, pull in zip(self.contenders[name].chains, self.target.pulls, strict=True)
            ),
        )

    def _left(self, rows: Numbers, *, moved: bool) -> dict[str, int] | None:
        self._alive[rows], self._apart[rows] = 0, 0
        work: dict[str, int] = {}
        for one in self.contenders.values():
            if moved and isinstance(one, Series):
                one.drop(rows)
                done = {"rows_learned_again": self._n}
            else:
                done = one.leave(self, self._alive, rows)
            work = {name: work.get(name, 0) + done.get(name, 0) for name in {**work, **done}}
        return None if self.target.leave(rows) else work

    def _merged(self, column: int, before: int) -> None:
        """Do nothing: `_moved` does it for all bins that moved."""

    def _moved(self) -> None:
        for one in self.contenders.values():
            one.grow(self, self._alive == 0)


KINDS: Final[dict[str, type[Series] | type[Stages]]] = {"tables": Series, "staged": Stages}


class Boosting(GrownPredictor):
    """Base of classifier and regression: all but what is predicted."""

    format: ClassVar[int] = 3

    n_estimators: int
    learning_rate: float
    n_candidates: int
    max_features: int
    reg_lambda: float
    value_step: float
    min_signal: float
    structure: Structure
    n_stages: int
    max_depth: int
    n_jobs: int | None

    def prepare(self) -> None:
        """Compile the kernels, for ``auto`` those of both structures: either may be served."""
        super().prepare()
        if self.structure == "auto":
            for structure in KINDS:
                clone(self).set_params(structure=structure, schema=None, key=None).prepare()

    @property
    def structure_(self) -> str:
        """What is served: ``tables`` or ``staged``."""
        chosen: str = self._fitted().grown.chosen
        return chosen

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """Share of each column in what the tables or splits gained: (n_features,), of sum 1 where anything was gained.

        A table's gain is divided evenly among its columns.
        """
        rounds: Rounds = self._fitted().grown
        return shares(rounds.series.gains, len(rounds.columns))

    def _check_parameters(self) -> None:
        workers(self.n_jobs)
        for name, least in (("n_estimators", 1), ("n_candidates", 1), ("max_features", 1), ("random_state", 0)):
            at_least(name, getattr(self, name), least)
        if self.max_features > tables.MOST_FEATURES:
            raise InputError(f"max_features={self.max_features} is too many.", mend="Give 1, 2 or 3.")
        at_least("n_stages", self.n_stages, 1)
        if at_least("max_depth", self.max_depth, 1) > DEEPEST:
            raise InputError(f"max_depth={self.max_depth} is too deep.", mend=f"Give at most {DEEPEST}.")
        self._check_structure()
        for name in ("learning_rate", "reg_lambda", "value_step"):
            positive(name, getattr(self, name))
        if self.min_signal != 0 and positive("min_signal", self.min_signal) > MOST_SIGNAL:
            raise InputError(f"min_signal={self.min_signal!r} is too much.", mend=f"Give at most {MOST_SIGNAL}.")

    def _check_structure(self) -> None:
        """Refuse what is said about the other structure."""
        if self.structure not in (*OF_ONE,):  # a tuple: what cannot be hashed is refused too
            raise InputError(f"structure={self.structure!r} is not known.", mend=f"Take one of {', '.join(OF_ONE)}.")
        defaults = type(self)().get_params(deep=False)
        for name in OF_ONE[self.structure]:
            if (given := getattr(self, name, None)) != defaults.get(name):
                raise InputError(f"{name}={given!r} says nothing where structure={self.structure!r}.", mend="Omit it.")

    def _made(self, state: GrownState) -> ServedModel:
        rounds: Rounds = state.grown
        signature = Signature(rounds.binning.columns, state.named, state.classes or None)
        series, target = rounds.series, rounds.target
        if isinstance(series, Stages):
            return StagedModel.of(signature, rounds.binning, series.served(), target.link)
        learned = (rounds.binning, series.plan, series.chains, target.starts, target.link)
        return TablesModel.of(signature, *learned, softmax=target.together)


class BoostingClassifier(ProbableClassifier, Boosting):
    """Gradient boosting by lookup tables, with the logistic loss; several classes each against the rest, or together.

    Every round is a table over one to three columns, cut into at most 256 cells. Columns and cuts are drawn by key; the
    data choose one of some candidates, and the values of its cells. So one person's leaving seldom changes more than
    a few integer sums, and forgetting takes milliseconds.

    Parameters
    ----------
    n_estimators : int
        Rounds: tables, or trees.
    learning_rate : float
    n_candidates : int
        Tables drawn in each round, of which the data choose one; not for ``staged``.
    max_features : int
        Most columns of a table, 1 to 3; not for ``staged``.
    reg_lambda : float
        Added to each cell's sum of second derivatives, as in LightGBM.
    value_step : float
        Values of cells are multiples of this share of the learning rate: the coarser, the fewer move.
    min_signal : float
        A cell whose sum of gradients is below so many standard deviations adds nothing.
    multi_class : {"ovr", "softmax"}
        Several classes: each against the rest, or together under one loss. The latter is more accurate on some data,
        and forgets many times slower: who moves one class's score moves the gradients of all. For ``tables`` only; of
        no effect on two classes.
    structure : {"tables", "staged", "auto"}
        ``staged`` takes trees instead of tables, for columns that tell something only together: it forgets more slowly.
        ``auto`` learns both from nine tenths of the people, and serves the one that does better on the others.
    n_stages : int
        How often the trees' splits are chosen by what is yet to be learned; not for ``tables``.
    max_depth : int
        Levels of a tree, 1 to 8; not for ``tables``. The first two are drawn by key, but for the last.
    n_jobs : int or None
        Threads: several classes learn on one each, and so do trees of a stage; -1 for all that the machine has. What
        is learned is the same for any number.
    random_state : int
        What the key is derived from, where none is given.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        32 bytes: what all random choices derive from, with `random_state`.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    structure_ : str
        What is served: ``tables`` or ``staged``.
    state_ : GrownState
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

    decisive = ("multi_class", "structure")

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
        multi_class: MultiClass = "ovr",
        structure: Structure = "tables",
        n_stages: int = 1,
        max_depth: int = 6,
        n_jobs: int | None = None,
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
        self.multi_class = multi_class
        self.structure = structure
        self.n_stages = n_stages
        self.max_depth = max_depth
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.multi_class not in ("ovr", "softmax"):
            raise InputError(f"multi_class={self.multi_class!r} is not known.", mend="Take 'ovr' or 'softmax'.")

    def _grow(self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...]) -> Rounds:
        target = Labels(features, records, classes, together=self.multi_class == "softmax")
        return Rounds(features, records, target, self)


class BoostingRegressor(Regressor, Boosting):
    """Gradient boosting by lookup tables, for a number: as `BoostingClassifier`, with another loss.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}
        For counts and other numbers from 0 on, ``poisson`` predicts the exponential of the score, with its deviance.
        Numbers further from the mean than 16 times a power of two near the standard deviation pull as if they were
        there; ``poisson`` predicts no more than 54 times a power of two near the mean.
    n_estimators : int
        Rounds: tables, or trees.
    learning_rate : float
    n_candidates : int
        Tables drawn in each round, of which the data choose one; not for ``staged``.
    max_features : int
        Most columns of a table, 1 to 3; not for ``staged``.
    reg_lambda : float
        Rows' worth of curvature added to each cell.
    value_step : float
        Values of cells are multiples of this share of the learning rate, in standard deviations: the coarser, the
        fewer move.
    min_signal : float
        A cell whose sum of gradients is below so many standard deviations adds nothing.
    structure : {"tables", "staged", "auto"}
        ``staged`` takes trees instead of tables, for columns that tell something only together: it forgets more slowly.
        ``auto`` learns both from nine tenths of the people, and serves the one that does better on the others.
    n_stages : int
        How often the trees' splits are chosen by what is yet to be learned; not for ``tables``.
    max_depth : int
        Levels of a tree, 1 to 8; not for ``tables``. The first two are drawn by key, but for the last.
    n_jobs : int or None
        Threads; -1 for all that the machine has. What is learned is the same for any number.
    random_state : int
        What the key is derived from, where none is given.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state, that of the target too.
    key : bytes or None
        32 bytes: what all random choices derive from, with `random_state`.

    Attributes
    ----------
    structure_ : str
        What is served: ``tables`` or ``staged``.
    state_ : GrownState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (3000, 2))
    >>> learner = BoostingRegressor().fit(X, 10 * X[:, 0] * X[:, 1])
    >>> np.abs(learner.predict([[0.7, 0.7], [0.7, -0.7]]) - [4.9, -4.9]).max() < 1
    np.True_
    """

    decisive = ("loss", "structure")

    def __init__(
        self,
        loss: LossName = "squared_error",
        n_estimators: int = 150,
        learning_rate: float = 0.12,
        *,
        n_candidates: int = 8,
        max_features: int = 3,
        reg_lambda: float = 2.0,
        value_step: float = 0.1,
        min_signal: float = 1.0,
        structure: Structure = "tables",
        n_stages: int = 1,
        max_depth: int = 6,
        n_jobs: int | None = None,
        random_state: int = 0,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.loss = loss
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.n_candidates = n_candidates
        self.max_features = max_features
        self.reg_lambda = reg_lambda
        self.value_step = value_step
        self.min_signal = min_signal
        self.structure = structure
        self.n_stages = n_stages
        self.max_depth = max_depth
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.loss not in ("squared_error", "poisson"):  # a tuple: what cannot be hashed is refused too
            raise InputError(f"loss={self.loss!r} is not known.", mend="Take 'squared_error' or 'poisson'.")

    def _grow(self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...]) -> Rounds:
        del classes  # there are none
        return Rounds(features, records, Amounts(features, records, self.loss), self)
