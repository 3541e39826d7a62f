"""From cells as read to a `Table` under a schema."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.datasets.infer import raw_column, reinfer
from expunge.datasets.raw import RawColumn, RawTable, number_text, text
from expunge.datasets.subjects import read_subjects
from expunge.datasets.table import Table
from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.domain.subject import SubjectKind


def tabulate(raw: RawTable, schema: Schema) -> Table:
    """Hold a table that has no faults under its schema."""
    cells = {column.name: column for column in raw.columns}
    owner = cells[schema.subject.name]
    columns = {
        column.name: cast_column(cells[column.name], column)
        for column in schema.columns
        if column.role is not Role.SUBJECT
    }
    return Table.from_arrays(schema, _owners(owner, schema.subject_kind), columns)


def refreshed(table: Table) -> Table:
    """Return the same rows under what is inferred from them now, with columns recast where a kind changed.

    After an erasure, ``refreshed(table.without(gone))`` equals a fresh import of the remaining rows with the same
    declarations and kind of subjects.
    """
    schema = reinfer(table)
    arrays = table.arrays()
    for old, new in zip(table.schema.columns, schema.columns, strict=True):
        if old.kind is not new.kind:
            arrays[new.name] = cast_column(raw_column(table, old), new)
    return Table.from_arrays(schema, table.subjects, arrays)


def cast_column(raw: RawColumn, column: Column) -> npt.NDArray[Any]:
    """Return a column's cells as its kind holds them: float64, or object of str and None; (n_rows,)."""
    if column.kind is Kind.NUMERIC:
        return np.append(raw.numbers, np.nan)[raw.codes]
    words: npt.NDArray[np.object_] = np.empty(len(raw.cells) + 1, dtype=object)  # the last one, None, is for -1
    words[:-1] = [_word(raw, index, column) for index in range(len(raw.cells))]
    return words[raw.codes]


def _word(raw: RawColumn, index: int, column: Column) -> str:
    # An undeclared target of whole numbers: "1" and "1.0" are one class. Declared categories are kept as written.
    if column.kind is Kind.CATEGORICAL and "kind" in column.inferred and raw.numeric[index]:
        return number_text(float(raw.numbers[index]))
    return text(raw.cells[index])


def _owners(raw: RawColumn, kind: SubjectKind) -> npt.NDArray[Any]:
    subjects = np.empty(len(raw.cells), dtype=np.int64 if kind == "int" else object)
    subjects[:] = read_subjects(raw, kind)
    return subjects[raw.codes]
