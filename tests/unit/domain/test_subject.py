"""Subject ids are ints or strs, and never confused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.subject import parse_subject, spelling, subject_bytes, subject_id, subject_kind
from expunge.errors import SubjectIdError

INTS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)
IDS = st.one_of(INTS, TEXTS)


@given(IDS)
def test_a_plain_id_is_itself(subject: int | str) -> None:
    assert subject_id(subject) == subject
    assert type(subject_id(subject)) is type(subject)
    assert subject_kind(subject) == type(subject).__name__


@given(IDS, IDS)
def test_different_people_have_different_bytes(one: int | str, other: int | str) -> None:
    assert (subject_bytes(one) == subject_bytes(other)) == (one == other)


@given(INTS)
def test_an_int_and_its_text_are_two_people(number: int) -> None:
    assert subject_bytes(number) != subject_bytes(str(number))
    assert parse_subject(str(number), "int") == number
    assert parse_subject(str(number), "str") == str(number)


@pytest.mark.parametrize(
    ("value", "plain"),
    [(np.int64(7), 7), (np.uint8(7), 7), (np.int8(-7), -7), (np.str_("a"), "a"), (np.array(7), 7)],
)
def test_numpy_scalars_equal_pythons(value: object, plain: int | str) -> None:
    assert subject_id(value) == plain
    assert type(subject_id(value)) is type(plain)


@pytest.mark.parametrize(
    "value",
    [7.0, True, np.float64(7), np.bool_(True), None, b"a", "", "\ud800", 2**63, -(2**63) - 1, Decimal(7), [7], 1j],
)
def test_everything_else_is_refused(value: object) -> None:
    with pytest.raises(SubjectIdError):
        subject_id(value)


@pytest.mark.parametrize("text", ["", "-", "x", "7.0", "+7", " 7", "7 ", "\u0667", "\u00b2", "1_0", "--7", "9" * 19])
def test_text_that_is_no_integer_is_refused_where_ids_are_ints(text: str) -> None:
    with pytest.raises(SubjectIdError):
        parse_subject(text, "int")


def test_an_empty_text_is_nobody() -> None:
    with pytest.raises(SubjectIdError, match="empty"):
        parse_subject("", "str")


@given(IDS)
def test_a_spelling_is_known_again_from_itself(subject: int | str) -> None:
    assert spelling(spelling(subject)) == spelling(subject) == spelling(f" {spelling(subject)}\n")


@given(INTS, INTS)
def test_numbers_are_spelled_alike_only_where_they_are_equal(one: int, other: int) -> None:
    assert (spelling(one) == spelling(str(other))) == (one == other)
