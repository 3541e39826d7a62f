"""Columns as they are, for learners that bin for themselves: numbers stay numbers, categories become their codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import Column, recoded
from expunge.learners.encoding.columns import Cells


def plain_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns without ranges, which plain cells do not need, and which are somebody's values.

    Examples
    --------
    >>> plain_columns([Column("n", None, 0.0, 2.0, 1.0)])[0].low is None
    True
    """
    return tuple(Column(column.name, column.words) for column in columns)


MOST_CATEGORIES: Final = 255
"""A column of more words than this is ordered codes to a tree: sets of so many words fit each person by name."""


def categorical(columns: Sequence[Column], most: int = MOST_CATEGORIES) -> npt.NDArray[np.bool_]:
    """Tell which columns a tree is to split by sets of words: those of at most so many.

    Examples
    --------
    >>> categorical([Column("n"), Column("c", ("s:a",))]).tolist()
    [False, True]
    """
    return np.array([column.words is not None and len(column.words) <= most for column in columns], dtype=np.bool_)


def plain(columns: Sequence[Column], cells: Cells) -> npt.NDArray[np.float64]:
    """Return one float per cell: NaN where it is missing, or a category that was not seen in learning.

    Parameters
    ----------
    columns : sequence of Column
        The first columns of the cells.
    cells : Cells

    Returns
    -------
    ndarray of float64 (n_rows, n_columns)

    Examples
    --------
    >>> cells = Cells(np.array([[0.5], [np.nan]]), np.array([[0], [1]], np.int32), (("s:a", "s:z"),))
    >>> plain([Column("n"), Column("c", ("s:a",))], cells).tolist()
    [[0.5, 0.0], [nan, nan]]
    """
    out = np.empty((len(cells), len(columns)))
    numbers, coded = iter(cells.numbers.T), iter(zip(cells.codes.T, cells.words, strict=True))
    for j, column in enumerate(columns):
        if column.words is None:
            out[:, j] = next(numbers)
        else:
            codes = recoded(*next(coded), column.words)
            out[:, j] = np.where(codes < 0, np.nan, codes)
    return out
