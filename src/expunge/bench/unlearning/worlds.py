"""Who is in which model.

A world is a draw of half the candidates, and a seed. Shadow worlds are numbered 0, 1, ...; the world of a seed, in
which a method is judged, is named after it. In every world models learn from all who stay and from its half, and
then forget that half. Those of a shadow world that were trained again without it are the yardstick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expunge.verification.shadows import halves

_JUDGED = 1_000_000
"""Seeds of judged worlds lie beyond those of shadow worlds."""


@dataclass(frozen=True, eq=False)
class World:
    """One draw.

    Parameters
    ----------
    name : str
    seed : int
        Of all that is learned in it.
    members : ndarray of bool (n_candidates,)
        Who is learned from, and then forgotten.
    """

    name: str
    seed: int
    members: npt.NDArray[np.bool_]


def shadow_worlds(n_worlds: int, n_candidates: int) -> list[World]:
    """Return worlds in which each candidate is forgotten in one half, and never seen in the other."""
    drawn = halves(n_worlds, n_candidates, seed=2)
    return [World(f"shadow {number}", number, members) for number, members in enumerate(drawn)]


def judged_worlds(n_seeds: int, n_candidates: int) -> list[World]:
    """Return the world of each seed: a half of the candidates, drawn for it alone.

    Examples
    --------
    >>> [int(world.members.sum()) for world in judged_worlds(2, 10)]
    [5, 5]
    """
    found = []
    for seed in range(n_seeds):
        members = np.zeros(n_candidates, np.bool_)
        members[np.random.default_rng((3, seed)).permutation(n_candidates)[: n_candidates // 2]] = True
        found.append(World(f"seed {seed}", _JUDGED + seed, members))
    return found
