"""How much gradient the noise covers: the Gaussian mechanism, calibrated exactly.

Weights whose gradient with noise b is r are the optimum with noise b - r. So a model with a gradient of r and a
retrained one are told apart as two Gaussians whose means are |r| apart (ADR 37 says what that takes for granted); and
how well these are told apart is known without a constant to spare, for every ε (Balle and Wang 2018, Theorem 8). Guo et
al. (2020, Theorem 3) have δ = 1.5 exp(-c²/2), ε = c |r| / sigma in its place: a tail bound, which wants ε <= 2 log 3.

References
----------
B. Balle, Y.-X. Wang, "Improving the Gaussian Mechanism for Differential Privacy", ICML 2018, arXiv 1805.06530.
"""

from __future__ import annotations

import math
from typing import Final

from scipy.special import log_ndtr, ndtr

_MARGIN: Final = 1 - 1e-6
"""Over the rounding of both terms of δ, while it is at least 1e-10: `learner` refuses less."""


def delta_of(distance: float, epsilon: float) -> float:
    """Return δ for two Gaussians of deviation 1 whose means are this far apart.

    Examples
    --------
    >>> round(delta_of(1.0, 1.0), 4)
    0.1269
    """
    if distance == 0:
        return 0.0
    first = ndtr(distance / 2 - epsilon / distance)
    return float(first - math.exp(epsilon + log_ndtr(-distance / 2 - epsilon / distance)))


def distance_allowed(epsilon: float, delta: float) -> float:
    """Return how far apart the means may be, in deviations, for an (ε, δ) guarantee; never more than that.

    Examples
    --------
    >>> round(distance_allowed(1.0, 1e-5), 3)
    0.268
    """
    low, high = 0.0, 1.0
    while delta_of(high, epsilon) <= delta * _MARGIN:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(middle, epsilon) <= delta * _MARGIN else (low, middle)
    return low
