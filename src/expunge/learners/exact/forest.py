"""Random forests that forget: who is in a tree is a keyed hash, and most who leave change nothing but counts.

`expunge._kernels.forests` says what a tree is, and proves how many rows may leave a node before it is looked at again.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from expunge._kernels import forests, mending
from expunge._kernels.forests import Shape
from expunge._kernels.siphash import hash_each
from expunge.domain.digest import learned_digest
from expunge.domain.schema import Schema
from expunge.domain.subject import subject_bytes
from expunge.errors import InputError
from expunge.learners.encoding.columns import Feature
from expunge.learners.exact.bounds import at_least
from expunge.learners.exact.grown import Grown, GrownClassifier, GrownState, Rows, key_of
from expunge.learners.exact.records import Records
from expunge.learners.served import ServedModel, Signature
from expunge.learners.served.forest import ForestModel

FORMAT: Final = 1
PURPOSE: Final = b"expunge forest"
_TREES, _PATHS, _WHO = 1, 2, 3
"""What is hashed: which trees see a subject, where a tree's paths begin, and who a subject is."""


class Forest(Grown):
    """What a state's rows became: bins, and trees."""

    mends: ClassVar[bool] = True

    def __init__(
        self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...], learner: ForestClassifier
    ) -> None:
        key = key_of(learner, PURPOSE)
        super().__init__(features, records, classes, key)
        n_trees, n_features = int(learner.n_estimators), len(self.columns)
        wanted = max(1, round(float(learner.max_features) * n_features))
        deepest = np.iinfo(np.int16).max if learner.max_depth is None else int(learner.max_depth)
        sizes = self.binning.bins + self.binning.missing
        self._shape = Shape(key, sizes, wanted, int(learner.min_samples_leaf), deepest)
        self._within = _within(records, key, n_trees, float(learner.subject_fraction))
        most = int(self._within.sum(axis=1).max(initial=1))
        self.trees = forests.empty_trees(n_trees, most, len(classes), self._shape)
        self._space = forests.room(most, n_features, len(classes))
        self._waiting = np.zeros(self.trees.feature.shape[1] + 2, np.int32)
        paths = hash_each(key, np.full(1, _PATHS, np.uint64), np.arange(n_trees, dtype=np.uint64))
        forests.grow_forest(self.rows, self.y, self._within, self.trees, paths, self._shape, self._space)

    def _merged(self, column: int, before: int) -> None:
        self._shape.sizes[column] -= 1
        mending.merge_bins(self.rows, self.y, self.trees, column, before, self._shape, self._space, self._waiting)

    def _left(self, rows: Rows) -> dict[str, int]:
        looked, mended = mending.forget_from_forest(
            self.rows, self.y, self._within, self.trees, rows, self._shape, self._space, self._waiting
        )
        self._within[:, rows] = 0
        return {"rows_looked_at": looked, "nodes_mended": mended}


class ForestClassifier(GrownClassifier):
    """Random forest; each tree sees a share of the people, drawn by key.

    Parameters
    ----------
    n_estimators : int
        Trees.
    subject_fraction : float
        Share of the people that a tree sees, above 0, at most 1. The smaller, the faster somebody is forgotten.
    max_features : float
        Share of the columns that a node looks at, above 0, at most 1.
    min_samples_leaf : int
        Fewest rows in a leaf.
    max_depth : int or None
    random_state : int
        What the key is derived from, where none is given.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        32 bytes: what all random choices derive from, with `random_state`.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
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
        n_estimators: int = 100,
        *,
        subject_fraction: float = 0.2,
        max_features: float = 0.3,
        min_samples_leaf: int = 5,
        max_depth: int | None = None,
        random_state: int = 0,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.subject_fraction = subject_fraction
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.random_state = random_state
        self.schema = schema
        self.key = key

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, bins and all trees (64 hex)."""
        check_is_fitted(self)
        state: GrownState = self.state_
        grown: Forest = state.grown
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
            "columns": [column.to_dict() for column in grown.binning.columns],
            "classes": list(state.classes),
        }
        edges = [(f"edges {j}", own) for j, own in enumerate(grown.binning.edges)]
        nodes, classes, starts = forests.flat(grown.trees)
        trees: list[tuple[str, npt.NDArray[Any]]] = [("nodes", nodes), ("classes", classes), ("starts", starts)]
        arrays = (*edges, ("missing", grown.binning.missing), *trees)
        return learned_digest(meta, ((name, own.shape, own.astype("<i8").tobytes()) for name, own in arrays))

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return how far the second class's share is above a half: (n_rows,); else all shares: (n_rows, n_classes)."""
        return self.serve().decision_function(self._checked(X))

    def _check_parameters(self) -> None:
        for name, least in (("n_estimators", 1), ("min_samples_leaf", 1), ("random_state", 0)):
            at_least(name, getattr(self, name), least)
        if self.max_depth is not None:
            at_least("max_depth", self.max_depth, 1)
        for name in ("subject_fraction", "max_features"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, float | int) or not 0 < value <= 1:
                raise InputError(f"{name}={value!r} is no share.", mend="Give a number above 0, at most 1.")

    def _grow(self, features: tuple[Feature, ...], records: Records, classes: tuple[str, ...]) -> Forest:
        return Forest(features, records, classes, self)

    def _made(self, state: GrownState) -> ServedModel:
        grown: Forest = state.grown
        signature = Signature(grown.binning.columns, state.named, state.classes)
        return ForestModel.of(signature, grown.binning, *forests.flat(grown.trees))


def _within(records: Records, key: npt.NDArray[np.uint64], n_trees: int, share: float) -> npt.NDArray[np.uint8]:
    """Tell which tree sees which row: 1 where it does, ndarray of uint8 (n_trees, n_rows).

    A subject's hash is secret and its own; a tree takes those for whom (odd number of the tree times hash + other
    number) modulo 2**64, a multiply-shift hash, is below the share.
    """
    ids = [int.from_bytes(blake2b(subject_bytes(one), digest_size=8).digest(), "little") for one in records.subjects]
    who = hash_each(key, np.full(1, _WHO, np.uint64), np.array(ids, np.uint64))
    numbers = hash_each(key, np.full(1, _TREES, np.uint64), np.arange(2 * n_trees, dtype=np.uint64)).reshape(n_trees, 2)
    limit = np.uint64(min(int(share * 2**32), 2**32 - 1))
    seen = [((who * (odd | np.uint64(1)) + other) >> np.uint64(32)) <= limit for odd, other in numbers]
    return np.ascontiguousarray(np.repeat(np.array(seen), records.counts, axis=1)).view(np.uint8)
