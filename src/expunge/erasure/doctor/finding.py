"""What a check finds: what, where, how bad, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import Connection

from expunge.workspace.folder import Workspace

RESTORE: Final = "Restore the workspace and its keys from copies of the same moment."
AGAIN: Final = "Give `expunge erase` again: it goes on where it was cut short."
TIDIED: Final = "Nothing needs to be done: the next `expunge erase` removes it."


class Severity(StrEnum):
    """How bad it is; also what a check as a whole came to."""

    FINE = "fine"
    ATTENTION = "attention"
    BROKEN = "broken"
    NOT_RUN = "NOT RUN"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be.

    Parameters
    ----------
    severity : Severity
    where : str
        A file, a table, or the opaque id of something; never a person.
    what : str
    mend : str
        What to do, a command where there is one.
    """

    severity: Severity
    where: str
    what: str
    mend: str

    def to_dict(self) -> dict[str, str]:
        """Return the form that the command line prints as JSON."""
        return {"severity": self.severity.value, "where": self.where, "what": self.what, "mend": self.mend}


Findings: TypeAlias = Iterator[Finding]
Inside: TypeAlias = Callable[[Workspace, Connection], Findings]
Outside: TypeAlias = Callable[[Path, Path], Findings]


def broken(where: str, what: str, mend: str = RESTORE) -> Finding:
    """Something was lost, changed or left open; commands will fail or must not be trusted."""
    return Finding(Severity.BROKEN, where, what, mend)


def attention(where: str, what: str, mend: str) -> Finding:
    """Something wants doing; nothing is lost."""
    return Finding(Severity.ATTENTION, where, what, mend)
