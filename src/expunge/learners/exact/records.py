"""Whose rows they are: the one copy of the records that a learner keeps in order to forget. Personal data.

Invariants
----------
- Subjects are unique and in canonical order (ints ascending, then strs by UTF-8); each has at least one row, and its
  rows stand together.
- Records are immutable, and lie in blocks of some hundred subjects: without a few people they share all blocks but
  theirs with the records before. No block is a view of anything larger, so that whoever left is gone with the records
  before.
- A word of a categorical column that nobody has any more is gone from all blocks.
- Blocks hold rows in few bytes, all of them laid out alike: a column is as wide as the widest that was in it when the
  records were made, or a word last left. What comes out is bit for bit what went in.
- Nothing here depends on the order in which rows came, but for their order within a subject; `canonical` removes
  that too, and is what is saved.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, compress
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.domain.subject import SubjectId, subject_id
from expunge.errors import CannotForgetError, InputError, UnknownSubjectError
from expunge.learners.encoding.columns import Cells, Words
from expunge.learners.encoding.packed import Layout, Packed

BLOCK: Final = 256
"""Subjects in a block."""

Places: TypeAlias = dict[int, list[int]]
"""Whole subjects: number of a block -> numbers of subjects in it, both ascending."""


@dataclass(frozen=True, eq=False)
class Block:
    """The rows of some subjects.

    Parameters
    ----------
    subjects : tuple of int or str
    starts : ndarray of int64 (n_subjects + 1,)
        Subject i's rows are ``starts[i]:starts[i + 1]``.
    packed : ndarray of uint8 (n_rows, n_bytes)
        The rows, as the records' layout has them.
    rows : ndarray of int32 (n_rows,)
        Where each row stood when the records were made: its name in what was derived from them.
    """

    subjects: tuple[SubjectId, ...]
    starts: npt.NDArray[np.int64]
    packed: Packed
    rows: npt.NDArray[np.int32]

    def spans(self, theirs: Sequence[int]) -> list[slice]:
        """Return where the rows of some of its subjects are."""
        return [slice(self.starts[place], self.starts[place + 1]) for place in theirs]

    def without(self, theirs: Sequence[int]) -> Block:
        """Return copies of everybody else's rows."""
        stays = np.ones(len(self.subjects), np.bool_)
        stays[theirs] = False
        counts = self.starts[1:] - self.starts[:-1]
        kept = np.repeat(stays, counts).nonzero()[0]
        starts = np.zeros(len(stays) - len(theirs) + 1, np.int64)
        counts[stays].cumsum(out=starts[1:])
        subjects = tuple(compress(self.subjects, stays.tolist()))
        return Block(subjects, starts, self.packed.take(kept, axis=0), self.rows.take(kept))


@dataclass(frozen=True, eq=False)
class Records:
    """Rows by subject.

    Parameters
    ----------
    blocks : tuple of Block
        None of them empty.
    words : tuple of tuple of str
        Per categorical column the typed texts present, sorted.
    holders : ndarray of int64
        The number of rows that have each word, column by column.
    layout : Layout
        Of the rows in the blocks.
    """

    blocks: tuple[Block, ...]
    words: tuple[Words, ...]
    holders: npt.NDArray[np.int64]
    layout: Layout

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
        return cls._laid_out(subjects, starts, cells, order)

    @classmethod
    def _laid_out(
        cls, subjects: tuple[SubjectId, ...], starts: npt.NDArray[np.int64], cells: Cells, order: npt.NDArray[np.intp]
    ) -> Records:
        """Copy rows, in this order, into blocks."""
        cells, blocks = cells.shrunk(), []
        layout = Layout.of(cells)
        packed = layout.pack(cells)
        for first in range(0, len(subjects), BLOCK):
            owners = subjects[first : first + BLOCK]
            bounds = starts[first : first + len(owners) + 1]
            chosen = order[bounds[0] : bounds[-1]]
            rows = np.arange(bounds[0], bounds[-1], dtype=np.int32)
            blocks.append(Block(owners, bounds - bounds[0], packed.take(chosen, axis=0), rows))
        return cls(tuple(blocks), cells.words, _holders(cells.codes, cells.words), layout)

    @cached_property
    def _firsts(self) -> list[tuple[bool, SubjectId]]:
        return [canonical_order(block.subjects[0]) for block in self.blocks]

    @cached_property
    def _begins(self) -> npt.NDArray[np.int64]:
        return _begins(self.words)

    @cached_property
    def _length(self) -> int:
        return sum(len(block.rows) for block in self.blocks)

    def __len__(self) -> int:
        return self._length

    @property
    def subjects(self) -> tuple[SubjectId, ...]:
        """Everybody, in canonical order."""
        return tuple(chain.from_iterable(block.subjects for block in self.blocks))

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many rows each subject has."""
        return np.concatenate([np.diff(block.starts) for block in self.blocks])

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Where each subject's rows begin in `cells`, and the end: ndarray of int64 (n_subjects + 1,)."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    @property
    def cells(self) -> Cells:
        """All rows, copied end to end, target column included."""
        return self._cells(self._packed)

    def taken(self, parts: Iterable[npt.NDArray[np.intp]]) -> list[Cells]:
        """Return copies of some rows of `cells`, part by part, each with the words that it has."""
        packed = self._packed
        return [self._cells(packed[rows]).shrunk() for rows in parts]

    @property
    def numbers(self) -> npt.NDArray[np.float64]:
        """The numbers of `cells`."""
        return self.layout.numbers_of(self._packed)

    @property
    def codes(self) -> npt.NDArray[np.int32]:
        """The codes of `cells`."""
        return self.layout.codes_of(self._packed)

    @property
    def _packed(self) -> Packed:
        return np.concatenate([block.packed for block in self.blocks])

    def _cells(self, packed: Packed) -> Cells:
        return Cells(self.layout.numbers_of(packed), self.layout.codes_of(packed), self.words)

    @property
    def rows(self) -> npt.NDArray[np.int32]:
        """Where each row of `cells` stood when the records were made."""
        return np.concatenate([block.rows for block in self.blocks])

    def places_of(self, subjects: Sequence[SubjectId]) -> Places:
        """Find people.

        Raises
        ------
        UnknownSubjectError
            Where one of them has no row; all unknown ones are counted, the first is named.
        """
        found: dict[int, list[int]] = {}
        unknown = []
        for subject in subjects:
            place = self._place(subject)
            if place is None:
                unknown.append(subject)
            else:
                found.setdefault(place[0], []).append(place[1])
        if unknown:
            more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
            raise UnknownSubjectError(
                f"subject {unknown[0]!r}{more} is not among the records.",
                mend="Nobody was forgotten. Check the id and its type: 7 is not '7'.",
            )
        return {number: sorted(theirs) for number, theirs in sorted(found.items())}

    def rows_at(self, places: Places) -> tuple[Cells, npt.NDArray[np.int32]]:
        """Return copies of people's rows, with the words of all, and where each stood when the records were made."""
        parts = [(self.blocks[number], span) for number in places for span in self.blocks[number].spans(places[number])]
        packed = [block.packed[span] for block, span in parts] or [self.blocks[0].packed[:0]]
        rows = [block.rows[span] for block, span in parts] or [self.blocks[0].rows[:0]]
        return self._cells(np.concatenate(packed)), np.concatenate(rows)

    def without(self, places: Places, leaving: Cells | None = None) -> Records:
        """Return the records of everybody else; blocks that nobody leaves are shared.

        Parameters
        ----------
        places : Places
        leaving : Cells or None
            What `rows_at` returns, where it is known.

        Raises
        ------
        CannotForgetError
            Where no row is left.
        """
        codes = (leaving or self.rows_at(places)[0]).codes
        worn = _worn(codes, self._begins)
        holders = self.holders.copy()
        np.subtract.at(holders, worn, 1)
        blocks, firsts = list(self.blocks), list(self._firsts)
        for number, theirs in reversed(places.items()):
            block = blocks[number].without(theirs)
            blocks[number : number + 1] = [block] if block.subjects else []
            firsts[number : number + 1] = [canonical_order(block.subjects[0])] if block.subjects else []
        if not blocks:
            raise CannotForgetError("nobody would be left to learn from.", mend="Retire the model instead.")
        kept = Records(tuple(blocks), self.words, holders, self.layout)
        kept.__dict__.update(
            _firsts=firsts, _begins=self._begins, _length=len(self) - len(codes)
        )  # as cached_property does
        return kept if holders[worn].all() else kept._shrunk()

    def _shrunk(self) -> Records:
        """Drop the words that no row has, in every block."""
        cells = self.cells.shrunk()
        layout = Layout.of(cells)
        ends = np.cumsum([len(block.rows) for block in self.blocks])[:-1]
        parts = zip(self.blocks, np.split(layout.pack(cells), ends), strict=True)
        blocks = tuple(replace(block, packed=part.copy()) for block, part in parts)
        return Records(blocks, cells.words, _holders(cells.codes, cells.words), layout)

    def canonical(self) -> Records:
        """Return the same records with each subject's rows sorted by content."""
        cells, counts = self.cells, self.counts
        owners = np.repeat(np.arange(len(counts)), counts)
        bits = cells.numbers.view(np.int64)
        order = np.lexsort((*cells.codes.T, *bits.T, owners))
        return self._laid_out(self.subjects, self.starts, cells, order)

    def _place(self, subject: SubjectId) -> tuple[int, int] | None:
        wanted = canonical_order(subject)
        number = bisect_right(self._firsts, wanted) - 1
        if number < 0:
            return None
        subjects = self.blocks[number].subjects
        place = bisect_left(subjects, wanted, key=canonical_order)
        return (number, place) if place < len(subjects) and subjects[place] == subject else None


def _begins(words: tuple[Words, ...]) -> npt.NDArray[np.int64]:
    """Return where each column's words begin, numbered through all columns, and the end."""
    return np.cumsum([0, *map(len, words)])


def _worn(codes: npt.NDArray[np.int32], begins: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the words that rows have, numbered through all columns."""
    return np.asarray((codes + begins[:-1])[codes >= 0])


def _holders(codes: npt.NDArray[np.int32], words: tuple[Words, ...]) -> npt.NDArray[np.int64]:
    begins = _begins(words)
    return np.bincount(_worn(codes, begins), minlength=begins[-1])


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
        found = unique.tolist()
        checked = found[-1:] if array.dtype.kind in "iu" else found  # of integers only the largest can be too large
        for value in checked:
            subject_id(value)
        return tuple(found), ranks.astype(np.intp)
    plain = [subject_id(value) for value in (ids if array is None else array.tolist())]
    subjects = tuple(sorted(dict.fromkeys(plain), key=canonical_order))
    rank = {subject: place for place, subject in enumerate(subjects)}
    return subjects, np.array([rank[subject] for subject in plain], dtype=np.intp)
