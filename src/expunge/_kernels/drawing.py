"""Which tree sees whom, and what else is drawn for a tree.

Who is in a tree is a multiply-shift hash, with constants of the tree, of a subject's own secret hash.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from expunge._kernels.compiled import inner, kernel
from expunge._kernels.siphash import Word, Words
from expunge._kernels.trees import Bytes, Longs

HALF: Final = np.uint64(32)


class Draws(NamedTuple):
    """What decides who is in a tree.

    Parameters
    ----------
    who : ndarray of uint64 (n_all,)
        Hash of each row's subject; 0 where a row has left.
    odd, other : ndarray of uint64 (n_trees,)
        A tree sees a row where ``(odd * who + other) modulo 2**64`` is below the share.
    limit : uint64
        The share, in steps of 1 / 2**32.
    paths : ndarray of uint64 (n_trees,)
        Those of the roots, by which all that is drawn in a tree is drawn.
    """

    who: Words
    odd: Words
    other: Words
    limit: Word
    paths: Words

    def of_trees(self, which: slice) -> Draws:
        """Return those of some trees."""
        return self._replace(odd=self.odd[which], other=self.other[which], paths=self.paths[which])


def everybody(n_rows: int, paths: Words) -> Draws:
    """Return what makes every tree see every row."""
    nought = np.zeros(len(paths), np.uint64)
    return Draws(np.zeros(n_rows, np.uint64), nought, nought, np.uint64(2**32 - 1), paths)


@inner
def sees(draws: Draws, t: int, row: int) -> bool:
    """Tell whether a tree sees a row."""
    return (draws.who[row] * draws.odd[t] + draws.other[t]) >> HALF <= draws.limit


@kernel
def seen(draws: Draws) -> Bytes:
    """Tell which tree sees which row: 1 where it does, ndarray of uint8 (n_trees, n_all)."""
    found = np.zeros((len(draws.odd), len(draws.who)), np.uint8)
    for t in range(len(found)):
        for row in range(len(draws.who)):
            found[t, row] = sees(draws, t, row)
    return found


@kernel
def drawn(draws: Draws, weight: Bytes) -> Longs:
    """Return how many rows each tree sees, and their weight: ndarray of int64 (n_trees, 2)."""
    found = np.zeros((len(draws.odd), 2), np.int64)
    for t in range(len(found)):
        for row in range(len(weight)):
            if weight[row] > 0 and sees(draws, t, row):
                found[t, 0] += 1
                found[t, 1] += weight[row]
    return found
