"""Read the rules of a law, and count its days."""

from __future__ import annotations

import calendar
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from expunge.domain.request import Law
from expunge.errors import InputError

_SATURDAY: Final = 5


@dataclass(frozen=True)
class Ground:
    """A ground for refusal, with its article, and what it covers: keeping ``records``, or the ``processing``."""

    id: str
    article: str
    text: str
    covers: str = "processing"


@cache
def rules(law: Law) -> dict[str, Any]:
    """Return a law's rules as its data file states them."""
    text = resources.files("expunge.erasure.law").joinpath(f"{law}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def grounds(law: Law) -> tuple[Ground, ...]:
    """Return the grounds on which a request under this law may be refused."""
    return tuple(Ground(**ground) for ground in rules(law)["grounds"])


def ground(law: Law, name: str) -> Ground:
    """Return the ground of this name; spelling and brackets do not matter ("17(3)(b)", "17-3-b", "Article 17(3)(b)").

    Raises
    ------
    InputError
        Where the law knows no such ground; the message lists those that it knows.
    """
    for known in grounds(law):
        if _plain(name) == _plain(known.id):
            return known
    listed = ", ".join(known.id for known in grounds(law))
    raise InputError(f"{law.upper()} knows no ground {name!r}.", mend=f"Grounds are: {listed}.")


def due(law: Law, received: datetime) -> date:
    """Return the last day on which the law wants an answer, extensions apart.

    Notes
    -----
    A period in months ends on the day of the same number, or on the month's last day (Regulation 1182/71 Art. 3(2)(c));
    one that would end on a Saturday or Sunday ends with the next working day (Art. 3(4)). Public holidays are not known
    here, so the date is never later than the law's.
    Days are those of the calendar where `received` was read off the clock.

    Examples
    --------
    >>> from datetime import UTC
    >>> due(Law.GDPR, datetime(2026, 1, 31, 9, tzinfo=UTC))  # 28 February 2026 is a Saturday
    datetime.date(2026, 3, 2)
    >>> due(Law.CCPA, datetime(2026, 1, 31, 9, tzinfo=UTC))
    datetime.date(2026, 3, 17)
    """
    clocks = rules(law)["clocks"]
    start = received.date()
    answer = clocks["answer"]
    end = add_months(start, answer["months"]) if "months" in answer else start + timedelta(days=answer["days"])
    if clocks["end"]["next_working_day"]:
        while end.weekday() >= _SATURDAY:
            end += timedelta(days=1)
    return end


def add_months(start: date, months: int) -> date:
    """Return the day of the same number some months later, or that month's last day."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))


def _plain(name: str) -> str:
    letters = "".join(letter for letter in name.lower() if letter.isalnum())
    return letters.removeprefix("article").removeprefix("art")
