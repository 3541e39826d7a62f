"""Grounds for refusal and for holds, of a law and of the policy packs beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from expunge.domain.request import Law
from expunge.erasure.law.clocks import Months, add_months, due
from expunge.erasure.law.data import known_packs, pack, rules
from expunge.errors import InputError

__all__ = [
    "Covers",
    "Ground",
    "HoldGround",
    "add_months",
    "due",
    "ground",
    "grounds",
    "hold_ground",
    "hold_grounds",
    "known_packs",
    "notices",
    "rules",
]

Covers: TypeAlias = Literal["records", "processing"]
"""What may go on: only the storing of records, so that models must still forget; or the processing as a whole."""


@dataclass(frozen=True)
class Ground:
    """A ground for refusal, with its article; `review` is what counsel should look at."""

    id: str
    article: str
    text: str
    covers: Covers
    review: str | None = None


@dataclass(frozen=True)
class HoldGround:
    """A ground for a hold; `lasts` is how long by default, where the law says so.

    A hold `answers` a request where its ground excepts from erasure for the time being: then a whole answer period runs
    from its end. Otherwise the clock goes on while it lasts, and its end moves nothing (ADR 21).
    """

    id: str
    article: str
    text: str
    lasts: Months | None = None
    answers: bool = False
    review: str | None = None


Named = TypeVar("Named", Ground, HoldGround)


def grounds(law: Law, packs: Sequence[str] = ()) -> tuple[Ground, ...]:
    """Return the grounds on which a request under this law may be refused."""
    return tuple(Ground(**entry) for entry in _entries(law, packs, "grounds"))


def ground(law: Law, name: str, packs: Sequence[str] = ()) -> Ground:
    """Return the ground of this name; spelling and brackets do not matter ("17(3)(b)", "17-3-b", "Article 17(3)(b)").

    Raises
    ------
    InputError
        Where the law knows no such ground, or there is no such pack; the message lists those that there are.

    Examples
    --------
    >>> ground(Law.GDPR, "17-3-b").covers
    'records'
    """
    return _named(grounds(law, packs), name, f"{law.upper()} knows no ground {name!r}.", "Grounds")


def hold_grounds(law: Law, packs: Sequence[str] = ()) -> tuple[HoldGround, ...]:
    """Return the grounds on which a request under this law may be held."""
    return tuple(
        HoldGround(**{**entry, "lasts": _months(entry.get("lasts"))}) for entry in _entries(law, packs, "holds")
    )


def hold_ground(law: Law, name: str, packs: Sequence[str] = ()) -> HoldGround:
    """Return the hold ground of this name, spelled as freely as a ground's.

    Raises
    ------
    InputError
        Where the law knows no such ground, or there is no such pack; the message lists those that there are.

    Examples
    --------
    >>> hold_ground(Law.CCPA, "Regulation B", ["finance"]).lasts
    25
    """
    return _named(hold_grounds(law, packs), name, f"{law.upper()} knows no ground {name!r} for a hold.", "Hold grounds")


def notices(law: Law, found: Ground | HoldGround, packs: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what the packs want said to a person who is refused or held on this ground, each with its article.

    Examples
    --------
    >>> notices(Law.CCPA, ground(Law.CCPA, "1798.146"), ["health"])[0][-38:]
    'ask us to amend them. (45 CFR 164.526)'
    """
    return tuple(
        f"{entry['text']} ({entry['article']})"
        for name in packs
        for entry in pack(name)["laws"][law]["notices"]
        if found.id in entry["grounds"]
    )


def _entries(law: Law, packs: Sequence[str], kind: str) -> Iterator[dict[str, Any]]:
    yield from rules(law)[kind]
    for name in packs:
        yield from pack(name)["laws"][law][kind]


def _months(period: dict[str, int] | None) -> Months | None:
    return None if period is None else 12 * period.get("years", 0) + period.get("months", 0)


def _named(known: Iterable[Named], name: str, problem: str, what: str) -> Named:
    known = tuple(known)
    for one in known:
        if _plain(name) == _plain(one.id):
            return one
    raise InputError(problem, mend=f"{what} are: {', '.join(one.id for one in known)}.")


def _plain(name: str) -> str:
    letters = "".join(letter for letter in name.lower() if letter.isalnum())
    return letters.removeprefix("article").removeprefix("art")
