from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.errors import InputError
from expunge.learners.encoding.columns import (
    Cells,
    Feature,
    check_ranges,
    check_table,
    features_of,
    raw_columns,
    read_cells,
)

SCHEMA = Schema(
    (
        Column("id", Role.SUBJECT, Kind.TEXT),
        Column("age", Role.FEATURE, Kind.NUMERIC, 0.0, 120.0, 1.0),
        Column("pay", Role.SENSITIVE, Kind.NUMERIC, 0.0, 9.0, 1.0, inferred=("range", "resolution")),
        Column("ward", Role.FEATURE, Kind.CATEGORICAL),
        Column("name", Role.DIRECT_IDENTIFIER, Kind.TEXT),
    ),
    "str",
)


def _read(X: Any) -> tuple[tuple[Feature, ...], Cells]:
    raw = raw_columns(X)
    features = features_of(raw)
    return features, read_cells(features, raw.arrays)


@pytest.mark.parametrize(
    ("column", "kind", "resolution"),
    [
        (pd.Series([1, 2]), Kind.NUMERIC, 1.0),
        (pd.Series([True, False]), Kind.NUMERIC, 1.0),
        (pd.Series([1.0, 2.0]), Kind.NUMERIC, None),
        (pd.Series([1, None], dtype="Int64"), Kind.NUMERIC, 1.0),
        (pd.Series([True, None], dtype="boolean"), Kind.NUMERIC, 1.0),
        (pd.Series([1.0, None], dtype="Float64"), Kind.NUMERIC, None),
        (pd.Series(["1", "2"]), Kind.CATEGORICAL, None),
        (pd.Series(["1", None], dtype="string"), Kind.CATEGORICAL, None),
        (pd.Series([1, 2], dtype="category"), Kind.CATEGORICAL, None),
        (pd.Series([1, 2], dtype=object), Kind.CATEGORICAL, None),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_the_kind_comes_from_the_dtype_and_not_from_the_values(
    column: pd.Series[Any], kind: Kind, resolution: float | None
) -> None:
    for some in (column, column.iloc[:1]):
        (feature,), cells = _read(pd.DataFrame({"x": some}))
        assert (feature.kind, feature.resolution) == (kind, resolution)
        assert len(cells) == len(some)


def test_a_nullable_number_that_is_missing_is_nan() -> None:
    _, cells = _read(pd.DataFrame({"x": pd.Series([3, None], dtype="Int64")}))
    assert cells.numbers[0, 0] == 3
    assert np.isnan(cells.numbers[1, 0])


def test_one_true_text_one_and_1_point_0_are_four_categories() -> None:
    _, cells = _read(pd.DataFrame({"x": pd.Series([1, True, "1", 1.0, None, np.nan, np.int64(1)], dtype=object)}))
    assert cells.words == (("b:1", "f:1.0", "i:1", "s:1"),)
    assert cells.codes[:, 0].tolist() == [2, 0, 3, 1, -1, -1, 2]


def test_a_list_of_numbers_and_text_is_not_all_turned_into_text() -> None:
    _, cells = _read([[1, "a"], [2, "b"]])
    assert cells.words == (("i:1", "i:2"), ("s:a", "s:b"))


def test_a_schema_picks_features_by_name_in_its_order() -> None:
    frame = pd.DataFrame({"ward": ["a"], "id": ["p"], "pay": [3.0], "age": [7], "name": ["Ann"]})
    raw = raw_columns(frame, [column.name for column in SCHEMA.features])
    assert raw.names == ("age", "pay", "ward")
    assert [column.tolist() for column in raw.arrays] == [[7], [3.0], ["a"]]


def test_of_a_schema_only_what_was_declared_is_taken() -> None:
    raw = raw_columns(np.zeros((1, 3)), ["age", "pay", "ward"])
    age, pay, ward = features_of(raw, SCHEMA)
    assert age == Feature("age", Kind.NUMERIC, 0.0, 120.0, 1.0)
    assert pay == Feature("pay", Kind.NUMERIC, whole=True)
    assert ward == Feature("ward", Kind.CATEGORICAL)
    assert [Feature.from_dict(feature.to_dict()) for feature in (age, pay, ward)] == [age, pay, ward]


@pytest.mark.parametrize(
    ("X", "says"),
    [
        ([1.0, 2.0], "Reshape your data"),
        (np.empty((0, 2)), "0 sample"),
        (np.empty((2, 0)), r"0 feature\(s\)"),
        (np.zeros((2, 2, 2)), "Expected 2D array"),
        (np.zeros((2, 2), dtype=complex), "Complex data not supported"),
        (np.zeros((2, 2), dtype="M8[D]"), "cannot be learned from"),
        (pd.DataFrame({"t": pd.to_datetime(["2026-01-01"])}), "column 't'"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"\['a'\] stand twice"),
        (pd.DataFrame([[1, 2]], columns=["1", 1]), r"\['1'\] stand twice"),
        (np.array([[1.0], [np.inf]]), "row 2: inf is inf"),
        (pd.DataFrame({"c": pd.Series([{"a": 1}], dtype=object)}), "column 'c': a cell cannot be hashed"),
        (pd.DataFrame({"c": pd.Series(["a", b"a"], dtype=object)}), "column 'c': value b'a'"),
        (pd.DataFrame({"c": ["\ud800"]}, dtype=object), "not valid Unicode"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_name(X: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        _read(X)


def test_shape_alone_can_be_asked() -> None:
    check_table([[1, 2]])
    with pytest.raises(InputError):
        check_table([1, 2])


@pytest.mark.parametrize("cell", ["7", b"7", [7], 1j])
def test_a_numeric_column_takes_no_text(cell: Any) -> None:
    column = np.empty(3, dtype=object)
    column[:] = [1, None, cell]
    with pytest.raises(InputError, match="column 'age', row 3"):
        read_cells([Feature("age", Kind.NUMERIC)], [column])


def test_python_numbers_in_an_object_column_are_read_where_numbers_are_declared() -> None:
    column = np.array([1, 2.5, None, pd.NA, True, np.float32(0.5)], dtype=object)
    cells = read_cells([Feature("age", Kind.NUMERIC)], [column])
    np.testing.assert_array_equal(cells.numbers[:, 0], [1, 2.5, np.nan, np.nan, 1, 0.5])
    with pytest.raises(InputError, match="too large"):
        read_cells([Feature("age", Kind.NUMERIC)], [np.array([10**400], dtype=object)])


def test_a_value_out_of_its_declared_range_is_named() -> None:
    features = (Feature("age", Kind.NUMERIC, 0.0, 120.0), Feature("pay", Kind.NUMERIC))
    check_ranges(features, read_cells(features, [np.array([0.0, 120.0, np.nan]), np.array([1e9, 0, 0])]))
    with pytest.raises(InputError, match=r"column 'age', row 2: 130 is outside the declared range 0:120"):
        check_ranges(features, read_cells(features, [np.array([1.0, 130.0]), np.array([0.0, 0.0])]))


def test_the_right_number_of_columns_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"X has 2 columns, not 3.*age, pay, ward"):
        raw_columns(np.zeros((1, 2)), ["age", "pay", "ward"])


WORDS = st.lists(st.sampled_from([None, "a", "b", "c", "d"]), min_size=1, max_size=12)


@given(WORDS, st.data())
def test_a_word_goes_with_its_last_row(cells: list[str | None], data: st.DataObject) -> None:
    column = np.array(cells, dtype=object)
    feature = [Feature("c", Kind.CATEGORICAL)]
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(cells), max_size=len(cells))), dtype=np.bool_)
    taken, fresh = read_cells(feature, [column]).take(keep), read_cells(feature, [column[keep]])
    assert taken.words == fresh.words
    assert taken.codes.tolist() == fresh.codes.tolist()


def test_cells_share_no_memory_with_what_was_handed_in() -> None:
    numbers = np.arange(6.0).reshape(3, 2)
    _, cells = _read(numbers)
    assert not np.shares_memory(cells.numbers, numbers)
    (_, single) = _read(numbers[:, :1])
    assert not np.shares_memory(single.numbers, numbers)
