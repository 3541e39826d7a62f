"""Facts that nobody declared, read off the values; and how they become declared.

A declaration is a `Column` whose ``inferred`` names the facts that are still open. Inference fills them in.

Invariants
----------
- Inference is a function of the multiset of cells and of the declared facts; what an open fact was before counts
  for nothing. Hence `reinfer` after an erasure equals inference from the remaining raw rows (DESIGN promise 4).
- The kind of the subjects is fixed by the first import and is never inferred again: ids keep their identity.
- `confirm` never narrows a range, and confirming twice changes nothing.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from typing import Final

import numpy as np
import numpy.typing as npt

from expunge.datasets.raw import RawColumn, RawTable, from_values, is_whole
from expunge.datasets.subjects import infer_subject_kind
from expunge.datasets.table import Table
from expunge.domain.schema import FACTS, LEARNED_FROM, Column, Kind, Role, Schema
from expunge.domain.subject import SubjectKind
from expunge.errors import SchemaError

MAX_CLASSES: Final = 20
"""A target of whole numbers with at most so many different ones is a class, not a quantity."""

RANGED: Final = LEARNED_FROM | {Role.TARGET}
"""Roles whose numeric columns need a range."""

_OF_A_RANGE: Final = frozenset({"range", "resolution"})


@dataclass(frozen=True)
class Declared:
    """What a person stated about a table.

    Parameters
    ----------
    columns : mapping of str to Column
        Declarations by column; a column that is absent has none.
    subject_kind : {"int", "str"} or None
        None where it is to be inferred.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    subject_kind: SubjectKind | None = None

    def __getitem__(self, name: str) -> Column:
        """Return the declaration of a column: a feature of unknown kind where there is none."""
        return self.columns.get(name) or Column(name, Role.FEATURE, Kind.NUMERIC, inferred=FACTS)


def infer_schema(raw: RawTable, declared: Declared) -> Schema:
    """Fill in what was not declared.

    Parameters
    ----------
    raw : RawTable
        Without faults, or else the result means little (see `expunge.datasets.check`).
    declared : Declared

    Returns
    -------
    Schema
        Columns in the table's order. Undeclared columns are features; numeric where every cell is a number or
        missing, else categorical. A target of text, or of at most `MAX_CLASSES` whole numbers, is categorical.
        Ranges are the smallest and largest value, None for a constant column; the resolution is 1 where all
        values are whole, else None.

    Raises
    ------
    SchemaError
        Where a declared column is not in the table, or not exactly one is the subject.
    """
    require_columns(raw, declared)
    columns = tuple(infer_column(column, declared[column.name]) for column in raw.columns)
    kind = declared.subject_kind
    for column, fact in zip(raw.columns, columns, strict=True):
        if kind is None and fact.role is Role.SUBJECT:
            kind = infer_subject_kind(column)
    return Schema(columns, kind or "str")


def require_columns(raw: RawTable, declared: Declared) -> None:
    """Refuse declarations of columns that are not there (SchemaError)."""
    if absent := sorted(set(declared.columns) - set(raw.names)):
        raise SchemaError(
            f"there is no column {', '.join(map(repr, absent))} in {raw.source}.",
            mend=f"Columns are: {', '.join(raw.names)}.",
        )


def reinfer(table: Table) -> Schema:
    """Infer again what is not declared, from the rows that are there.

    Parameters
    ----------
    table : Table
        What remains after an erasure, under its old schema.

    Returns
    -------
    Schema
        Equal to `infer_schema` on the same rows with the same declarations and kind of subjects. Where the kind of
        a column changes (a category column that lost its last value), use `expunge.datasets.cast.refreshed`.
    """
    return table.schema.replace(
        column if set(column.inferred) <= {"role"} else infer_column(raw_column(table, column), column)
        for column in table.schema.columns
    )


def raw_column(table: Table, column: Column) -> RawColumn:
    """Take a stored column (not the subject's) as if it had been read from a data frame."""
    return from_values(column.name, table.frame[column.name].to_numpy(), typed=True)


def infer_column(raw: RawColumn, declared: Column) -> Column:
    """Fill in a column's open facts; what they were before counts for nothing."""
    facts = set(declared.inferred)
    kind = declared.kind
    if "kind" in facts:
        facts |= _OF_A_RANGE  # a range can only be declared together with the kind
        kind = _kind(raw, declared.role)
    low, high, resolution = declared.low, declared.high, declared.resolution
    ranged = kind is Kind.NUMERIC and declared.role in RANGED
    finite = raw.numbers[np.isfinite(raw.numbers)] if ranged else np.zeros(0)
    if "range" in facts:
        low, high = _range(finite)
    if "resolution" in facts:
        resolution = 1.0 if len(finite) and is_whole(finite).all() else None
    inferred = facts if ranged else facts - _OF_A_RANGE
    return Column(declared.name, declared.role, kind, low, high, resolution, tuple(inferred))


def confirm(schema: Schema) -> Schema:
    """Count every inferred fact as declared, with ranges widened to round values.

    Each end of an inferred range moves outward to a multiple of the largest power of ten that is not above the
    range's width, so that no end need be somebody's value. The range of a column in which there was nothing to
    read it off (constant, or all missing) stays open.

    Examples
    --------
    >>> age = Column("age", Role.FEATURE, Kind.NUMERIC, 3.7, 100.0, inferred=("role", "kind", "range", "resolution"))
    >>> who = Column("id", Role.SUBJECT, Kind.TEXT)
    >>> confirmed = confirm(Schema((who, age), "int"))["age"]
    >>> confirmed.low, confirmed.high, confirmed.inferred
    (0.0, 100.0, ())
    """
    return schema.replace(_confirmed(column) for column in schema.columns)


def _kind(raw: RawColumn, role: Role) -> Kind:
    if not raw.numeric.all():
        return Kind.CATEGORICAL
    if role is Role.TARGET and len(raw.cells) and is_whole(raw.numbers).all():
        return Kind.CATEGORICAL if len(np.unique(raw.numbers)) <= MAX_CLASSES else Kind.NUMERIC
    return Kind.NUMERIC


def _range(values: npt.NDArray[np.float64]) -> tuple[float, float] | tuple[None, None]:
    if not len(values) or values.min() == values.max():
        return None, None
    return float(values.min()), float(values.max())


def _confirmed(column: Column) -> Column:
    if "range" not in column.inferred:
        return replace(column, inferred=())
    if column.low is None or column.high is None:
        return replace(column, inferred=("range",))
    low, high = _widened(column.low, column.high)
    return replace(column, low=low, high=high, inferred=())


def _widened(low: float, high: float) -> tuple[float, float]:
    """Round outward to a multiple of the largest power of ten that is not above ``high - low``.

    In decimals, on the shortest spelling of the ends: 0.1 is a round value though its binary form is not. Going
    back to float64 is monotone, so the result still contains both ends.
    """
    # Scaling the 17 digits of a float64's spelling by powers of ten is exact in 28 digits, whatever the caller's
    # context is; only the width may be rounded, of which no more than its magnitude is used.
    with localcontext(Context(prec=28)):
        bottom, top = Decimal(repr(low)), Decimal(repr(high))
        step = Decimal(1).scaleb((top - bottom).adjusted())
        bottom = (bottom / step).to_integral_value(ROUND_FLOOR) * step
        top = (top / step).to_integral_value(ROUND_CEILING) * step
    return max(_float(bottom), -sys.float_info.max), min(_float(top), sys.float_info.max)


def _float(value: Decimal) -> float:
    number = float(value)
    return number if math.isinf(number) else number + 0.0
