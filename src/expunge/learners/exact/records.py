"""Whose rows they are: the one copy of the records that a learner keeps in order to forget. Personal data.

Invariants
----------
- `subjects` are unique and in canonical order (ints ascending, then strs by UTF-8); subject i's rows are
  ``starts[i]:starts[i + 1]``, at least one.
- Nothing here depends on the order in which rows came, but for their order within a subject; `canonical` removes
  that too, and is what is saved.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.domain.subject import SubjectId, subject_id
from expunge.errors import CannotForgetError, InputError, UnknownSubjectError
from expunge.learners.encoding.columns import Cells


@dataclass(frozen=True, eq=False)
class Records:
    """Rows by subject.

    Parameters
    ----------
    subjects : tuple of int or str
    starts : ndarray of int64 (n_subjects + 1,)
    cells : Cells
        The rows, target column included.
    """

    subjects: tuple[SubjectId, ...]
    starts: npt.NDArray[np.int64]
    cells: Cells

    @classmethod
    def of(cls, ids: Any, cells: Cells) -> Records:
        """Group rows by subject.

        Parameters
        ----------
        ids : array-like (n_rows,) of int or str

        Raises
        ------
        SubjectIdError, InputError
            For values that are no ids, and where there is not one per row.
        """
        subjects, ranks = _ranked(ids)
        if len(ranks) != len(cells):
            raise InputError(f"there are {len(ranks)} subjects for {len(cells)} rows.", mend="Give one id per row.")
        order = np.argsort(ranks, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(ranks, minlength=len(subjects)))]).astype(np.int64)
        return cls(subjects, starts, cells.take(order))

    def __len__(self) -> int:
        return len(self.cells)

    def rows_of(self, subjects: Sequence[SubjectId]) -> npt.NDArray[np.bool_]:
        """Return which rows are theirs: bool (n_rows,).

        Raises
        ------
        UnknownSubjectError
            Where one of them has none; all unknown ones are counted, the first is named.
        """
        places = [self._place(subject) for subject in subjects]
        unknown = [subject for subject, place in zip(subjects, places, strict=True) if place is None]
        if unknown:
            more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
            raise UnknownSubjectError(
                f"subject {unknown[0]!r}{more} is not among the records.",
                mend="Nobody was forgotten. Check the id and its type: 7 is not '7'.",
            )
        theirs = np.zeros(len(self), np.bool_)
        for place in places:
            if place is not None:
                theirs[self.starts[place] : self.starts[place + 1]] = True
        return theirs

    def without(self, theirs: npt.NDArray[np.bool_]) -> Records:
        """Return copies of all rows but these (whole subjects, as `rows_of` marks them).

        Raises
        ------
        CannotForgetError
            Where no row is left.
        """
        stays = ~theirs[self.starts[:-1]]
        if not stays.any():
            raise CannotForgetError("nobody would be left to learn from.", mend="Retire the model instead.")
        counts = np.diff(self.starts)[stays]
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Records(tuple(compress(self.subjects, stays.tolist())), starts, self.cells.take(~theirs))

    def canonical(self) -> Records:
        """Return the same records with each subject's rows sorted by content."""
        owners = np.repeat(np.arange(len(self.subjects)), np.diff(self.starts))
        bits = self.cells.numbers.view(np.int64)
        order = np.lexsort((*self.cells.codes.T, *bits.T, owners))
        return Records(self.subjects, self.starts.copy(), self.cells.take(order))

    def _place(self, subject: SubjectId) -> int | None:
        place = bisect_left(self.subjects, canonical_order(subject), key=canonical_order)
        return place if place < len(self.subjects) and self.subjects[place] == subject else None


def canonical_order(subject: SubjectId) -> tuple[bool, SubjectId]:
    """Sort key: ints ascending, then strs by code point, which is their order as UTF-8."""
    return isinstance(subject, str), subject


def _ranked(ids: Any) -> tuple[tuple[SubjectId, ...], npt.NDArray[np.intp]]:
    """Return the unique ids in canonical order, and each row's rank among them."""
    if isinstance(ids, str | bytes):
        raise InputError(f"subjects are one text, {ids!r}.", mend="Give one id per row.")
    array = ids if isinstance(ids, np.ndarray) else None
    if array is None and hasattr(ids, "to_numpy"):
        array = np.asarray(ids.to_numpy())
    if array is not None and array.ndim != 1:
        raise InputError(f"subjects have {array.ndim} dimensions.", mend="Give one id per row, in one dimension.")
    if array is not None and array.dtype.kind in "iuU":  # one type: NumPy may sort, and only the unique ones are read
        unique, ranks = np.unique(array, return_inverse=True)
        return tuple(subject_id(value) for value in unique.tolist()), ranks.astype(np.intp)
    plain = [subject_id(value) for value in (ids if array is None else array.tolist())]
    subjects = tuple(sorted(dict.fromkeys(plain), key=canonical_order))
    rank = {subject: place for place, subject in enumerate(subjects)}
    return subjects, np.array([rank[subject] for subject in plain], dtype=np.intp)
