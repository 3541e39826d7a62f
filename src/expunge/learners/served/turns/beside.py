"""Turns side by side, and how turns are written and read: by names that stand in a fixed table, never by a module's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self

import numpy as np

from expunge.learners.encoding.columns import Cells
from expunge.learners.served.turns.base import Arrays, Kinds, Turn, check, picked
from expunge.learners.served.turns.encoded import Encode, Project
from expunge.learners.served.turns.numbers import Cut, Scale
from expunge.learners.served.turns.words import Fill, Places


@dataclass(frozen=True, eq=False)
class Beside(Turn):
    """Turns side by side, each of columns of its own.

    Parameters
    ----------
    kinds : tuple of bool
        Of the columns that come in, whether each is one of numbers.
    chosen : tuple of tuple of int
        Per turn the columns that it is for, and last those that go through as they are.
    turns : tuple of Turn
    """

    name: ClassVar[str] = "beside"

    kinds: Kinds
    chosen: tuple[tuple[int, ...], ...]
    turns: tuple[Turn, ...]

    def turned(self, cells: Cells) -> Cells:
        """Turn each part, and put them side by side."""
        tables = [picked(self.kinds, cells, own) for own in self.chosen]
        found = [turn.turned(own) for turn, own in zip(self.turns, tables, strict=False)] + tables[-1:]
        return Cells(
            np.hstack([own.numbers for own in found]),
            np.hstack([own.codes for own in found]),
            tuple(chain.from_iterable(own.words for own in found)),
        )

    def after(self, kinds: Kinds) -> Kinds:
        """Return the kinds of each part's columns, in turn."""
        check(kinds == self.kinds, "parts of other columns")
        parts = [tuple(kinds[place] for place in own) for own in self.chosen]
        found = [turn.after(own) for turn, own in zip(self.turns, parts, strict=False)] + parts[-1:]
        return tuple(chain.from_iterable(found))

    def facts(self) -> dict[str, Any]:
        """Return kinds, columns and what the parts say."""
        chosen = [list(own) for own in self.chosen]
        return {"kinds": list(self.kinds), "chosen": chosen, "turns": facts_of(self.turns)}

    def arrays(self) -> Arrays:
        """Return the parts' arrays, each under its number."""
        return arrays_of(self.turns)

    @classmethod
    def from_parts(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Read what `facts` and `arrays` returned."""
        kinds, chosen = tuple(facts["kinds"]), tuple(tuple(own) for own in facts["chosen"])
        check(all(isinstance(kind, bool) for kind in kinds), "a kind that is none")
        check(all(type(place) is int and 0 <= place < len(kinds) for own in chosen for place in own), "no such column")
        turns = turns_from(facts["turns"], arrays)
        check(len(chosen) == len(turns) + 1, "parts without columns")
        return cls(kinds, chosen, turns)


TURNS: Final[Mapping[str, type[Turn]]] = MappingProxyType(
    {turn.name: turn for turn in (Scale, Cut, Fill, Places, Encode, Project, Beside)}
)
"""Name in a file -> class."""


def facts_of(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return the names of turns and what they say, without their arrays."""
    return [{"turn": turn.name, **turn.facts()} for turn in turns]


def arrays_of(turns: Sequence[Turn]) -> Arrays:
    """Return the arrays of turns, each turn's under its number."""
    return {f"{number} {name}": own for number, turn in enumerate(turns) for name, own in turn.arrays().items()}


DEEPEST: Final = 16
"""So deep turns may stand within turns: to turn cells takes a call for each."""


def depth_of(facts: Sequence[Mapping[str, Any]]) -> int:
    """Return how deep turns stand within turns, as `facts_of` wrote them."""
    return 1 + max((depth_of(own.get("turns", ())) for own in facts), default=0)


def turns_from(facts: Sequence[Mapping[str, Any]], arrays: Arrays) -> tuple[Turn, ...]:
    """Read what `facts_of` and `arrays_of` returned; KeyError, TypeError or ValueError where it is something else."""
    found = []
    for number, own in enumerate(facts):
        prefix = f"{number} "
        theirs = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        found.append(TURNS[own["turn"]].from_parts(own, theirs))
    return tuple(found)
