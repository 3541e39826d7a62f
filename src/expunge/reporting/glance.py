"""What a certificate says at a glance: one line for each copy, and whether each request was done in time. Pure.

It says nothing that the rest of the page does not say in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from expunge.certificates.release import UTILITY
from expunge.domain.certificate import Copy, Statement
from expunge.domain.request import Law
from expunge.reporting import words


@dataclass(frozen=True)
class Line:
    """A copy in one line."""

    kind: str
    name: str
    done: str
    people: str
    equal: str
    utility: str


@dataclass(frozen=True)
class Deadlines:
    """How many days each request under a law had left when the certificate was signed; less than none if late."""

    law: str
    days_left: tuple[int, ...]

    @property
    def text(self) -> str:
        """Count those in time and those that were late.

        Examples
        --------
        >>> Deadlines("GDPR", (3, 28)).text, Deadlines("CCPA", (-2, 1)).text
        ('2 in time', '1 in time, 1 LATE')
        """
        late = sum(day < 0 for day in self.days_left)
        return f"{len(self.days_left) - late:,} in time" + (f", {late:,} LATE" if late else "")


def copies(statement: Statement) -> tuple[Line, ...]:
    """Say of each copy, in a few words, what was done, how many left, whether that equals a refit, and what it cost."""
    return tuple(
        Line(
            copy.kind,
            copy.name,
            words.method(copy).partition(":")[0],
            f"{len(copy.members.left):,} of {copy.members.count_before:,}",
            words.equal_to_refit(copy).partition(":")[0],
            _utility_in_short(copy),
        )
        for copy in statement.copies
    )


def deadlines(statement: Statement) -> tuple[Deadlines, ...]:
    """Count the days that each request had left, law by law; a law that is not known here is named "other law"."""
    signed = datetime.fromisoformat(statement.issued).date()
    left: dict[str, list[int]] = {}
    for line in statement.requests:
        law = line.law.upper() if line.law.lower() in set(Law) else "other law"
        left.setdefault(law, []).append((date.fromisoformat(line.due) - signed).days)
    return tuple(Deadlines(law, tuple(sorted(days))) for law, days in left.items())


def _utility_in_short(copy: Copy) -> str:
    if copy.kind == "dataset" or copy.version_after is None:
        return "does not apply"
    if not copy.members.left:
        return "as it was"
    found = words.find(copy, UTILITY).figures
    if words.number(found.get("before")) is None or words.number(found.get("after")) is None:
        return "not measured"
    return f"{found.get('metric', 'metric')} {found['before']} → {found['after']}"
