"""Which tables there are, drawn by key."""

from __future__ import annotations

import numpy as np

from expunge._kernels.compiled import inner, kernel
from expunge._kernels.siphash import Words, hash_each, siphash
from expunge._kernels.sorting import order
from expunge._kernels.tables import BINS, MOST_CELLS, MOST_FEATURES, Bytes, Ints, Longs, Plan


@inner
def _root(number: int, degree: int) -> int:
    """Return the largest integer whose power is at most a number."""
    found = 1
    while (found + 1) ** degree <= number:
        found += 1
    return found


def draw_plan(
    key: Words,
    live: Longs,
    bins: Longs,
    missing: Longs,
    named: Longs,
    names: Words,
    rounds: int,
    candidates: int,
    widest: int,
) -> Plan:
    """Draw the tables by key.

    Features are dealt from decks, each a permutation of all of them, so that each comes up as often as the others. A
    feature's bins are cut where the hash of (round, candidate, feature, edge) is smallest; words are dealt to groups
    by their hash: a bin that moves touches only tables of its feature.

    Parameters
    ----------
    key : ndarray of uint64 (2,)
    live : ndarray of int64
        Features that have two bins or more, ascending.
    bins, missing : ndarray of int64 (n_features,)
        How many bins each has, that of missing cells apart; and 1 where cells are missing.
    named : ndarray of int64 (n_features,)
        1 where bins are words, without an order.
    names : ndarray of uint64 (n_features, 256)
        What each bin's upper edge, or its word, is.
    rounds, candidates : int
    widest : int
        Most features of a table, 1 to 3.
    """
    shape = (rounds, candidates)
    plan = Plan(
        np.zeros((*shape, MOST_FEATURES), np.int32),
        np.zeros(shape, np.int32),
        np.ones(shape, np.int32),
        np.zeros((*shape, MOST_FEATURES, BINS), np.uint8),
    )
    _draw(key, live, live.astype(np.uint64), bins, missing, named, names, widest, *plan)
    return plan


@kernel
def _draw(
    key: Words,
    live: Longs,
    words: Words,
    bins: Longs,
    missing: Longs,
    named: Longs,
    names: Words,
    widest: int,
    features: Ints,
    arity: Ints,
    cells: Ints,
    maps: Bytes,
) -> None:
    about, deck = np.empty(4, np.uint64), np.empty(len(live), np.int64)
    widths, drawn = np.empty(MOST_FEATURES, np.uint64), np.empty(MOST_FEATURES, np.int64)
    dealt, decks = len(live), 0
    for t in range(arity.shape[0]):
        for k in range(arity.shape[1]):
            about[0], about[1], about[2], about[3] = 1, t, k, 0
            wanted = min(np.int64(siphash(key, about) % np.uint64(widest)) + 1, np.int64(len(live)))
            n = 0
            while n < wanted:
                if dealt == len(deck):
                    about[0], about[1], about[2], about[3] = 2, decks, 0, 0
                    dealing = order(hash_each(key, about, words))
                    for place in range(len(live)):
                        deck[place] = live[dealing[place]]
                    decks += 1
                    dealt = 0
                again = False
                for j in range(n):
                    again |= features[t, k, j] == deck[dealt]
                if again:
                    break  # a deck ended with it and the next begins with it
                features[t, k, n] = deck[dealt]
                dealt += 1
                n += 1
            for j in range(n):
                widths[j], drawn[j] = bins[features[t, k, j]] * BINS + features[t, k, j], features[t, k, j]
            by_width = order(widths[:n])
            for j in range(n):
                features[t, k, j] = drawn[by_width[j]]
            arity[t, k] = n
            room, stride = np.int64(MOST_CELLS), 1
            for j in range(n):
                f = np.int64(features[t, k, j])
                levels = min(_root(room, n - j), bins[f] + missing[f])
                groups = levels - missing[f]
                about[0], about[1], about[2], about[3] = 3, t, k, f
                hashes = hash_each(key, about, names[f, : bins[f]])
                if named[f]:
                    for b in range(bins[f]):
                        maps[t, k, j, b] = stride * np.int64(hashes[b] % np.uint64(groups))
                else:
                    smallest = order(hashes[: bins[f] - 1])
                    cut = np.zeros(bins[f], np.int64)
                    for edge in smallest[: groups - 1]:
                        cut[edge + 1] = 1
                    group = 0
                    for b in range(bins[f]):
                        group += cut[b]
                        maps[t, k, j, b] = stride * group
                if missing[f]:
                    maps[t, k, j, bins[f]] = stride * groups
                stride *= levels
                room //= levels
            cells[t, k] = stride
