"""What every turn has: a pure function of cells, and a form to be written in.

Invariants
----------
- What comes out of a row is a function of the row and of the turn, in learning as in serving: there is no other code.
- What is read from a file fits the columns that it is for (`Turn.after`), or it is refused: nothing is found out while
  predicting.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.columns import LARGEST, Cells, Numbers, Words

Kinds: TypeAlias = tuple[bool, ...]
"""Of each column, whether it is one of numbers; the others are of words."""
Arrays: TypeAlias = Mapping[str, npt.NDArray[np.float64]]


class Turn(ABC):
    """What a fitted transformer does to cells.

    Attributes
    ----------
    name : str
        By which a file calls it.
    """

    name: ClassVar[str]

    @abstractmethod
    def turned(self, cells: Cells) -> Cells:
        """Return what comes out of rows, in their order."""

    @abstractmethod
    def after(self, kinds: Kinds) -> Kinds:
        """Return the kinds of the columns that come out of such; ValueError where others must come in."""

    def facts(self) -> dict[str, Any]:
        """Return all of it but its arrays, as canonical JSON has it."""
        return {}

    def arrays(self) -> Arrays:
        """Return its numbers."""
        return {}

    @classmethod
    @abstractmethod
    def from_parts(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Read what `facts` and `arrays` returned; KeyError, TypeError or ValueError where it is something else."""


def columns_of(kinds: Sequence[bool], cells: Cells) -> list[tuple[npt.NDArray[Any], Words | None]]:
    """Return each column: its numbers, or its codes and the words that they stand for."""
    numbers, coded = iter(cells.numbers.T), iter(zip(cells.codes.T, cells.words, strict=True))
    return [(next(numbers), None) if numeric else next(coded) for numeric in kinds]


def picked(kinds: Sequence[bool], cells: Cells, places: Sequence[int]) -> Cells:
    """Return copies of some columns, in this order."""
    columns = columns_of(kinds, cells)
    chosen = [columns[place] for place in places]
    numbers = [values for values, words in chosen if words is None]
    worded = [(codes, words) for codes, words in chosen if words is not None]
    n_rows = len(cells)
    return Cells(
        np.column_stack(numbers) if numbers else np.empty((n_rows, 0)),
        np.column_stack([codes for codes, _ in worded]) if worded else np.empty((n_rows, 0), np.int32),
        tuple(words for _, words in worded),
    )


def of_numbers(numbers: Numbers) -> Cells:
    """Return numbers, a column each, as cells."""
    return Cells(numbers, np.empty((len(numbers), 0), np.int32), ())


def tidied(numbers: Numbers) -> Numbers:
    """Return numbers as cells hold them: not beyond the largest, and without -0.0."""
    return np.asarray(np.clip(numbers, -LARGEST, LARGEST) + 0.0)


def check(sound: object, fault: str) -> None:
    """Refuse what a file says, unless it is sound; ValueError."""
    if not sound:
        raise ValueError(fault)
