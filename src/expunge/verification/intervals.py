"""Intervals: of a share, and of what one more draw may be.

`share` is exact for independent draws (Clopper and Pearson 1934). `next_draw` is exact where the draws and the next
one are normal with the same mean and spread (Student 1908; Hahn and Meeker 1991, chapter 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import betainccinv, betaincinv
from scipy.stats import norm, t

from expunge.errors import InputError

LEAST_DRAWS: Final = 5
"""Fewer seeds tell nothing of a spread."""


@dataclass(frozen=True)
class Interval:
    """A figure, and between what it lies.

    Parameters
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float


def lowest(hits: npt.ArrayLike, draws: int, alpha: float) -> npt.NDArray[np.float64]:
    """Return what each share is at least, but for probability `alpha` (Clopper and Pearson)."""
    count = np.asarray(hits)
    return np.where(count > 0, betaincinv(np.maximum(count, 1), draws - count + 1, alpha), 0.0)


def highest(hits: npt.ArrayLike, draws: int, alpha: float) -> npt.NDArray[np.float64]:
    """Return what each share is at most, but for probability `alpha` (Clopper and Pearson)."""
    count = np.asarray(hits)
    return np.where(count < draws, betainccinv(count + 1, np.maximum(draws - count, 1), alpha), 1.0)


def share(hits: int, draws: int, confidence: float = 0.95) -> Interval:
    """Return a share with its Clopper-Pearson interval.

    Examples
    --------
    >>> found = share(0, 10)
    >>> found.value, found.low, round(found.high, 4)
    (0.0, 0.0, 0.3085)
    """
    alpha = (1 - confidence) / 2
    return Interval(hits / draws, float(lowest(hits, draws, alpha)), float(highest(hits, draws, alpha)))


def wilson(value: float, draws: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's interval of a mean whose variance is at most value (1 - value) / draws.

    Examples
    --------
    >>> found = wilson(1.0, 10)
    >>> round(found.low, 4), found.high
    (0.7225, 1.0)
    """
    z2 = float(norm.isf((1 - confidence) / 2)) ** 2
    middle = (value + z2 / (2 * draws)) / (1 + z2 / draws)
    half = np.sqrt(z2 * (value * (1 - value) / draws + z2 / (4 * draws**2))) / (1 + z2 / draws)
    return Interval(value, float(max(middle - half, 0)), float(min(middle + half, 1)))


def next_draw(draws: Sequence[float], alpha: float, least_spread: float) -> Interval:
    """Return between what one more draw lies, with probability `alpha` / 2 of being below and as much of being above.

    Parameters
    ----------
    draws : sequence of float
        `LEAST_DRAWS` or more.
    alpha : float
    least_spread : float
        Standard deviation that is assumed at least: what one row more or less makes, since shares are no normal
        variables, and a few of them are often equal.

    Raises
    ------
    InputError
        For too few draws.

    Examples
    --------
    >>> found = next_draw([1, 2, 3, 4, 5], 0.05, 0.0)
    >>> round(found.low, 2), found.value, round(found.high, 2)
    (-1.81, 3.0, 7.81)
    """
    values = np.asarray(draws, dtype=np.float64)
    if len(values) < LEAST_DRAWS:
        raise InputError(
            f"{len(values)} retrained models are no yardstick.", mend=f"Retrain under {LEAST_DRAWS} seeds or more."
        )
    spread = max(float(values.std(ddof=1)), least_spread)
    half = float(t.isf(alpha / 2, len(values) - 1)) * spread * np.sqrt(1 + 1 / len(values))
    middle = float(values.mean())
    return Interval(middle, float(middle - half), float(middle + half))
