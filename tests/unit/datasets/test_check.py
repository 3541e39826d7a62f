"""One error lists every fault by row and column, and no table comes out."""

from __future__ import annotations

import datetime
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from expunge.datasets import Table, checked, declare, read_csv, read_frame
from expunge.datasets.read import LISTED
from expunge.domain.schema import Kind
from expunge.errors import DataError, SchemaError


def check(text: str | bytes, *roles: str, ranges: tuple[str, ...] = (), target: str | None = "y") -> Table:
    raw = read_csv(io.BytesIO(text.encode() if isinstance(text, str) else text))
    subject = None if any("=subject" in role for role in roles) else "id"
    return checked(raw, declare(raw.names, subject=subject, target=target, roles=roles, ranges=ranges))


def check_frame(columns: dict[str, Any], *roles: str, target: str | None = None) -> Table:
    raw = read_frame(pd.DataFrame(columns))
    subject = None if any("=subject" in role for role in roles) else "id"
    return checked(raw, declare(raw.names, subject=subject, target=target, roles=roles))


def faults(table: Any, *args: Any, **options: Any) -> list[str]:
    made = check_frame if isinstance(table, dict) else check
    with pytest.raises(DataError) as caught:
        made(table, *args, **options)
    return [str(fault) for fault in caught.value.faults]


def test_a_good_table_is_held_by_kind() -> None:
    table = check("id,age,sex,y\n7,50,m,no\n8,?,,yes\n7,51.5,f,no\n")
    assert table.subjects.dtype == np.int64
    assert table.subjects.tolist() == [7, 8, 7]
    assert table.frame["age"].dtype == np.float64
    assert table.frame["sex"].dtype == object
    assert table.frame["sex"].tolist() == ["m", None, "f"]
    assert table.target().tolist() == ["no", "yes", "no"]
    np.testing.assert_array_equal(table.frame["age"], [50.0, np.nan, 51.5])


def test_a_missing_subject_is_named_by_row() -> None:
    assert faults("id,a,y\n7,1,n\n,2,p\nNA,3,n\n") == [
        "row 2, column 'id': the subject is missing",
        "row 3, column 'id': the subject is missing",
    ]


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (["7", "8"], "int"),
        (["-7", "0"], "int"),
        (["7", "007"], "str"),
        (["7", "+8"], "str"),
        (["7", "-0"], "str"),
        (["7", "8.0"], "str"),
        (["7", "x"], "str"),
        (["7", str(2**63)], "str"),
        ([str(2**63 - 1), str(-(2**63))], "int"),
        (["7", " 8"], "str"),
        (["7", "\u0668"], "str"),
    ],
)
def test_ids_are_ints_only_where_all_are_plain_integers(ids: list[str], kind: str) -> None:
    table = check("id,y\n" + f"{ids[0]},n\n{ids[1]},p\n")
    assert table.schema.subject_kind == kind
    assert table.subjects.tolist() == ([int(i) for i in ids] if kind == "int" else ids)


def test_int_and_text_ids_stay_apart() -> None:
    ints = check("id,y\n7,n\n8,p\n")
    texts = check("id,y\n7,n\n8,p\n", "id=subject:str")
    assert (ints.subject_ids(), texts.subject_ids()) == ((7, 8), ("7", "8"))


def test_a_declared_kind_of_subject_is_checked() -> None:
    assert faults("id,y\n7,n\n007,p\nx,n\n", "id=subject:int") == [
        "row 2, column 'id': subject id '007' is no plain 64-bit integer",
        "row 3, column 'id': subject id 'x' is no plain 64-bit integer",
    ]


def test_subjects_of_a_frame_must_be_of_one_kind() -> None:
    mixed = {"id": pd.Series([7, "7", "x"], dtype=object), "a": [1, 2, 3]}
    assert faults(mixed) == ["row 1, column 'id': subject id 7 is an int, and others are text"]
    assert check_frame(mixed, "id=subject:str").subjects.tolist() == ["7", "7", "x"]


@pytest.mark.parametrize("bad", [7.0, datetime.date(2026, 1, 1), [1], "", "a\ud800"])
def test_subjects_that_are_no_ids_are_refused(bad: object) -> None:
    found = faults({"id": pd.Series([bad, "x"], dtype=object), "a": [1, 2]})
    assert all(fault.startswith("row 1, column 'id': ") for fault in found)
    assert found


def test_a_float_column_is_no_subject() -> None:
    assert len(faults({"id": [7.0, 8.0, np.nan], "a": [1, 2, 3]})) == 3


def test_duplicate_columns_are_listed_with_what_else_is_wrong() -> None:
    assert faults("id,a,a,b,y\n7,1,2,x,n\n8,1,2,5,p\n7,1,2,6,p\n") == [
        "column 'a': the name stands more than once: columns 2, 3",
        "column 'b': holds 2 numbers and 1 text, and its kind is not declared: "
        "--role 'b=categorical' takes both as text",
        "row 1, column 'b': 'x' is text among numbers",
    ]


def test_a_duplicate_subject_column_is_a_fault() -> None:
    assert faults("id,id,y\n7,8,n\n8,8,p\n") == ["column 'id': the name stands more than once: columns 1, 2"]


def test_mixed_types_are_named_on_the_rarer_side() -> None:
    found = faults("id,a,y\n1,x,n\n2,y,p\n3,5,n\n4,,p\n")
    assert "holds 1 number and 2 texts" in found[0]
    assert found[1:] == ["row 3, column 'a': '5' is a number among text"]


@pytest.mark.parametrize("kind", ["categorical", "ignored", "free-text", "direct-identifier"])
def test_a_declared_column_may_mix(kind: str) -> None:
    table = check("id,a,y\n1,x,n\n2,05,p\n", f"a={kind}")
    assert table.frame["a"].tolist() == ["x", "05"]


def test_a_column_declared_numeric_names_what_is_no_number() -> None:
    assert faults("id,a,y\n1,x,n\n2,1_000,p\n3,1e3,p\n", "a=numeric") == [
        "row 1, column 'a': 'x' is not a number",
        "row 2, column 'a': '1_000' is not a number",
    ]


def test_infinities_are_refused() -> None:
    assert faults("id,a,b,y\n1,inf,2,n\n2,1,1e999,p\n3,-Infinity,1,n\n") == [
        "row 1, column 'a': 'inf' is infinite",
        "row 3, column 'a': '-Infinity' is infinite",
        "row 2, column 'b': '1e999' is infinite",
    ]
    assert faults({"id": [1, 2], "a": [np.inf, 1.0]}) == ["row 1, column 'a': an infinite number"]
    assert faults({"id": [1, 2], "a": pd.Series([np.inf, "x"], dtype=object)}, "a=categorical") == [
        "row 1, column 'a': an infinite number"
    ]


def test_a_word_like_inf_among_words_is_a_word() -> None:
    assert check("id,a,y\n1,Inf,n\n2,Sup,p\n").schema["a"].kind is Kind.CATEGORICAL


def test_values_outside_a_declared_range_are_named() -> None:
    assert faults("id,age,y\n1,0,n\n2,121,p\n3,-1,n\n4,120,p\n", ranges=("age=0:120",)) == [
        "row 2, column 'age': '121' is outside the declared range 0:120",
        "row 3, column 'age': '-1' is outside the declared range 0:120",
    ]


@pytest.mark.parametrize("cell", [str(2**53), str(-(2**53) - 1), "9" * 400])
def test_whole_numbers_that_would_be_rounded_are_faults(cell: str) -> None:
    (found,) = faults(f"id,a,y\n1,{cell},n\n2,1,p\n")
    assert "row 1, column 'a'" in found
    assert check(f"id,a,y\n1,{cell},n\n2,1,p\n", "a=categorical").frame["a"][0] == cell


def test_large_whole_numbers_of_a_frame_are_faults_too() -> None:
    (found,) = faults({"id": [1, 2], "a": [2**53 + 1, 1]})
    assert "would be rounded; declare --role 'a=categorical'" in found
    (huge,) = faults({"id": [1], "a": pd.Series([-(10**400)], dtype=object)})
    assert "is infinite" in huge
    assert check_frame({"id": [1, 2], "a": [2**53 - 1, 1]}).frame["a"][0] == 2**53 - 1


def test_a_missing_target_is_named_by_row() -> None:
    assert faults("id,a,y\n1,1,n\n2,2,\n3,3,p\n") == ["row 2, column 'y': the target is missing"]


@pytest.mark.parametrize("cells", [("no", "no"), ("1", "1.0")])
def test_a_target_with_one_class_is_refused(cells: tuple[str, str]) -> None:
    (found,) = faults(f"id,a,y\n1,1,{cells[0]}\n2,2,{cells[1]}\n")
    assert "column 'y': the target has one class" in found


def test_a_target_that_is_missing_everywhere_has_no_class() -> None:
    assert faults("id,a,y\n1,1,\n2,2,\n", "y=target:categorical")[-1] == (
        "column 'y': the target has no class; there is nothing to tell apart"
    )


def test_a_numeric_target_needs_no_classes() -> None:
    assert check("id,a,y\n1,1,3\n2,2,3\n", "y=target:numeric").target().tolist() == [3.0, 3.0]


def test_targets_of_whole_numbers_are_classes_with_one_spelling() -> None:
    assert check("id,a,y\n1,1,0\n2,2,1.0\n3,3,1\n").target().tolist() == ["0", "1", "1"]
    assert check("id,a,y\n1,1,0\n2,2,1.0\n3,3,1\n", "y=categorical").target().tolist() == ["0", "1.0", "1"]


def test_a_column_without_any_value_is_a_numeric_feature() -> None:
    table = check("id,a,y\n1,,n\n2,?,p\n")
    assert (table.schema["a"].kind, table.schema["a"].low) == (Kind.NUMERIC, None)
    assert np.isnan(table.frame["a"]).all()


def test_text_that_is_no_utf8_or_holds_nul_is_named() -> None:
    found = faults(b"id,a,b,y\n1,x\0,\xff,n\n2,x,y,p\n\xe9,x,y,p\n", "b=ignored")
    assert found == [
        "row 3, column 'id': '\\udce9' is not valid UTF-8",
        "row 3, column 'id': subject id '\\udce9' is not valid Unicode",
        "row 1, column 'a': 'x\\x00' holds a NUL character",
        "row 1, column 'b': '\\udcff' is not valid UTF-8",
    ]
    with pytest.raises(DataError, match="the name is not valid UTF-8"):
        check(b"id,\xff,y\n1,2,n\n2,2,p\n")


def test_dates_are_refused_unless_the_column_is_kept_as_text() -> None:
    columns = {"id": [1, 2], "born": [pd.Timestamp("1990-01-02"), pd.NaT], "seen": [datetime.date(2026, 1, 1)] * 2}
    found = faults(columns)
    assert [fault.split(":")[0] for fault in found] == [
        "row 1, column 'born'",
        "row 1, column 'seen'",
        "row 2, column 'seen'",
    ]
    assert "Timestamp, neither a number nor text" in found[0]
    table = check_frame(columns, "born=ignored", "seen=direct-identifier")
    assert table.frame["born"].tolist() == ["1990-01-02 00:00:00", None]
    assert table.frame["seen"].tolist() == ["2026-01-01", "2026-01-01"]


@pytest.mark.parametrize("bad", [[1], b"x", 1j, {"a": 1}])
def test_objects_in_a_frame_are_refused(bad: object) -> None:
    (found,) = faults({"id": [1], "a": pd.Series([bad], dtype=object)})
    assert "row 1, column 'a'" in found


def test_mixed_python_types_in_a_frame_are_named() -> None:
    found = faults({"id": [1, 2, 3], "a": pd.Series(["1", 2, 3.5], dtype=object)})
    assert found[1:] == ["row 1, column 'a': '1' is text among numbers"]


def test_every_fault_is_in_one_error() -> None:
    found = faults(
        "id,age,code,size,y\n,200,x,inf,\n7,old,5,1,n\n8,30,6,2\n9,31,7,3,p\n",
        ranges=("age=0:120",),
    )
    assert [fault.split(":")[0] for fault in found] == [
        "row 3",
        "row 1, column 'id'",
        "row 2, column 'age'",
        "row 1, column 'age'",
        "column 'code'",
        "row 1, column 'code'",
        "row 1, column 'size'",
        "row 1, column 'y'",
    ]


def test_rows_keep_their_numbers_after_one_that_could_not_be_read() -> None:
    assert faults("id,a,y\n1,2\n2,x,n\n3,1,p\n", "a=numeric") == [
        "row 1: has 2 fields, the header has 3",
        "row 2, column 'a': 'x' is not a number",
    ]


def test_many_bad_cells_are_counted_after_the_first() -> None:
    found = faults("id,a,y\n" + "1,x,n\n2,y,p\n" * 500, "a=numeric")
    assert len(found) == LISTED + 1
    assert found[-1] == f"column 'a': and {1000 - LISTED} more rows like these"


def test_a_bad_cell_far_down_a_wide_file_is_found() -> None:
    line = ",".join(str(number) for number in range(197))
    lines = [f"{row % 5000},{line},{row % 2},{row}" for row in range(20_000)]
    lines[19_998] = lines[19_998].replace(",100,", ",1oo,")
    header = "id," + ",".join(f"c{number}" for number in range(197)) + ",y,z"
    found = faults(header + "\n" + "\n".join(lines) + "\n")
    assert found == [
        "column 'c100': holds 19999 numbers and 1 text, and its kind is not declared: "
        "--role 'c100=categorical' takes both as text",
        "row 19999, column 'c100': '1oo' is text among numbers",
    ]


def test_declarations_of_columns_that_are_not_there_are_refused() -> None:
    raw = read_csv(io.BytesIO(b"id,a\n1,2\n"))
    with pytest.raises(SchemaError, match=r"no column 'y' in the file.*id, a"):
        checked(raw, declare([*raw.names, "y"], subject="id", target="y"))


def test_a_str_column_of_digits_in_a_frame_is_text_unless_declared_numeric() -> None:
    assert check_frame({"id": [1, 2], "zip": ["02139", "1"]}).frame["zip"].tolist() == ["02139", "1"]
    assert check_frame({"id": [1, 2], "zip": ["02139", "1"]}, "zip=numeric").frame["zip"].tolist() == [2139.0, 1.0]
