"""What is minimised: L(w) = sum over rows of l(w; x, y) + λ|w|²/2 + b'w, l the logistic loss and b the noise.

Rows are no longer than 1, up to rounding, and their last column is the intercept's, which is penalised like the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from expunge.domain.digest import canonical_json
from expunge.errors import InputError

Floats = npt.NDArray[np.float64]

STEPS: Final = 100
_SHORTEST: Final = 2.0**-12
"""Where no longer step shortens the gradient, rounding is all that is left of it."""


@dataclass(frozen=True, eq=False)
class Objective:
    """One score's.

    Parameters
    ----------
    rows : ndarray of float64 (n_rows, width)
    target : ndarray of float64 (n_rows,)
        1 for the score's class, 0 for the rest.
    penalty : float
        λ.
    noise : ndarray of float64 (width,)
        b.
    """

    rows: Floats
    target: Floats
    penalty: float
    noise: Floats

    def gradient(self, weights: Floats) -> Floats:
        """Return the gradient: (width,)."""
        off = expit(self.rows @ weights) - self.target
        return np.asarray(self.rows.T @ off + self.penalty * weights + self.noise)

    def step(self, weights: Floats, gradient: Floats) -> Floats:
        """Return Newton's step, -H⁻¹ gradient: (width,).

        Raises
        ------
        InputError
            Where the penalty is so weak that rounding takes it away, and the curvature is singular.
        """
        chances = expit(self.rows @ weights)
        curvature = (self.rows.T * (chances * (1 - chances))) @ self.rows
        curvature[np.diag_indices_from(curvature)] += self.penalty
        try:
            return np.asarray(-np.linalg.solve(curvature, gradient))
        except np.linalg.LinAlgError as error:
            raise InputError(f"a penalty of {self.penalty:.3g} is lost in rounding.", mend="Lower C.") from error

    def minimise(self, enough: float) -> Floats:
        """Return weights whose gradient is no longer than `enough`, or as short as rounding lets it be.

        Newton's method from 0. A step is halved until it shortens the gradient, which it does in the end: the gradient
        falls along it.
        """
        weights = np.zeros(self.rows.shape[1])
        gradient = self.gradient(weights)
        for _ in range(STEPS):
            length = float(np.linalg.norm(gradient))
            if length <= enough:
                break
            step, share = self.step(weights, gradient), 1.0
            while share >= _SHORTEST:
                tried = weights + share * step
                there = self.gradient(tried)
                if float(np.linalg.norm(there)) <= (1 - share / 4) * length:
                    break
                share /= 2
            else:
                break
            weights, gradient = tried, there
        return weights


def drawn(key: bytes, sigma: float, about: list[list[str]]) -> Floats:
    """Draw Gaussian noise, a number for each thing that one is about: by a keyed hash of it, whatever else there is.

    Parameters
    ----------
    key : bytes
    sigma : float
        Standard deviation.
    about : list of list of str

    Examples
    --------
    >>> both, one = drawn(bytes(32), 1.0, [["a"], ["b"]]), drawn(bytes(32), 1.0, [["b"]])
    >>> bool(both[1] == one[0] != both[0])
    True
    """
    hashes = [blake2b(canonical_json(one), key=key, digest_size=8, person=b"expunge noise").digest() for one in about]
    whole = np.array([int.from_bytes(one, "little") >> 11 for one in hashes], np.float64)
    return np.asarray(sigma * ndtri((whole + 0.5) * 2.0**-53), dtype=np.float64)
