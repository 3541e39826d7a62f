"""Inference is a function of the rows and the declarations; confirmation makes it declared."""

from __future__ import annotations

import io
import math
import random
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from expunge.datasets import (
    Declared,
    Table,
    checked,
    confirm,
    declare,
    infer_schema,
    read_csv,
    read_frame,
    refreshed,
    reinfer,
)
from expunge.datasets.infer import MAX_CLASSES, infer_column
from expunge.datasets.raw import RawTable, from_values
from expunge.domain.schema import FACTS, Column, Kind, Role, Schema
from expunge.errors import DataError

WORDS = st.sampled_from(["a", "b", "Inf", "x y", "é"])
CELLS = {
    "csv numbers": st.sampled_from(["1", "1.0", "-0", "0", "2.5", "17", "1e3", "?"]),
    "csv words": st.one_of(WORDS, st.just("")),
    "csv classes": st.sampled_from(["0", "1", "1.0", "2"]),
    "csv quantities": st.one_of(st.integers(0, 40).map(str), st.just("0.5")),
}


def raw_of(rows: list[tuple[int, str, str, str, str]]) -> RawTable:
    """Make what `read_csv` makes of these rows."""
    lines = "\n".join(",".join(map(str, row)) for row in rows)
    return read_csv(io.BytesIO(f"id,n,w,m,y\n{lines}\n".encode()))


def rows_with(target: str) -> st.SearchStrategy[list[tuple[int, str, str, str, str]]]:
    row = st.tuples(st.integers(1, 5), CELLS["csv numbers"], CELLS["csv words"], CELLS["csv numbers"], CELLS[target])
    return st.lists(row, min_size=2, max_size=60)


ROWS = st.one_of(rows_with("csv classes"), rows_with("csv quantities"), rows_with("csv words"))
DECLARATIONS: list[dict[str, Any]] = [
    {},
    {"roles": ["n=sensitive", "w=categorical", "m=free-text"]},
    {"ranges": ["n=-5:2000"], "roles": ["m=quasi-identifier:numeric"]},
    {"roles": ["y=numeric"]},
    {"ranges": ["n=-5:2000:0.5"], "roles": ["y=categorical", "m=ignored:numeric"]},
]


def declared_with(raw: RawTable, more: dict[str, Any]) -> Declared:
    roles = ["id=subject:int", *more.get("roles", [])]
    return declare(raw.names, target="y", roles=roles, ranges=more.get("ranges", []))


@given(ROWS, st.sampled_from(DECLARATIONS), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: Any, more: dict[str, Any], chance: random.Random) -> None:
    raw = raw_of(rows)
    schema = infer_schema(raw, declared_with(raw, more))
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert infer_schema(raw_of(shuffled), declared_with(raw, more)) == schema


@settings(deadline=None)
@given(ROWS, st.sampled_from(DECLARATIONS), st.sets(st.integers(1, 5), max_size=4))
def test_forgetting_equals_a_fresh_import_of_the_remaining_rows(
    rows: Any, more: dict[str, Any], gone: set[int]
) -> None:
    raw = raw_of(rows)
    remaining = [row for row in rows if row[0] not in gone]
    assume(remaining)
    try:
        whole = checked(raw, declared_with(raw, more))
    except DataError:
        assume(False)
    left = whole.without(gone & set(whole.subject_ids()))
    fresh_raw = raw_of(remaining)
    fresh_schema = infer_schema(fresh_raw, declared_with(raw, more))
    assert reinfer(left) == fresh_schema
    try:
        fresh = checked(fresh_raw, declared_with(raw, more))
    except DataError:  # a target of one class, say: no import would have taken these rows
        return
    again = refreshed(left)
    assert again.schema == fresh.schema
    assert again.subjects.tolist() == fresh.subjects.tolist()
    pd.testing.assert_frame_equal(again.frame, fresh.frame)


def table(**columns: list[Any]) -> Table:
    raw = read_frame(pd.DataFrame(columns))
    return checked(raw, declare(raw.names, subject="id", target="y" if "y" in columns else None))


def test_undeclared_columns_are_features_and_every_inferred_fact_is_named() -> None:
    schema = table(id=[1, 2, 3], n=[1, 5, 3], f=[0.5, 1, 2], w=["a", "b", "a"], y=["n", "p", "n"]).schema
    assert schema["n"] == Column("n", Role.FEATURE, Kind.NUMERIC, 1.0, 5.0, 1.0, FACTS)
    assert schema["f"] == Column("f", Role.FEATURE, Kind.NUMERIC, 0.5, 2.0, None, FACTS)
    assert schema["w"] == Column("w", Role.FEATURE, Kind.CATEGORICAL, inferred=("role", "kind"))
    assert schema["y"] == Column("y", Role.TARGET, Kind.CATEGORICAL, inferred=("kind",))
    assert schema["id"] == Column("id", Role.SUBJECT, Kind.TEXT)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([float(n) for n in range(MAX_CLASSES)], Kind.CATEGORICAL),
        ([float(n) for n in range(MAX_CLASSES + 1)], Kind.NUMERIC),
        ([0.5, 1.0], Kind.NUMERIC),
        (["a", "b"], Kind.CATEGORICAL),
    ],
)
def test_the_kind_of_a_target(values: list[Any], kind: Kind) -> None:
    got = table(id=list(range(len(values))), y=values)
    assert got.schema["y"].kind is kind
    assert got.schema["y"].declares("range") is (kind is Kind.CATEGORICAL)


def test_a_feature_of_few_whole_numbers_is_numeric() -> None:
    assert table(id=[1, 2], n=[0, 1]).schema["n"].kind is Kind.NUMERIC


def test_the_owner_of_an_extreme_takes_the_range_along() -> None:
    left = table(id=[1, 2, 3], n=[1.5, 7, 9], y=["a", "b", "a"]).without([1])
    assert (left.schema["n"].low, left.schema["n"].resolution) == (1.5, None)
    assert (reinfer(left)["n"].low, reinfer(left)["n"].resolution) == (7.0, 1.0)


def test_a_confirmed_range_stays_when_its_owner_leaves() -> None:
    whole = table(id=[1, 2, 3], n=[1.5, 7, 9], y=["a", "b", "a"])
    settled = Table(confirm(whole.schema), whole.frame, whole.subjects)
    assert reinfer(settled.without([1])) == settled.schema


def test_a_column_that_loses_its_last_text_is_recast() -> None:
    left = refreshed(table(id=[1, 2], w=["a", None], y=["a", "b"]).without([1]))
    assert left.schema["w"].kind is Kind.NUMERIC
    assert math.isnan(left.frame["w"][0])


def test_a_quantity_with_few_values_left_becomes_a_class() -> None:
    whole = table(id=list(range(40)), y=list(range(40)))
    left = refreshed(whole.without(range(30)))
    assert (whole.schema["y"].kind, left.schema["y"].kind) == (Kind.NUMERIC, Kind.CATEGORICAL)
    assert left.target().tolist() == [str(n) for n in range(30, 40)]


def test_negative_zero_and_zero_are_one_value() -> None:
    typed = table(id=[1, 2, 3], n=[-0.0, 0.0, 1.0]).frame["n"]
    raw = read_csv(io.BytesIO(b"id,n\n1,-0\n2,-0.0e5\n3,1\n"))
    read = checked(raw, declare(raw.names, subject="id")).frame["n"]
    assert [math.copysign(1, value) for value in (*typed, *read)] == [1] * 6


FINITE = st.floats(allow_nan=False, allow_infinity=False)


def numeric(low: float, high: float) -> Schema:
    return Schema(
        (Column("id", Role.SUBJECT, Kind.TEXT), Column("n", Role.FEATURE, Kind.NUMERIC, low, high, inferred=FACTS)),
        "int",
    )


@given(FINITE, FINITE)
def test_confirming_widens_and_confirming_twice_changes_nothing(low: float, high: float) -> None:
    assume(low < high)
    once = confirm(numeric(low, high))
    column = once["n"]
    assert column.low is not None
    assert column.high is not None
    assert column.low <= low < high <= column.high
    assert all(map(math.isfinite, (column.low, column.high)))
    assert once.inferred == ()
    assert confirm(once) == once


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**9))
def test_confirmed_ends_are_multiples_of_the_step(low: int, span: int) -> None:
    column = confirm(numeric(float(low), float(low + span)))["n"]
    step = 10 ** (len(str(span)) - 1)
    assert (column.low, column.high) == (low // step * step, -(-(low + span) // step) * step)


@pytest.mark.parametrize(
    ("low", "high", "widened"),
    [
        (0, 29237.5, (0, 30000)),
        (3.7, 100, (0, 100)),
        (0.1, 0.3, (0.1, 0.3)),
        (-0.25, 0.31, (-0.3, 0.4)),
        (18, 90, (10, 90)),
        (-sys.float_info.max, sys.float_info.max, (-sys.float_info.max, sys.float_info.max)),
    ],
)
def test_confirmed_ranges_are_round(low: float, high: float, widened: tuple[float, float]) -> None:
    column = confirm(numeric(low, high))["n"]
    assert (column.low, column.high) == widened


def test_a_declared_range_is_not_widened() -> None:
    column = Column("n", Role.FEATURE, Kind.NUMERIC, 3.7, 101.0, inferred=("resolution",))
    schema = Schema((Column("id", Role.SUBJECT, Kind.TEXT), column), "int")
    assert (confirm(schema)["n"].low, confirm(schema)["n"].high) == (3.7, 101.0)


def test_a_constant_column_has_no_range_and_none_is_confirmed() -> None:
    schema = table(id=[1, 2], n=[4, 4]).schema
    assert (schema["n"].low, schema["n"].resolution) == (None, 1.0)
    assert confirm(schema)["n"].inferred == ("range",)
    assert confirm(confirm(schema)) == confirm(schema)


def test_reading_facts_ignores_what_they_were_before() -> None:
    raw = from_values("n", np.array([1.0, 2.0]), typed=True)
    stale = Column("n", Role.FEATURE, Kind.NUMERIC, -99.0, 99.0, 0.25, FACTS)
    assert infer_column(raw, stale) == infer_column(raw, Declared()["n"])
