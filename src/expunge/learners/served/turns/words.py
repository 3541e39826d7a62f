"""Turns of words, and of missing cells."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from expunge.errors import InputError
from expunge.learners.encoding.codes import recoded
from expunge.learners.encoding.columns import LARGEST, MISSING, Cells, Codes, Numbers, Words
from expunge.learners.served.turns.base import Arrays, Kinds, Turn, check, columns_of, of_numbers, tidied
from expunge.learners.values import from_text


@dataclass(frozen=True, eq=False)
class Fill(Turn):
    """One value for the missing cells of each column.

    Parameters
    ----------
    numbers : ndarray of float64 (n_numeric,)
        NaN where cells stay missing.
    words : tuple of str or None
        A typed text per column of words; None where cells stay missing.
    """

    name: ClassVar[str] = "fill"

    numbers: Numbers
    words: tuple[str | None, ...]

    def turned(self, cells: Cells) -> Cells:
        """Fill missing cells."""
        codes, known = cells.codes.copy(), list(cells.words)
        for place, word in enumerate(self.words):
            if word is not None and (codes[:, place] == MISSING).any():
                codes[:, place], known[place] = filled(codes[:, place], known[place], word)
        numbers = np.where(np.isnan(cells.numbers), self.numbers, cells.numbers)
        return Cells(tidied(numbers), codes, tuple(known))

    def after(self, kinds: Kinds) -> Kinds:
        """Return the same kinds."""
        check((sum(kinds), len(kinds)) == (len(self.numbers), len(self.numbers) + len(self.words)), "other columns")
        return kinds

    def facts(self) -> dict[str, Any]:
        """Return the words."""
        return {"words": list(self.words)}

    def arrays(self) -> Arrays:
        """Return the numbers."""
        return {"numbers": self.numbers}

    @classmethod
    def from_parts(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Read what `facts` and `arrays` returned."""
        numbers, words = arrays["numbers"], tuple(facts["words"])
        check(numbers.ndim == 1 and not (np.abs(numbers) > LARGEST).any(), "a number that fills nothing")
        check(all(word is None or from_text(word) is not None for word in words), "a word that is none")
        return cls(numbers, words)


@dataclass(frozen=True)
class Place:
    """The places of a column: one for each word, and one for missing cells.

    Parameters
    ----------
    column : str
        Its name.
    words : tuple of str or None
        Typed texts; None for a column of numbers, which goes through as it is.
    missing : bool
        Whether missing cells have a place.
    dropped : {0, 1}
        How many places are left out, from the first.
    """

    column: str
    words: Words | None
    missing: bool = False
    dropped: int = 0

    @property
    def n_places(self) -> int:
        """How many columns come out of it."""
        return 1 if self.words is None else max(0, len(self.words) + self.missing - self.dropped)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that stands in a file."""
        words = None if self.words is None else list(self.words)
        return {"column": self.column, "words": words, "missing": self.missing, "dropped": self.dropped}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote; KeyError, TypeError or ValueError where it is something else."""
        words = None if facts["words"] is None else tuple(str(word) for word in facts["words"])
        check(len(set(words or ())) == len(words or ()), "a word that stands twice")
        check(all(from_text(word) is not None for word in words or ()), "a word that is none")
        check(isinstance(facts["missing"], bool) and facts["dropped"] in (0, 1), "places that are none")
        return cls(str(facts["column"]), words, facts["missing"], int(facts["dropped"]))


@dataclass(frozen=True, eq=False)
class Places(Turn):
    """A column for every word, 1 where a row has it, else 0; numbers go through as they are.

    Parameters
    ----------
    columns : tuple of Place
    strict : bool
        Whether a word that has no place is refused; else all places are 0.
    """

    name: ClassVar[str] = "places"

    columns: tuple[Place, ...]
    strict: bool = False

    def turned(self, cells: Cells) -> Cells:
        """Give every word its place.

        Raises
        ------
        InputError
            For a word that has none, where it is strict.
        """
        parts = [np.empty((len(cells), 0))]
        kinds = [column.words is None for column in self.columns]
        for column, (values, words) in zip(self.columns, columns_of(kinds, cells), strict=True):
            if words is None or column.words is None:
                parts.append(values[:, None])
                continue
            codes = recoded(values, words, column.words)
            codes = np.where(codes == MISSING, len(column.words) if column.missing else MISSING, codes)
            if self.strict and (codes < 0).any():
                row = int((codes < 0).argmax())
                word = None if values[row] == MISSING else from_text(words[values[row]])
                raise InputError(
                    f"column {column.column!r}, row {row + 1}: {word!r} was not learned.",
                    mend="Learn from rows that have it, or take handle_unknown='ignore'.",
                )
            places = np.arange(column.dropped, len(column.words) + column.missing)
            parts.append((codes[:, None] == places).astype(np.float64))
        return of_numbers(np.hstack(parts))

    def after(self, kinds: Kinds) -> Kinds:
        """Return as many columns of numbers as there are places."""
        check(kinds == tuple(column.words is None for column in self.columns), "places of other columns")
        return (True,) * sum(column.n_places for column in self.columns)

    def facts(self) -> dict[str, Any]:
        """Return all of it."""
        return {"columns": [column.to_dict() for column in self.columns], "strict": self.strict}

    @classmethod
    def from_parts(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Read what `facts` returned."""
        del arrays
        check(isinstance(facts["strict"], bool), "neither strict nor not")
        return cls(tuple(Place.from_dict(column) for column in facts["columns"]), facts["strict"])


def filled(codes: Codes, words: Words, word: str) -> tuple[Codes, Words]:
    """Return codes of which none is missing, and the words, to which that one is added.

    Examples
    --------
    >>> codes, words = filled(np.array([-1, 0, 1], np.int32), ("s:a", "s:c"), "s:b")
    >>> codes.tolist(), words
    ([1, 0, 2], ('s:a', 's:b', 's:c'))
    """
    at = bisect_left(words, word)
    if words[at : at + 1] != (word,):
        codes, words = codes + (codes >= at), (*words[:at], word, *words[at:])
    return np.where(codes == MISSING, at, codes), words
