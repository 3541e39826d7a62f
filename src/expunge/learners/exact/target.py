"""Reading what is to be predicted."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.utils import column_or_1d

from expunge.domain.schema import Kind, Schema
from expunge.errors import InputError, SchemaError
from expunge.learners.encoding.columns import Feature, one_column
from expunge.learners.values import is_missing

Task: TypeAlias = Literal["classification", "regression"]


def read_target(y: Any, task: Task, schema: Schema | None, n_rows: int) -> tuple[Feature, npt.NDArray[Any]]:
    """Return what is declared about the target, and its cells.

    Parameters
    ----------
    y : array-like (n_rows,)
        Class labels (text, integers, booleans, whole floats) or numbers.

    Raises
    ------
    InputError
        For a missing target or cell, a wrong length, and numbers where labels are needed or the reverse.
    SchemaError
        Where the schema declares the target categorical, and it is to be regressed on.
    """
    mend = "Give one class label or number per row."
    if y is None:
        raise InputError("this learner requires y to be passed, but the target y is None.", mend=mend)
    try:
        cells = column_or_1d(one_column(y), warn=True)
    except ValueError as error:
        raise InputError(f"y: {error}", mend=mend) from error
    if len(cells) != n_rows:
        raise InputError(f"X has {n_rows} rows, y {len(cells)}: inconsistent numbers of samples.", mend=mend)
    missing = _missing(cells)
    if missing.any():
        raise InputError(f"Input y contains NaN or None, first in row {int(missing.argmax()) + 1}.", mend=mend)
    return _declared(cells, task, schema), cells


def _missing(cells: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    if cells.dtype.kind in "biu":
        return np.zeros(len(cells), np.bool_)
    if cells.dtype.kind == "f":
        return np.asarray(np.isnan(cells))
    return np.array([is_missing(cell) for cell in cells.tolist()], dtype=np.bool_)


def _declared(cells: npt.NDArray[Any], task: Task, schema: Schema | None) -> Feature:
    column = None if schema is None else schema.target
    name = "y" if column is None else column.name
    if task == "classification":
        if cells.dtype.kind == "f" and not np.array_equal(cells, np.rint(cells)):
            raise InputError("Unknown label type: continuous. y holds numbers.", mend="Use a regression, or bin y.")
        return Feature(name, Kind.CATEGORICAL)
    if column is not None and column.kind is not Kind.NUMERIC:
        raise SchemaError(f"target {name!r} is {column.kind}.", mend="Use a classifier, or declare it numeric.")
    return Feature(name, Kind.NUMERIC) if column is None else Feature.declared(column)
