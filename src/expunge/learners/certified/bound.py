"""How long the gradient is at most where a Newton step ended: computed, and proven of the true one.

Write s = w' - w for the step as it was taken, H for the curvature at w, and R for what is left of Taylor's series::

    grad L(w') = grad L(w) + H s + R
               = X'q + λ w' + b + R,    q = p - y + p(1 - p) Xs,    p = expit(Xw)

1.  The second derivative of `expit` is nowhere above G = 1 / (6 √3) in magnitude, so R is the sum over rows of c (xs)²
    x with |c| <= G/2. Hence |R| <= G/2 |X|₂ |(Xs)²|₂ (Guo et al. 2020, Corollary 1, with the 1/2 that Taylor's series
    has, and (Xs)² as it is rather than |Xs| |s|); and, rows being no longer than 1, |R| <= G/2 |Xs|₂². The first is
    the smaller where all rows move alike, the second where few move; the smaller of both counts.
2.  |X|₂ is bounded from above, by the root of the largest column sum times the largest row sum. An iteration would come
    from below, and claim too little. (The Frobenius norm would never beat the second bound: Cauchy and Schwarz.)
3.  What X'q + λ w' + b is, is computed: that is what the solver left, whichever it was. Rounding moves a product of
    n terms by no more than n u / (1 - n u) times the sum of their magnitudes (Higham 2002, section 3.1; in any order
    of summation, with fused operations too), u = 2⁻⁵³; `expit` is trusted to 8 u.
4.  Rows are no longer than 1, so the error of X'q that comes from q's errors is no longer than their sum.

With s = 0 the same is a bound on the gradient at w itself.

References
----------
C. Guo, T. Goldstein, A. Hannun, L. van der Maaten, "Certified Data Removal from Machine Learning Models", ICML 2020,
arXiv 1911.03030. N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., SIAM 2002.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import expit

from expunge.learners.certified.objective import Floats, Objective

U: Final = 2.0**-53
GAMMA: Final = 1 / (6 * math.sqrt(3))
_EXPIT: Final = 8 * U
_MARGIN: Final = 1 + 1e-9
"""Over the rounding of the bound's own sums, all of positive numbers, and of the rows' length."""


def residual_above(objective: Objective, before: Floats, after: Floats) -> float:
    """Return a number that the true gradient at `after` is no longer than, after a step from `before`.

    Examples
    --------
    >>> rows, target = np.array([[0.6, 0.8], [0.0, 0.8]]), np.array([1.0, 0.0])
    >>> objective = Objective(rows, target, 1.0, np.zeros(2))
    >>> start = np.zeros(2)
    >>> end = start + objective.step(start, objective.gradient(start))
    >>> float(np.linalg.norm(objective.gradient(end))) < residual_above(objective, start, end) < 0.02
    True
    """
    rows, n_rows = objective.rows, len(objective.rows)
    chances, moved = expit(rows @ before), rows @ (after - before)
    bend = chances * (1 - chances)
    q = chances - objective.target + bend * moved
    linear = rows.T @ q + objective.penalty * after + objective.noise

    long = rows.shape[1] + 3
    off_moved = rounding(long) * _length(after - before)
    furthest = np.abs(moved) + off_moved
    off_score = rounding(long) * _length(before)
    off_bend = GAMMA * off_score + 2 * _EXPIT
    off_q = off_score / 4 + _EXPIT + off_bend * furthest + off_moved / 4 + 4 * U * (1 + furthest)
    rounded = float(off_q.sum() + rounding(n_rows + 4) * np.abs(q).sum())
    rounded += 4 * U * (objective.penalty * _length(after) + _length(objective.noise))

    left = GAMMA / 2 * min(norm_above(rows) * _length(furthest**2), float((furthest**2).sum()))
    return (_length(linear) + rounded + left) * _MARGIN


def norm_above(rows: Floats) -> float:
    """Return a number that the spectral norm of a matrix is not above.

    Examples
    --------
    >>> norm_above(np.eye(4)), norm_above(np.ones((2, 8)))
    (1.0, 4.0)
    """
    sizes = np.abs(rows)
    return math.sqrt(float(sizes.sum(axis=0).max() * sizes.sum(axis=1).max()))


def rounding(terms: int) -> float:
    """Return what a sum of products of so many terms is off by at most, in parts of the sum of their magnitudes."""
    return terms * U / (1 - terms * U)


def _length(numbers: Floats) -> float:
    return float(np.linalg.norm(numbers))
