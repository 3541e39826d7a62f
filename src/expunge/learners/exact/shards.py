"""Who is in which shard, in which slice of it, and how many of both there are.

Bourtoule et al., "Machine Unlearning", IEEE S&P 2021 (SISA: arXiv 1912.03817). Each person is in one shard, a keyed
hash says in which; so nobody's place depends on who else is there.

Of what a fit costs, forgetting d people costs on average, S shards and R slices being drawn evenly,

    sum over r of (r / R**2) (1 - (1 - r / (R S))**d),  divided by  sum over r of r / R**2,

since stage r learns from r / R of a shard in 1 / R of the rounds, and is learned again where one of the d is in one of
the first r slices of its shard. For R = 1 that is 1 - (1 - 1 / S)**d: of S shards, S (1 - (1 - 1 / S)**d) are met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from expunge.domain.subject import SubjectId, subject_bytes
from expunge.learners.base import Key
from expunge.learners.values import to_text

LEAST: Final = 5_000
"""So many people a shard should have: with fewer, models lose what the others' people would tell them."""
MOST: Final = 20
SLICES: Final = 4
LARGE: Final = 50_000
"""From so many people in a shard on it has slices: with fewer, each stage costs more to begin than it saves
(`expunge bench sharding`). Shards of so many were not measured."""
WORTH: Final = 0.8
"""Where sharding saves less than a fifth, it is not worth what it costs in accuracy."""


@dataclass(frozen=True)
class Design:
    """How many shards and slices there are, and why.

    Parameters
    ----------
    n_shards, n_slices : int
    why : str
    """

    n_shards: int
    n_slices: int
    why: str


def expected_cost(n_shards: int, n_slices: int, n_leaving: int) -> float:
    """Return what forgetting so many people at once costs on average, as a share of a fit.

    Examples
    --------
    >>> expected_cost(4, 1, 1)
    0.25
    >>> round(expected_cost(10, 4, 1), 3), round(expected_cost(10, 4, 100), 3)
    (0.075, 0.991)
    """
    stages = np.arange(1, n_slices + 1)
    again = 1 - (1 - stages / (n_slices * n_shards)) ** n_leaving
    return float((stages * again).sum() / stages.sum())


def designed(n_people: int, n_leaving: int, *, n_shards: int | None, n_slices: int | None, goes_on: bool) -> Design:
    """Choose what was not given.

    Parameters
    ----------
    n_people : int
    n_leaving : int
        How many people are expected to leave at once.
    n_shards, n_slices : int or None
    goes_on : bool
        Whether a fit can go on from an earlier one: else slices save nothing.

    Examples
    --------
    >>> designed(70_000, 1, n_shards=None, n_slices=None, goes_on=True).n_shards
    14
    >>> print(designed(4_000, 1, n_shards=None, n_slices=2, goes_on=True).why)
    1 shard: 4000 people are fewer than twice 5000, which a shard should have; 2 slices as given
    """
    room = max(1, min(MOST, n_people // LEAST))
    if n_shards is not None:
        slices, of_slices = _slices(n_people // n_shards, n_slices, goes_on)
        return Design(n_shards, slices, f"{_count(n_shards, 'shard')} as given; {of_slices}")
    slices, of_slices = _slices(n_people // room, n_slices, goes_on)
    cost = expected_cost(room, slices, n_leaving)
    leaving = f"to forget {n_leaving} at once costs {cost:.0%} of a fit on average"
    if room > 1 and cost <= WORTH:
        most = f", at most {MOST}" if room == MOST else ""
        return Design(room, slices, f"{room} shards of {LEAST} people or more{most}: {leaving}; {of_slices}")
    slices, of_slices = _slices(n_people, n_slices, goes_on)
    few = f"{n_people} people are fewer than twice {LEAST}, which a shard should have"
    why = few if room == 1 else f"in {room}, {leaving}, and shards cost accuracy"
    return Design(1, slices, f"1 shard: {why}; {of_slices}")


def _slices(n_people: int, n_slices: int | None, goes_on: bool) -> tuple[int, str]:
    """Return how many slices a shard of so many people has, and why."""
    if n_slices is not None:
        return n_slices, f"{_count(n_slices, 'slice')} as given"
    if not goes_on:
        return 1, "1 slice: fits do not go on from earlier ones"
    if n_people < LARGE:
        return 1, f"1 slice: a shard of fewer than {LARGE} people is learned as fast at one go"
    return SLICES, f"{SLICES} slices: fits go on from earlier ones"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def places_of(
    subjects: Sequence[SubjectId], design: Design, random_state: int, key: Key | bytes | None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return each subject's shard and slice: two ndarrays of int32 (n_subjects,)."""
    drawing = blake2b(to_text(random_state).encode(), key=key or b"", digest_size=32, person=b"expunge shards").digest()
    drawn = [blake2b(subject_bytes(one), key=drawing, digest_size=16).digest() for one in subjects]
    halves = np.frombuffer(b"".join(drawn), "<u8").reshape(-1, 2) >> np.uint64(32)
    counts = np.array([design.n_shards, design.n_slices], np.uint64)
    shard, part = ((halves * counts) >> np.uint64(32)).astype(np.int32).T
    return np.ascontiguousarray(shard), np.ascontiguousarray(part)
