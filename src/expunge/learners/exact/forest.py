"""Random forests that forget: who is in a tree is a keyed hash, and most who leave change nothing but counts.

`expunge._kernels.forests` says what a tree is, and proves how many rows may leave a node before it is looked at again.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Final, Literal, cast

import numpy as np
import numpy.typing as npt

from expunge._kernels import drawing, forests, mending, trees, walking
from expunge._kernels.drawing import Draws
from expunge._kernels.siphash import Words as Keys
from expunge._kernels.siphash import hash_each
from expunge._kernels.trees import Bytes, Room, Shape, Trees
from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.bounds import at_least
from expunge.learners.exact.drawn import ids_of
from expunge.learners.exact.grown import (
    Grown,
    GrownPredictor,
    GrownState,
    Rows,
    key_of,
    shares,
)
from expunge.learners.exact.leaves import AUTO, Leaves, check_least
from expunge.learners.exact.losses import Amounts, Labels, Target
from expunge.learners.exact.predictor import ProbableClassifier, Regressor
from expunge.learners.exact.records import Records
from expunge.learners.exact.threads import FEW, in_threads, workers
from expunge.learners.served import ServedModel, Signature
from expunge.learners.served.forest import ForestModel

PURPOSE: Final = b"expunge forest"
DEEPEST: Final = 2**15 - 1
_TREES, _PATHS, _WHO = 1, 2, 3
"""What is hashed: which trees see a subject, where a tree's paths begin, and who a subject is."""


class Grove:
    """Trees over bins.

    Parameters
    ----------
    grown : Grown
        Bins and rows; its target is one of `Labels` or `Amounts`.
    records : Records
    key : ndarray of uint64 (2,)
    dials : Foresting
        How it is grown.
    weight : ndarray of uint8 (n_rows,)
        How many rows each row counts as.

    Attributes
    ----------
    min_leaf : int
        The least size of a leaf.
    """

    def __init__(self, grown: Grown, records: Records, key: Keys, dials: Foresting, weight: Bytes) -> None:
        target = grown.target
        self._numbers = target if isinstance(target, Amounts) else None
        self.y = target.levels if isinstance(target, Amounts) else cast("Labels", target).numbers.copy()
        self.weight = weight
        n_classes = int(self.y.max()) + 1 if self._numbers is None else 2
        n_trees, n_features = int(dials.n_estimators), len(grown.columns)
        wanted = max(1, round(float(dials.max_features) * n_features))
        deepest = DEEPEST if dials.max_depth is None else min(int(dials.max_depth), DEEPEST)
        sizes = grown.binning.bins + grown.binning.missing
        chosen = dials.min_samples_leaf == AUTO
        counted = 0 if self._numbers else n_classes
        self._leaves = Leaves(grown.rows, self.y, weight, counted) if chosen else None
        self.min_leaf = self._leaves.least(sizes) if self._leaves else int(dials.min_samples_leaf)
        at_least = self.min_leaf * target.weights.one
        self._shape = Shape(
            *(key, sizes, wanted, min(at_least, int(weight.sum(dtype=np.int64)) + 1), deepest),
            1 if self._numbers is None else trees.WHOLE,
        )
        self.draws = _draws(records, key, n_trees, float(dials.subject_fraction))
        most, heaviest = drawing.drawn(self.draws, weight).max(axis=0, initial=1).tolist()
        self.trees = trees.empty_trees(n_trees, most, n_classes, self._shape, heaviest)
        self._workers = workers(dials.n_jobs)
        self._rooms = [
            (trees.room(most, n_features, n_classes), np.zeros(self.trees.feature.shape[1] + 2, np.int32))
            for _ in trees.parts_of(self.trees, self._workers)
        ]
        works = [
            partial(forests.grow_forest, grown.rows, self.y, weight, draws, own, self._shape, space)
            for draws, own, space, _ in self._parts
        ]
        in_threads(self._workers, works)

    @property
    def _parts(self) -> list[tuple[Draws, Trees, Room, Rows]]:
        """Which trees each thread has and what they see, these trees, and room to work in.

        The views are made whenever they are used: kept, they would be arrays of their own in a copy of this object.
        """
        each = zip(trees.parts_of(self.trees, self._workers), self._rooms, strict=True)
        return [(self.draws.of_trees(which), own, *room) for (which, own), room in each]

    def leave(self, grown: Grown, rows: Rows) -> dict[str, int]:
        """Take rows away that `grown` still has; returns the work."""
        if self._leaves:
            self._leaves.leave(grown.rows, self.y, self.weight, rows)
        works = [
            partial(
                mending.forget_from_forest,
                *(grown.rows, self.y, self.weight, draws, own, rows, self._shape, space, waiting),
            )
            for draws, own, space, waiting in self._parts
        ]
        done = in_threads(self._workers if len(rows) > FEW else 1, works)
        self.draws.who[rows], self.y[rows], self.weight[rows] = 0, 0, 0
        for space, waiting in self._rooms:  # what was worked with may name who left
            for own in (*space, waiting):
                own[:] = 0
        return {"rows_looked_at": sum(looked for looked, _ in done), "nodes_mended": sum(mended for _, mended in done)}

    def merge(self, grown: Grown, column: int, before: int) -> None:
        """Mend the trees where a bin of a column took the one behind it."""
        self._shape.sizes[column] -= 1
        if self._leaves:
            self._leaves.merge(column, before)
        for _, own, space, waiting in self._parts:
            mending.merge_bins(grown.rows, self.y, self.weight, own, column, before, self._shape, space, waiting)

    @property
    def settled(self) -> bool:
        """Whether the least size of a leaf is still what it was."""
        return self._leaves is None or self._leaves.least(self._shape.sizes) == self.min_leaf

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All trees, written down: what they are, whatever they went through (`ForestModel`)."""
        nodes, classes, starts, places = walking.flat(self.trees)
        if self._numbers is None:
            return {"nodes": nodes, "classes": classes, "starts": starts}
        summed = walking.sum_leaves(self.trees, nodes, starts, places, self._numbers.places, self.weight)
        return {"nodes": nodes, "classes": summed, "starts": starts}

    @property
    def gains(self) -> npt.NDArray[np.float64]:
        """How much purer each column's splits made the rows, over all trees: (n_features,)."""
        nodes, classes, _, _ = walking.flat(self.trees)
        whole = classes.astype(np.float64)
        purity = (whole**2).sum(axis=1) / np.maximum(whole.sum(axis=1), 1)
        inner = np.flatnonzero(nodes[:, 0] >= 0)
        gained = purity[inner + 1] + purity[inner + nodes[inner, 2]] - purity[inner]
        return np.bincount(nodes[inner, 0], gained, minlength=1).astype(np.float64)


class Forest(Grown):
    """What a state's rows became: bins, and trees."""

    def __init__(self, features: tuple[Feature, ...], records: Records, target: Target, learner: Foresting) -> None:
        key = key_of(learner, PURPOSE)
        super().__init__(features, records, target, key)
        self.grove = Grove(self, records, key, learner, self.weights.units.copy())

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All trees, written down."""
        return self.grove.arrays

    @property
    def facts(self) -> dict[str, Any]:
        """Range and unit of numbers, and the least size of a leaf; of classes a forest needs no starting score."""
        own = {} if isinstance(self.target, Amounts) else {"target": None}
        return super().facts | own | {"min_samples_leaf": self.grove.min_leaf}

    def forget(self, kept: Records, leaving: Cells, names: Rows) -> dict[str, int] | None:
        """Take rows away, as `Grown.forget`; where leaves are to be of another size now, all is grown afresh."""
        work = super().forget(kept, leaving, names)
        return work if work is not None and self.grove.settled else None

    def _merged(self, column: int, before: int) -> None:
        self.grove.merge(self, column, before)

    def _moved(self) -> None:
        """Do nothing: all is mended."""

    def _left(self, rows: Rows, *, moved: bool) -> dict[str, int] | None:
        del moved  # it is mended
        work = self.grove.leave(self, rows)
        other = self.target.leave(rows)
        return None if other and isinstance(self.target, Amounts) else work


class Foresting(GrownPredictor):
    """Base of classifier and regression: all but what is predicted."""

    format: ClassVar[int] = 3

    n_estimators: int
    subject_fraction: float
    max_features: float
    min_samples_leaf: int | Literal["auto"]
    max_depth: int | None
    n_jobs: int | None

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """Share of each column in what the splits gained: (n_features,), of sum 1 where anything was gained."""
        forest: Forest = self._fitted().grown
        return shares(forest.grove.gains, len(forest.columns))

    @property
    def min_samples_leaf_(self) -> int:
        """Fewest rows in a leaf, as given or as chosen."""
        forest: Forest = self._fitted().grown
        return forest.grove.min_leaf

    def _check_parameters(self) -> None:
        workers(self.n_jobs)
        for name, least in (("n_estimators", 1), ("random_state", 0)):
            at_least(name, getattr(self, name), least)
        check_least(self.min_samples_leaf)
        if self.max_depth is not None:
            at_least("max_depth", self.max_depth, 1)
        for name in ("subject_fraction", "max_features"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, float | int) or not 0 < value <= 1:
                raise InputError(f"{name}={value!r} is no share.", mend="Give a number above 0, at most 1.")

    def _made(self, state: GrownState) -> ServedModel:
        grown: Forest = state.grown
        signature = Signature(grown.binning.columns, state.named, state.classes or None)
        link = grown.target.of_places if isinstance(grown.target, Amounts) else None
        return ForestModel.of(signature, grown.binning, grown.grove.arrays, link)


class ForestClassifier(ProbableClassifier, Foresting):
    """Random forest; each tree sees a share of the people, drawn by key.

    Parameters
    ----------
    n_estimators : int
        Trees.
    subject_fraction : float
        Share of the people that a tree sees, above 0, at most 1. The smaller, the faster somebody is forgotten.
    max_features : float
        Share of the columns that a node looks at, above 0, at most 1.
    min_samples_leaf : int or "auto"
        Fewest rows in a leaf. ``"auto"``: 7 where one split of one column explains a twentieth of what there is to
        explain (Gini impurity, squared error); 120 where it explains less, but a two-hundredth, and there are 5,000
        rows; else 20.
    max_depth : int or None
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
    min_samples_leaf_ : int
        What was given, or chosen.
    state_ : GrownState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (2000, 2))
    >>> y = np.hypot(X[:, 0], X[:, 1]) < 0.7
    >>> learner = ForestClassifier(20).fit(X, y)
    >>> learner.predict([[0.1, 0.2], [0.9, 0.8]]).tolist()
    [True, False]
    >>> report = learner.forget([3, 4])
    >>> rest = np.delete(np.arange(2000), [3, 4])
    >>> learner.digest() == ForestClassifier(20).fit(X[rest], y[rest], subjects=rest).digest()
    True
    """

    def __init__(
        self,
        n_estimators: int = 64,
        *,
        subject_fraction: float = 0.35,
        max_features: float = 0.3,
        min_samples_leaf: int | Literal["auto"] = "auto",
        max_depth: int | None = None,
        n_jobs: int | None = None,
        random_state: int = 0,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.subject_fraction = subject_fraction
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def _grow(self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...]) -> Forest:
        return Forest(features, records, Labels(features, records, classes), self)


class ForestRegressor(Regressor, Foresting):
    """Random forest for a number; each tree sees a share of the people, drawn by key.

    Splits are chosen by sixteenths of a unit, up to eight units to either side of the mean; a unit is a power of two
    near the standard deviation. Leaves hold the mean of their rows.

    Parameters
    ----------
    n_estimators : int
        Trees.
    subject_fraction : float
        Share of the people that a tree sees, above 0, at most 1. The smaller, the faster somebody is forgotten.
    max_features : float
        Share of the columns that a node looks at, above 0, at most 1.
    min_samples_leaf : int or "auto"
        Fewest rows in a leaf. ``"auto"``: 7 where one split of one column explains a twentieth of what there is to
        explain (Gini impurity, squared error); 120 where it explains less, but a two-hundredth, and there are 5,000
        rows; else 20.
    max_depth : int or None
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
    min_samples_leaf_ : int
        What was given, or chosen.
    state_ : GrownState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (4000, 2))
    >>> learner = ForestRegressor(20, min_samples_leaf=5).fit(X, 10 * X[:, 0] * X[:, 1])
    >>> np.abs(learner.predict([[0.7, 0.7], [0.7, -0.7]]) - [4.9, -4.9]).max() < 1
    np.True_
    """

    def __init__(
        self,
        n_estimators: int = 64,
        *,
        subject_fraction: float = 0.35,
        max_features: float = 0.3,
        min_samples_leaf: int | Literal["auto"] = "auto",
        max_depth: int | None = None,
        n_jobs: int | None = None,
        random_state: int = 0,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.subject_fraction = subject_fraction
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def _grow(self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...]) -> Forest:
        del classes  # there are none
        return Forest(features, records, Amounts(features, records, "squared_error"), self)


def _draws(records: Records, key: Keys, n_trees: int, share: float) -> Draws:
    """Return what decides which tree sees which row."""
    who = hash_each(key, np.full(1, _WHO, np.uint64), ids_of(records))
    numbers = hash_each(key, np.full(1, _TREES, np.uint64), np.arange(2 * n_trees, dtype=np.uint64)).reshape(n_trees, 2)
    odd, other = np.ascontiguousarray(numbers.T)
    paths = hash_each(key, np.full(1, _PATHS, np.uint64), np.arange(n_trees, dtype=np.uint64))
    limit = np.uint64(min(int(share * 2**32), 2**32 - 1))
    return Draws(np.repeat(who, records.counts), odd | np.uint64(1), other, limit, paths)
