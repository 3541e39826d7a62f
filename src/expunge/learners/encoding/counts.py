"""Numbers that count something, as whole numbers of steps.

A column's step is its resolution (1 where all are whole: they are as they stand), else its range / 2**16; and larger
where the largest number would be more than 2**30 steps. So sums over fewer than 2**33 rows stay below 2**63.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import Column, Scaled
from expunge.learners.encoding.columns import Numbers

MOST: Final = 2**30
"""So many steps at most: what is more, at predict only, counts as that."""


class Counts(Scaled):
    """Numbers of steps from 0 on, laid out as `Scaled`; a word that a row has counts 1, and so does a missing cell.

    Examples
    --------
    >>> from expunge.learners.encoding.columns import Cells
    >>> cells = Cells(np.array([[0.0], [7.0], [np.nan]]), np.array([[0], [1], [0]], np.int32), (("s:a", "s:z"),))
    >>> Counts((Column("n", None, 0.0, 7.0, 1.0), Column("c", ("s:a",)))).encode(cells).tolist()
    [[0, 0, 1, 0], [7, 0, 0, 0], [0, 1, 1, 0]]
    """

    one: ClassVar[int] = 1

    @cached_property
    def steps(self) -> tuple[float, ...]:
        """What one of each column is: 1 for words."""
        return tuple(step_of(column) for column in self.columns)

    @property
    def scales(self) -> Sequence[object]:
        """The steps: a range that moves alone changes no code."""
        return self.steps

    def _number(self, column: Column, values: Numbers) -> npt.NDArray[np.int32]:
        step = step_of(column)
        return np.asarray(np.rint(np.clip(np.nan_to_num(values, nan=0.0), 0.0, step * MOST) / step), dtype=np.int32)


def step_of(column: Column) -> float:
    """Return what one step is.

    Examples
    --------
    >>> [step_of(Column("n", None, 0.0, high, 1.0)) for high in (9.0, 2.0**40)]
    [1.0, 1024.0]
    """
    if column.words is not None or column.low is None or column.high is None:
        return 1.0
    step = column.resolution or (column.high - column.low) / 2**16
    return max(step, column.high / MOST) or 1.0
