"""The three classes of guarantee, never mixed up (DESIGN promise 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias


@dataclass(frozen=True)
class Exact:
    """After forgetting, the learned state equals, byte for byte, a refit without the person.

    Parameters
    ----------
    scope : {"portable", "environment"}
        ``portable``: integer state, the same digest on any machine. ``environment``: the same lock file, processor
        family and thread count are needed to compare.
    """

    scope: Literal["portable", "environment"]

    def to_dict(self) -> dict[str, Any]:
        """Return the form that goes into a certificate."""
        return {"class": "exact", "scope": self.scope}

    def __str__(self) -> str:
        return f"Exact ({self.scope})"


@dataclass(frozen=True)
class Certified:
    """An (ε, δ) bound on what the model can still tell about the person; `spent` of the budget is used."""

    epsilon: float
    delta: float
    spent: float

    def to_dict(self) -> dict[str, Any]:
        """Return the form that goes into a certificate; figures as decimal strings."""
        return {
            "class": "certified",
            "epsilon": repr(self.epsilon),
            "delta": repr(self.delta),
            "spent": repr(self.spent),
        }

    def __str__(self) -> str:
        return f"Certified (ε={self.epsilon:g}, δ={self.delta:g})"


@dataclass(frozen=True)
class Empirical:
    """Influence reduced, and measured so: never "erased"."""

    measured: str

    def to_dict(self) -> dict[str, Any]:
        """Return the form that goes into a certificate."""
        return {"class": "empirical", "measured": self.measured}

    def __str__(self) -> str:
        return f"Empirical (influence reduced: {self.measured})"


Guarantee: TypeAlias = Exact | Certified | Empirical

FLOORS: Final = ("portable", "exact", "certified", "empirical")
"""What a policy may ask for, the most first; who reaches one reaches those after it."""


def reaches(guarantee: Mapping[str, Any], floor: str) -> bool:
    """Tell whether a guarantee, as `to_dict` wrote it, reaches a floor.

    Examples
    --------
    >>> reaches(Exact("environment").to_dict(), "exact"), reaches(Exact("environment").to_dict(), "portable")
    (True, False)
    >>> reaches(Empirical("AUC 0.51").to_dict(), "exact"), reaches(Certified(1.0, 1e-5, 0.0).to_dict(), "empirical")
    (False, True)
    """
    portable = guarantee["class"] == "exact" and guarantee["scope"] == "portable"
    return FLOORS.index("portable" if portable else str(guarantee["class"])) <= FLOORS.index(floor)
