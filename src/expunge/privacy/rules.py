"""What every published group must be: k people, l sensitive values, a distribution no further than t from everybody's.

Invariants
----------
- People are counted, not rows. A person has a value if any of their rows has it.
- Where somebody has several rows, l and t hold for the rows as published and for (person, value) pairs alike, and for
  l > 1 no value is one that everybody in a group has: who is known to be in the group would be known to have it.
- Every sensitive column is judged by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from expunge.errors import InputError
from expunge.privacy.columns import Floats
from expunge.privacy.hierarchy import Codes

Verdicts = npt.NDArray[np.bool_]
ROUNDING = 1e-9
"""Slack of comparisons of real numbers: sums of shares are not exact."""


class Diversity(StrEnum):
    """What l counts (Machanavajjhala et al. 2007)."""

    DISTINCT = "distinct"
    ENTROPY = "entropy"
    RECURSIVE = "recursive"


@dataclass(frozen=True)
class Rules:
    """What is asked of every group.

    Parameters
    ----------
    k : int
        People, at least 2.
    l : int
        Values of each sensitive column. 1 asks for nothing.
    diversity : Diversity
        DISTINCT: l different values. ENTROPY: an entropy of at least log l. RECURSIVE: the most frequent value is
        rarer than c times all from the l-th most frequent on together.
    c : float
        Of RECURSIVE alone.
    t : float or None
        Greatest earth mover's distance of a group's values to everybody's, of 1 at most (Li et al. 2007).
    suppress : float
        Share of people who may be left out.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> Rules(k=10, l=2, t=0.2).diversity
    <Diversity.DISTINCT: 'distinct'>
    """

    k: int
    l: int = 1  # noqa: E741 - its name everywhere
    diversity: Diversity = Diversity.DISTINCT
    c: float = 3.0
    t: float | None = None
    suppress: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that ask for nothing, or for what cannot be."""
        wrong = (
            (self.k < 2, f"k is {self.k}", "Give 2 or more: a group of one is a person."),
            (self.l < 1, f"l is {self.l}", "Give 1 or more."),
            (not self.c > 0, f"c is {self.c}", "Give more than 0."),
            (self.t is not None and not 0 <= self.t <= 1, f"t is {self.t}", "Give 0 to 1."),
            (not 0 <= self.suppress < 1, f"the share to suppress is {self.suppress}", "Give 0 to less than 1."),
        )
        for is_wrong, what, mend in wrong:
            if is_wrong:
                raise InputError(f"{what}.", mend=mend)


@dataclass(frozen=True, eq=False)
class Counts:
    """How often values stand in groups; what stands in none is left out.

    Parameters
    ----------
    groups, codes, counts : ndarray of int64, (c,)
        Sorted by group, then code.
    n_groups : int
    """

    groups: Codes
    codes: Codes
    counts: Codes
    n_groups: int

    @cached_property
    def totals(self) -> Codes:
        """(n_groups,): how many there are in a group."""
        return np.bincount(self.groups, self.counts, self.n_groups).astype(np.int64)

    @cached_property
    def shares(self) -> Floats:
        """(c,): a value's share of its group."""
        return self.counts / self.totals[self.groups]

    def distinct(self) -> Codes:
        """Return how many values each group has."""
        return np.bincount(self.groups, minlength=self.n_groups).astype(np.int64)

    def entropies(self) -> Floats:
        """Return the entropy of each group, in nats."""
        return _summed(self.groups, -self.shares * np.log(self.shares), self.n_groups)

    def recursive(self, l: int, c: float) -> Verdicts:  # noqa: E741
        """Tell which groups are (c, l)-diverse."""
        order = np.lexsort((-self.counts, self.groups))
        groups, counts = self.groups[order], self.counts[order]
        rank = np.arange(len(groups)) - np.searchsorted(groups, groups)
        tail = np.bincount(groups, counts * (rank >= l - 1), self.n_groups)
        first = np.bincount(groups, counts * (rank == 0), self.n_groups)
        found: Verdicts = first < c * tail
        return found

    def distances(self, everybody: Floats, *, ordered: bool) -> Floats:
        """Return the earth mover's distance of each group to a distribution (m,).

        Between categories the distance is 1; between the i-th and the j-th of m numbers it is |i - j| / (m - 1).
        """
        if not ordered:
            return _summed(self.groups, np.maximum(self.shares - everybody[self.codes], 0.0), self.n_groups)
        return _ordered_distances(self, everybody)


@dataclass(frozen=True, eq=False)
class Sensitive:
    """A sensitive column.

    Parameters
    ----------
    name : str
    owners, codes : ndarray of int64, (r,)
        Of each row: whose it is, and which value stands there.
    values : tuple of str
        The m distinct values, numbers in order.
    ordered : bool
        Whether they are numbers.
    """

    name: str
    owners: Codes
    codes: Codes
    values: tuple[str, ...]
    ordered: bool

    @cached_property
    def countings(self) -> tuple[tuple[Codes, Codes], ...]:
        """Pairs of owners and codes: of all rows, and of (person, value) pairs where those are others."""
        pairs = np.unique(self.owners * len(self.values) + self.codes)
        rows = (self.owners, self.codes)
        if len(np.unique(self.owners)) == len(self.owners):
            return (rows,)
        return rows, (pairs // len(self.values), pairs % len(self.values))

    def counted(self, group_of: Codes, n_groups: int) -> list[Counts]:
        """Count the values by group in every way of counting; who is in group -1 is left out."""
        return [_counted(group_of[owners], codes, n_groups, len(self.values)) for owners, codes in self.countings]

    @cached_property
    def everybody(self) -> list[Floats]:
        """(m,) for every way of counting: shares among all."""
        return [np.bincount(codes, minlength=len(self.values)) / len(codes) for _, codes in self.countings]


def hold(rules: Rules, sensitive: Sensitive, group_of: Codes, n_groups: int, released: bool = False) -> Verdicts:
    """Tell in which groups l and t hold for a column.

    Parameters
    ----------
    group_of : ndarray of int64, (n_people,)
        Group of each person; -1 for who is in none.
    released : bool
        Whether t is of the distance to those who are in a group, not to everybody.
    """
    fine = np.ones(n_groups, dtype=np.bool_)
    for counts, everybody in zip(sensitive.counted(group_of, n_groups), sensitive.everybody, strict=True):
        if rules.l > 1:
            fine &= _diverse(rules, counts)
        if rules.t is not None:
            base = _overall(counts, len(everybody)) if released else everybody
            fine &= counts.distances(base, ordered=sensitive.ordered) <= rules.t + ROUNDING
    if rules.l > 1 and len(sensitive.countings) > 1:
        # Of the second counting: how many people have a value.
        most = np.zeros(n_groups, dtype=np.int64)
        np.maximum.at(most, counts.groups, counts.counts)
        fine &= most < np.bincount(group_of[group_of >= 0], minlength=n_groups)
    return fine


def _diverse(rules: Rules, counts: Counts) -> Verdicts:
    fine: Verdicts
    if rules.diversity is Diversity.DISTINCT:
        fine = counts.distinct() >= rules.l
    elif rules.diversity is Diversity.ENTROPY:
        fine = counts.entropies() >= np.log(rules.l) - ROUNDING
    else:
        fine = counts.recursive(rules.l, rules.c)
    return fine


def _overall(counts: Counts, n_values: int) -> Floats:
    found = _summed(counts.codes, counts.counts, n_values)
    return found / max(float(found.sum()), 1.0)


def _summed(places: Codes, weights: Codes | Floats, n: int) -> Floats:
    return np.asarray(np.bincount(places, weights, n), dtype=np.float64)


def _counted(groups: Codes, codes: Codes, n_groups: int, n_values: int) -> Counts:
    inside = groups >= 0
    key = groups[inside] * n_values + codes[inside]
    if n_groups * n_values <= 4 * len(key):  # a table of all is quicker than sorting
        table = np.bincount(key, minlength=n_groups * n_values)
        found = np.flatnonzero(table)
        return Counts(found // n_values, found % n_values, table[found], n_groups)
    found, counts = np.unique(key, return_counts=True)
    return Counts(found // n_values, found % n_values, counts, n_groups)


def _ordered_distances(counts: Counts, everybody: Floats) -> Floats:
    """Sum |P - Q| of cumulated shares over all values, for all groups at once.

    Between two values that a group has, P stays and Q grows: the sum splits where Q passes P.
    """
    m = len(everybody)
    if m == 1:
        return np.zeros(counts.n_groups)
    Q = np.cumsum(everybody)
    S = np.concatenate([[0.0], np.cumsum(Q)])
    running = np.cumsum(counts.shares)
    firsts = np.searchsorted(counts.groups, counts.groups)
    P = running - (running - counts.shares)[firsts]
    start = counts.codes
    last = np.append(counts.groups[1:] != counts.groups[:-1], True)
    end = np.where(last, m, np.append(counts.codes[1:], m))
    split = np.clip(np.searchsorted(Q, P), start, end)
    parts = P * (2 * split - start - end) - 2 * S[split] + S[start] + S[end]
    before = np.where(np.arange(len(firsts)) == firsts, S[start], 0.0)  # P is 0 until a group's first value
    return _summed(counts.groups, parts + before, counts.n_groups) / (m - 1)
