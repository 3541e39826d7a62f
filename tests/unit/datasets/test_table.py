"""A table knows whose rows it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.datasets import Table
from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.errors import SchemaError, SubjectIdError, UnknownSubjectError

COLUMNS = (
    Column("w", Role.SENSITIVE, Kind.CATEGORICAL),
    Column("id", Role.SUBJECT, Kind.TEXT),
    Column("note", Role.FREE_TEXT, Kind.TEXT),
    Column("n", Role.FEATURE, Kind.NUMERIC),
    Column("y", Role.TARGET, Kind.CATEGORICAL),
)


def table(subjects: list[Any], kind: Any = "int") -> Table:
    rows = range(len(subjects))
    return Table.from_arrays(
        Schema(COLUMNS, kind),
        subjects,
        {"w": [f"w{row}" for row in rows], "note": [None] * len(rows), "n": [*rows], "y": ["a"] * len(rows)},
    )


IDS = st.one_of(st.lists(st.integers(-5, 5), min_size=1), st.lists(st.text(min_size=1, max_size=2), min_size=1))


@given(IDS.filter(lambda ids: all(not isinstance(i, str) or i.isascii() for i in ids)), st.data())
def test_with_and_without_are_a_partition(ids: list[Any], data: st.DataObject) -> None:
    whole = table(ids, "str" if isinstance(ids[0], str) else "int")
    some = data.draw(st.sets(st.sampled_from(ids)))
    kept, left = whole.only(some), whole.without(some)
    assert kept.subjects.tolist() == [i for i in ids if i in some]
    assert left.subjects.tolist() == [i for i in ids if i not in some]
    assert left.frame["n"].tolist() == [float(row) for row, i in enumerate(ids) if i not in some]
    assert left.frame.index.equals(pd.RangeIndex(left.n_rows))
    assert set(left.subject_ids()).isdisjoint(some)
    assert {str(left.frame[name].dtype) for name in ("w", "note", "y")} == {"object"}


def test_subjects_are_listed_once_in_canonical_order() -> None:
    assert table([10, 9, -1, 10]).subject_ids() == (-1, 9, 10)
    assert all(type(subject) is int for subject in table([10, 9]).subject_ids())
    names = ["\U0001f600", "\uffee", "b", "10", "9", "é"]
    assert list(table(names, "str").subject_ids()) == sorted(names, key=str.encode)


def test_numpy_ids_are_ours_and_other_kinds_are_refused() -> None:
    whole = table([7, 8])
    assert whole.rows_of(np.array([7])).tolist() == [True, False]
    for bad in ("7", 7.0, True):
        with pytest.raises(SubjectIdError):
            whole.rows_of([bad])  # type: ignore[list-item]
    with pytest.raises(SubjectIdError):
        table(["7"], "str").rows_of([7])
    with pytest.raises(SubjectIdError):
        table([7, "8"])
    with pytest.raises(SubjectIdError):
        table([7.0, 8.0])


def test_an_unknown_subject_is_refused() -> None:
    with pytest.raises(UnknownSubjectError, match="no row is about 9"):
        table([7, 8]).without([7, 9])


def test_features_come_in_schema_order_and_exclude_identifiers() -> None:
    assert list(table([1, 2]).features().columns) == ["w", "n"]


def test_arrays_make_the_same_table_again() -> None:
    whole = table([3, 1])
    again = Table.from_arrays(whole.schema, whole.subjects, whole.arrays())
    pd.testing.assert_frame_equal(again.frame, whole.frame)
    assert {name: array.dtype for name, array in whole.arrays().items()} == {
        "w": np.dtype(object),
        "note": np.dtype(object),
        "n": np.dtype(float),
        "y": np.dtype(object),
    }
    assert whole.arrays()["note"].tolist() == [None, None]


def test_a_table_keeps_no_alias_to_what_it_was_made_from() -> None:
    ids, numbers = np.array([1, 2]), np.array([0.5, 1.5])
    made = Table.from_arrays(
        Schema(COLUMNS, "int"), ids, {"w": ["a", "b"], "note": ["", ""], "n": numbers, "y": ["a", "b"]}
    )
    ids[:], numbers[:] = 9, 9
    assert made.subjects.tolist() == [1, 2]
    assert made.frame["n"].tolist() == [0.5, 1.5]
    with pytest.raises(ValueError, match="read-only"):
        made.subjects[0] = 9


def test_no_target_and_a_foreign_frame_are_refused() -> None:
    schema = Schema(COLUMNS[:4], "int")
    arrays: dict[str, list[Any]] = {"w": ["a"], "note": ["b"], "n": [1.0]}
    with pytest.raises(SchemaError, match="no column has the role target"):
        Table.from_arrays(schema, [1], arrays).target()
    with pytest.raises(SchemaError, match="are not the schema's"):
        Table(schema, pd.DataFrame({"n": [1.0]}), np.array([1]))
    with pytest.raises(SchemaError, match="1 rows have 2 subjects"):
        Table(schema, pd.DataFrame(arrays), np.array([1, 2]))


def test_a_table_may_be_empty() -> None:
    empty = table([1, 1]).without([1])
    assert (empty.n_rows, empty.subject_ids(), empty.features().shape) == (0, (), (0, 2))
