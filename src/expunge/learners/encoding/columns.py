"""Reading a table's columns by what is declared about them, never by their values.

Invariants
----------
- `Cells` shares no memory with what the caller handed in.
- The words of a categorical column are exactly those present, sorted: `Cells.take` drops those whose last row left.
- A feature's kind comes from the schema or the dtype: text, object and category columns are categorical, numbers
  and booleans numeric. The values are not asked.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Column, Kind, Schema
from expunge.errors import CorruptedError, InputError
from expunge.learners.values import from_text, is_missing, to_text

Numbers: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int32]
Words: TypeAlias = tuple[str, ...]

MISSING: Final = -1
LARGEST: Final = 2.0**1000
"""Numbers beyond this are refused, so that no difference of two of them overflows."""


@dataclass(frozen=True)
class Feature:
    """What is declared about a column that is learned from.

    Parameters
    ----------
    name : str
    kind : Kind
        ``numeric`` or ``categorical``.
    low, high : float or None
        Declared range; None where it is state, read off the remaining rows.
    resolution : float or None
        Declared resolution; None means (high - low) / 2**16.
    whole : bool
        Whether the resolution is state: 1 where all remaining values are whole numbers, else None.
    """

    name: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    resolution: float | None = None
    whole: bool = False

    @classmethod
    def declared(cls, column: Column) -> Self:
        """Keep of a schema's column what a person stated (DESIGN promise 4).

        The kind is taken as it stands: whoever inferred it must infer it again, and refit where it changed.
        """
        if column.kind is not Kind.NUMERIC:
            return cls(column.name, Kind.CATEGORICAL)
        ranged = column.declares("range")
        resolved = column.declares("resolution")
        return cls(
            column.name,
            Kind.NUMERIC,
            column.low if ranged else None,
            column.high if ranged else None,
            column.resolution if resolved else None,
            whole=not resolved,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the canonical form: floats as typed text."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "low": to_text(self.low),
            "high": to_text(self.high),
            "resolution": to_text(self.resolution),
            "whole": self.whole,
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote; KeyError, TypeError or ValueError where it is something else."""
        low, high, resolution = (number_or_none(value[name]) for name in ("low", "high", "resolution"))
        return cls(str(value["name"]), Kind(value["kind"]), low, high, resolution, bool(value["whole"]))


def number_or_none(text: str) -> float | None:
    """Read a float, or None, from its typed text."""
    value = from_text(text)
    if value is not None and not isinstance(value, float):
        raise CorruptedError(f"{text!r} is not a float.", mend="Restore the file.")
    return value


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of some rows, as typed arrays.

    Parameters
    ----------
    numbers : ndarray of float64 (n_rows, n_numeric)
        NaN where missing; never infinite, never -0.0.
    codes : ndarray of int32 (n_rows, n_categorical)
        Index into the column's words; -1 where missing.
    words : tuple of tuple of str
        Per categorical column the typed texts present, sorted.
    """

    numbers: Numbers
    codes: Codes
    words: tuple[Words, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Cells:
        """Return copies of these rows, with the words that are left."""
        return Cells(self.numbers[rows], self.codes[rows], self.words).shrunk()

    def shrunk(self) -> Cells:
        """Drop the words that no row has."""
        codes, words = self.codes, list(self.words)
        for j, known in enumerate(self.words):
            present = np.bincount(codes[:, j] + 1, minlength=len(known) + 1)[1:] > 0
            if not present.all():
                renumbered = np.append(np.cumsum(present) - 1, MISSING).astype(np.int32)  # [-1] is the missing one
                codes = codes.copy() if codes is self.codes else codes
                codes[:, j] = renumbered[codes[:, j]]
                words[j] = tuple(word for word, stays in zip(known, present, strict=True) if stays)
        return self if codes is self.codes else replace(self, codes=codes, words=tuple(words))


def joined(first: Cells, second: Cells) -> Cells:
    """Return copies of the rows of two tables of the same columns, one behind the other."""
    words = tuple(tuple(sorted({*left, *right})) for left, right in zip(first.words, second.words, strict=True))
    codes = []
    for cells in (first, second):
        own = np.empty_like(cells.codes)
        for j, (known, whole) in enumerate(zip(cells.words, words, strict=True)):
            index = {word: code for code, word in enumerate(whole)}
            own[:, j] = np.array([*(index[word] for word in known), MISSING], np.int32)[cells.codes[:, j]]
        codes.append(own)
    return Cells(np.concatenate([first.numbers, second.numbers]), np.concatenate(codes), words)


@dataclass(frozen=True, eq=False)
class RawColumns:
    """A table as it was handed in, column by column; may share memory with the caller's.

    Parameters
    ----------
    names : tuple of str
        ``x0``, ``x1``, ... where nobody named them.
    arrays : tuple of ndarray (n_rows,)
    kinds : tuple of str
        The dtypes' kinds as NumPy's letters; those of nullable columns before they became floats.
    named : bool
        Whether the table itself brought the names.
    """

    names: tuple[str, ...]
    arrays: tuple[npt.NDArray[Any], ...]
    kinds: tuple[str, ...]
    named: bool


def raw_columns(X: Any, wanted: Sequence[str] | None = None) -> RawColumns:
    """Take a table apart.

    Parameters
    ----------
    X : DataFrame or array-like (n_rows, n_features)
    wanted : sequence of str or None
        Features to pick from a data frame by name; an array is taken in their order. None: all, as they stand.

    Raises
    ------
    InputError
        For anything but a table with at least one row and one column, and where a feature is absent.
    """
    if hasattr(X, "toarray"):
        raise InputError("sparse data was passed.", mend="Use `.toarray()`.")
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        _check_shape(X.shape)
        return _of_frame(X, wanted)
    table = _array(X)
    _check_shape(table.shape)
    names = tuple(f"x{j}" for j in range(table.shape[1])) if wanted is None else tuple(wanted)
    if len(names) != table.shape[1]:
        raise InputError(
            f"X has {table.shape[1]} columns, not {len(names)}.", mend=f"Give, in this order: {', '.join(names)}."
        )
    return RawColumns(names, tuple(table.T), (table.dtype.kind,) * len(names), named=False)


def check_table(X: Any) -> None:
    """Refuse what is not two-dimensional, or empty, with InputError."""
    _check_shape(tuple(X.shape) if hasattr(X, "shape") else _array(X).shape)


def _of_frame(frame: Any, wanted: Sequence[str] | None) -> RawColumns:
    names, spelled = list(frame.columns), [str(name) for name in frame.columns]
    if twice := sorted({name for name in spelled if spelled.count(name) > 1}):
        raise InputError(f"columns {twice} stand twice.", mend="Give every column its own name.")
    if wanted is not None and (absent := [name for name in wanted if name not in names]):
        raise InputError(f"columns {absent} are not in the table.", mend=f"Needed are {list(wanted)}.")
    picked = names if wanted is None else list(wanted)
    columns = [frame[name] for name in picked]
    return RawColumns(
        tuple(str(name) for name in picked),
        tuple(_array_of(column) for column in columns),
        tuple(getattr(column.dtype, "kind", "O") for column in columns),
        named=all(isinstance(name, str) for name in picked),
    )


def features_of(raw: RawColumns, schema: Schema | None = None) -> tuple[Feature, ...]:
    """Return what is declared about each column: by the schema, else by its dtype."""
    if schema is not None:
        return tuple(Feature.declared(column) for column in schema.features)
    return tuple(_by_dtype(name, kind) for name, kind in zip(raw.names, raw.kinds, strict=True))


def _by_dtype(name: str, kind: str) -> Feature:
    if kind in "biu":
        return Feature(name, Kind.NUMERIC, resolution=1.0)
    if kind == "f":
        return Feature(name, Kind.NUMERIC)
    if kind in "OUT":
        return Feature(name, Kind.CATEGORICAL)
    what = "Complex data not supported" if kind == "c" else f"data of NumPy kind {kind!r} cannot be learned from"
    raise InputError(f"column {name!r}: {what}.", mend="Give numbers, booleans or text.")


def read_cells(features: Sequence[Feature], columns: Sequence[npt.NDArray[Any]]) -> Cells:
    """Copy columns into typed arrays.

    Raises
    ------
    InputError
        For an infinite number, text in a numeric column, or a cell of no known type; names column, row (from 1), value.
    """
    pairs = list(zip(features, columns, strict=True))
    n_rows = len(columns[0])
    numeric = [_numbers(feature.name, column) for feature, column in pairs if feature.kind is Kind.NUMERIC]
    coded = [_coded(feature.name, column) for feature, column in pairs if feature.kind is not Kind.NUMERIC]
    numbers = np.column_stack(numeric) if numeric else np.empty((n_rows, 0))
    codes = np.column_stack([codes for codes, _ in coded]) if coded else np.empty((n_rows, 0), np.int32)
    return Cells(numbers, codes, tuple(words for _, words in coded))


def check_ranges(features: Sequence[Feature], cells: Cells) -> None:
    """Refuse values outside their column's declared range (for learning; at predict they are clipped).

    Raises
    ------
    InputError
        Naming column, row (from 1) and value.
    """
    numeric = [feature for feature in features if feature.kind is Kind.NUMERIC]
    for feature, column in zip(numeric, cells.numbers.T, strict=True):
        if feature.low is None or feature.high is None:
            continue
        outside = np.flatnonzero((column < feature.low) | (column > feature.high))
        if outside.size:
            row = int(outside[0])
            raise InputError(
                f"column {feature.name!r}, row {row + 1}: {column[row]:g} is outside the declared range "
                f"{feature.low:g}:{feature.high:g}.",
                mend="Correct the value, or declare a wider range.",
            )


def one_column(values: Any) -> npt.NDArray[Any]:
    """Return a column that came by itself (a list, an array, a Series) as an array; may share its memory."""
    return _array_of(values) if hasattr(values, "dtype") and hasattr(values, "to_numpy") else _array(values)


def _array(X: Any) -> npt.NDArray[Any]:
    array = np.asarray(X)
    if array.dtype.kind in "US" and not isinstance(X, np.ndarray):
        array = np.asarray(X, dtype=object)  # a list of numbers and text: NumPy would turn all into text
    return array


def _array_of(series: Any) -> npt.NDArray[Any]:
    """Return a data frame's column as an array; nullable numbers become floats, all other extension types objects."""
    if isinstance(series.dtype, np.dtype):
        return np.asarray(series)
    if getattr(series.dtype, "kind", "O") in "biuf":
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.asarray(series.astype(object))


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        raise InputError(
            f"Expected 2D array, got {len(shape)}D array instead.",
            mend="Reshape your data: one row per record, one column per feature.",
        )
    for axis, what in enumerate(("sample", "feature")):
        if shape[axis] == 0:
            raise InputError(
                f"Found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is required.",
                mend=f"Give at least one {what}.",
            )


def _numbers(name: str, column: npt.NDArray[Any]) -> Numbers:
    if column.dtype.kind in "biuf":
        numbers = column.astype(np.float64)
    elif column.dtype.kind == "c":
        raise InputError(f"column {name!r}: Complex data not supported.", mend="Give its parts as two columns.")
    else:
        numbers = np.array([_number(name, row, value) for row, value in enumerate(column.tolist())], dtype=np.float64)
    bad = np.flatnonzero(np.abs(numbers) > LARGEST)
    if bad.size:
        row = int(bad[0])
        raise InputError(
            f"column {name!r}, row {row + 1}: {numbers[row]:g} is inf or too large.",
            mend="Give a finite number or NaN.",
        )
    numbers += 0.0  # -0.0 becomes 0.0: equal values have equal bytes
    numbers[np.isnan(numbers)] = np.nan  # one spelling of NaN
    return numbers


def _number(name: str, row: int, value: Any) -> float:
    if is_missing(value):
        return float("nan")
    if isinstance(value, int | float | np.number | np.bool_) and not isinstance(value, np.complexfloating):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    raise InputError(
        f"column {name!r}, row {row + 1}: {value!r} is not a number, and the column is numeric.",
        mend="Correct the cell, or declare the column categorical.",
    )


def _coded(name: str, column: npt.NDArray[Any]) -> tuple[Codes, Words]:
    seen: dict[tuple[type, Any], int] = {}
    try:
        # What predicts needs NumPy alone; where tables come as data frames pandas is there, and far faster.
        pandas = sys.modules.get("pandas")
        codes, distinct = (None, [None]) if pandas is None else pandas.factorize(column)
        if codes is not None and column.dtype.kind in "biu":  # one type, and nothing missing
            seen = {(type(value), value): code for code, value in enumerate(np.asarray(distinct).tolist())}
        elif codes is not None and all(type(value) is str for value in distinct):  # the usual case
            seen = {(str, value): code for code, value in enumerate([*distinct, None])}
        else:
            codes = np.array([seen.setdefault((type(value), value), len(seen)) for value in column.tolist()], np.intp)
        texts = [None if is_missing(value) else to_text(value) for _, value in seen]
    except TypeError as error:
        raise InputError(
            f"column {name!r}: a cell cannot be hashed ({error}).", mend="Give text or numbers."
        ) from error
    except InputError as error:
        raise InputError(f"column {name!r}: {error.problem}", mend=error.mend) from error
    words = tuple(sorted({text for text in texts if text is not None}))
    index = {word: code for code, word in enumerate(words)}
    renumbered = np.array([MISSING if text is None else index[text] for text in texts], dtype=np.int32)
    return renumbered[codes], words
