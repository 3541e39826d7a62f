"""How much is measured: all of it for the record, little to try it out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Parameters
    ----------
    people : int or None
        So many people of each task; None for all.
    shadows : int
        Shadow worlds, which all methods and seeds share: even, and 6 or more.
    candidates : float
        Share of the people learned from who may be asked to be forgotten; each world forgets a half of them.
    most_candidates : int
    epochs, batch_size : int
        Of the networks.
    relearned : int
        Steps after which nobody waits any longer.
    shards : int
    """

    people: int | None = None
    shadows: int = 16
    candidates: float = 0.1
    most_candidates: int = 2_000
    epochs: int = 20
    batch_size: int = 128
    relearned: int = 100
    shards: int = 5

    def facts(self) -> dict[str, str]:
        """Return all of it as text: part of what a kept result is known by."""
        return {name: repr(value) for name, value in asdict(self).items()}


FULL: Final = Size()
QUICK: Final = Size(people=400, shadows=6, candidates=0.2, epochs=3, batch_size=32, relearned=5, shards=2)
