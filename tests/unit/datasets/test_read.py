"""What is read from CSV, Parquet and data frames, and what is refused."""

from __future__ import annotations

import csv as writer
import datetime
import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.datasets.raw import RawColumn, RawTable
from expunge.datasets.read import LISTED, MISSING, read_csv, read_frame, read_parquet, read_table
from expunge.errors import DataError, InputError


def csv(text: str) -> RawTable:
    return read_csv(io.BytesIO(text.encode()))


def cells(column: RawColumn) -> list[object]:
    return [None if code < 0 else column.cells[code] for code in column.codes.tolist()]


def test_cells_are_read_as_they_stand() -> None:
    raw = csv('id,"a ""b"", c"\n007," x "\n8,"two\nlines"\n')
    assert raw.names == ("id", 'a "b", c')
    assert cells(raw.columns[0]) == ["007", "8"]
    assert cells(raw.columns[1]) == [" x ", "two\nlines"]
    assert raw.rows.tolist() == [1, 2]


@pytest.mark.parametrize("word", sorted(MISSING))
def test_every_spelling_of_missing_is_missing(word: str) -> None:
    assert cells(csv(f"a,b\n{word},1\n {word} ,none\n").columns[0]) == [None, None]


def test_other_words_are_not_missing() -> None:
    assert cells(csv("a,b\nnone,1\nN/A,2\n-,3\n").columns[0]) == ["none", "N/A", "-"]


def test_a_byte_order_mark_and_windows_line_ends_are_tolerated() -> None:
    raw = read_csv(io.BytesIO("\ufeffid,a\r\n1,é\r\n".encode()))
    assert raw.names == ("id", "a")
    assert cells(raw.columns[1]) == ["é"]


def test_blank_lines_at_the_end_are_no_rows_but_one_between_is_a_fault() -> None:
    assert csv("id,a\n1,2\n\n\n").faults == ()
    assert [str(fault) for fault in csv("id,a\n1,2\n\n3,4\n").faults] == ["row 2: has 0 fields, the header has 2"]


def test_rows_of_a_wrong_length_are_named_and_the_others_keep_their_numbers() -> None:
    raw = csv("id,a\n1\n2,x\n3,y,z\n4,w\n")
    assert [(fault.row, fault.what) for fault in raw.faults] == [
        (1, "has 1 fields, the header has 2"),
        (3, "has 3 fields, the header has 2"),
    ]
    assert raw.rows.tolist() == [2, 4]
    assert cells(raw.columns[1]) == ["x", "w"]


def test_many_faults_of_one_sort_are_counted_after_the_first() -> None:
    faults = csv("id,a\n1,2\n" + "3\n" * 1000).faults
    assert len(faults) == LISTED + 1
    assert faults[-1].what == f"and {1000 - LISTED} more rows of a wrong length"


def test_rows_are_numbered_across_chunks() -> None:
    lines = ["1,2"] * 5000
    lines[4321] = "1,2,3"
    assert [fault.row for fault in csv("id,a\n" + "\n".join(lines)).faults] == [4322]


def test_duplicate_and_empty_names_are_faults_with_their_places() -> None:
    assert [str(fault) for fault in csv("id,a,,a,  \n1,2,3,4,5\n").faults] == [
        "column 3 has no name",
        "column 5 has no name",
        "column 'a': the name stands more than once: columns 2, 4",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("id,a\n", "there are no rows"),
        ("id,a", "there are no rows"),
        ("id,a\n1\n", "row 1: has 1 fields"),
        ('id,"a', "this is no CSV from here on"),
    ],
)
def test_a_file_without_rows_is_refused(text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        csv(text)


def test_broken_quoting_is_a_fault_where_it_begins() -> None:
    raw = csv('id,a\n1,x\n2,"y"z\n3,w\n')
    assert [(fault.row, "no CSV from here on" in fault.what) for fault in raw.faults] == [(2, True)]
    assert cells(raw.columns[1]) == ["x"]


def test_gzip_is_told_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv.gz"
    path.write_bytes(gzip.compress(b"id,a\n1,2\n"))
    assert cells(read_table(path).columns[1]) == ["2"]
    path.write_bytes(gzip.compress(b"id,a\n1,2\n")[:-9])
    with pytest.raises(DataError, match=r"visits\.csv\.gz has 1 fault[^!]* no whole gzip file"):
        read_table(path)


def test_unknown_formats_and_absent_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"table\.xlsx.*\.parquet"):
        read_table(tmp_path / "table.xlsx")
    with pytest.raises(InputError, match="No such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_csv(tmp_path)


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    )
)
def test_what_the_csv_module_writes_is_read_back(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    writer.writer(out).writerows([["a", "b"], *rows])
    raw = csv(out.getvalue())
    expected = [[None if cell.strip() in MISSING else cell for cell in column] for column in zip(*rows, strict=True)]
    assert [cells(column) for column in raw.columns] == expected


def test_frames_of_every_dtype_are_read() -> None:
    frame = pd.DataFrame(
        {
            "str": ["a", None, "7"],
            "int": [1, 2, 2**60],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "float": [0.5, np.nan, np.inf],
            "bool": [True, False, True],
            "boolean": pd.array([True, None, False], dtype="boolean"),
            "category": pd.Categorical([1, 2, None]),
            "object": pd.Series([1, "1", pd.NA], dtype=object),
            "f32": np.array([0.5, 1, 2], dtype=np.float32),
        }
    )
    got = {column.name: cells(column) for column in read_frame(frame).columns}
    assert got == {
        "str": ["a", None, "7"],
        "int": [1, 2, 2**60],
        "nullable": [1, None, 3],
        "float": [0.5, None, np.inf],
        "bool": [1, 0, 1],
        "boolean": [1, None, 0],
        "category": ["1", "2", None],
        "object": [1, "1", None],
        "f32": [0.5, 1.0, 2.0],
    }
    assert {type(cell) for column in read_frame(frame).columns for cell in column.cells} == {str, int, float}


def test_equal_cells_of_different_types_stay_apart_in_an_object_column() -> None:
    frame = pd.DataFrame({"a": pd.Series([1, "1", 1.0, [1], [2]], dtype=object)})
    read = cells(read_frame(frame).columns[0])
    assert read == [1, "1", 1.0, [1], [2]]
    assert [type(cell) for cell in read] == [int, str, float, list, list]


def test_the_index_is_left_aside_and_names_must_be_text() -> None:
    raw = read_frame(pd.DataFrame({3: [1], "a": [2]}, index=["row"]))
    assert raw.names == ("3", "a")
    assert [str(fault) for fault in raw.faults] == ["column '3': the name is a int, not text"]


def test_frames_without_rows_or_columns_are_refused() -> None:
    for frame in (pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame(index=[1, 2])):
        with pytest.raises(DataError, match="there are no rows"):
            read_frame(frame)


def test_duplicate_columns_of_a_frame_are_faults() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert "columns 1, 2" in str(read_frame(frame).faults[0])


def test_parquet_keeps_whole_numbers_with_missing_cells_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame(
        {
            "id": pd.array([2**60 + 1, None, 3], dtype="Int64"),
            "text": ["a", None, "7"],
            "day": [datetime.date(2026, 1, 1)] * 3,
            "flag": pd.array([True, None, False], dtype="boolean"),
            "kind": pd.Categorical(["x", "y", "x"]),
        },
        index=pd.Index([7, 8, 9], name="patient"),
    )
    frame.to_parquet(path)
    got = {column.name: cells(column) for column in read_table(path).columns}
    assert got == {
        "id": [2**60 + 1, None, 3],
        "text": ["a", None, "7"],
        "day": [datetime.date(2026, 1, 1)] * 3,
        "flag": [1, None, 0],
        "kind": ["x", "y", "x"],
        "patient": [7, 8, 9],
    }


@pytest.mark.parametrize("data", [b"", b"PAR1", b"id,a\n1,2\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_file_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="no Parquet file"):
        read_parquet(io.BytesIO(data))
