"""Judging blends: how well each of some weights does on people whom the members did not learn from.

Judges are rows that some chains of boosting have as passengers, and that most trees of a forest do not see. A forest's
score of a judge comes from those trees alone. All is integers: the sums of losses know no order, so that the best
weights are a function of who is left.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge._kernels.compiled import kernel
from expunge._kernels.drawing import Draws, seen, sees
from expunge._kernels.trees import Bytes, Ints, Longs, Shorts, Trees

SHARE: Final = 4096
"""Shares of leaves count in steps of 1 / 4096."""
TENTHS: Final = 10
"""Weights are tenths."""


class Judges(NamedTuple):
    """Who judges, and what the forest tells them. A cache, and personal data.

    Parameters
    ----------
    rows : ndarray of int32 (n_judges,)
        -1 where somebody has left.
    leaf : ndarray of int32 (n_trees, n_judges)
        Where each ends; -1 where it is not known.
    told : ndarray of int32 (n_trees, n_judges, n_scores)
        Share of the class in that leaf.
    sums : ndarray of int64 (n_judges, n_scores)
        Over the trees.
    heard : ndarray of int64 (n_judges,)
        How many trees do not see them.
    """

    rows: Ints
    leaf: Ints
    told: Ints
    sums: Longs
    heard: Longs


def empty_judges(rows: npt.NDArray[np.int32], draws: Draws, n_scores: int) -> Judges:
    """Return judges who were told nothing."""
    shape = (len(draws.odd), len(rows))
    return Judges(
        rows.copy(),
        np.full(shape, -1, np.int32),
        np.zeros((*shape, n_scores), np.int32),
        np.zeros((len(rows), n_scores), np.int64),
        len(draws.odd) - seen(draws._replace(who=draws.who[rows])).sum(axis=0, dtype=np.int64),
    )


@kernel
def loss_of(units: Bytes, scores: Shorts, targets: Ints, costs: Longs, pull: int) -> int:
    """Return the loss of scores: the sum over rows of ``unit (costs[F] - pull target F)``.

    Parameters
    ----------
    units : ndarray of uint8 (n_rows,)
        What each row counts; 0 for who does not judge.
    scores, targets : ndarray of int16 and int32 (n_rows,)
    costs : ndarray of int64 (2 * far,)
        By score from -far on, beyond which it is taken as there.
    """
    found, far = 0, len(costs) // 2
    for row in range(len(units)):
        if units[row]:
            score = min(max(np.int64(scores[row]), -far), far - 1)
            found += np.int64(units[row]) * (costs[score + far] - pull * np.int64(targets[row]) * score)
    return found


@kernel
def dismiss(judges: Judges, leaving: Ints) -> None:
    """Blank the judges among the rows that leave; changes `judges`."""
    for row in leaving:
        for j in range(len(judges.rows)):
            if judges.rows[j] == row:
                judges.rows[j] = -1
                judges.leaf[:, j] = -1
                judges.told[:, j] = 0
                judges.sums[j] = 0
                judges.heard[j] = 0


def hear(bins: Bytes, draws: Draws, trees: Trees, judges: Judges, first: int) -> None:
    """Let the judges hear what is new in the trees; changes `judges`, and `trees.fresh`, which is nought then.

    Parameters
    ----------
    bins : ndarray of uint8 (n_all, n_features)
    first : int
        The class of the first score.
    """
    _hear(bins, draws, trees.feature, trees.threshold, trees.left, trees.classes, trees.fresh, judges, first)


@kernel
def _hear(
    bins: Bytes,
    draws: Draws,
    feature: Shorts,
    threshold: Shorts,
    left: Ints,
    classes: Ints,
    fresh: Bytes,
    judges: Judges,
    first: int,
) -> None:
    for t in range(len(feature)):
        news = np.uint8(0)
        for mark in fresh[t]:
            news |= mark
        if not news:
            continue
        for j in range(len(judges.rows)):
            row = judges.rows[j]
            if row < 0 or sees(draws, t, row):
                continue
            k = judges.leaf[t, j]
            if k >= 0 and not fresh[t, k]:
                continue
            k = 0
            while feature[t, k] >= 0:
                k = left[t, k] + (bins[row, feature[t, k]] > threshold[t, k])
            judges.leaf[t, j] = k
            whole = np.int64(0)
            for c in range(classes.shape[2]):
                whole += classes[t, k, c]
            for s in range(judges.sums.shape[1]):
                share = np.int64(classes[t, k, first + s]) * SHARE // whole if whole > 0 else SHARE // 2
                judges.sums[j, s] += share - judges.told[t, j, s]
                judges.told[t, j, s] = share
        fresh[t] = 0


@kernel
def judge(
    judges: Judges,
    scores: Shorts,
    targets: Ints,
    units: Bytes,
    of_share: Longs,
    weights: Longs,
    costs: Longs,
    pull: int,
) -> Longs:
    """Return the loss of each blend: the sum over judges and scores of ``unit (costs[F] - pull target F)``.

    Parameters
    ----------
    scores : ndarray of int16 (n_members, n_scores, n_all)
        Of all members but the forest.
    targets : ndarray of int32 (n_scores, n_all)
    units : ndarray of uint8 (n_all,)
        What each row counts.
    of_share : ndarray of int64 (SHARE + 1,)
        The forest's score for its mean share.
    weights : ndarray of int64 (n_blends, n_members + 1)
        In tenths; the last is the forest's.
    costs : ndarray of int64 (2 * far,)
        By score from -far on, beyond which it is taken as there.

    Returns
    -------
    ndarray of int64 (n_blends,)
    """
    found = np.zeros(len(weights), np.int64)
    far, n_members = len(costs) // 2, len(scores)
    for j in range(len(judges.rows)):
        row = judges.rows[j]
        if row < 0:
            continue
        for s in range(judges.sums.shape[1]):
            share = judges.sums[j, s] // judges.heard[j] if judges.heard[j] > 0 else SHARE // 2
            for blend in range(len(weights)):
                score = weights[blend, n_members] * of_share[share]
                for member in range(n_members):
                    score += weights[blend, member] * scores[member, s, row]
                score = min(max(score // TENTHS, -far), far - 1)
                found[blend] += units[row] * (costs[score + far] - pull * targets[s, row] * score)
    return found
