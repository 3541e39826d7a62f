"""The optimum of a penalised generalised linear model, rounded: a function of the rows alone, however it was found.

What is minimised is F(w), the sum of the rows' losses and half of lambda times |w|**2, over all weights, the intercept
too. F is lambda-strongly convex, so it has one optimum w*; what is learned is w* rounded to a `Lattice`. Newton's steps
find it from wherever they begin, and a bound says when they may stop.

How near it is
--------------
At w let g be the gradient as computed, and G = g + X^T e + f the true one: e is the error of each row's residual, f
that of the summation and of lambda w. M is the curvature as computed, at another point a. Let M s = g + r, where s is
the step as computed and r what it leaves. ``|x|_A`` is ``sqrt(x^T A x)``.

1. Both losses have a curvature d(z) with |d'| <= d. So where no score differs by more than t from what it is at a, the
   curvature H of F has exp(-t) H(a) <= H <= exp(t) H(a). No score differs by more than the sum over columns of the
   largest change of a weight in each: a row has one entry in a column, of magnitude at most 1.
2. M differs from H(a) by at most E in norm, and with k = E / lambda, (1 - k) H(a) <= M <= (1 + k) H(a). Altogether
   M / (1 + c) <= H <= (1 + c) M, where 1 + c = exp(t) / (1 - k). Also M >= (1 - k) lambda, and M >= (1 - k) X^T D X
   with the rows' curvatures D at a. What is wrong with each d, as computed, counts into t.
3. Hence |G - M s|, measured in M's inverse, is at most
   n = sqrt(1 + c) (sqrt(sum e**2 / d) + (R sum' |e| + |f| + |r|) / sqrt(lambda)): each row is in one of the two sums,
   and R, the root of one more than there are columns, is the length of a row at most.
4. *The optimum is near.* On the sphere of M-radius p about w, F grows outwards where p > (|s|_M + n) / (1 - c), c
   taken for the whole ball; F is convex, so w* is inside. p = 2 (|s|_M + n) will do while c < 1/2, and the ball adds
   R p sqrt(1 + c) / sqrt(lambda) to t.
5. *One more step is nearer still.* With H the mean curvature between w and w*, H (w - w*) = G. Then
   H (w - s - w*) = (G - M s) + (M - H) s, and since H >= (1 - c) M,

       |w - s - w*|  <=  sqrt(1 + c) (c |s|_M + n) / ((1 - c) sqrt(lambda)).

Where every coordinate of w - s is further than this from the middles between the lattice's points, w* rounds as w - s
does. That is a fact about w*, not about the path to it: so no result depends on the order of the rows, on where the
search began, on the machine or its threads. Where float64 can come no nearer, `_exactly` goes on in whole numbers; the
plain bound, ``|w - w*| <= (|g| + its error) / lambda``, is enough there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.linalg

from expunge._kernels import optima
from expunge._kernels.optima import U
from expunge.errors import InputError
from expunge.learners.exact import fixed
from expunge.learners.exact.entries import Entries
from expunge.learners.exact.gram import one_thread
from expunge.learners.exact.lattice import Lattice

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MOST_STEPS: Final = 200
_FAR: Final = 4.0
"""No first guess changes a score by more, lest its exponential is beyond all reason."""
_LEAST_SHARE: Final = 2.0**-20
_BITS: Final = (128, 256, 512, 1024)


@dataclass(frozen=True, eq=False)
class Problem:
    """What is minimised.

    Parameters
    ----------
    entries : Entries
    target : ndarray of float64 (n_rows,)
    form : int
        A loss: `optima.LOGISTIC` or `optima.POISSON`.
    penalty : float
        lambda.
    """

    entries: Entries
    target: Floats
    form: int
    penalty: float

    @property
    def radius(self) -> float:
        """The length of a row, at most."""
        return math.sqrt(self.entries.places.shape[1] + 1)


@dataclass(frozen=True, eq=False)
class Slope:
    """A gradient as it was computed.

    Parameters
    ----------
    weights, gradient : ndarray of float64 (width + 1,)
    near, far : float
        The sums of step 3.
    rest : float
        |f|, at most.
    """

    weights: Floats
    gradient: Floats
    near: float
    far: float
    rest: float

    @property
    def size(self) -> float:
        """The gradient's length; infinite, or no number, beyond float64's range."""
        with np.errstate(all="ignore"):
            return float(np.linalg.norm(self.gradient))


@dataclass(frozen=True, eq=False)
class Near:
    """Where a search begins: a cache, of which no result depends. Personal data.

    Parameters
    ----------
    weights : ndarray of float64 (width + 1,)
    at : ndarray of float64 (width + 1,)
        Where the curvature is taken.
    curvature : ndarray of float64 (width + 1, width + 1)
        M, penalty included.
    error : float
        E, of step 2.
    """

    weights: Floats
    at: Floats
    curvature: Floats
    error: float


def slope_at(of: Problem, weights: Floats) -> Slope:
    """Return the gradient, and what may be wrong with it."""
    high, low = np.zeros(len(weights)), np.zeros(len(weights))
    near, far, total = optima.gradient(of.entries.places, of.entries.numbers, of.target, weights, of.form, high, low)
    with np.errstate(all="ignore"):  # beyond float64's range nothing is found to be near
        gradient = (high + low) + of.penalty * weights
        summed = 3 * U * float(np.linalg.norm(high) + of.penalty * np.linalg.norm(weights))
        rest = summed + 8 * ((len(of.entries) + 128) * U) ** 2 * (of.entries.places.shape[1] + 1) * total
    return Slope(weights, gradient, near, far, rest)


def curvature_at(of: Problem, weights: Floats) -> tuple[Floats, float]:
    """Return the rows' curvature without the penalty, and how far off summation left it, in norm, at most."""
    size = len(weights)
    high, low = np.zeros(size * size), np.zeros(size * size)
    total = optima.curvature(of.entries.places, of.entries.numbers, weights, of.form, high, low)
    with np.errstate(all="ignore"):
        once = (high + low).reshape(size, size)
        return once + once.T - np.diag(once.diagonal()), 8 * U * total


def begin(of: Problem, weights: Floats) -> Near:
    """Take the curvature at some weights."""
    found, error = curvature_at(of, weights)
    found[np.diag_indices_from(found)] += of.penalty
    return Near(weights, weights, found, error + 2 * U * float(np.trace(found)))


@one_thread
def without(near: Near, leaving: Problem, penalty: float) -> Near:
    """Take rows out of the curvature, and go where the optimum then is, to first order.

    The gradient of those who stay is, at the old optimum, that of the leaving rows with its sign turned, and what the
    penalty changed by: it was theirs, and is `penalty`.
    """
    gone, error = curvature_at(leaving, near.at)
    matrix = near.curvature - gone
    changed = penalty - leaving.penalty
    matrix[np.diag_indices_from(matrix)] += changed
    pulled = slope_at(leaving, near.weights).gradient - leaving.penalty * near.weights
    step = _solved(matrix, changed * near.weights - pulled)
    if step is None or not _largest(leaving, step) < _FAR:
        step = np.zeros_like(near.weights)
    return Near(near.weights - step, near.at, matrix, near.error + error + 4 * U * float(np.trace(near.curvature)))


def narrowed(near: Near, kept: npt.NDArray[np.intp]) -> Near:
    """Drop the places that no row has any more: by then they touch no other."""
    return Near(near.weights[kept], near.at[kept], near.curvature[np.ix_(kept, kept)], near.error)


@one_thread
def solve(of: Problem, near: Near, lattice: Lattice) -> tuple[Integers, Near, dict[str, int]]:
    """Return the optimum's coefficients as whole numbers of the lattice, where to begin next time, and the work.

    Raises
    ------
    InputError
        Where the penalty is so weak that not even whole numbers tell.
    """
    work = {"passes": 1, "curvatures": 0, "escalations": 0}
    slope = slope_at(of, near.weights)
    for _ in range(_MOST_STEPS):
        step = _solved(near.curvature, slope.gradient)
        distance = math.inf if step is None else bound(of, near, slope, step)
        if step is not None and (found := lattice.nearest(slope.weights - step, distance)) is not None:
            return found, replace(near, weights=slope.weights - step), work
        fresh = near.at is slope.weights
        ahead = slope if step is None else _ahead(of, slope, step, work)
        if ahead.size <= slope.size / 8:
            slope = ahead
        elif not fresh:  # an old curvature leads too slowly
            slope = ahead if ahead.size < slope.size else slope
            near = begin(of, slope.weights)
            work["curvatures"] += 1
        elif distance < math.inf or step is None or (damped := _damped(of, slope, step, work)) is None:
            break  # float64 comes no nearer
        else:
            slope = damped
    return _exactly(of, begin(of, slope.weights), lattice, work)


def bound(of: Problem, near: Near, slope: Slope, step: Floats) -> float:
    """Return how far from the optimum one more step leads, at most (see the module); infinity where none is known."""
    with np.errstate(all="ignore"):
        root, radius, share = math.sqrt(of.penalty), of.radius, near.error / of.penalty
        left = near.curvature @ step - slope.gradient
        size = float(np.linalg.norm(step))
        rounding = (len(step) + 3) * U * (float(np.linalg.norm(near.curvature)) * size + slope.size)
        rest = float(np.linalg.norm(left)) + rounding
        length = math.sqrt(abs(float(step @ slope.gradient)) + size * rest)
        noise = math.sqrt(1.5) * (math.sqrt(slope.near) + (radius * slope.far + slope.rest + rest) / root)
        rows = 2 * (of.entries.places.shape[1] + 24) * U * (_largest(of, near.at) + 1)  # of each d, as it was computed
        ball = 2 * (length + noise) * radius * math.sqrt(1.5) / root
        if not (share < 0.25 and (spread := _largest(of, slope.weights - near.at) + ball + rows) < 0.5):
            return math.inf
        c = math.exp(spread) / (1 - share) - 1
    return 1.01 * math.sqrt(1 + c) * (c * length + noise) / ((1 - c) * root) if c < 0.5 else math.inf


def _largest(of: Problem, weights: Floats) -> float:
    """Return what a row's score comes to under these weights, at most."""
    magnitudes = np.abs(weights)
    return float(np.maximum.reduceat(magnitudes[:-1], of.entries.blocks).sum() + magnitudes[-1])


def _ahead(of: Problem, slope: Slope, step: Floats, work: dict[str, int]) -> Slope:
    work["passes"] += 1
    return slope_at(of, slope.weights - step)


def _damped(of: Problem, slope: Slope, step: Floats, work: dict[str, int]) -> Slope | None:
    """Go a share of a step, as far as the gradient becomes smaller as it should; None where it does not."""
    share = 1.0
    while share > _LEAST_SHARE:
        ahead = _ahead(of, slope, share * step, work)
        if ahead.size <= (1 - share / 4) * slope.size:
            return ahead
        share /= 2
    return None


def _exactly(of: Problem, near: Near, lattice: Lattice, work: dict[str, int]) -> tuple[Integers, Near, dict[str, int]]:
    """Go on in whole numbers, with as many bits as it takes; the curvature only leads."""
    work["escalations"] += 1
    top, bottom = of.penalty.as_integer_ratio()
    weights, units = fixed.whole_parts(near.weights, _BITS[0]), _BITS[0]
    for bits in _BITS:
        weights, units, before = weights << (bits - units), bits, math.inf
        while True:
            rows, wrong = fixed.gradient(of.entries, of.target, of.form, weights, bits)
            gradient = rows + (weights * (top << fixed.STEP_BITS)) // bottom
            wrong += len(weights)
            size = isqrt(int((gradient * gradient).sum())) + 1
            radius = ((size + wrong) * bottom >> fixed.STEP_BITS) // top + 2
            if (found := lattice.nearest_exactly(weights.tolist(), bits, radius)) is not None:
                floats = np.array([float(Fraction(one, 1 << bits)) for one in weights.tolist()])
                return found, replace(near, weights=floats), work
            if size <= wrong:
                break  # more bits
            floats, shift = fixed.float_parts(gradient)
            step = _solved(near.curvature, floats)
            if step is None or size > before / 2:
                raise _too_weak(of)
            before = size
            weights = weights - fixed.whole_parts(step, shift - fixed.STEP_BITS)
    raise _too_weak(of)


def _too_weak(of: Problem) -> InputError:
    return InputError(
        f"the penalty, {of.penalty:g} in all, is too weak for {len(of.entries)} rows such as these.",
        mend="Penalise more: a smaller C, or a larger alpha.",
    )


def _solved(matrix: Floats, right: Floats) -> Floats | None:
    """Solve by Cholesky's factors; None where float64 cannot."""
    try:
        factor: Any = scipy.linalg.cho_factor(matrix, lower=True, check_finite=False)
        found: Floats = scipy.linalg.cho_solve(factor, right, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    return found if np.isfinite(found).all() else None
