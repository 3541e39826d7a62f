"""Two releases of the same people: who is in group A of the one and in group B of the other is among those in both.

Ganta, Kasiviswanathan and Smith, "Composition attacks and auxiliary information in data privacy", KDD 2008.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expunge.errors import InputError


@dataclass(frozen=True)
class Overlap:
    """What two releases say together.

    Parameters
    ----------
    k : int
    people : int
        Who are in both.
    smallest : int
        Of the intersections of groups; 0 where nobody is in both.
    exposed : int
        People in an intersection of fewer than k.
    """

    k: int
    people: int
    smallest: int
    exposed: int

    @property
    def holds(self) -> bool:
        """Whether everybody is among k people still."""
        return not self.exposed


def overlap(first: Mapping[Any, int], second: Mapping[Any, int], k: int) -> Overlap:
    """Intersect the groups of two releases.

    Who was left out of a release is in none of its groups, and only the other release tells of them: they are not
    counted here.

    Parameters
    ----------
    first, second : mapping of person to group
        `Release.groups`.
    k : int
        The smaller of what was promised.

    Returns
    -------
    Overlap

    Raises
    ------
    InputError
        Where k is less than 2.

    Examples
    --------
    >>> overlap({1: 0, 2: 0, 3: 1, 4: 1}, {1: 0, 2: 0, 3: 0, 4: 1}, 2)
    Overlap(k=2, people=4, smallest=1, exposed=2)
    """
    if k < 2:
        raise InputError(f"k is {k}.", mend="Give 2 or more.")
    both = Counter(
        (group, second[person]) for person, group in first.items() if group >= 0 and second.get(person, -1) >= 0
    )
    exposed = sum(size for size in both.values() if size < k)
    return Overlap(k, sum(both.values()), min(both.values(), default=0), exposed)
