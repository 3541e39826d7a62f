"""Suppression: who stands apart is left out, where the others' boxes become narrower by more than that costs.

Invariants
----------
- No more people are left out than the budget has.
- What remains of a set is as the rules say.
- Leaving out a person costs all of their cells; a box that becomes narrower gains its difference in width, for
  everybody who remains in it. Only what gains more than it costs is done, the greatest gain first.
"""

from __future__ import annotations

import numpy as np

from expunge.privacy.hierarchy import Codes
from expunge.privacy.mondrian import People, Sets, cuts, together
from expunge.privacy.rules import Rules


def trimmed(people: People, rules: Rules, sets: Sets) -> Sets:
    """Return the sets without those who were left out."""
    budget = int(rules.suppress * people.n)
    while budget:
        sets, spent = _round(people, rules, sets, budget)
        if not spent:
            break
        budget -= spent
    return sets


def _round(people: People, rules: Rules, sets: Sets, budget: int) -> tuple[Sets, int]:
    """Trim each set once at most, in the column where it gains most; return the sets, and how many people it took."""
    able = np.flatnonzero(sets.sizes > rules.k)
    if not len(able):
        return sets, 0
    some = sets.only(able)
    boxes = people.boxes(some)
    wide = sum(column.widths(box) for column, box in zip(people.quasi, boxes, strict=True))
    options = []
    gains = []
    for column, box in zip(people.quasi, boxes, strict=True):
        ordered, left, _ = cuts(column, some, box, middle=False)
        kept, lost = _larger(ordered, left)
        widths = sum(one.widths(box) for one, box in zip(people.quasi, people.boxes(kept), strict=True))
        gain = kept.sizes * (wide - widths) - lost * (len(people.quasi) - wide)
        possible = (lost > 0) & (lost <= budget) & (kept.sizes >= rules.k)
        gains.append(np.where(possible, gain, 0.0))
        options.append((kept, lost))
    best = np.argmax(gains, axis=0)
    gain = np.max(gains, axis=0)
    new = together([kept.only(best == place) for place, (kept, _) in enumerate(options)])
    by_column = np.concatenate([np.flatnonzero(best == place) for place in range(len(options))])
    lost = np.concatenate([lost[best == place] for place, (_, lost) in enumerate(options)])
    worth = (gain[by_column] > 0) & people.fine(rules, new)
    ranked = np.flatnonzero(worth)[np.lexsort((by_column[worth], -gain[by_column][worth]))]
    done = ranked[np.cumsum(lost[ranked]) <= budget]
    untouched = np.ones(len(sets.sizes), dtype=np.bool_)
    untouched[able[by_column[done]]] = False
    return together([sets.only(untouched), new.only(np.sort(done))]), int(lost[done].sum())


def _larger(sets: Sets, left: Codes) -> tuple[Sets, Codes]:
    """Return the larger side of each set, and how many are in the other."""
    right = sets.sizes - left
    from_right = left <= right
    sizes = np.where(from_right, right, left)
    begin = sets.starts + np.where(from_right, left, 0)
    inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return Sets(sets.people[np.repeat(begin, sizes) + inside], sizes), sets.sizes - sizes
