"""What forgetting and refitting cost: measured where they were done, expected where they were not.

A model keeps what each forgetting and each refit took. A prediction is what the nearest ones took, of about as many
people, each scaled by what is expected of the two sizes; without any it is the expected share of a fit, and one alone
counts half beside that: else a first call that was slow would never be tried again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, median_low
from typing import Any, Final, Literal

SIZES: Final = (1, 10, 100, 1_000, 10_000)
"""People leaving at once, for which a learner says what share of a fit it expects forgetting to take."""
KEPT: Final = 16
"""So many measurements are kept; the oldest go."""
NEAREST: Final = 3


@dataclass(frozen=True)
class Measured:
    """What one forgetting or one refit took.

    Parameters
    ----------
    how : {"forget", "refit"}
    subjects, records : int
        Who left.
    of : int
        Records before.
    seconds, predicted : float
    """

    how: Literal["forget", "refit"]
    subjects: int
    records: int
    of: int
    seconds: float
    predicted: float

    @property
    def error(self) -> float:
        """By which factor the prediction was off, either way: at least 1."""
        least = 1e-6  # a microsecond: what no clock tells is not predicted
        ratio = max(self.predicted, least) / max(self.seconds, least)
        return max(ratio, 1 / ratio)


@dataclass(frozen=True)
class Costs:
    """What is known of a model's costs.

    Parameters
    ----------
    fit_seconds : float
        What the last full fit took.
    fitted : int
        On how many records.
    shares : tuple of float
        What forgetting is expected to take, for each of `SIZES`, as a share of a fit; empty: in proportion to records.
    measured : tuple of Measured
        The latest last.
    """

    fit_seconds: float
    fitted: int
    shares: tuple[float, ...] = ()
    measured: tuple[Measured, ...] = field(default=())

    def refit(self, staying: int) -> float:
        """Return the expected seconds of a full refit on so many records."""
        return self.fit_seconds * staying / max(self.fitted, 1)

    def forget(self, subjects: int, records: int, of: int) -> tuple[float, str]:
        """Return the expected seconds of forgetting so many, and on what that rests.

        Examples
        --------
        >>> Costs(2.0, 1000).forget(10, 250, 1000)
        (0.5, 'expected')
        >>> Costs(2.0, 1000, measured=(Measured("forget", 10, 250, 1000, 0.25, 0.5),)).forget(10, 500, 1000)
        (0.7071067811865476, 'measured on 1 batch')
        """
        prior = self._prior(subjects, records, of)
        latest = [one for one in reversed(self.measured) if one.how == "forget"]
        if not latest or prior == 0:
            return prior, "expected"
        nearest = sorted(latest, key=lambda one: abs(math.log(max(one.subjects, 1) / max(subjects, 1))))
        scaled = [
            one.seconds * prior / own
            for one in nearest[:NEAREST]
            if (own := self._prior(one.subjects, one.records, one.of)) > 0
        ]
        if not scaled:
            return prior, "expected"
        if len(scaled) == 1:  # one that was slow by chance would never be tried again
            return math.sqrt(prior * scaled[0]), "measured on 1 batch"
        return median_low(scaled), f"measured on {len(scaled)} batches"

    def _prior(self, subjects: int, records: int, of: int) -> float:
        share = between(self.shares, subjects) if self.shares else records / max(of, 1)
        return self.fit_seconds * share * of / max(self.fitted, 1)

    def after(self, one: Measured) -> Costs:
        """Return what is known once one more was measured; a refit tells what a fit takes now."""
        kept = (*self.measured, one)[-KEPT:]
        if one.how == "refit":
            return Costs(one.seconds, one.of - one.records, self.shares, kept)
        return Costs(self.fit_seconds, self.fitted, self.shares, kept)

    @property
    def error(self) -> float | None:
        """By which factor predictions were off in the median; None where nothing was predicted yet."""
        return median(one.error for one in self.measured) if self.measured else None

    def to_dict(self) -> dict[str, Any]:
        """Return a form for JSON."""
        return {**self.__dict__, "measured": [one.__dict__ for one in self.measured]}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Costs:
        """Read what `to_dict` wrote."""
        measured = tuple(Measured(**one) for one in value["measured"])
        return cls(value["fit_seconds"], value["fitted"], tuple(value["shares"]), measured)


def between(shares: Sequence[float], subjects: int) -> float:
    """Return the share for a number of people: along straight lines between `SIZES`, both on logarithmic scales.

    Examples
    --------
    >>> round(between((0.01, 0.1, 0.5, 1.0, 1.0), 3), 3)
    0.03
    """
    at = min(max(math.log10(max(subjects, 1)), 0), len(SIZES) - 1)
    low = min(int(at), len(SIZES) - 2)
    first, second = (max(share, 1e-9) for share in shares[low : low + 2])
    return math.exp(math.log(first) + (at - low) * (math.log(second) - math.log(first)))


def duration(seconds: float) -> str:
    """Write a time with the unit that suits it.

    Examples
    --------
    >>> [duration(value) for value in (0.00004, 0.0027, 1.25, 200.0, 9999.0)]
    ['0.04 ms', '2.7 ms', '1.25 s', '3 min 20 s', '2 h 46 min']
    """
    if seconds < 0.9995:
        milliseconds = seconds * 1000
        return f"{milliseconds:.2f} ms" if milliseconds < 1 else f"{milliseconds:.3g} ms"
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"
