"""Linear discriminants on an exact integer Gram matrix.

The classes are places of the encoding like any other, so that its moments hold the sums of each class and, with the
sums of squares over all rows, the scatter within classes: nothing else need be kept.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.encoding.codes import ONE, Encoding, Scaled
from expunge.learners.exact.gram import one_thread
from expunge.learners.exact.posterior import PriorsClassifier
from expunge.learners.exact.table import TableState

Floats = npt.NDArray[np.float64]

CONSTANT = 1e-12
"""A place whose variance within classes is a smaller share of its mean square does not vary."""
ALIKE = 1e-8
"""Directions of standardised places with a smaller variance are taken to have none: scikit-learn's 1e-4, squared."""


class LinearDiscriminantAnalysis(PriorsClassifier):
    """Classes as normal distributions with one covariance: the boundaries between them are linear.

    Columns are scaled to [-1, 1] by their range and rounded to steps of 2**-15; a word has a place of its own, 0 or 1.

    Parameters
    ----------
    shrinkage : float or None
        From 0 to 1: how far the covariance is moved towards the mean of its diagonal.
    priors : array-like (n_classes,) or None
        How probable each class is beforehand; None takes the shares of the rows. Text such as ``0.3,0.7`` will do.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    state_ : TableState
        Personal data.

    Notes
    -----
    There is no `solver`: without shrinkage this is "svd" of scikit-learn 1.9, with it "lsqr"; but that the covariance
    is that of the rows whatever the priors are. "lsqr" weighs the classes' covariances by priors, which would need as
    many Gram matrices as there are classes.

    Examples
    --------
    >>> X = [[-2.0, 1.0], [-1.0, -1.0], [-1.5, 0.0], [1.0, 1.0], [2.0, -1.0], [1.5, 0.5]]
    >>> learner = LinearDiscriminantAnalysis().fit(X, [0, 0, 0, 1, 1, 1])
    >>> learner.predict([[-1.0, 2.0], [1.0, -2.0]]).tolist()
    [0, 1]
    """

    def __init__(
        self,
        shrinkage: float | None = None,
        priors: Any = None,
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.shrinkage = shrinkage
        self.priors = priors
        self.schema = schema
        self.key = key

    def _coding(self) -> tuple[type[Encoding], int]:
        if self.shrinkage is not None:
            _check_shrinkage(self.shrinkage)
        return Scaled, 2

    def _solved(self, state: TableState) -> tuple[Floats, Floats]:
        learned: Any = state.moments
        width, words = int(state.encoded_inputs.offsets[-1]), state.encoding.columns[-1].words or ()
        places = [width + words.index(word) for word in state.classes]
        members = learned.sums[places] // ONE
        means = learned.products[places, :width] / (ONE**2 * members[:, None])
        squares = learned.products[:width, :width] / ONE**2
        scatter = squares - (means.T * members) @ means
        varying = scatter.diagonal() > CONSTANT * squares.diagonal()
        covariance = np.where(np.outer(varying, varying), scatter, 0.0) / learned.rows
        if self.shrinkage is not None:
            counted = squares.diagonal() > 0
            counted[state.encoding.value_places] = True  # type: ignore[attr-defined]  # Scaled, by `_coding`
            covariance = _shrunk(covariance, counted, float(self.shrinkage))
        return discriminants(means, covariance, self._shares(members))


@one_thread
def discriminants(means: Floats, covariance: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients and intercepts of classes that are normal distributions, by one fixed formula.

    With P the inverse of the covariance (of standardised places, on the directions in which they vary), m the mean of
    the classes' means, weighed by their shares: coefficients (means - m) P, and intercepts log(shares) less half of
    what each coefficient row gives for its own class's mean less m, less what it gives for m.

    Parameters
    ----------
    means : ndarray (n_classes, width)
    covariance : ndarray (width, width)
    shares : ndarray (n_classes,)
        How probable each class is beforehand.

    Returns
    -------
    coef : ndarray (n_classes, width)
    intercept : ndarray (n_classes,)

    Examples
    --------
    >>> coef, intercept = discriminants(np.array([[-1.0], [3.0]]), np.array([[2.0]]), np.array([0.5, 0.5]))
    >>> coef.tolist(), intercept.round(6).tolist()
    ([[-1.0], [1.0]], [-0.693147, -2.693147])
    """
    centre = shares @ means
    apart, coef = means - centre, np.zeros(means.shape)
    held = np.flatnonzero(covariance.diagonal() > 0)
    if held.size:
        scales = np.sqrt(covariance.diagonal()[held])
        values, vectors = scipy.linalg.eigh(covariance[np.ix_(held, held)] / np.outer(scales, scales))
        kept = values > ALIKE
        directions = vectors[:, kept] / scales[:, None]
        coef[:, held] = (apart[:, held] @ directions / values[kept]) @ directions.T
    return coef, np.log(shares) - (coef * apart).sum(axis=1) / 2 - coef @ centre


def _shrunk(covariance: Floats, counted: npt.NDArray[np.bool_], shrinkage: float) -> Floats:
    """Return a covariance moved towards the mean of its diagonal, on the places that count."""
    level = float(covariance.trace()) / max(int(counted.sum()), 1)
    return (1 - shrinkage) * covariance + shrinkage * level * np.diag(counted.astype(np.float64))


def _check_shrinkage(shrinkage: object) -> None:
    if isinstance(shrinkage, str):
        raise InputError(
            f"shrinkage={shrinkage!r} needs fourth moments, and only second ones are kept.",
            mend="Give a number from 0 to 1.",
        )
    if isinstance(shrinkage, bool) or not isinstance(shrinkage, Real) or not 0 <= float(shrinkage) <= 1:
        raise InputError(f"shrinkage={shrinkage!r} is not a number from 0 to 1.", mend="Give one, or None.")
