"""What was checked, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """A check that was not run reads NOT RUN, never a pass."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_RUN = "NOT RUN"
    NOT_COMPARABLE = "NOT COMPARABLE"


@dataclass(frozen=True)
class Check:
    """One check of one thing.

    Parameters
    ----------
    name : str
        ``replay``, ``utility``, ``remanence``, ...
    verdict : Verdict
    detail : str
        One sentence in plain words.
    figures : dict of str to str
        Measured figures as decimal strings; seconds, shares and AUCs carry no unit but their name.
    """

    name: str
    verdict: Verdict
    detail: str
    figures: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and signed."""
        return {
            "name": self.name,
            "verdict": self.verdict.value,
            "detail": self.detail,
            "figures": dict(self.figures),
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Check:
        """Read what `to_dict` wrote."""
        return cls(value["name"], Verdict(value["verdict"]), value["detail"], dict(value["figures"]))
