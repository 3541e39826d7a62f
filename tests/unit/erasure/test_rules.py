"""Clocks and grounds, held against the calendar and against how people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.request import Law
from expunge.erasure.law.rules import add_months, due, ground, grounds, rules
from expunge.errors import InputError

DAYS = st.datetimes(datetime(2018, 5, 25), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")


@pytest.mark.parametrize(
    ("received", "last"),
    [
        ("2026-11-02", "2026-12-02"),
        ("2026-03-31", "2026-04-30"),  # April has no 31st
        ("2028-01-31", "2028-02-29"),  # leap year
        ("2027-01-31", "2027-03-01"),  # 28 February 2027 is a Sunday
        ("2026-01-31", "2026-03-02"),  # 28 February 2026 is a Saturday
        ("2026-01-10", "2026-02-10"),
        ("2026-04-01", "2026-05-01"),  # a Friday, and a public holiday that is not known here
        ("2026-07-01", "2026-08-03"),  # 1 August 2026 is a Saturday
        ("2026-12-15", "2027-01-15"),  # into the next year
        ("2026-12-31", "2027-02-01"),  # 31 January 2027 is a Sunday
    ],
)
def test_under_the_gdpr_a_month_ends_on_a_working_day(received: str, last: str) -> None:
    assert due(Law.GDPR, noon(received)) == date.fromisoformat(last)


@pytest.mark.parametrize(("received", "last"), [("2026-01-31", "2026-03-17"), ("2028-02-01", "2028-03-17")])
def test_under_the_ccpa_45_days_end_on_any_day(received: str, last: str) -> None:
    assert due(Law.CCPA, noon(received)) == date.fromisoformat(last)


@given(DAYS)
def test_a_month_is_28_to_31_days_and_at_most_a_weekend_more(received: datetime) -> None:
    last = due(Law.GDPR, received)
    assert last.weekday() < 5
    assert timedelta(28) <= last - received.date() <= timedelta(31 + 2)


@given(DAYS, DAYS)
def test_who_asks_earlier_is_answered_no_later(one: datetime, other: datetime) -> None:
    for law in Law:
        assert due(law, min(one, other)) <= due(law, max(one, other))


@given(DAYS)
def test_45_days_are_45_days(received: datetime) -> None:
    assert due(Law.CCPA, received) - received.date() == timedelta(45)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 48))
def test_months_are_counted_by_the_calendar(start: date, months: int) -> None:
    end = add_months(start, months)
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
    assert end.day == start.day or (end.day < start.day and (end + timedelta(1)).day == 1)


@pytest.mark.parametrize(
    "spelled", ["17(3)(b)", "17-3-b", "17.3.B", "Art. 17(3)(b)", "art 17 (3) (b)", " Article 17(3)(b) ", "173b"]
)
def test_the_spelling_of_a_ground_does_not_matter(spelled: str) -> None:
    assert ground(Law.GDPR, spelled).id == "17(3)(b)"


@pytest.mark.parametrize("spelled", ["no-data", "No data", "NO_DATA"])
@pytest.mark.parametrize("law", Law)
def test_every_law_has_the_ground_no_data(law: Law, spelled: str) -> None:
    assert ground(law, spelled).id == "no-data"


@pytest.mark.parametrize(
    ("law", "name"),
    [(Law.GDPR, "1798.105(d)"), (Law.CCPA, "17(3)(b)"), (Law.GDPR, "17(3)(f)"), (Law.GDPR, ""), (Law.GDPR, "Art.")],
)
def test_a_ground_that_the_law_does_not_know_is_refused_with_those_it_knows(law: Law, name: str) -> None:
    with pytest.raises(InputError, match="no-data") as caught:
        ground(law, name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("law", Law)
def test_every_ground_is_found_under_its_own_name_and_no_other(law: Law) -> None:
    known = grounds(law)
    assert [ground(law, one.id) for one in known] == list(known)
    assert all(one.article and one.text.endswith(".") for one in known)


def test_the_grounds_are_those_of_the_statutes() -> None:
    assert {one.id for one in grounds(Law.GDPR)} == {
        *("no-data", "17(1)", "12(5)", "12(6)", "11(2)"),
        *(f"17(3)({letter})" for letter in "abcde"),
    }
    assert {one.id for one in grounds(Law.CCPA)} == {
        *("no-data", "1798.105(d)", "1798.145", "1798.146", "not-verifiable")
    }


def test_the_clocks_name_their_articles() -> None:
    for law in Law:
        assert all(clock["article"] for clock in rules(law)["clocks"].values())
