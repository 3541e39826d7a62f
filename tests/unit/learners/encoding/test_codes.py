from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.schema import Kind
from expunge.errors import CorruptedError
from expunge.learners.encoding.codes import ENCODINGS, ONE, Bins, Column, Scaled, encoding_name, learn_columns, scaled
from expunge.learners.encoding.columns import Cells, Feature, read_cells

NUMBERS = st.lists(st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6)), min_size=1, max_size=20)
FEATURES = (Feature("n", Kind.NUMERIC), Feature("c", Kind.CATEGORICAL))


def _cells(numbers: list[float], words: list[str | None]) -> Cells:
    return read_cells(FEATURES, [np.array(numbers, dtype=np.float64), np.array(words, dtype=object)])


@given(NUMBERS, st.data())
def test_fixed_point_codes_stay_within_one_and_keep_order(numbers: list[float], data: st.DataObject) -> None:
    column = np.array(numbers)
    low, high = data.draw(st.tuples(st.floats(-1e6, 0), st.floats(1, 1e6)))
    codes = scaled(Column("n", None, low, high), column)
    present = ~np.isnan(column)
    assert np.abs(codes).max() <= ONE
    order = np.argsort(column[present], kind="stable")
    assert (np.diff(codes[present][order]) >= 0).all()
    inside = present & (column >= low) & (column <= high)
    back = (codes[inside] / ONE + 1) / 2 * (high - low) + low
    assert np.abs(back - column[inside]).max(initial=0.0) <= (high - low) * 2**-16


def test_both_ends_of_the_range_are_one() -> None:
    assert scaled(Column("n", None, -3.0, 5.0), np.array([-3.0, 1.0, 5.0, 99.0, -99.0])).tolist() == [
        -ONE,
        0,
        ONE,
        ONE,
        -ONE,
    ]


@pytest.mark.parametrize("column", [Column("n"), Column("n", None, 2.0, 2.0)])
def test_an_empty_or_constant_column_says_nothing(column: Column) -> None:
    assert scaled(column, np.array([2.0, np.nan])).tolist() == [0, 0]
    cells = Cells(np.array([[2.0], [np.nan]]), np.empty((2, 0), np.int32), ())
    assert Bins((column,)).encode(cells).tolist() == [[0], [1]]
    assert Scaled((column,)).encode(cells).tolist() == [[0, 0], [0, ONE]]


@given(NUMBERS, st.data())
def test_every_code_lies_in_its_block(numbers: list[float], data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from([None, "a", "b"]), min_size=len(numbers), max_size=len(numbers)))
    cells = _cells(numbers, words)
    columns = learn_columns(FEATURES, cells)
    bins, fixed = Bins(columns, 16), Scaled(columns)
    codes = bins.encode(cells)
    assert ((codes >= 0) & (codes < np.array(bins.widths))).all()
    matrix = fixed.encode(cells)
    assert matrix.shape == (len(numbers), sum(fixed.widths))
    assert np.abs(matrix).max() <= ONE
    one_hot = matrix[:, fixed.offsets[1] :]
    assert (one_hot.sum(axis=1) == ONE).all()
    assert len(bins.places) == bins.offsets[-1]
    assert len(fixed.places) == fixed.offsets[-1]


def test_an_unknown_category_has_no_place() -> None:
    columns = (Column("n", None, 0.0, 1.0), Column("c", ("s:a", "s:c")))
    cells = _cells([0.0, 0.0, 0.0], ["b", "c", None])
    assert Bins(columns).encode(cells)[:, 1].tolist() == [-2, 1, 2]
    assert Scaled(columns).encode(cells)[:, 2:].tolist() == [[0, 0, 0], [0, ONE, 0], [0, 0, ONE]]


@pytest.mark.parametrize(("values", "resolution"), [([1.0, 2.0, np.nan], 1.0), ([1.0, 2.5], None), ([np.nan], 1.0)])
def test_a_resolution_that_nobody_declared_is_read_off_the_rows(values: list[float], resolution: float | None) -> None:
    features = (Feature("n", Kind.NUMERIC, whole=True),)
    (column,) = learn_columns(features, read_cells(features, [np.array(values)]))
    assert column.resolution == resolution


def test_a_declared_range_is_not_read_off_the_rows() -> None:
    features = (Feature("n", Kind.NUMERIC, 0.0, 10.0), Feature("m", Kind.NUMERIC))
    cells = read_cells(features, [np.array([4.0, 5.0]), np.array([4.0, 5.0])])
    assert [(c.low, c.high) for c in learn_columns(features, cells)] == [(0.0, 10.0), (4.0, 5.0)]


@pytest.mark.parametrize("column", [Column("n", None, -0.1, 1e300, 0.25), Column("n"), Column("c", ("i:1", "s:1"))])
def test_a_columns_facts_survive_as_text(column: Column) -> None:
    assert Column.from_dict(column.to_dict()) == column


@pytest.mark.parametrize("change", [{"low": "f:2.0"}, {"low": "n:"}, {"high": "i:3"}, {"words": ["a"]}, {"low": "?"}])
def test_facts_that_contradict_themselves_are_corrupt(change: dict[str, object]) -> None:
    good = Column("n", None, 0.0, 1.0).to_dict()
    with pytest.raises(CorruptedError):
        Column.from_dict(good | change)


def test_encodings_know_their_names() -> None:
    for name, cls in ENCODINGS.items():
        assert encoding_name(cls(())) == name
