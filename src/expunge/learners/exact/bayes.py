"""Naive Bayes on exact integer sums: each column tells of the class by itself.

What is learned are counts, sums and sums of squares of codes, class by class (`classes`), and nothing else; means,
variances and probabilities are derived from them and are not digested.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Kind, Schema
from expunge.errors import InputError
from expunge.learners.encoding.codes import ONE, Encoding, Scaled
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.encoding.counts import Counts
from expunge.learners.exact.bounds import positive
from expunge.learners.exact.classes import ClassMoments, ClassSums
from expunge.learners.exact.posterior import PosteriorClassifier, PriorsClassifier
from expunge.learners.exact.table import TableState
from expunge.learners.served.bayes import Coding

Floats = npt.NDArray[np.float64]

LARGEST = 2.0**53
"""More is no count: whole numbers end there."""


class GaussianNB(PriorsClassifier):
    """Naive Bayes: a number is normally distributed in each class, a word has a probability in each.

    Numbers are scaled to [-1, 1] by their range and rounded to steps of 2**-15. A missing cell of a column of words is
    as a word of its own. That a number is missing tells something by itself, where one is missing in any row.

    Parameters
    ----------
    priors : array-like (n_classes,) or None
        How probable each class is beforehand; None takes the shares of the rows. Text such as ``0.3,0.7`` will do.
    var_smoothing : float
        Share of the largest variance, of numbers scaled to [-1, 1], that is added to every variance; above 0.
    alpha : float
        How many rows of each class are added for every word (and for missing or not); above 0.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    state_ : TableState
        Personal data.

    Examples
    --------
    >>> learner = GaussianNB().fit([[-2.0], [-1.0], [1.0], [2.0]], ["low", "low", "high", "high"])
    >>> learner.predict([[-1.5], [1.5]]).tolist()
    ['low', 'high']
    """

    sums = ClassMoments

    def __init__(
        self,
        priors: Any = None,
        var_smoothing: float = 1e-9,
        alpha: float = 1.0,
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.priors = priors
        self.var_smoothing = var_smoothing
        self.alpha = alpha
        self.schema = schema
        self.key = key

    def _coding(self) -> tuple[type[Encoding], int]:
        positive("var_smoothing", self.var_smoothing)
        positive("alpha", self.alpha)
        return Scaled, 2

    def _solved(self, state: TableState) -> tuple[Floats, Floats]:
        """Return what words, and that a number is missing or not, say for each class."""
        members, sums = _in_label_order(state, "members", "sums")
        counts, inputs = sums // ONE, state.encoded_inputs
        coef, intercept = np.zeros(sums.shape), np.log(self._shares(members))
        for column, (start, end) in zip(inputs.columns, pairwise(inputs.offsets.tolist()), strict=True):
            if column.words is None:
                missing = counts[:, end - 1]
                held = np.column_stack([members - missing, missing])
                there, absent = _log_shares(held, float(self.alpha)).T
                coef[:, end - 1] = absent - there
                intercept += there
            else:
                coef[:, start:end] = _log_shares(counts[:, start:end], float(self.alpha))
        return coef, intercept

    def _densities(self, state: TableState) -> tuple[Floats, Floats]:
        members, sums, squares = _in_label_order(state, "members", "sums", "squares")
        inputs: Any = state.encoded_inputs
        places = inputs.value_places
        present = members[:, None] - sums[:, places + 1] // ONE
        numbers = np.stack([present, sums[:, places], squares], axis=-1)
        whole = [_moments(*of) for of in numbers.sum(axis=0).tolist()]
        smoothing = float(self.var_smoothing) * max((variance for _, variance in whole), default=0.0)
        found = np.array(
            [
                [_moments(*of) if of[0] else other for of, other in zip(row, whole, strict=True)]  # like all rows
                for row in numbers.tolist()
            ]
        ).reshape(len(members), len(places), 2)
        # Where all numbers of all columns are alike nothing varies: any variance will do.
        return found[..., 0].copy(), found[..., 1] + (smoothing or 1.0)


class MultinomialNB(PosteriorClassifier):
    """Naive Bayes of counts: how often each column's thing is met, in each class.

    Numbers are counted in whole steps: of the column's resolution (1 where all are whole, so that they count as they
    are), else of its range / 2**16. A word that a row has is met once, and so is a missing cell.

    Parameters
    ----------
    alpha : float
        How often more than it was each thing is taken to have been met, in every class; above 0.
    fit_prior : bool
        Whether a class is as probable beforehand as it is frequent; else all are alike.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    state_ : TableState
        Personal data.

    Examples
    --------
    >>> learner = MultinomialNB().fit([[3, 0], [2, 1], [0, 4]], ["sport", "sport", "news"])
    >>> learner.predict([[5, 1], [0, 2]]).tolist()
    ['sport', 'news']
    """

    sums = ClassSums

    def __init__(
        self, alpha: float = 1.0, fit_prior: bool = True, *, schema: Schema | None = None, key: bytes | None = None
    ) -> None:
        self.alpha = alpha
        self.fit_prior = fit_prior
        self.schema = schema
        self.key = key

    def _coding(self) -> tuple[type[Encoding], int]:
        positive("alpha", self.alpha)
        if not isinstance(self.fit_prior, bool):
            raise InputError(f"fit_prior={self.fit_prior!r} is not a bool.", mend="Give True or False.")
        return Counts, 2

    @property
    def _coding_name(self) -> Coding:
        return "counts"

    def _check_cells(self, features: tuple[Feature, ...], cells: Cells) -> None:
        super()._check_cells(features, cells)
        _check_counts(features, cells)

    def _solved(self, state: TableState) -> tuple[Floats, Floats]:
        members, sums = _in_label_order(state, "members", "sums")
        inputs: Any = state.encoded_inputs
        steps = np.ones(sums.shape[1])
        steps[inputs.value_places] = [
            step for step, column in zip(inputs.steps, inputs.columns, strict=True) if column.words is None
        ]
        met = np.asarray(sums.any(axis=0))
        met[inputs.value_places] = True  # a place that says what is missing counts where something is
        often = sums * steps + float(self.alpha)
        shares = np.log(often) - np.log((often * met).sum(axis=1, keepdims=True))
        prior = members / members.sum() if self.fit_prior else np.full(len(members), 1 / len(members))
        return shares * steps * met, np.log(prior)

    def __sklearn_tags__(self) -> Any:
        """Say that counts are at least 0, and that what is no count is told apart badly."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        tags.input_tags.positive_only = True
        return tags


def _in_label_order(state: TableState, *names: str) -> tuple[npt.NDArray[np.int64], ...]:
    """Return some of what was summed class by class, the classes as their labels sort."""
    words = state.encoding.columns[-1].words or ()
    order = [words.index(word) for word in state.classes]
    return tuple(getattr(state.moments, name)[order] for name in names)


def _log_shares(counts: npt.NDArray[np.int64], alpha: float) -> Floats:
    """Return the logarithms of what share of each class is where, (n_classes, n); 0 where nobody is in any class.

    Examples
    --------
    >>> np.exp(_log_shares(np.array([[3, 0, 0], [1, 2, 0]]), 1.0)).tolist()
    [[0.8, 0.2, 1.0], [0.4, 0.6, 1.0]]
    """
    held = counts.any(axis=0)
    shares = (counts + alpha) / (counts.sum(axis=1, keepdims=True) + alpha * np.count_nonzero(held))
    return np.log(np.where(held, shares, 1.0))


def _moments(n: int, total: int, square: int) -> tuple[float, float]:
    """Return the mean and the variance of n codes, in units of `ONE`: Python's integers divide exactly, but once."""
    return (total / (n * ONE), (n * square - total * total) / (n * ONE) ** 2) if n else (0.0, 0.0)


def _check_counts(features: Sequence[Feature], cells: Cells) -> None:
    """Refuse numbers that count nothing, with InputError that names column, row (from 1) and value."""
    numeric = [feature for feature in features if feature.kind is Kind.NUMERIC]
    for feature, column in zip(numeric, cells.numbers.T, strict=True):
        wrong = np.flatnonzero((column < 0) | (column > LARGEST))
        if wrong.size:
            row = int(wrong[0])
            raise InputError(
                f"column {feature.name!r}, row {row + 1}: {column[row]:g} is no count. Negative values in data passed "
                "to MultinomialNB, or such beyond 2**53, count nothing.",
                mend="Give counts from 0 on, or take GaussianNB.",
            )
