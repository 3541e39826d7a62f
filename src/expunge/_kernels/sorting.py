"""Sorting in kernels."""

from __future__ import annotations

import numpy as np

from expunge._kernels.compiled import kernel
from expunge._kernels.siphash import Words
from expunge._kernels.trees import Longs


@kernel
def order(keys: Words) -> Longs:
    """Return the places of keys from the smallest to the largest, the first of equals first: a merge sort.

    Numba compiles its own ``argsort`` anew for each type and kind, which takes seconds of a first fit.

    Parameters
    ----------
    keys : ndarray of uint64 (n,)
    """
    n, width = len(keys), 1
    here, there = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        here[i] = i
    while width < n:
        for begin in range(0, n, 2 * width):
            middle, end = min(begin + width, n), min(begin + 2 * width, n)
            i, j = begin, middle
            for place in range(begin, end):
                if i < middle and (j == end or keys[here[i]] <= keys[here[j]]):
                    there[place] = here[i]
                    i += 1
                else:
                    there[place] = here[j]
                    j += 1
        here, there = there, here
        width *= 2
    return here
