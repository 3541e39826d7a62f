"""How much the best split of all rows explains: counts that are kept up to date when somebody leaves.

Of a target's columns (1 for a row's class and 0 for the others, or its number) the split explains

    sum over columns of (n L_c - L W_c)**2 / (L R)

of ``n**2 - sum of W_c**2`` for classes, of ``n Q - W**2`` for numbers, Q being the sum of their squares: n rows, sum
to W_c, L, L_c of them on the left, and R on the right.
"""

from __future__ import annotations

import numpy as np

from expunge._kernels.compiled import kernel
from expunge._kernels.trees import BINS, Bytes, Ints, Longs


@kernel
def empty_counts(n_features: int, n_columns: int) -> Longs:
    """Return counts of nobody: ndarray of int64 (n_features, BINS, 1 + n_columns)."""
    return np.zeros((n_features, BINS, 1 + n_columns), np.int64)


@kernel
def add_rows(counts: Longs, bins: Bytes, y: Bytes, weight: Bytes, rows: Ints, sign: int) -> None:
    """Add rows, or take them away; changes `counts`: of each bin of a feature the rows, and the target's columns.

    Parameters
    ----------
    y : ndarray of uint8 (n_all,)
        Classes; numbers, where the target has one column.
    """
    n_columns = counts.shape[2] - 1
    for row in rows:
        one = sign * np.int64(weight[row])
        for f in range(len(counts)):
            own = counts[f, bins[row, f]]
            own[0] += one
            if n_columns == 1:
                own[1] += one * y[row]
            else:
                own[1 + y[row]] += one


@kernel
def best_split(counts: Longs, sizes: Longs) -> Longs:
    """Return rows and columns on the left of the split that explains most, the first of equals: (1 + n_columns,)."""
    n = counts.shape[2]
    whole, left, best = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    for b in range(counts.shape[1]):
        for c in range(n):
            whole[c] += counts[0, b, c]
    most = 0.0
    for f in range(len(counts)):
        left[:] = 0
        for b in range(sizes[f] - 1):
            if counts[f, b, 0] == 0:
                continue
            for c in range(n):
                left[c] += counts[f, b, c]
            if left[0] == whole[0]:
                break
            squares = 0.0
            for c in range(1, n):
                apart = float(whole[0] * left[c] - left[0] * whole[c])
                squares += apart * apart
            found = squares / (float(left[0]) * float(whole[0] - left[0]))
            if found > most:
                most = found
                for c in range(n):
                    best[c] = left[c]
    return best
