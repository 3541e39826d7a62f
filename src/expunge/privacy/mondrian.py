"""Mondrian: people are cut in two, again and again, while both halves are as the rules say.

LeFevre, DeWitt and Ramakrishnan, "Mondrian multidimensional k-anonymity", ICDE 2006 (strict, median cuts). All sets of
one depth are cut at once, in arrays.

Invariants
----------
- Everybody is in exactly one set; who has the same value in the column that is cut goes to the same side.
- Where a cut falls depends on quasi-identifiers alone; whether it is made, on the rules.
- The order of people decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expunge.privacy.columns import Boxes, Floats, Quasi
from expunge.privacy.hierarchy import Codes
from expunge.privacy.rules import Rules, Sensitive, Verdicts, hold


@dataclass(frozen=True, eq=False)
class Sets:
    """People in sets.

    Parameters
    ----------
    people : ndarray of int64, (n,)
        Who, set after set.
    sizes : ndarray of int64, (s,)
    """

    people: Codes
    sizes: Codes

    @property
    def starts(self) -> Codes:
        """(s,): where each set begins."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def of(self) -> Codes:
        """(n,): number of the set, for each place in `people`."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def only(self, chosen: Codes | Verdicts) -> Sets:
        """Return some of the sets."""
        sizes = self.sizes[chosen]
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return Sets(self.people[np.repeat(self.starts[chosen], sizes) + inside], sizes)

    def group_of(self, n_people: int) -> Codes:
        """Return (n_people,): everybody's set, -1 for who is in none."""
        found = np.full(n_people, -1)
        found[self.people] = self.of
        return found


@dataclass(frozen=True, eq=False)
class People:
    """Everybody, as the algorithms see them.

    Parameters
    ----------
    n : int
        How many.
    quasi : sequence of Quasi
    sensitive : sequence of Sensitive
    """

    n: int
    quasi: Sequence[Quasi]
    sensitive: Sequence[Sensitive]

    def boxes(self, sets: Sets) -> list[Boxes]:
        """Return for each quasi-identifier the boxes of all sets."""
        return [column.boxes(sets.people, sets.starts) for column in self.quasi]

    def fine(self, rules: Rules, sets: Sets, *, released: bool = False) -> Verdicts:
        """Tell which sets are as the rules say."""
        found = sets.sizes >= rules.k
        if found.any() and (rules.l > 1 or rules.t is not None):
            group_of = sets.group_of(self.n)
            for column in self.sensitive:
                found &= hold(rules, column, group_of, len(sets.sizes), released)
        return found


def together(parts: Sequence[Sets]) -> Sets:
    """Put sets beside each other."""
    none = np.zeros(0, dtype=np.int64)
    return Sets(
        np.concatenate([none, *(part.people for part in parts)]),
        np.concatenate([none, *(part.sizes for part in parts)]),
    )


def partition(people: People, rules: Rules) -> Sets:
    """Cut everybody into as many sets as the rules allow; all together where they allow no cut."""
    whole = Sets(np.arange(people.n), np.array([people.n]))
    done: list[Sets] = []
    while len(whole.sizes):
        small = whole.sizes < 2 * rules.k
        done.append(whole.only(small))
        halves, uncut = _cut(people, rules, whole.only(~small))
        done.append(uncut)
        whole = halves
    return together(done)


def _cut(people: People, rules: Rules, sets: Sets) -> tuple[Sets, Sets]:
    """Cut each set in its widest column that can be cut; return the halves, and the sets that cannot."""
    halves: list[Sets] = []
    pending = np.arange(len(sets.sizes))
    if not len(pending):
        return sets, sets
    boxes = people.boxes(sets)
    widths = np.column_stack([column.widths(box) for column, box in zip(people.quasi, boxes, strict=True)])
    by_width = np.argsort(-widths, axis=1, kind="stable")
    for turn in range(len(people.quasi)):
        left_over = [pending[widths[pending, by_width[pending, turn]] == 0]]
        for place, column in enumerate(people.quasi):
            here = pending[(by_width[pending, turn] == place) & (widths[pending, place] > 0)]
            if len(here):
                cut, made = _halved(people, rules, column, sets.only(here), boxes[place][here])
                halves.append(cut)
                left_over.append(here[~made])
        pending = np.sort(np.concatenate(left_over))
    return together(halves), sets.only(pending)


def _halved(people: People, rules: Rules, column: Quasi, sets: Sets, boxes: Boxes) -> tuple[Sets, Verdicts]:
    """Cut sets as near to their middles as values allow; return the halves, and which sets were cut."""
    ordered, left, _ = cuts(column, sets, boxes, middle=True)
    made = (left >= rules.k) & (sets.sizes - left >= rules.k)
    chosen = ordered.only(made)
    halves = Sets(chosen.people, np.column_stack([left[made], chosen.sizes - left[made]]).ravel())
    fine = people.fine(rules, halves).reshape(-1, 2).all(axis=1)
    made[made] = fine
    return halves.only(np.repeat(fine, 2)), made


def cuts(column: Quasi, sets: Sets, boxes: Boxes, *, middle: bool) -> tuple[Sets, Codes, Floats]:
    """Sort the people of each set by a column, and say where to cut.

    Parameters
    ----------
    middle : bool
        Whether to cut near the middle, else at the widest gap.

    Returns
    -------
    Sets, ndarray of int64 (s,), ndarray of float64 (s,)
        Sorted; how many are left of the cut, 0 where there is none; the gap there.
    """
    of = sets.of
    keys = column.keys(sets.people, of, boxes)
    order = np.argsort(of * (int(keys.max()) + 1) + keys, kind="stable")
    keys = keys[order]
    places = np.flatnonzero((keys[1:] != keys[:-1]) & (of[1:] == of[:-1])) + 1
    where, left = of[places], places - sets.starts[of[places]]
    gaps = column.gaps(keys[places - 1], keys[places])
    worse = np.abs(2 * left - sets.sizes[where]) if middle else -gaps
    best = np.lexsort((left, worse, where))
    found, first = np.unique(where[best], return_index=True)
    at, gap = np.zeros(len(sets.sizes), dtype=np.int64), np.zeros(len(sets.sizes))
    at[found], gap[found] = left[best][first], gaps[best][first]
    return Sets(sets.people[order], sets.sizes), at, gap
