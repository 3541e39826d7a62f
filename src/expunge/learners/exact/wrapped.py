"""What learners that wrap another library's estimator have in common.

Invariants
----------
- What is learned is a pure function of (records, schema, hyperparameters, key) in one environment: rows are sorted by
  (keyed hash of the subject, content of the record), seeds are derived from the key, threads are pinned to one.
- Nothing of the library's own objects is kept: a fit ends in canonical arrays or text, which are digested, saved and
  served. The estimator that was handed in is never fitted, only cloned.
- Saved states name a class by its entry in `adapters.FAMILIES` and its hyperparameters as single values: no pickle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.utils.metaestimators import available_if

from expunge.domain.guarantee import Exact, Guarantee
from expunge.domain.subject import SubjectId, subject_bytes
from expunge.learners.base import Key
from expunge.learners.encoding.codes import Column
from expunge.learners.encoding.columns import Cells
from expunge.learners.exact.adapters.family import RANDOM_STATE, Rows
from expunge.learners.exact.predictor import RowPredictor, scored, tagged
from expunge.learners.exact.target import Task
from expunge.learners.served import in_label_order, labels
from expunge.learners.values import Scalar, to_text

ESTIMATOR: Final = "estimator"


def classifies(learner: Any) -> bool:
    """Tell whether a learner's estimator is a classifier."""
    return bool(is_classifier(learner.estimator))


class Wrapped(RowPredictor):
    """Base of learners that wrap an estimator; see the module."""

    estimator: Any

    @property
    def guarantee(self) -> Guarantee:
        """Exact in one environment: floats are summed by somebody else's code."""
        return Exact("environment")

    @property
    def task(self) -> Task | None:
        """What the estimator predicts."""
        return "classification" if is_classifier(self.estimator) else "regression"

    @property
    def environment(self) -> dict[str, str]:
        """In which environment it learned; digests are comparable within it."""
        return dict(self._fitted().environment)

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Class labels, sorted: (n_classes,)."""
        if self.task != "classification":
            raise AttributeError("a regression has no classes")
        return labels(self._fitted().classes)

    @available_if(classifies)  # type: ignore[untyped-decorator]  # no types in scikit-learn
    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return scores: (n_rows,) for two classes, above 0 for the second; else (n_rows, n_classes)."""
        return self.serve().decision_function(self._checked(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of a classifier, or the R2 of a regression."""
        return scored(self, X, y, sample_weight)

    def _check_parameters(self) -> None:
        self._hyperparameters()

    def _hyperparameters(self) -> dict[str, str]:
        return {name: to_text(value) for name, value in self.plain_params().items() if name != "n_jobs"}

    def __sklearn_tags__(self) -> Any:
        """Be a classifier or a regressor as the estimator is."""
        return tagged(super().__sklearn_tags__(), self.task)


def keyed_ranks(subjects: Sequence[SubjectId], key: Key | bytes | None) -> npt.NDArray[np.intp]:
    """Return each subject's place in the order of keyed hashes: no order tells who came when."""
    hashes = [
        blake2b(subject_bytes(subject), key=key or b"", digest_size=16, person=b"expunge rows").digest()
        for subject in subjects
    ]
    ranks = np.empty(len(hashes), np.intp)
    ranks[sorted(range(len(hashes)), key=hashes.__getitem__)] = np.arange(len(hashes))
    return ranks


def seed_of(hyperparameters: Mapping[str, str], key: Key | bytes | None, about: str = "") -> int:
    """Derive a library's seed, 31 bits, from the key, the estimator's ``random_state``, and what it is for."""
    stated = hyperparameters.get(RANDOM_STATE, to_text(None)) + about
    drawn = blake2b(stated.encode(), key=key or b"", digest_size=4, person=b"expunge seed").digest()
    return int.from_bytes(drawn, "big") >> 1


def rows_of(columns: tuple[Column, ...], cells: Cells, *, of_classes: bool, named: bool) -> Rows:
    """Return the rows of a fit; of the classes, those that some row has."""
    words = in_label_order(cells.words[-1]) if of_classes else None
    return Rows(columns, cells, target_of(cells, words), words, named)


def target_of(cells: Cells, words: tuple[str, ...] | None) -> npt.NDArray[Any]:
    """Return the target column, which is the last: numbers, or places in the order of the classes."""
    if words is None:
        return cells.numbers[:, -1].copy()
    places = np.array([words.index(word) for word in cells.words[-1]], dtype=np.int64)
    return places[cells.codes[:, -1]]


def prefixed(prefix: str, params: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return hyperparameters under the names that scikit-learn gives those of a part: ``estimator__alpha``."""
    return {f"{prefix}__{name}": value for name, value in params.items()}
