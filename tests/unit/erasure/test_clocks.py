"""Clocks, held against calendars that were looked up by hand, and against what must hold on any day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.request import Law
from expunge.erasure.law import rules as grounds_module
from expunge.erasure.law.clocks import (
    add_months,
    check_calendar,
    confirm_by,
    due,
    extended_due,
    hold_end,
    is_working_day,
)
from expunge.erasure.law.data import calendars, rules
from expunge.errors import InputError

DAYS = st.datetimes(datetime(2018, 5, 25), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CALENDARS = st.sampled_from(["EU", "DE", "DE-BY", "FR", "IE", "PL", "ES-MD", "US-CA"])


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


@pytest.mark.parametrize(
    ("calendar", "received", "last"),
    [
        ("DE", "2026-04-01", "2026-05-04"),  # 1 May 2026 is a Friday
        ("DE", "2027-02-26", "2027-03-30"),  # Good Friday, 26 March 2027, to Easter Monday
        ("FR", "2027-02-26", "2027-03-26"),  # Good Friday is a working day in France
        ("FR", "2026-06-14", "2026-07-15"),  # the 14th of July
        ("DE", "2026-12-06", "2027-01-06"),  # Epiphany is one in Bavaria
        ("DE-BY", "2026-12-06", "2027-01-07"),
        ("DE", "2026-11-24", "2026-12-24"),  # a Thursday, and a working day
        ("DE", "2026-11-25", "2026-12-28"),  # Friday 25 and Saturday 26 December, then a Sunday
        ("IE", "2026-02-17", "2026-03-18"),  # Saint Patrick
        ("EU", "2026-11-25", "2026-12-25"),  # of the EU weekends only are known
    ],
)
def test_public_holidays_of_the_member_state_move_the_end(calendar: str, received: str, last: str) -> None:
    assert due(Law.GDPR, noon(received), calendar) == date.fromisoformat(last)


@pytest.mark.parametrize(("received", "last"), [("2026-01-31", "2026-03-17"), ("2028-02-01", "2028-03-17")])
def test_under_the_ccpa_45_days_end_on_any_day(received: str, last: str) -> None:
    assert due(Law.CCPA, noon(received)) == date.fromisoformat(last)


@pytest.mark.parametrize(
    ("law", "calendar", "received", "last"),
    [
        (Law.GDPR, "EU", "2026-11-02", "2027-02-02"),
        (Law.GDPR, "EU", "2026-11-30", "2027-03-01"),  # 28 February 2027 is a Sunday
        (Law.GDPR, "EU", "2027-11-30", "2028-02-29"),
        (Law.GDPR, "EU", "2026-01-31", "2026-04-30"),  # three months from receipt, not two from the moved 2 March
        (Law.GDPR, "DE", "2026-12-29", "2027-03-30"),  # Easter Monday is the 29th
        (Law.CCPA, "US-CA", "2026-01-31", "2026-05-01"),
        (Law.CCPA, "US-CA", "2026-10-03", "2027-01-01"),  # calendar days, on a holiday too
    ],
)
def test_the_extended_time_is_counted_from_receipt(law: Law, calendar: str, received: str, last: str) -> None:
    assert extended_due(law, noon(received), calendar) == date.fromisoformat(last)


@pytest.mark.parametrize(
    ("received", "last"),
    [
        ("2026-06-01", "2026-06-15"),  # a Monday, and two weekends
        ("2026-06-06", "2026-06-22"),  # a Saturday; Juneteenth is a Friday
        ("2026-11-19", "2026-12-07"),  # Thanksgiving, 26 November, and the day after
        ("2026-03-25", "2026-04-09"),  # Cesar Chavez Day, 31 March, is a Tuesday
        ("2028-02-14", "2028-02-29"),  # Susan B. Anthony Day, a Tuesday, is a business day; Presidents' Day is not
        ("2026-07-01", "2026-07-15"),  # 4 July 2026 is a Saturday: the Friday before counts, by state law
        ("2026-12-21", "2027-01-06"),  # Christmas, New Year
    ],
)
def test_receipt_is_confirmed_within_ten_business_days_of_california(received: str, last: str) -> None:
    assert confirm_by(Law.CCPA, noon(received)) == date.fromisoformat(last)
    assert confirm_by(Law.CCPA, noon(received), "US-CA") == date.fromisoformat(last)


def test_the_gdpr_sets_no_day_for_confirming_receipt() -> None:
    assert confirm_by(Law.GDPR, noon("2026-06-01"), "DE") is None


@pytest.mark.parametrize(
    ("start", "lasts", "end"),
    [
        ("2026-11-02", 25, "2028-12-02"),
        ("2026-01-31", 25, "2028-02-29"),
        ("2024-02-29", 60, "2029-02-28"),
        ("2026-11-02", 60, "2031-11-02"),
    ],
)
def test_a_hold_ends_by_the_calendar_on_any_day(start: str, lasts: int, end: str) -> None:
    assert hold_end(date.fromisoformat(start), lasts) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("day", "calendar", "working"),
    [
        ("2027-03-29", "DE", False),
        ("2027-03-29", "EU", True),
        ("2026-03-31", "US-CA", False),
        ("2026-11-27", "US-CA", False),
        ("2028-02-15", "US-CA", True),
        ("2026-02-16", "US-CA", False),
        ("2027-02-15", "US-CA", False),  # Presidents' Day and Susan B. Anthony Day at once
        ("2026-07-03", "US-CA", True),
        ("2026-07-04", "US-CA", False),
    ],
)
def test_a_working_day_is_no_weekend_and_no_holiday(day: str, calendar: str, working: bool) -> None:
    assert is_working_day(date.fromisoformat(day), calendar) is working


@pytest.mark.parametrize("unknown", ["XX", "DE-ZZ", "", "-", "DE-", "germany", "de", "us_ca", "EU-DE"])
def test_an_unknown_calendar_is_refused_with_examples(unknown: str) -> None:
    for ask in (
        lambda: check_calendar(unknown),
        lambda: is_working_day(date(2026, 11, 1), unknown),
        lambda: is_working_day(date(2026, 11, 2), unknown),
    ):
        with pytest.raises(InputError, match="DE-BY") as caught:
            ask()
        assert repr(unknown) in str(caught.value)


@pytest.mark.parametrize("law", Law)
def test_a_due_date_by_an_unknown_calendar_is_refused(law: Law) -> None:
    for count in (due, extended_due):
        with pytest.raises(InputError, match="'XX'"):
            count(law, noon("2026-11-02"), "XX")


def test_the_calendars_of_the_data_files_are_known() -> None:
    assert {rules(law)["calendar"] for law in Law} <= set(calendars())
    for calendar in calendars():
        assert check_calendar(calendar) == calendar


def test_what_is_called_no_holiday_is_one_of_the_package() -> None:
    """Else a name that the package spells anew would silently count as a holiday."""
    assert not is_working_day(date(2027, 2, 15), "US-CA")
    for year in range(2026, 2036):
        day = date(year, 2, 15)
        assert is_working_day(day, "US-CA") == (day.weekday() in {1, 2, 3, 4})


def test_callers_may_name_no_calendar() -> None:
    assert grounds_module.due is due
    assert due(Law.GDPR, noon("2026-04-01")) == due(Law.GDPR, noon("2026-04-01"), "EU")


@given(DAYS)
def test_a_month_is_28_to_31_days_and_at_most_a_weekend_more(received: datetime) -> None:
    last = due(Law.GDPR, received)
    assert last.weekday() < 5
    assert timedelta(28) <= last - received.date() <= timedelta(31 + 2)


@given(DAYS, CALENDARS)
def test_under_the_gdpr_the_end_is_a_working_day_and_none_lies_between(received: datetime, calendar: str) -> None:
    for count, months in ((due, 1), (extended_due, 3)):
        last = count(Law.GDPR, received, calendar)
        plain = add_months(received.date(), months)
        assert is_working_day(last, calendar)
        assert plain <= last <= plain + timedelta(7)
        assert not any(is_working_day(plain + timedelta(days), calendar) for days in range((last - plain).days))


@given(DAYS, DAYS, CALENDARS)
def test_who_asks_earlier_is_answered_no_later(one: datetime, other: datetime, calendar: str) -> None:
    first, second = sorted([one, other])
    for law in Law:
        assert due(law, first, calendar) <= due(law, second, calendar)
        assert extended_due(law, first, calendar) <= extended_due(law, second, calendar)
    confirmed = [confirm_by(Law.CCPA, received, calendar) for received in (first, second)]
    assert confirmed == sorted(day for day in confirmed if day)


@given(DAYS, CALENDARS)
def test_an_extension_ends_after_what_it_extends(received: datetime, calendar: str) -> None:
    for law in Law:
        assert received.date() < due(law, received, calendar) < extended_due(law, received, calendar)


@given(DAYS)
def test_45_days_are_45_days_and_90_are_90(received: datetime) -> None:
    assert due(Law.CCPA, received) - received.date() == timedelta(45)
    assert extended_due(Law.CCPA, received) - received.date() == timedelta(90)


@given(DAYS, CALENDARS)
def test_ten_business_days_are_ten(received: datetime, calendar: str) -> None:
    last = confirm_by(Law.CCPA, received, calendar)
    assert last is not None
    between = [received.date() + timedelta(days) for days in range(1, (last - received.date()).days + 1)]
    assert sum(is_working_day(day, calendar) for day in between) == 10
    assert is_working_day(last, calendar)
    assert last < due(Law.CCPA, received, calendar)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 48))
def test_months_are_counted_by_the_calendar(start: date, months: int) -> None:
    end = add_months(start, months)
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
    assert end.day == start.day or (end.day < start.day and (end + timedelta(1)).day == 1)
