"""Boosting of several classes at once: a chain of tables for each class, whose gradients depend on the scores of all.

With b(c) the bucket that the score of class c lies in, buckets being 2**shift wide,

    e(c) = exps[(max b - b(c)) 2**shift],   m(c) = 256 e(c) / sum of e,   v(c) = m(c) (256 - m(c)) / 256

all rounded to integers; a row's gradient for class c is ``m(c) - y(c)``, y being 256 for its own class and else 0. So
it changes only where one of the scores comes into another bucket. The rest is as `expunge._kernels.tables` has it,
class by class; and by the same induction forgetting gives what learning from the rows that stay would.
"""

from __future__ import annotations

import numpy as np

from expunge._kernels.compiled import inner, kernel
from expunge._kernels.pushing import change_sums
from expunge._kernels.tables import (
    MOST_CELLS,
    UNIT,
    Bytes,
    Chain,
    Ints,
    Longs,
    Plan,
    Rule,
    Shorts,
    best_of,
    moved_by,
    place_rows,
    revalue,
    value_of,
)


def empty_chains(plan: Plan, n_classes: int, n_rows: int) -> Chain:
    """Return chains that nothing was learned in, side by side: every array has an axis more, the classes."""
    rounds, candidates = plan.arity.shape
    return Chain(
        np.zeros((n_classes, rounds, candidates, MOST_CELLS), np.int64),
        np.zeros((n_classes, rounds, candidates), np.int64),
        np.zeros((n_classes, rounds), np.int64),
        np.zeros((n_classes, rounds, MOST_CELLS), np.int64),
        np.zeros((n_classes, rounds + 1, n_rows), np.int16),
        np.zeros((n_classes, rounds, n_rows), np.uint8),
    )


@kernel
def chain_of(chains: Chain, c: int) -> Chain:
    """Return the chain of a class, as a view."""
    return Chain(chains.sums[c], chains.gains[c], chains.chosen[c], chains.values[c], chains.scores[c], chains.cell[c])


@kernel
def slopes_of(scores: Shorts, t: int, rule: Rule, slopes: Longs) -> None:
    """Write down m and v of each class, packed, given a row's scores: (n_classes,)."""
    exps, offset = rule.levels, rule.offsets[t]
    highest = (np.int64(scores.max()) + offset) >> rule.shift
    whole = 0
    for c in range(len(scores)):
        below = (highest - ((np.int64(scores[c]) + offset) >> rule.shift)) << rule.shift
        slopes[c] = exps[min(below, len(exps) - 1)]
        whole += slopes[c]
    for c in range(len(scores)):
        level = (UNIT * slopes[c] + whole // 2) // whole
        slopes[c] = (level << rule.half) + max(1, (level * (UNIT - level) + UNIT // 2) // UNIT)


@kernel
def slopes_of_all(scores: Shorts, labels: Bytes, weight: Bytes, t: int, rule: Rule, found: Longs) -> None:
    """Write down every row's gradient and curvature for each class, packed, given the scores before a round.

    Parameters
    ----------
    scores : ndarray of int16 (n_classes, n_rows)
    labels, weight : ndarray of uint8 (n_rows,)
    found : ndarray of int64 (n_classes, n_rows)
        Changed.
    """
    n_classes, n = scores.shape
    slopes, own = np.empty(n_classes, np.int64), np.empty(n_classes, np.int16)
    for i in range(n):
        for c in range(n_classes):
            own[c] = scores[c, i]
        slopes_of(own, t, rule, slopes)
        slopes[labels[i]] -= np.int64(UNIT) << rule.half
        for c in range(n_classes):
            found[c, i] = slopes[c] * np.int64(weight[i])


@inner
def _change_values(t: int, plan: Plan, rule: Rule, chain: Chain, touched: Bytes, changed: Bytes) -> int:
    """Mark the cells whose values are others now, among those whose sums are; returns how many they are."""
    n, k = 0, chain.chosen[t]
    for cell in range(plan.cells[t, k]):
        packed = chain.sums[t, k, cell]
        value = value_of(packed, rule) if packed != 0 else 0
        changed[cell] = touched[cell] and value != chain.values[t, cell]
        if changed[cell]:
            chain.values[t, cell] = value
            n += 1
    return n


@inner
def _list_rows(cell: Bytes, changed: Bytes, alive: Bytes, listed: Bytes, rows: Ints, n: int) -> int:
    """Add the rows of the cells that changed to a list, where they are not in it; returns its length."""
    for i in range(len(cell)):
        if changed[cell[i]] and alive[i] and not listed[i]:
            listed[i] = 1
            rows[n] = i
            n += 1
    return n


@inner
def _keep_others(t: int, rows: Ints, n: int, rule: Rule, chains: Chain, now: Shorts) -> int:
    """Keep of a list of rows those whose scores after a round are others than they were; returns how many they are."""
    n_classes, kept = len(chains.scores), 0
    for place in range(n):
        i = rows[place]
        other = False
        for c in range(n_classes):
            value = chains.values[c, t, chains.cell[c, t, i]]
            now[i, c] = moved_by(np.int64(chains.scores[c, t, i]), value, rule.most)
            other |= now[i, c] != chains.scores[c, t + 1, i]
        if other:
            rows[kept] = i
            kept += 1
    return kept


@kernel
def forget_together(
    rows: Bytes,
    columns: Bytes,
    labels: Bytes,
    weight: Bytes,
    alive: Bytes,
    leaving: Ints,
    plan: Plan,
    rule: Rule,
    chains: Chain,
    most: int,
) -> tuple[int, int, int]:
    """Make of chains what learning from the rows that stay would make; changes `chains`.

    Parameters
    ----------
    rows, columns : ndarray of uint8 (n_rows, n_features), (n_features, n_rows)
        Bins, laid out in both ways.
    labels, weight : ndarray of uint8 (n_rows,)
        Those of the rows that leave too.
    alive : ndarray of uint8 (n_rows,)
        0 already where a row leaves now.
    leaving : ndarray of int32
    chains : Chain
        As `empty_chains` lays them out.
    most : int
        Where more rows than that are pushed, it gives up: the chains are of no use then.

    Returns
    -------
    pushed, values, choices : int
        How many rows were pushed to a round (below 0 where it gave up), values moved, and other tables were chosen.
    """
    n_classes, rounds = chains.chosen.shape
    n = len(labels)
    touched, changed = np.zeros((n_classes, MOST_CELLS), np.uint8), np.zeros((n_classes, MOST_CELLS), np.uint8)
    before, after, own = np.empty(n_classes, np.int64), np.empty(n_classes, np.int64), np.empty(n_classes, np.int16)
    others, now, listed = np.empty(n, np.int32), np.empty((n, n_classes), np.int16), np.zeros(n, np.uint8)
    n_others = pushed = n_values = n_choices = 0
    for t in range(rounds):
        for i in leaving:
            own[:] = chains.scores[:, t, i]
            slopes_of(own, t, rule, before)
            before[labels[i]] -= np.int64(UNIT) << rule.half
            for c in range(n_classes):
                if weight[i]:
                    change, cell = -before[c] * np.int64(weight[i]), np.int64(chains.cell[c, t, i])
                    change_sums(rows[i], t, cell, change, plan, rule, chain_of(chains, c), touched[c])
                chains.scores[c, t, i] = 0
        for place in range(n_others):
            i = others[place]
            own[:] = chains.scores[:, t, i]
            slopes_of(own, t, rule, before)
            slopes_of(now[i], t, rule, after)
            for c in range(n_classes):
                if weight[i] and before[c] != after[c]:
                    change, cell = (after[c] - before[c]) * np.int64(weight[i]), np.int64(chains.cell[c, t, i])
                    change_sums(rows[i], t, cell, change, plan, rule, chain_of(chains, c), touched[c])
                chains.scores[c, t, i] = now[i, c]
        pushed += n_others
        if pushed > most:
            return -1, n_values, n_choices
        for place in range(n_others):
            listed[others[place]] = 1
        for c in range(n_classes):
            chain = chain_of(chains, c)
            best, n_changed = best_of(chain.gains[t]), 0
            if best == chain.chosen[t]:
                n_changed = _change_values(t, plan, rule, chain, touched[c], changed[c])
                n_values += n_changed
            else:
                n_choices += 1
                chain.chosen[t] = best
                revalue(chain, t, rule)
                place_rows(columns, plan, t, best, chain.cell[t])
                changed[c, :], n_changed = 1, MOST_CELLS
            touched[c, :] = 0
            if n_changed:
                n_others = _list_rows(chain.cell[t], changed[c], alive, listed, others, n_others)
        for place in range(n_others):
            listed[others[place]] = 0
        n_others = _keep_others(t, others, n_others, rule, chains, now)
    for place in range(n_others):
        chains.scores[:, rounds, others[place]] = now[others[place]]
    for i in leaving:
        chains.scores[:, :, i] = 0
        chains.cell[:, :, i] = 0
    return pushed, n_values, n_choices
