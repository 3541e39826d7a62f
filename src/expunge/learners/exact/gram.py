"""Exact moments of integer-coded rows, and the ridge solution that is derived from them.

Invariant: exactness
--------------------
`Scaled` codes are integers of magnitude at most 2**15, so every product of two is an integer of magnitude at most
2**30. In a chunk of at most 2**13 rows, every partial sum of products that a matrix multiplication can form, in
whatever order and with or without fused multiply-add, is an integer of magnitude at most 2**43 < 2**53, and float64
holds those exactly: no rounding ever happens. Chunks are added as int64, which cannot overflow below 2**33 rows (more
are refused). `Bins` sums are counts; a numeric target beside them is such a code. Integer addition is associative,
hence moments do not depend on the order of rows, and subtracting a row's moments undoes adding them (RESEARCH trap 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, ParamSpec, TypeVar, cast

import numpy as np
import numpy.typing as npt
import scipy.linalg
from threadpoolctl import ThreadpoolController

from expunge.errors import InputError
from expunge.learners.encoding.codes import ONE, Apart, BinsToNumber, Encoding, Scaled
from expunge.learners.encoding.columns import Cells

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CHUNK_ROWS: Final = 2**13
MOST_ROWS: Final = 2**33

# Made after SciPy is imported, so that it knows both NumPy's and SciPy's BLAS.
_BLAS: Final = ThreadpoolController()

_P = ParamSpec("_P")
_R = TypeVar("_R")


def one_thread(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Pin BLAS to one thread while a function runs, so that its sums are taken in one order."""
    return cast("Callable[_P, _R]", _BLAS.wrap(limits=1)(function))


@dataclass(frozen=True, eq=False)
class Moments:
    """Integer sums over rows.

    Parameters
    ----------
    rows : int
    sums : ndarray of int64 (width,)
        Of each place, in units of the encoding (2**-15 for `Scaled`, 1 for `Bins`; `BinsToNumber` has both).
    products : ndarray of int64 (width, width)
        Of each pair of places, in squared units; symmetric.
    """

    rows: int
    sums: Integers
    products: Integers

    @classmethod
    def of(cls, encoding: Encoding, cells: Cells) -> Moments:
        """Sum over all rows, exactly (see the invariant above).

        Raises
        ------
        InputError
            For 2**33 rows or more, whose sums may pass 64 bits.
        """
        check_rows(len(cells))
        if isinstance(encoding, Scaled):
            return cls(len(cells), *scaled_sums(encoding.encode_apart(cells), int(encoding.offsets[-1])))
        codes = encoding.encode(cells)
        if isinstance(encoding, BinsToNumber):
            counts = count_products(codes[:, :-1], encoding.features.offsets)
            return cls(len(codes), *_bordered(counts, *_target_sums(encoding, codes)))
        products = count_products(codes, encoding.offsets)
        return cls(len(codes), products.diagonal().copy(), products)

    def minus(self, encoding: Encoding, leaving: Cells) -> Moments:
        """Return the moments without the rows that leave; these stay as they are."""
        rows = self.rows - len(leaving)
        if isinstance(encoding, Scaled):
            sums, products = scaled_sums(encoding.encode_apart(leaving), len(self.sums))
            return Moments(rows, self.sums - sums, self.products - products)
        codes = encoding.encode(leaving)
        if isinstance(encoding, BinsToNumber):
            counts = _uncounted(self.products[:-1, :-1], codes[:, :-1] + encoding.features.offsets[:-1])
            cross, total, square = _target_sums(encoding, codes)
            kept = (self.products[:-1, -1] - cross, self.sums[-1] - total, self.products[-1, -1] - square)
            return Moments(rows, *_bordered(counts, *kept))
        products = _uncounted(self.products, codes + encoding.offsets[:-1])
        return Moments(rows, products.diagonal().copy(), products)

    def to_arrays(self) -> dict[str, Integers]:
        """Return what is saved: the sums, and the products' upper triangle row by row."""
        return {"sums": self.sums, "products": self.products[np.triu_indices(len(self.sums))]}

    @classmethod
    def from_arrays(cls, encoding: Encoding, rows: int, arrays: Mapping[str, npt.NDArray[Any]]) -> Moments:
        """Read what `to_arrays` returned; KeyError or ValueError where it is something else."""
        sums, triangle = arrays["sums"], arrays["products"]
        if len(sums) != encoding.offsets[-1]:
            raise ValueError("the sums are not those of these columns")
        products = np.zeros((len(sums), len(sums)), np.int64)
        products[np.triu_indices(len(sums))] = triangle
        products.T[np.triu_indices(len(sums))] = triangle
        return cls(rows, sums, products)

    def kept(self, places: npt.NDArray[np.intp]) -> Moments:
        """Return the moments of some places."""
        return Moments(self.rows, self.sums[places], self.products[np.ix_(places, places)])


def check_rows(n_rows: int) -> None:
    """Refuse rows whose sums may pass 64 bits, with InputError."""
    if n_rows >= MOST_ROWS:
        raise InputError(f"{n_rows} rows are too many.", mend=f"Give fewer than {MOST_ROWS}.")


def _uncounted(products: Integers, places: npt.NDArray[np.int64]) -> Integers:
    """Return counts of pairs of places without those of the rows that leave."""
    left = products.copy()
    pairs = places[:, :, None] * left.shape[1] + places[:, None, :]
    np.subtract.at(left.reshape(-1), pairs.ravel(), 1)
    return left


def _target_sums(encoding: BinsToNumber, codes: npt.NDArray[np.int32]) -> tuple[Integers, np.int64, np.int64]:
    """Return the sums of the target per place of the features, over all rows, and of its square."""
    target = codes[:, -1].astype(np.int64)
    places = codes[:, :-1] + encoding.features.offsets[:-1]
    cross = np.zeros(int(encoding.features.offsets[-1]), np.int64)
    np.add.at(cross, places.ravel(), np.repeat(target, places.shape[1]))
    return cross, target.sum(), (target * target).sum()


def _bordered(counts: Integers, cross: Integers, total: np.int64, square: np.int64) -> tuple[Integers, Integers]:
    """Return (sums, products) of counts with the target as their last place."""
    products = np.block([[counts, cross[:, None]], [cross[None, :], np.array([[square]], np.int64)]])
    return np.append(counts.diagonal(), total), products


def scaled_sums(of: Apart, width: int) -> tuple[Integers, Integers]:
    """Return (sums, products) of the fixed-point matrix that two parts make: the dense one multiplied, words counted.

    A place of a word holds 0 or 2**15, so that a product of two is a count of rows, in units of 2**30, and that with a
    dense place a sum over the rows that hold the word, in units of 2**15. Those sums are below 2**48, exact in float64.
    """
    sums, products = np.zeros(width, np.int64), np.zeros((width, width), np.int64)
    sums[of.places] = of.dense.sum(axis=0, dtype=np.int64)
    products[np.ix_(of.places, of.places)] = fixed_products(of.dense)
    if not of.blocks:
        return sums, products
    ends = np.cumsum([0, *(len(block) + 1 for block in of.blocks)])  # one more place, for rows that hold no word of it
    codes = np.where(of.codes < 0, np.diff(ends) - 1, of.codes)
    kept, words = np.delete(np.arange(ends[-1]), ends[1:] - 1), np.concatenate(of.blocks)
    products[np.ix_(words, words)] = count_products(codes, ends)[np.ix_(kept, kept)] * ONE**2
    sums[words] = products[words, words] // ONE
    for own, block in zip(codes.T, of.blocks, strict=True):
        held = [np.bincount(own, column, len(block) + 1)[:-1] for column in of.dense.T]
        across = np.array(held).reshape(len(of.places), len(block)).astype(np.int64) * ONE
        products[np.ix_(of.places, block)] = across
        products[np.ix_(block, of.places)] = across.T
    return sums, products


@one_thread  # not for exactness: where a core is busy, two threads take 200 times as long
def fixed_products(codes: npt.NDArray[np.int32]) -> Integers:
    """Return codes.T @ codes for integers of magnitude at most 2**15.

    Examples
    --------
    >>> fixed_products(np.array([[3, -1], [2**15, 2]], np.int32)).tolist()
    [[1073741833, 65533], [65533, 5]]
    """
    total = np.zeros((codes.shape[1], codes.shape[1]), np.int64)
    for start in range(0, len(codes), CHUNK_ROWS):
        chunk = codes[start : start + CHUNK_ROWS].astype(np.float64)
        total += (chunk.T @ chunk).astype(np.int64)
    return total


def count_products(codes: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> Integers:
    """Return the Gram matrix of the one-hot rows that codes stand for: counts of pairs.

    Parameters
    ----------
    codes : ndarray of int32 (n_rows, n_columns)
        Each in [0, width of its column).
    offsets : ndarray of int64 (n_columns + 1,)

    Examples
    --------
    >>> count_products(np.array([[0, 1], [1, 1]], np.int32), np.array([0, 2, 4])).tolist()
    [[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 2]]
    """
    width = int(offsets[-1])
    total = np.zeros((width, width), np.int64)
    blocks = [slice(int(start), int(end)) for start, end in pairwise(offsets)]
    columns = [np.ascontiguousarray(column, dtype=np.intp) for column in codes.T]
    for i, (rows, first) in enumerate(zip(blocks, columns, strict=True)):
        height = rows.stop - rows.start
        total[rows, rows] = np.diag(np.bincount(first, minlength=height))
        for there, second in zip(blocks[i + 1 :], columns[i + 1 :], strict=True):
            across = there.stop - there.start
            counts = np.bincount(first * across + second, minlength=height * across).reshape(height, across)
            total[rows, there] = counts
            total[there, rows] = counts.T
    return total


@one_thread
def ridge(
    of: Moments, features: int, cross: Floats, target_sums: Floats, *, unit: float, alpha: float
) -> tuple[Floats, Floats]:
    """Solve centred ridge regression from moments, by one fixed formula.

    Minimises the sum over rows of (t - b - x.w)**2 + alpha * w.w; the intercept b is not penalised. With S the
    centred products, w = (S + alpha I)^-1 c by a Cholesky factorisation, on one thread. Places that no row has get 0.

    Parameters
    ----------
    of : Moments
    features : int
        How many places, from the first, are features.
    cross : ndarray of float64 (features, n_targets)
        Sums of feature times target, features in the encoding's unit.
    target_sums : ndarray of float64 (n_targets,)
    unit : float
        The encoding's one: 2**15 for `Scaled`, 1 for `Bins`.
    alpha : float
        Above 0.

    Returns
    -------
    coef : ndarray of float64 (n_targets, features)
        Per unit (that is, for features divided by `unit`).
    intercept : ndarray of float64 (n_targets,)

    Raises
    ------
    InputError
        Where alpha is too small for float64 to tell the matrix from a singular one.
    """
    held = np.flatnonzero(of.products.diagonal()[:features])
    coef = np.zeros((cross.shape[1], features))
    means = of.sums[held] / (unit * of.rows)
    target_means = target_sums / of.rows
    if held.size:
        system = of.products[np.ix_(held, held)] / unit**2
        system -= np.outer(means, means * of.rows)
        system[np.diag_indices_from(system)] += alpha
        right = cross[held] / unit - np.outer(means, target_sums)
        try:
            factor: Any = scipy.linalg.cho_factor(system, lower=True, overwrite_a=True)
            coef[:, held] = scipy.linalg.cho_solve(factor, right).T
        except np.linalg.LinAlgError as error:
            raise InputError(
                f"alpha={alpha:g} is too small for these data: the equations are singular.", mend="Raise alpha."
            ) from error
        return coef, target_means - coef[:, held] @ means
    return coef, target_means


UNITS: Final = {"scaled": float(ONE), "bins": 1.0}
