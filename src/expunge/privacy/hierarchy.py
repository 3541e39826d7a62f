"""Hierarchies of categories: a leaf, what it belongs to, what that belongs to, up to ``*``.

A file has one line for each leaf, in CSV: the leaf, its parent, and so on. Lines may be of different lengths.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from expunge.errors import InputError

TOP: Final = "*"
"""Label of what everything belongs to."""
MISSING: Final = "missing"
"""Label of a cell that is missing; it belongs to nothing but the top."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hierarchy:
    """A tree of labels.

    Parameters
    ----------
    paths : sequence of sequences of str
        For each leaf the labels from the leaf up; a last ``*`` may be left out.

    Raises
    ------
    InputError
        Where a leaf stands twice, a label is empty, or stands under two parents.

    Examples
    --------
    >>> wards = Hierarchy([["icu", "acute"], ["surgery", "acute"], ["rehab", "chronic"]])
    >>> wards.leaves
    ('icu', 'surgery', 'rehab')
    """

    paths: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        """Refuse what is no tree."""
        seen: set[str] = set()
        above: dict[str, str] = {}
        for path in self.paths:
            if not path or not all(label.strip() for label in path):
                raise InputError(f"the hierarchy has an empty label in {list(path)}.", mend="Name every level.")
            if path[0] in seen:
                raise InputError(f"the leaf {path[0]!r} stands twice.", mend="Give every leaf one line.")
            seen.add(path[0])
            for label, parent in zip(path, (*path[1:], TOP), strict=True):
                if label != parent and above.setdefault(label, parent) != parent:
                    raise InputError(
                        f"{label!r} stands under {above[label]} and under {parent}.",
                        mend="Give the two names of their own.",
                    )
        if not seen:
            raise InputError("the hierarchy is empty.", mend="Give one line for each category.")
        object.__setattr__(self, "paths", tuple(tuple(path) for path in self.paths))

    @cached_property
    def _downward(self) -> list[tuple[str, ...]]:
        """Paths from the top to the leaves, all equally long, sorted: a subtree's leaves stand side by side."""
        tops = [(TOP, *reversed([label for label in path if label != TOP])) for path in self.paths]
        depth = max(map(len, tops))
        return sorted(path + path[-1:] * (depth - len(path)) for path in tops)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Labels of the leaves, a subtree's side by side."""
        return tuple(path[-1] for path in self._downward)

    @cached_property
    def levels(self) -> tuple[Codes, ...]:
        """For each level, leaves first and the top last, (n_leaves,): which node each leaf belongs to."""
        depth = len(self._downward[0])
        found = []
        for keep in range(depth, 0, -1):
            nodes = [path[:keep] for path in self._downward]
            new = np.array([one != other for one, other in zip(nodes, [(), *nodes[:-1]], strict=True)])
            found.append(np.cumsum(new, dtype=np.int64) - 1)
        return tuple(found)

    def labels(self, level: int) -> list[str]:
        """Return for each leaf the label of what it belongs to at a level."""
        return [path[len(path) - 1 - level] for path in self._downward]

    def with_leaf(self, label: str) -> Hierarchy:
        """Return a hierarchy with one more leaf, right below the top; the same if it is there."""
        return self if label in self.leaves else Hierarchy((*self.paths, (label,)))


def read_hierarchy(text: str) -> Hierarchy:
    r"""Read a hierarchy from the text of a CSV file.

    Examples
    --------
    >>> read_hierarchy("icu,acute\nrehab,chronic\n").labels(1)
    ['acute', 'chronic']
    """
    rows = csv.reader(io.StringIO(text, newline=""))
    return Hierarchy([[cell.strip() for cell in row if cell.strip()] for row in rows if any(map(str.strip, row))])
