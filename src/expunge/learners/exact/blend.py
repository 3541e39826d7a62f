"""Blends: chains of boosting, an additive chain and a forest over the same bins, weighed by people apart.

A tenth of the people, drawn by key, are judges: the first chain of boosting and the additive one do not learn from
them, and the forest's word on them comes from the trees that do not see them. Of a fixed list of weights those are
taken whose loss on the judges is least (`expunge._kernels.judging`). All of it is integers, so the choice is a function
of who is left, and it is looked at again whenever somebody leaves.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from expunge._kernels import judging
from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.encoding.columns import Feature
from expunge.learners.exact.boosting import Boosting, BoostingClassifier, BoostingRegressor
from expunge.learners.exact.bounds import at_least
from expunge.learners.exact.drawn import drawn_apart
from expunge.learners.exact.forest import ForestClassifier, Foresting, ForestRegressor, Grove
from expunge.learners.exact.grown import (
    Grown,
    GrownPredictor,
    GrownState,
    Rows,
    key_of,
    shares,
)
from expunge.learners.exact.losses import Amounts, Labels, Target, of_shares
from expunge.learners.exact.predictor import ProbableClassifier, Regressor
from expunge.learners.exact.records import Records
from expunge.learners.exact.series import Series
from expunge.learners.exact.threads import FEW, in_threads, workers
from expunge.learners.served import ServedModel, Signature
from expunge.learners.served.blend import BlendModel

MOST_CHAINS: Final = 64
SEEN: Final = 0.2
"""Share of the people that a tree of the forest sees: the others may judge it."""
WEIGHTS: Final = np.array(
    [
        (10 - additive - forest, additive, forest)
        for forest in (0, 1, 2, 3, 4, 5, 10)
        for additive in (0, 4, 10)
        if additive + forest <= 10
    ],
    np.int64,
)
"""Tenths of boosting, the additive chain and the forest: the first of equals is taken."""


class Blended(Grown):
    """What a state's rows became: bins, series and trees, and who judges them."""

    def __init__(self, features: tuple[Feature, ...], records: Records, target: Target, learner: Blending) -> None:
        super().__init__(features, records, target, key_of(learner, b"expunge blend"))
        target.check_rows()
        boosting, additive, forest = learner._members()
        apart = drawn_apart(records, key_of(learner, b"expunge judges"), float(learner.judges))
        self._alive = np.ones(self._n, np.uint8)
        units = self.weights.units
        known = units * (1 - apart)
        keys = [key_of(learner, b"expunge chain %d" % number) for number in range(int(learner.n_chains) + 1)]
        self._workers = workers(learner.n_jobs)
        everybody = [known.copy(), *(units.copy() for _ in keys[1:-1]), known.copy()]
        dials = [boosting] * (len(keys) - 1) + [additive]
        works = [partial(Series, self, *each) for each in zip(everybody, keys, dials, strict=True)]
        *self.boosted, self.additive = in_threads(self._workers, works)
        self.grove = Grove(self, records, key_of(learner, b"expunge forest"), forest, units.copy())
        n_scores = len(target.starts)
        self._judges = judging.empty_judges(np.flatnonzero(apart).astype(np.int32), self.grove.draws, n_scores)
        self._first = 1 if isinstance(target, Labels) and n_scores == 1 else 0
        self._of_share = of_shares(target.link)
        self._judged()

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Those of every member."""
        named = [
            (f"{number} {name}", own) for number, each in enumerate(self.series) for name, own in each.arrays.items()
        ]
        return dict(named) | self.grove.arrays

    @property
    def facts(self) -> dict[str, Any]:
        """Those of the target, and the weights."""
        return super().facts | {"weights": WEIGHTS[self.chosen].tolist()}

    @property
    def series(self) -> tuple[Series, ...]:
        """All chains: those of boosting, and the additive one."""
        return (*self.boosted, self.additive)

    def forget(self, kept: Records, leaving: Any, names: Rows) -> dict[str, int] | None:
        """Take rows away, as `Grown.forget`, and judge again."""
        work = super().forget(kept, leaving, names)
        if work is not None:
            self._judged()
        return work

    def _left(self, rows: Rows, *, moved: bool) -> dict[str, int] | None:
        self._alive[rows] = 0
        work = {"rows_learned_again": self._n} if moved else {}
        if moved:
            for series in self.series:
                series.drop(rows)
        else:
            works = [partial(series.leave, self, self._alive, rows) for series in self.series]
            done = in_threads(self._workers if len(rows) > FEW else 1, works)
            work = {name: sum(own[name] for own in done) for name in done[0]}
        work |= self.grove.leave(self, rows)
        judging.dismiss(self._judges, rows)
        return None if self.target.leave(rows) else work

    def _merged(self, column: int, before: int) -> None:
        self.grove.merge(self, column, before)

    def _moved(self) -> None:
        in_threads(self._workers, [partial(series.grow, self, self._alive == 0) for series in self.series])

    def _judged(self) -> None:
        """Let the judges hear what is new, and choose the weights."""
        trees, loss = self.grove.trees, self.target.loss
        judging.hear(self.rows, self.grove.draws, trees, self._judges, self._first)
        heard = (self.boosted[0], self.additive)
        scores = np.stack([[chain.scores[-1] for chain in series.chains] for series in heard])
        targets = np.stack(self.target.pulls)
        told = (scores, targets, self.weights.units, self._of_share, WEIGHTS)
        self.losses = judging.judge(self._judges, *told, loss.costs, loss.pull)
        self.chosen = int(self.losses.argmin())


class Blending(GrownPredictor):
    """Base of classifier and regression: all but what is predicted."""

    format: ClassVar[int] = 1

    n_chains: int
    n_estimators: int
    n_trees: int
    min_samples_leaf: int
    judges: float
    n_jobs: int | None

    @abstractmethod
    def _members(self) -> tuple[Boosting, Boosting, Foresting]:
        """Return how boosting, the additive chain and the forest are learned."""

    def prepare(self) -> None:
        """Compile the kernels, those of members without a weight too: they have one on other rows."""
        super().prepare()
        for member in self._members():
            member.prepare()

    @property
    def weights_(self) -> dict[str, float]:
        """Share of each member in the score, as the judges chose it: ``boosting``, ``additive``, ``forest``."""
        chosen = WEIGHTS[self._fitted().grown.chosen] / judging.TENTHS
        return dict(zip(("boosting", "additive", "forest"), chosen.tolist(), strict=True))

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """Share of each column in what the members gained, each by its weight: (n_features,)."""
        blended: Blended = self._fitted().grown
        n_features, weights = len(blended.columns), self.weights_
        boosted = np.mean([shares(series.gains, n_features) for series in blended.boosted], axis=0)
        found = weights["boosting"] * boosted + weights["additive"] * shares(blended.additive.gains, n_features)
        return np.asarray(found + weights["forest"] * shares(blended.grove.gains, n_features))

    def _check_parameters(self) -> None:
        workers(self.n_jobs)
        for name, least in (("n_chains", 1), ("n_estimators", 1), ("n_trees", 1), ("random_state", 0)):
            at_least(name, getattr(self, name), least)
        at_least("min_samples_leaf", self.min_samples_leaf, 1)
        if self.n_chains > MOST_CHAINS:
            raise InputError(f"n_chains={self.n_chains} is too many.", mend=f"Give at most {MOST_CHAINS}.")
        if isinstance(self.judges, bool) or not isinstance(self.judges, float | int) or not 0 < self.judges < 1:
            raise InputError(f"judges={self.judges!r} is no share.", mend="Give a number above 0, below 1.")

    def _made(self, state: GrownState) -> ServedModel:
        blended: Blended = state.grown
        boosting, additive, forest = WEIGHTS[blended.chosen].tolist()
        weighed = [(boosting, series) for series in blended.boosted]
        weighed.append((additive * len(blended.boosted), blended.additive))
        signature = Signature(blended.binning.columns, state.named, state.classes or None)
        return BlendModel.of(
            signature,
            blended.binning,
            [(weight, series.plan, series.chains) for weight, series in weighed if weight],
            blended.target.starts,
            (forest * len(blended.boosted), blended.grove.arrays) if forest else None,
            (judging.TENTHS * len(blended.boosted), blended.target.link, blended.target.of_places),
        )


class BlendClassifier(ProbableClassifier, Blending):
    """Boosting, an additive chain and a random forest in one, weighed by people whom those judged did not learn from.

    The default for tables where accuracy counts more than the last millisecond.

    Parameters
    ----------
    n_chains : int
        Chains of boosting; the mean of their scores counts.
    n_estimators : int
        Rounds of each chain; the additive one has half as many.
    n_trees : int
        Of the forest.
    min_samples_leaf : int
        Fewest rows in a leaf.
    judges : float
        Share of the people who weigh the members, above 0, below 1. The first chain and the additive one do not learn
        from them; boosting's other chains do, and are not judged.
    n_jobs : int or None
        Threads; -1 for all that the machine has. What is learned is the same for any number.
    random_state : int
        What the key is derived from, where none is given.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        32 bytes: what all random choices derive from, with `random_state`.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    weights_ : dict of str to float
        What was chosen.
    state_ : GrownState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (2000, 2))
    >>> learner = BlendClassifier().fit(X, X[:, 0] * X[:, 1] > 0)
    >>> learner.predict([[0.7, 0.7], [0.7, -0.7]]).tolist()
    [True, False]
    >>> report = learner.forget([3, 4])
    >>> rest = np.delete(np.arange(2000), [3, 4])
    >>> again = BlendClassifier().fit(X[rest], (X[:, 0] * X[:, 1] > 0)[rest], subjects=rest)
    >>> learner.digest() == again.digest()
    True
    """

    def __init__(
        self,
        n_chains: int = 2,
        n_estimators: int = 100,
        n_trees: int = 40,
        *,
        min_samples_leaf: int = 20,
        judges: float = 0.1,
        n_jobs: int | None = None,
        random_state: int = 0,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.n_chains = n_chains
        self.n_estimators = n_estimators
        self.n_trees = n_trees
        self.min_samples_leaf = min_samples_leaf
        self.judges = judges
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def _members(self) -> tuple[Boosting, Boosting, Foresting]:
        rounds = int(self.n_estimators)
        leaf = int(self.min_samples_leaf)
        forest = ForestClassifier(int(self.n_trees), subject_fraction=SEEN, min_samples_leaf=leaf, n_jobs=self.n_jobs)
        return BoostingClassifier(rounds), _additive(BoostingClassifier, rounds), forest

    def _grow(self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...]) -> Blended:
        return Blended(features, records, Labels(features, records, classes), self)


class BlendRegressor(Regressor, Blending):
    """Boosting, an additive chain and a random forest in one, for a number; the squared error weighs them.

    Parameters
    ----------
    n_chains : int
        Chains of boosting; the mean of their scores counts.
    n_estimators : int
        Rounds of each chain; the additive one has half as many.
    n_trees : int
        Of the forest.
    min_samples_leaf : int
        Fewest rows in a leaf.
    judges : float
        Share of the people who weigh the members, above 0, below 1. The first chain and the additive one do not learn
        from them; boosting's other chains do, and are not judged.
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
    weights_ : dict of str to float
        What was chosen.
    state_ : GrownState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (3000, 2))
    >>> learner = BlendRegressor().fit(X, 10 * X[:, 0] * X[:, 1])
    >>> np.abs(learner.predict([[0.7, 0.7], [0.7, -0.7]]) - [4.9, -4.9]).max() < 1
    np.True_
    """

    def __init__(
        self,
        n_chains: int = 2,
        n_estimators: int = 150,
        n_trees: int = 40,
        *,
        min_samples_leaf: int = 5,
        judges: float = 0.1,
        n_jobs: int | None = None,
        random_state: int = 0,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.n_chains = n_chains
        self.n_estimators = n_estimators
        self.n_trees = n_trees
        self.min_samples_leaf = min_samples_leaf
        self.judges = judges
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def _members(self) -> tuple[Boosting, Boosting, Foresting]:
        rounds = int(self.n_estimators)
        leaf = int(self.min_samples_leaf)
        forest = ForestRegressor(int(self.n_trees), subject_fraction=SEEN, min_samples_leaf=leaf, n_jobs=self.n_jobs)
        boosting = BoostingRegressor(n_estimators=rounds)
        return boosting, _additive(BoostingRegressor, rounds), forest

    def _grow(self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...]) -> Blended:
        del classes  # there are none
        return Blended(features, records, Amounts(features, records, "squared_error"), self)


def _additive(kind: type[Boosting], rounds: int) -> Boosting:
    """Return boosting by tables of one column: half the rounds at twice the rate are as good, and forget faster."""
    return kind(n_estimators=max(1, rounds // 2), learning_rate=0.24, max_features=1)
