"""Checking a table as read: one error lists everything that is wrong, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from expunge.datasets.cast import cast_column, tabulate
from expunge.datasets.infer import Declared, infer_column, infer_schema, require_columns
from expunge.datasets.raw import EXACT_BELOW, RawColumn, RawTable, is_digits
from expunge.datasets.read import LISTED, text_problem
from expunge.datasets.subjects import problems
from expunge.datasets.table import Table
from expunge.domain.schema import Column, Kind, Role
from expunge.domain.subject import SubjectKind
from expunge.errors import DataError, Fault

_MEND: Final = (
    "Correct the cells, or declare what they are: COL=categorical takes numbers and text as text, "
    "COL=ignored takes all."
)
_SHOWN: Final = 60


def checked(raw: RawTable, declared: Declared) -> Table:
    r"""Infer what was not declared, check every cell, and return the table.

    Parameters
    ----------
    raw : RawTable
        As `expunge.datasets.read` gives it.
    declared : Declared
        As `expunge.datasets.declare.declare` gives it.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        Where anything is wrong with the data. `DataError.faults` has every fault by row and column; of one sort
        in one column the first `LISTED` are listed and the rest counted.
    SchemaError
        Where the declarations do not fit the columns.

    Examples
    --------
    >>> import io
    >>> from expunge.datasets import declare, read_csv
    >>> raw = read_csv(io.BytesIO(b"id,age,sick\n7,50,no\n8,old,yes\n,inf,no\n"))
    >>> try:
    ...     checked(raw, declare(raw.names, subject="id", target="sick", ranges=["age=0:120"]))
    ... except DataError as error:
    ...     print(*error.faults, sep="\n")
    row 3, column 'id': the subject is missing
    row 2, column 'age': 'old' is not a number
    row 3, column 'age': 'inf' is infinite
    """
    faults = list(raw.faults)
    require_columns(raw, declared)
    for column in raw.columns:
        faults += _column_faults(raw, column, infer_column(column, declared[column.name]), declared.subject_kind)
    if faults:
        raise DataError(raw.source, faults, mend=_MEND)
    return tabulate(raw, infer_schema(raw, declared))


def _column_faults(raw: RawTable, column: RawColumn, fact: Column, kind: SubjectKind | None) -> Iterator[Fault]:
    yield from _each(
        raw,
        column,
        _where(column, lambda cell: isinstance(cell, str) and text_problem(cell) is not None),
        lambda index: f"{_show(column, index)} {text_problem(str(column.cells[index]))}",
    )
    if fact.role is Role.SUBJECT:
        yield from _subject_faults(raw, column, kind)
        return
    if fact.kind is not Kind.TEXT:
        yield from _type_faults(raw, column)
        yield from _number_faults(raw, column, fact) if fact.kind is Kind.NUMERIC else ()
        yield from _mixture_faults(raw, column) if "kind" in fact.inferred else ()
    if fact.role is Role.TARGET:
        yield from _missing(raw, column, "the target is missing")
        yield from _class_faults(column, fact)


def _subject_faults(raw: RawTable, column: RawColumn, kind: SubjectKind | None) -> Iterator[Fault]:
    yield from _missing(raw, column, "the subject is missing")
    found = dict(problems(column, kind))
    yield from _each(raw, column, _at(column, list(found)), lambda index: found[index])


def _type_faults(raw: RawTable, column: RawColumn) -> Iterator[Fault]:
    """Cells of a data frame that are neither text nor numbers: dates, lists, bytes."""
    yield from _each(
        raw,
        column,
        _where(column, lambda cell: not isinstance(cell, str | int | float)),
        lambda index: (
            f"{_show(column, index)} is a {type(column.cells[index]).__name__}, neither a number nor text; "
            f"convert it first, or declare --role '{column.name}=ignored'"
        ),
    )
    typed = [isinstance(cell, float) for cell in column.cells]
    yield from _each(raw, column, np.isinf(column.numbers) & np.array(typed, np.bool_), lambda _: "an infinite number")


def _number_faults(raw: RawTable, column: RawColumn, fact: Column) -> Iterator[Fault]:
    numbers = column.numbers
    words = _where(column, lambda cell: isinstance(cell, str))
    yield from _each(raw, column, np.isnan(numbers) & words, lambda index: f"{_show(column, index)} is not a number")
    whole = _where(column, is_digits)
    large = np.abs(numbers) >= EXACT_BELOW
    yield from _each(
        raw,
        column,
        np.isinf(numbers) & ~_where(column, lambda cell: isinstance(cell, float)),
        lambda index: f"{_show(column, index)} is infinite",
    )
    yield from _each(
        raw,
        column,
        whole & large & np.isfinite(numbers),
        lambda index: (
            f"{_show(column, index)} is a whole number of 2**53 or more, which would be rounded; "
            f"declare --role '{column.name}=categorical'"
        ),
    )
    if fact.low is not None and fact.high is not None and fact.declares("range"):
        low, high = fact.low, fact.high
        yield from _each(
            raw,
            column,
            np.isfinite(numbers) & ((numbers < low) | (numbers > high)),
            lambda index: f"{_show(column, index)} is outside the declared range {low:g}:{high:g}",
        )


def _mixture_faults(raw: RawTable, column: RawColumn) -> Iterator[Fault]:
    """Numbers and text in a column of undeclared kind: the rarer ones are named."""
    numeric = column.numeric
    if numeric.all() or not numeric.any():
        return
    present = column.codes[column.codes >= 0]
    n_numbers = int(numeric[present].sum())
    n_text = len(present) - n_numbers
    yield Fault(
        f"holds {_count(n_numbers, 'number')} and {_count(n_text, 'text')}, and its kind is not declared: "
        f"--role '{column.name}=categorical' takes both as text",
        column=column.name,
    )
    rare, what = (numeric, "a number among text") if n_numbers < n_text else (~numeric, "text among numbers")
    yield from _each(raw, column, rare, lambda index: f"{_show(column, index)} is {what}")


def _class_faults(column: RawColumn, fact: Column) -> Iterator[Fault]:
    if fact.kind is not Kind.CATEGORICAL:
        return
    one_each = RawColumn(column.name, np.arange(len(column.cells)), column.cells, column.typed)
    classes = set(cast_column(one_each, fact).tolist())
    if len(classes) < 2:
        found = f"one class, {_clipped(next(iter(classes)))}" if classes else "no class"
        yield Fault(f"the target has {found}; there is nothing to tell apart", column=column.name)


def _where(column: RawColumn, holds: Callable[[object], bool]) -> npt.NDArray[np.bool_]:
    """(n_cells,): for which distinct cells it holds."""
    return np.array([holds(cell) for cell in column.cells], dtype=np.bool_)


def _at(column: RawColumn, indices: list[int]) -> npt.NDArray[np.bool_]:
    chosen = np.zeros(len(column.cells), dtype=np.bool_)
    chosen[indices] = True
    return chosen


def _each(raw: RawTable, column: RawColumn, bad: npt.NDArray[np.bool_], what: Callable[[int], str]) -> Iterator[Fault]:
    """Name the rows of bad distinct cells."""
    if bad.any():
        rows = np.flatnonzero(np.append(bad, False)[column.codes])
        yield from _by_row(raw, column, rows, lambda row: what(int(column.codes[row])))


def _missing(raw: RawTable, column: RawColumn, what: str) -> Iterator[Fault]:
    yield from _by_row(raw, column, np.flatnonzero(column.codes < 0), lambda _: what)


def _by_row(
    raw: RawTable, column: RawColumn, rows: npt.NDArray[np.intp], what: Callable[[Any], str]
) -> Iterator[Fault]:
    for row in rows[:LISTED]:
        yield Fault(what(row), column=column.name, row=int(raw.rows[row]))
    if len(rows) > LISTED:
        yield Fault(f"and {len(rows) - LISTED} more rows like these", column=column.name)


def _show(column: RawColumn, index: int) -> str:
    return _clipped(column.cells[index])


def _clipped(cell: object) -> str:
    shown = repr(cell)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
