"""What is to be predicted, as integers, and how it pulls at a score: losses for boosting.

A score F counts in steps of 1 / 256. A loss says what is predicted there, m(F), and how steeply that rises, v(F), both
as integers from a table; a row's gradient is ``m(F) - y``, y being in the same units.

=============  ======================================  =================  =====================================
loss           m                                       v                  y
=============  ======================================  =================  =====================================
``logistic``   ``256 p``, p = 1 / (1 + exp(-F / 256))  ``256 p (1 - p)``  256 where a row is of the class, or 0
``squared``    ``F / 4``                               1                  ``64 (y - centre) / unit``
``poisson``    ``256 exp(F / 256)``                    a sixteenth of m   ``256 y / unit``
=============  ======================================  =================  =====================================

Several classes may also share a loss, `softmax`. What a score costs is ``A(F) - pull y F``, A being the integral of m,
but for a factor.

Numbers are first placed on 2**20 steps of their declared range, or else of that of the remaining rows. The unit is a
power of two of such steps: nearest their standard deviation, or for Poisson their mean; the centre is the multiple of
half a unit nearest their mean. So both move seldom.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge._kernels.judging import SHARE
from expunge._kernels.tables import HIGHEST_LOG, LARGEST, UNIT, Ints, Longs
from expunge._kernels.trees import WHOLE
from expunge.errors import InputError
from expunge.learners.encoding.columns import Feature
from expunge.learners.exact.records import Records
from expunge.learners.exact.weights import Weights
from expunge.learners.served.link import Link, LinkName
from expunge.learners.values import to_text

Rows: TypeAlias = npt.NDArray[np.int32]
LossName: TypeAlias = Literal["logistic", "squared_error", "poisson"]

STARTS: Final = UNIT // 2
"""A starting score is a multiple of half a logit: it moves seldom."""
STEPS: Final = 20
"""Numbers are placed on 2**20 steps."""
FURTHEST: Final = 16 * 64
"""Numbers further than 16 units from the centre are taken as there."""


class Loss(NamedTuple):
    """A loss, as a table.

    Parameters
    ----------
    levels : ndarray of int64 (2 * far,)
        m and v by score from -far on, packed: ``m * 2**half + v``.
    half : int
    gradient, curvature : int
        Units of m and v: what 1 is.
    shift : int
        Gradients are those of the middles of buckets of scores, 2**shift wide.
    most : int
        So many rows cannot make a sum of gradients or curvatures leave its bits.
    costs : ndarray of int64 (2 * far,)
        A, in units of 1 / 65536.
    pull : int
    highest : int
        No score goes above it.
    """

    levels: Longs
    half: int
    gradient: int
    curvature: int
    shift: int
    most: int
    costs: Longs
    pull: int
    highest: int = LARGEST


def logistic() -> Loss:
    """Return the logistic loss: of scores up to 8 logits, in buckets of one; narrower ones are no more accurate.

    Levels are rounded from float64, none of them nearer than 1e-7 to where rounding turns: any machine's `exp` gives
    the same integers. So it is for `poisson`; and for costs and `of_shares`, none of which is nearer than 1e-8.
    """
    p = 1 / (1 + np.exp(-_scores(8)))
    costs = _rounded(-(UNIT**2) * np.log(1 - p))
    return Loss(_packed(UNIT * p, UNIT * p * (1 - p), 32), 32, UNIT, UNIT, 8, 2**22, costs, 1)


def softmax() -> Loss:
    """Return the loss of several classes at once (`expunge._kernels.softmax`).

    `levels` are exponentials, in units of 1 / 65536, of what a score is below the highest, up to 12 logits.
    """
    exps = _rounded(UNIT**2 * np.exp(-np.arange(12 * UNIT) / UNIT))
    return Loss(exps, 32, UNIT, UNIT, 8, 2**22, np.empty(0, np.int64), 0)


def squared() -> Loss:
    """Return the squared error: of scores up to 16 units."""
    scores = _scores(16)
    costs = _rounded((UNIT * scores) ** 2)
    return Loss(_packed(64 * scores, np.ones(len(scores)), 24), 24, 64, 1, 5, 2**22, costs, 2 * UNIT // 64)


def poisson() -> Loss:
    """Return the Poisson deviance with a logarithmic link: of scores from -7, where m is nought, to `HIGHEST_LOG`."""
    rate = np.exp(np.minimum(_scores(7), HIGHEST_LOG / UNIT))
    levels, costs = _packed(UNIT * rate, UNIT / 16 * rate, 29), _rounded(UNIT**2 * rate)
    return Loss(levels, 29, UNIT, UNIT // 16, 5, 2**19, costs, 1, HIGHEST_LOG)


def _scores(far: int) -> npt.NDArray[np.float64]:
    return np.arange(-far * UNIT, far * UNIT) / UNIT


def _packed(levels: npt.NDArray[np.float64], curvatures: npt.NDArray[np.float64], half: int) -> Longs:
    return (_rounded(levels) << half) + np.maximum(1, _rounded(curvatures))


def _rounded(numbers: npt.NDArray[np.float64]) -> Longs:
    return np.floor(numbers + 0.5).astype(np.int64)


def of_shares(link: Link | None) -> Longs:
    """Return the score for each share of a class that a forest tells, in steps of 1 / 4096: ndarray of int64 (4097,).

    A logit; or for numbers, whose share is where they lie between eight units below the centre and eight above, that.
    """
    share = np.arange(SHARE + 1) / SHARE
    if link is not None:
        return np.asarray(_rounded(share * WHOLE * UNIT / 16) - 8 * UNIT)
    share = np.clip(share, 1 / UNIT, 1 - 1 / UNIT)
    return _rounded(UNIT * np.log(share / (1 - share)))


class Target(ABC):
    """What is to be predicted of each row. A cache; `leave` changes it.

    Attributes
    ----------
    loss : Loss
    weights : Weights
        What each row counts.
    pulls : list of ndarray of int32 (n_rows,)
        y in units of the gradient, for each score.
    together : bool
        Whether the scores of several classes share a loss.
    """

    loss: Loss
    weights: Weights
    pulls: list[Ints]
    together: bool = False

    def check_rows(self) -> None:
        """Refuse so many rows that a sum could leave its bits, with InputError."""
        if len(self.pulls[0]) > self.loss.most:
            raise InputError(f"{len(self.pulls[0])} rows are too many.", mend=f"Give at most {self.loss.most}.")

    @abstractmethod
    def leave(self, rows: Rows) -> bool:
        """Take rows away, and blank what was theirs; returns whether `facts` are others now, and it is of no use."""

    @property
    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What was learned of it but its values: for the digest."""

    @property
    @abstractmethod
    def starts(self) -> list[int]:
        """Scores before the first round."""

    @property
    def link(self) -> Link | None:
        """How a score becomes what is predicted; None for logits."""
        return None

    @property
    def of_places(self) -> Link | None:
        """How a step becomes a number; None for logits."""
        return None

    @property
    @abstractmethod
    def noise(self) -> float:
        """Variance of the gradient for each unit of the curvature, before anything was learned, in units of both."""


class Labels(Target):
    """Classes: the second one of two against the first, or each of several against the rest or against all others.

    Parameters
    ----------
    features : tuple of Feature
        What is declared; the target is the last.
    records : Records
        The last column of words is the target.
    classes : sequence of str
        In their values' order.
    together : bool
        Whether several classes have one loss, that of their softmax.

    Attributes
    ----------
    numbers : ndarray of uint8 (n_rows,)
        Of each row's class.
    """

    def __init__(
        self, features: tuple[Feature, ...], records: Records, classes: Sequence[str], *, together: bool = False
    ) -> None:
        known = np.array([classes.index(word) for word in records.words[-1]], np.uint8)
        self.numbers = known[records.codes[:, -1]]
        self.together = together and len(classes) > 2
        self.loss = softmax() if self.together else logistic()
        self.weights = Weights.of(features, records, self.loss.most)
        chosen = range(1, 2) if len(classes) == 2 else range(len(classes))
        self.pulls = [np.where(self.numbers == number, np.int32(UNIT), np.int32(0)) for number in chosen]
        self._counts = self._counted(np.arange(len(self.numbers), dtype=np.int32))

    def _counted(self, rows: Rows) -> Longs:
        """Count all rows, and those of each class that has a score, by weight."""
        units = self.weights.units[rows].astype(np.int64)
        return np.array([units.sum(), *(units[own[rows] > 0].sum() for own in self.pulls)], np.int64)

    def leave(self, rows: Rows) -> bool:
        """Take rows away."""
        before = self.starts
        self._counts -= self._counted(rows)
        self.numbers[rows] = 0
        for own in self.pulls:
            own[rows] = 0
        return self.starts != before

    @property
    def facts(self) -> dict[str, Any]:
        """The starting scores."""
        return {"starts": self.starts}

    @property
    def starts(self) -> list[int]:
        """The logit of each class's share of rows, or the logarithm of it, coarsely."""
        n, *counts = self._counts.tolist()
        logits = [math.log(count / (n if self.together else n - count)) for count in counts]
        return [STARTS * math.floor(logit * UNIT / STARTS + 0.5) for logit in logits]

    @property
    def noise(self) -> float:
        """A label's variance is its curvature."""
        return 1.0


class Amounts(Target):
    """Numbers.

    Parameters
    ----------
    features : tuple of Feature
        What is declared; the target is the last.
    records : Records
        The last column of numbers is the target.
    name : {"squared_error", "poisson"}

    Raises
    ------
    InputError
        For numbers below 0 where the loss is Poisson's.
    """

    def __init__(self, features: tuple[Feature, ...], records: Records, name: LossName) -> None:
        feature = features[-1]
        self._poisson, self._numbers = name == "poisson", records.numbers[:, -1].copy()
        inferred = feature.low is None or feature.high is None
        ends = (self._numbers.min(), self._numbers.max()) if inferred else (feature.low, feature.high)
        low, high = float(ends[0] or 0.0), float(ends[1] or 0.0)
        if self._poisson and low < 0:
            raise InputError(f"y may be below 0: its least is {low!r}.", mend="Take loss='squared_error'.")
        self._ends = () if not inferred else (high,) if self._poisson else (low, high)
        self._low, self._high = (0.0 if self._poisson else low), high
        self.loss = poisson() if self._poisson else squared()
        self.weights = Weights.of(features, records, self.loss.most)
        everybody = np.arange(len(self._numbers), dtype=np.int32)
        self._extreme, self._sums = self._counted(everybody), self._summed(everybody)
        self.centre, self.power, self._noise = self._scale()
        self.pulls = [self._pulled()]

    def leave(self, rows: Rows) -> bool:
        """Take rows away."""
        self._extreme = [before - left for before, left in zip(self._extreme, self._counted(rows), strict=True)]
        self._sums = [before - left for before, left in zip(self._sums, self._summed(rows), strict=True)]
        self._numbers[rows], self.pulls[0][rows] = self._low, 0
        return not all(self._extreme) or self._scale() != (self.centre, self.power, self._noise)

    @property
    def facts(self) -> dict[str, Any]:
        """Range, centre, unit and noise."""
        ends = [to_text(self._low), to_text(self._high)]
        return {"range": ends, "centre": self.centre, "power": self.power, "noise": self._noise}

    @property
    def link(self) -> Link:
        """How a score becomes a number: 0 is the centre, and 256 one unit more; or the unit, and e units."""
        step = (self._high - self._low) / 2**STEPS
        form: LinkName = "log" if self._poisson else "identity"
        return Link(form, self._low + self.centre * step, 2**self.power * step)

    @property
    def starts(self) -> list[int]:
        """The centre; for Poisson the unit."""
        return [0]

    @property
    def noise(self) -> float:
        """For squared errors the unit's square; for Poisson what counts have, or all that there is, if that is less."""
        return 2.0**self._noise

    @property
    def levels(self) -> npt.NDArray[np.uint8]:
        """Return sixteenths of a unit from eight units below the centre on, 0 to 255: what splits are chosen by."""
        return np.asarray(np.clip(((self.pulls[0] + 2) >> 2) + 128, 0, 255), np.uint8)

    @property
    def places(self) -> Longs:
        """Return the step that each number is on: ndarray of int64 (n_rows,)."""
        return self._placed(np.arange(len(self._numbers), dtype=np.int32))

    @property
    def of_places(self) -> Link:
        """How a step becomes a number."""
        return Link("identity", self._low, (self._high - self._low) / 2**STEPS)

    def _counted(self, rows: Rows) -> list[int]:
        """Count the rows that make the range what it is."""
        return [int(np.count_nonzero(self._numbers[rows] == end)) for end in self._ends]

    def _placed(self, rows: Rows) -> Longs:
        span = self._high - self._low
        steps = np.zeros(len(rows)) if span == 0 else np.rint((self._numbers[rows] - self._low) / span * 2**STEPS)
        return steps.astype(np.int64)

    def _summed(self, rows: Rows) -> list[int]:
        """Sum rows, places and their squares, by weight; these are at most 2**40: 2**22 rows of them fit."""
        own, units = self._placed(rows), self.weights.units[rows].astype(np.int64)
        return [int(units.sum()), int((units * own).sum()), int((units * own * own).sum())]

    def _scale(self) -> tuple[int, int, int]:
        """Return centre, power of the unit and of the noise, from integers and correctly rounded quotients of them."""
        n, total, squares = self._sums
        spread = max(n * squares - total * total, 0)
        if self._poisson:
            step = (self._high - self._low) / 2**STEPS
            of_counts = math.frexp(n / (total * step))[1] if total else 0  # a count's variance is its mean
            noise = min(of_counts, spread.bit_length() - max(total * total, 1).bit_length())
            return 0, max(total * total // n**2, 1).bit_length() // 2, max(noise, -STEPS)
        power = (spread // n**2).bit_length() // 2
        half = max(1, 2**power // 2)
        return half * ((2 * total + half * n) // (2 * half * n)), power, 0

    def _pulled(self) -> Ints:
        """Return the numbers in units of the gradient, rounded."""
        places = self.places - self.centre
        pulled = (2 * self.loss.gradient * places + 2**self.power) >> (self.power + 1)
        return np.asarray(pulled if self._poisson else np.clip(pulled, -FURTHEST, FURTHEST), np.int32)
