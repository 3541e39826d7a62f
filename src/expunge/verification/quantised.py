"""Quantisation: rounding weights to 8 or 4 bits undoes small changes, and brings back what they hid.

Weights are rounded to the nearest of 2^bits - 1 even steps between plus and minus the largest magnitude of their array
(symmetric, one scale for each array, round half to even), as in Zhang et al., arXiv 2410.16454. What rounding does to
the model under test is held against what it does to models retrained without the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from expunge.errors import InputError


def quantise(arrays: Mapping[str, npt.NDArray[Any]], bits: Literal[4, 8]) -> dict[str, npt.NDArray[Any]]:
    """Round the floats of a model, and return them as floats again.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Arrays that are not of floats (counters) are returned as they are.
    bits : {4, 8}

    Returns
    -------
    dict of str to ndarray
        New arrays of the same shapes and dtypes, each number within half a step.

    Examples
    --------
    >>> quantise({"w": np.array([7.0, -3.4, 0.6])}, 4)["w"].tolist()
    [7.0, -3.0, 1.0]
    """
    if bits not in {4, 8}:
        raise InputError(f"{bits!r} bits are not known here.", mend="Give 8 or 4.")
    return {name: _rounded(name, np.asarray(array), 2 ** (bits - 1) - 1) for name, array in arrays.items()}


def _rounded(name: str, array: npt.NDArray[Any], steps: int) -> npt.NDArray[Any]:
    if not np.issubdtype(array.dtype, np.floating) or not array.size:
        return array.copy()
    largest = float(np.abs(array).max())
    if not np.isfinite(largest):
        raise InputError(f"{name!r} has numbers that are not finite.", mend="The model is broken: train it again.")
    if largest == 0:
        return array.copy()
    # Shares of the largest, so that no step underflows.
    return np.asarray(np.rint(array.astype(np.float64) / largest * steps) / steps * largest).astype(array.dtype)


@dataclass(frozen=True)
class Quantisation:
    """A figure of models before and after rounding their weights: accuracy on the forget rows, or an attack's AUC.

    Parameters
    ----------
    bits : int
    original : float
        Of the model before forgetting, not rounded.
    after, after_rounded : float
        Of the model under test.
    retrained, retrained_rounded : tuple of float
        Of the retrained models, in the same order.
    """

    bits: int
    original: float
    after: float
    after_rounded: float
    retrained: tuple[float, ...]
    retrained_rounded: tuple[float, ...]

    @property
    def recovery(self) -> float:
        """By how much rounding moved the model under test towards the original; below 0, away from it.

        Examples
        --------
        >>> round(Quantisation(4, 1.0, 0.2, 0.8, (0.5,), (0.4,)).recovery, 3)
        0.6
        """
        return self._direction * (self.after_rounded - self.after)

    @property
    def retrained_recoveries(self) -> tuple[float, ...]:
        """The same of each retrained model, in the same direction."""
        pairs = zip(self.retrained, self.retrained_rounded, strict=True)
        return tuple(self._direction * (rounded - plain) for plain, rounded in pairs)

    @property
    def _direction(self) -> float:
        return float(np.sign(self.original - self.after))
