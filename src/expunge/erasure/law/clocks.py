"""Count a law's days: when an answer is due, a receipt to be confirmed, a hold at its end.

Invariants
----------
- A date is never later than the law's, as ADR 17 reads it and the ``holidays`` package knows it. Days given in lieu of
  a holiday on a weekend ("observed") count as working days.
- Who asks earlier is answered no later; an extended date lies after the one that it extends.
- Days are those of the calendar where ``received`` was read off the clock.

A calendar is a country or one of its subdivisions, as ISO 3166 writes them and the ``holidays`` package knows them
(``DE``, ``DE-BY``, ``FR``, ``US-CA``), or ``EU``: weekends only.
"""

from __future__ import annotations

import calendar as months_of
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final, TypeAlias

import holidays

from expunge.domain.request import Law
from expunge.erasure.law.data import calendars, rules
from expunge.errors import InputError

Months: TypeAlias = int
"""How long something lasts."""

WEEKENDS_ONLY: Final = "EU"
_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


def due(law: Law, received: datetime, calendar: str | None = None) -> date:
    """Return the last day on which the law wants an answer, extensions apart.

    Parameters
    ----------
    calendar : str, optional
        Whose public holidays count; by default that of the law's data file.

    Raises
    ------
    InputError
        Where nobody knows this calendar.

    Notes
    -----
    A period in months ends on the day of the same number, or on the month's last day (Regulation 1182/71
    Art. 3(2)(c)); one that would end on a public holiday, a Sunday or a Saturday ends with the next working day
    (Art. 3(4)). The holidays are those of the member state where the controller acts (Art. 2(1)).

    Examples
    --------
    >>> from datetime import UTC
    >>> due(Law.GDPR, datetime(2026, 1, 31, 9, tzinfo=UTC))  # 28 February 2026 is a Saturday
    datetime.date(2026, 3, 2)
    >>> due(Law.GDPR, datetime(2027, 2, 26, 9, tzinfo=UTC), "DE")  # Good Friday to Easter Monday
    datetime.date(2027, 3, 30)
    >>> due(Law.CCPA, datetime(2026, 1, 31, 9, tzinfo=UTC))
    datetime.date(2026, 3, 17)
    """
    return _end(law, received, "answer", calendar)


def extended_due(law: Law, received: datetime, calendar: str | None = None) -> date:
    """Return the last day for the answer once the time was extended; counted from receipt, in one piece.

    Examples
    --------
    >>> from datetime import UTC
    >>> extended_due(Law.CCPA, datetime(2026, 1, 31, 9, tzinfo=UTC))
    datetime.date(2026, 5, 1)
    """
    return _end(law, received, "total", calendar)


def confirm_by(law: Law, received: datetime, calendar: str | None = None) -> date | None:
    """Return the last day on which the law wants receipt confirmed; None where it sets no such day.

    Examples
    --------
    >>> from datetime import UTC
    >>> confirm_by(Law.CCPA, datetime(2026, 11, 19, 9, tzinfo=UTC))  # over Thanksgiving and the day after
    datetime.date(2026, 12, 7)
    """
    clocks = rules(law)["clocks"]
    if "confirm" not in clocks:
        return None
    calendar = _calendar(law, calendar)
    day = received.date()
    for _ in range(clocks["confirm"]["business_days"]):
        day = _working_day_from(day + _DAY, calendar)
    return day


def hold_end(start: date, lasts: Months) -> date:
    """Return the last day of a hold that lasts so many months from a date on.

    Examples
    --------
    >>> hold_end(date(2026, 1, 31), 25)
    datetime.date(2028, 2, 29)
    """
    return add_months(start, lasts)


def is_working_day(day: date, calendar: str) -> bool:
    """Tell whether a day is neither on a weekend nor a public holiday.

    Raises
    ------
    InputError
        Where nobody knows this calendar.
    """
    return day not in _days_off(calendar, day.year) and day.weekday() < _SATURDAY


def add_months(start: date, months: int) -> date:
    """Return the day of the same number some months later, or that month's last day."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    return start.replace(year=year, month=month, day=min(start.day, months_of.monthrange(year, month)[1]))


def check_calendar(calendar: str) -> str:
    """Return the calendar's code, if it is known.

    Raises
    ------
    InputError
        Where nobody knows this calendar.
    """
    if calendar != WEEKENDS_ONLY:
        _public_holidays(calendar)
    return calendar


def _calendar(law: Law, calendar: str | None) -> str:
    return check_calendar(rules(law)["calendar"] if calendar is None else calendar)


def _end(law: Law, received: datetime, clock: str, calendar: str | None) -> date:
    clocks = rules(law)["clocks"]
    period: dict[str, Any] = clocks[clock]
    calendar = _calendar(law, calendar)
    start = received.date()
    end = add_months(start, period["months"]) if "months" in period else start + timedelta(days=period["days"])
    return _working_day_from(end, calendar) if clocks["end"]["next_working_day"] else end


def _working_day_from(day: date, calendar: str) -> date:
    while not is_working_day(day, calendar):
        day += _DAY
    return day


@cache
def _days_off(calendar: str, year: int) -> frozenset[date]:
    """Public holidays of one year, without those that the package lists and the law does not know."""
    if calendar == WEEKENDS_ONLY:
        return frozenset()
    ordinary = set(calendars().get(calendar, {}).get("not_holidays", ()))
    found = _public_holidays(calendar, year)
    return frozenset(day for day in found if set(found.get_list(day)) - ordinary)


def _public_holidays(calendar: str, year: int | None = None) -> holidays.HolidayBase:
    country, dash, subdivision = calendar.partition("-")
    try:
        # Never `observed`: a day in lieu is off by custom or contract more often than by law.
        return holidays.country_holidays(country, subdivision or dash or None, years=year, expand=False, observed=False)
    except NotImplementedError as error:
        raise InputError(
            f"nobody knows the calendar {calendar!r}.",
            mend="Give a country or one of its subdivisions, such as DE, DE-BY, FR or US-CA; "
            f"{WEEKENDS_ONLY} counts weekends only.",
        ) from error
