"""Cells in few bytes: a row is so many bytes, each column in the narrowest type that holds all of it, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.columns import Cells, Codes, Numbers

Packed: TypeAlias = npt.NDArray[np.uint8]
Table: TypeAlias = npt.NDArray[Any]
Fields: TypeAlias = dict[str, npt.NDArray[np.int64]]

NUMBERS: Final = ("i1", "i2", "f4", "f8")
CODES: Final = ("i1", "i2", "i4")
AT_ONCE: Final = 2048
"""So many rows stay in a near cache."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each column of some cells stands in a row's bytes.

    Parameters
    ----------
    form : dtype
        Of a row: a field for each type of numbers and of codes.
    numbers, codes : dict of str to ndarray of int64
        Which columns each field has.
    """

    form: np.dtype[Any]
    numbers: Fields
    codes: Fields

    @classmethod
    def of(cls, cells: Cells) -> Self:
        """Find the narrowest types for all rows of some cells."""
        numbers, codes = _sorted(cells.numbers, "numbers", NUMBERS), _sorted(cells.codes, "codes", CODES)
        fields = [(name, name.split()[1], len(columns)) for name, columns in (numbers | codes).items()]
        form = np.dtype([(name, kind, (width,)) for name, kind, width in fields])
        return cls(form, numbers, codes)

    @property
    def n_numbers(self) -> int:
        """How many columns are numbers."""
        return sum(map(len, self.numbers.values()))

    def pack(self, cells: Cells) -> Packed:
        """Return rows as bytes, a copy: ndarray of uint8 (n_rows, n_bytes)."""
        packed = np.empty((len(cells), self.form.itemsize), np.uint8)
        rows = packed.view(self.form)[:, 0]
        for part in _parts(len(rows)):
            for fields, table in ((self.numbers, cells.numbers), (self.codes, cells.codes)):
                for name, columns in fields.items():
                    rows[name][part] = table[part].take(columns, axis=1)
        return packed

    def numbers_of(self, packed: Packed) -> Numbers:
        """Return the numbers of packed rows, a copy."""
        return _unpacked(packed.view(self.form)[:, 0], self.numbers, np.float64)

    def codes_of(self, packed: Packed) -> Codes:
        """Return the codes of packed rows, a copy."""
        return _unpacked(packed.view(self.form)[:, 0], self.codes, np.int32)


def _unpacked(rows: Table, fields: Fields, kind: Any) -> Table:
    table = np.empty((len(rows), sum(map(len, fields.values()))), kind)
    for part in _parts(len(rows)):
        for name, columns in fields.items():
            table[part, columns] = rows[name][part]
    return table


def _parts(n_rows: int) -> list[slice]:
    return [slice(begin, begin + AT_ONCE) for begin in range(0, n_rows, AT_ONCE)]


def _sorted(table: Table, what: str, kinds: tuple[str, ...]) -> Fields:
    """Return which columns need which type."""
    found, left = {}, np.arange(table.shape[1])
    for kind in kinds:
        fits = np.ones(len(left), np.bool_)
        for part in _parts(len(table)):
            fits &= _holds(kind, table[part])
        if fits.any():
            found[f"{what} {kind}"] = left[fits]
        left, table = left[~fits], table[:, ~fits]
    return found


def _holds(kind: str, table: Table) -> npt.NDArray[np.bool_]:
    """Return whether each column comes back from a type as it was."""
    with np.errstate(invalid="ignore", over="ignore"):
        back = table.astype(kind).astype(table.dtype)
    bits = f"i{table.dtype.itemsize}"
    return np.asarray((back.view(bits) == table.view(bits)).all(axis=0))
