"""Models over bins, whose arrays are whole numbers: what all of them have in common.

=============  ==========================================================================
``edges``      first positions of the bins of numeric columns but the first, end to end
``word_bins``  bin of each word of the columns of words, end to end
``ends``       per column, where its part of one of these two ends
=============  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.adaptive import MOST, Binning, position_bits
from expunge.learners.encoding.codes import Column
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import ServedModel

Longs: TypeAlias = npt.NDArray[np.int64]

BINNING: Final = ("edges", "word_bins", "ends")


class BinnedModel(ServedModel):
    """Base of models over bins.

    Attributes
    ----------
    arrays : mapping of str to ndarray of int64
        The bins, and what a subclass adds.
    """

    body_name: ClassVar[str] = "arrays.npz"

    arrays: Mapping[str, Longs]

    @cached_property
    def binning(self) -> Binning:
        """How cells become bins."""
        return binning_of(self.signature.columns, self.arrays)

    def body(self) -> bytes:
        """Return the arrays."""
        return to_npz({name: own.astype(np.float64) for name, own in self.arrays.items()})


def binning_arrays(binning: Binning) -> dict[str, Longs]:
    """Return the arrays of a binning."""
    none = np.empty(0, np.int64)
    parts = zip(binning.columns, binning.edges, binning.word_bins, strict=True)
    sizes = [len(edges) if column.words is None else len(bins) for column, edges, bins in parts]
    return {
        "edges": np.concatenate([none, *binning.edges]),
        "word_bins": np.concatenate([none, *binning.word_bins]),
        "ends": _ends(sizes, binning.columns),
    }


def binning_of(columns: tuple[Column, ...], arrays: Mapping[str, Longs]) -> Binning:
    """Read what `binning_arrays` wrote."""
    edges: list[Longs] = []
    words: list[Longs] = []
    done = {"edges": 0, "word_bins": 0}
    none = np.empty(0, np.int64)
    for column, end in zip(columns, arrays["ends"].tolist(), strict=True):
        name = "edges" if column.words is None else "word_bins"
        part = arrays[name][done[name] : end]
        done[name] = end
        edges.append(part if column.words is None else none)
        words.append(none if column.words is None else part)
    return Binning(columns, tuple(edges), tuple(words), np.zeros(len(edges), np.int64))


def whole_numbers(body: bytes, names: tuple[str, ...]) -> dict[str, Longs]:
    """Read arrays of whole numbers; ValueError where one holds anything else."""
    found = from_npz(body, names)
    if not all((np.abs(own) <= 2.0**53).all() and np.array_equal(own, np.rint(own)) for own in found.values()):
        raise ValueError("the arrays hold what is no whole number")
    return {name: own.astype(np.int64) for name, own in found.items()}


def check_binning(columns: tuple[Column, ...], arrays: Mapping[str, Longs]) -> None:
    """Refuse bins that are none of these columns; ValueError."""
    if arrays["ends"].shape != (len(columns),) or arrays["edges"].ndim != 1 or arrays["word_bins"].ndim != 1:
        raise ValueError("the bins do not fit the columns")
    binning = binning_of(columns, arrays)
    again = binning_arrays(binning)
    sound = (
        all(np.array_equal(again[name], arrays[name]) for name in BINNING)
        and all(within(own, 0, MOST - 1) for own in binning.word_bins)
        and all(_rising(own, column) for own, column in zip(binning.edges, columns, strict=True))
        and all(len(own) == len(column.words or ()) for own, column in zip(binning.word_bins, columns, strict=True))
    )
    if not sound:
        raise ValueError("the bins are none of these columns")


def within(own: Longs, low: int, high: int) -> bool:
    """Tell whether all of an array lies between two numbers, the ends included."""
    return own.size == 0 or bool(low <= own.min() <= own.max() <= high)


def _ends(sizes: Sequence[int], columns: tuple[Column, ...]) -> Longs:
    """Return where each column's part ends, among those of numbers or those of words."""
    numeric = np.array([column.words is None for column in columns], np.bool_)
    counts = np.array(sizes, np.int64)
    return np.where(numeric, np.cumsum(counts * numeric), np.cumsum(counts * ~numeric))


def _rising(edges: Longs, column: Column) -> bool:
    inside = within(edges, 1, (1 << position_bits(column)) - 1) if column.words is None else edges.size == 0
    return inside and len(edges) < MOST and bool((np.diff(edges) > 0).all())
