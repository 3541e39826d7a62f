"""A table as it was read: nothing inferred, nothing refused yet.

A column is kept as its distinct cells and one code per row, so that whatever is asked about values is asked
once per distinct cell.

Invariants
----------
- ``cells[codes[i]]`` is row i's cell; code -1 is a missing one. Every cell stands in some row.
- A cell is a str, an int, a float, or, where a data frame held something else, that very object.
- ``typed`` cells (data frames, Parquet) mean what their type says: the text "7" is no number. Cells of a CSV file
  have no type, so there "7" is one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from expunge.errors import Fault

EXACT_BELOW: Final = 2**53
"""Whole numbers up to here keep their identity as float64."""

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITE: Final = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, eq=False)
class RawColumn:
    """One column as read.

    Parameters
    ----------
    name : str
    codes : ndarray of int64, (n_rows,)
        Index into `cells`; -1 where missing.
    cells : tuple
        The distinct cells, in no particular order.
    typed : bool
        Whether a cell's Python type says what it is.
    """

    name: str
    codes: npt.NDArray[np.int64]
    cells: tuple[object, ...]
    typed: bool

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        """(n_cells,): each distinct cell as a number, NaN where it is none."""
        return np.array([math.nan if (value := number(cell)) is None else value for cell in self.cells], np.float64)

    @cached_property
    def numeric(self) -> npt.NDArray[np.bool_]:
        """(n_cells,): which distinct cells are numbers as long as nobody declared the column's kind.

        In an untyped column without any finite number, "Inf" is a word like others.
        """
        found = ~np.isnan(self.numbers)
        if self.typed:
            return found & np.array([not isinstance(cell, str) for cell in self.cells], np.bool_)
        return found if np.isfinite(self.numbers).any() else np.zeros_like(found)


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as read, and what was found wrong on the way.

    Parameters
    ----------
    source : str
        What to call it in an error.
    columns : tuple of RawColumn
    rows : ndarray of int64, (n_rows,)
        Number of each row in the source, from 1 without the header. Rows that could not be read are left out.
    faults : tuple of Fault
        Duplicate names, rows of a wrong length and the like.
    """

    source: str
    columns: tuple[RawColumn, ...]
    rows: npt.NDArray[np.int64]
    faults: tuple[Fault, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)


def from_values(name: str, values: npt.NDArray[Any], *, typed: bool) -> RawColumn:
    """Make a column of an array of one type: float64 with NaN, or object with str and None."""
    import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

    codes, cells = pd.factorize(values)
    return RawColumn(name, codes.astype(np.int64), tuple(cells.tolist()), typed)


def from_codes(
    name: str, codes: npt.NDArray[Any], cells: Sequence[object], missing: Sequence[bool], *, typed: bool
) -> RawColumn:
    """Make a column of codes and cells, some of which mean that the cell is missing."""
    gone = np.array(missing, dtype=np.bool_)
    new = np.append(np.where(gone, -1, np.cumsum(~gone) - 1), -1)  # the last one is for code -1
    kept = tuple(cell for cell, skip in zip(cells, missing, strict=True) if not skip)
    return RawColumn(name, new[codes].astype(np.int64), kept, typed)


def number(cell: object) -> float | None:
    """Read a cell as a number; infinite where it says so or is too large; None where it is none.

    Text is read strictly: an optional sign, digits with an optional point, an optional exponent, spaces around it.
    Negative zero becomes zero, so that equal numbers have equal bytes.

    Examples
    --------
    >>> number(" 1.50 "), number("1_000"), number("1e999"), number(7)
    (1.5, None, inf, 7.0)
    """
    if isinstance(cell, str):
        text = cell.strip()
        return float(text) + 0.0 if _NUMBER.fullmatch(text) or _INFINITE.fullmatch(text) else None
    if isinstance(cell, int):
        return float(cell) + 0.0 if abs(cell) < 2**1023 else math.copysign(math.inf, 1 if cell > 0 else -1)
    return cell + 0.0 if isinstance(cell, float) else None


def is_whole(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether each number is a whole one that float64 tells from its neighbours."""
    whole: npt.NDArray[np.bool_] = (values == np.floor(values)) & (np.abs(values) < EXACT_BELOW)
    return whole


def is_digits(cell: object) -> bool:
    """Whether a cell is written as a whole number (then rounding it would change it)."""
    return isinstance(cell, int) or (isinstance(cell, str) and _DIGITS.fullmatch(cell.strip()) is not None)


def number_text(value: float) -> str:
    """Spell a number one way: digits for whole numbers, else the shortest decimal.

    Examples
    --------
    >>> number_text(1.0), number_text(0.5)
    ('1', '0.5')
    """
    return str(int(value)) if value.is_integer() and abs(value) < EXACT_BELOW else repr(value)


def text(cell: object) -> str:
    """Spell a cell as text: text as it is, numbers by `number_text`."""
    if isinstance(cell, float):
        return number_text(cell)
    return str(cell)
