"""A table with subjects: every row belongs to one person.

Invariants
----------
- ``frame`` has one column for every column of the schema but the subject's, in schema order: float64 (NaN where
  missing) for numeric ones, object (str, None where missing) for all others. Its index is 0..n_rows-1.
- ``subjects[i]`` owns row i; all ids are of ``schema.subject_kind``. The ids stand nowhere else.
- A table is never changed; `only` and `without` make new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.domain.subject import SubjectId, SubjectKind, subject_id, subject_kind
from expunge.errors import SchemaError, SubjectIdError, UnknownSubjectError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Table:
    """Rows, who they are about, and what is known about their columns.

    Parameters
    ----------
    schema : Schema
    frame : DataFrame, (n_rows, n_columns - 1)
        As in the invariants above; `from_arrays` makes one.
    subjects : ndarray, (n_rows,)
        int64 or object (str), by the kind that the schema fixes.

    Examples
    --------
    >>> schema = Schema((Column("id", Role.SUBJECT, Kind.TEXT), Column("age", Role.FEATURE, Kind.NUMERIC)), "int")
    >>> table = Table.from_arrays(schema, [8, 7, 8], {"age": np.array([30.0, 41.0, 31.0])})
    >>> table.subject_ids(), table.rows_of([8]).tolist(), table.without([8]).n_rows
    ((7, 8), [True, False, True], 1)
    """

    schema: Schema
    frame: pd.DataFrame
    subjects: npt.NDArray[Any]

    def __post_init__(self) -> None:
        """Refuse a frame that is not of this schema."""
        wanted = [column.name for column in self.schema.columns if column.role is not Role.SUBJECT]
        if list(self.frame.columns) != wanted:
            raise SchemaError(
                f"the frame's columns {list(self.frame.columns)} are not the schema's.", mend=f"Give {wanted}."
            )
        if len(self.frame) != len(self.subjects):
            raise SchemaError(
                f"{len(self.frame)} rows have {len(self.subjects)} subjects.", mend="Give one subject per row."
            )
        view = self.subjects.view()
        view.flags.writeable = False
        object.__setattr__(self, "subjects", view)

    @classmethod
    def from_arrays(
        cls,
        schema: Schema,
        subjects: Sequence[SubjectId] | npt.NDArray[Any],
        columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]],
    ) -> Table:
        """Make a table of one array per column, the subject's aside.

        Parameters
        ----------
        schema : Schema
        subjects : sequence of n_rows ids
            Of the schema's kind, else SubjectIdError.
        columns : mapping of str to ndarray or sequence, (n_rows,)
            Numbers for numeric columns; str and None for all others.
        """
        import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

        series = {
            column.name: pd.Series(np.asarray(columns[column.name], dtype=dtype_of(column)), dtype=dtype_of(column))
            for column in schema.columns
            if column.role is not Role.SUBJECT
        }
        owners = _owners(subjects, schema.subject_kind)
        return cls(schema, pd.DataFrame(series, index=pd.RangeIndex(len(subjects))), owners)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.subjects)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return one array per column but the subject's, as `from_arrays` takes them: float64, or object of str."""
        return {str(name): self.frame[name].to_numpy() for name in self.frame.columns}

    def subject_ids(self) -> tuple[SubjectId, ...]:
        """Return everybody once, in canonical order: ints ascending, strs by their UTF-8 bytes."""
        # Code points, by which Python compares text, come in the same order as their UTF-8 bytes.
        return tuple(sorted(set(self.subjects.tolist())))

    def rows_of(self, subjects: Iterable[SubjectId]) -> npt.NDArray[np.bool_]:
        """Return which rows are about these people.

        Returns
        -------
        ndarray of bool, (n_rows,)

        Raises
        ------
        SubjectIdError
            Where an id is not of the dataset's kind: 7 is not "7".
        UnknownSubjectError
            Where somebody has no row here.
        """
        import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

        wanted = {_of_kind(subject, self.schema.subject_kind) for subject in subjects}
        rows = pd.Series(self.subjects).isin(list(wanted)).to_numpy(dtype=np.bool_)
        if unknown := wanted - set(self.subjects[rows].tolist()):
            raise UnknownSubjectError(
                f"no row is about {', '.join(map(repr, sorted(unknown)[:5]))}"
                f"{' and others' if len(unknown) > 5 else ''}.",
                mend="Ask only for people who are among `subject_ids()`.",
            )
        return rows

    def only(self, subjects: Iterable[SubjectId]) -> Table:
        """Return these people's rows, in the same order, under the same schema."""
        return self._take(self.rows_of(subjects))

    def without(self, subjects: Iterable[SubjectId]) -> Table:
        """Return everybody else's rows, in the same order, under the same schema (see `reinfer`)."""
        return self._take(~self.rows_of(subjects))

    def features(self) -> pd.DataFrame:
        """Return the columns that models learn from, (n_rows, n_features), in schema order."""
        return self.frame[[column.name for column in self.schema.features]]

    def target(self) -> npt.NDArray[Any]:
        """Return the target, (n_rows,): float64, or object of str for classes.

        Raises
        ------
        SchemaError
            Where no column is the target.
        """
        column = self.schema.target
        if column is None:
            raise SchemaError("no column has the role target.", mend="Name one, with --target COL.")
        return self.frame[column.name].to_numpy()

    def _take(self, rows: npt.NDArray[np.bool_]) -> Table:
        return Table(self.schema, self.frame[rows].reset_index(drop=True), self.subjects[rows])


def dtype_of(column: Column) -> type[np.float64] | type[object]:
    """Return how a column's cells are held: float64 for numbers, object for text."""
    return np.float64 if column.kind is Kind.NUMERIC else object


def _owners(subjects: Sequence[SubjectId] | npt.NDArray[Any], kind: SubjectKind) -> npt.NDArray[Any]:
    if isinstance(subjects, np.ndarray) and subjects.dtype == np.int64 and kind == "int":
        return subjects.copy()
    if kind == "int" and set(map(type, subjects)) == {int} and max(map(abs, subjects)) < 2**63:
        return np.array(subjects, dtype=np.int64)
    owners = np.empty(len(subjects), dtype=np.int64 if kind == "int" else object)
    owners[:] = [_of_kind(subject, kind) for subject in subjects]
    return owners


def _of_kind(subject: SubjectId, kind: SubjectKind) -> SubjectId:
    plain = subject_id(subject)
    if subject_kind(plain) != kind:
        raise SubjectIdError(
            f"subject id {plain!r} is of kind {subject_kind(plain)}, and this data's subjects are of kind {kind}.",
            mend=f"Give ids of kind {kind}.",
        )
    return plain
