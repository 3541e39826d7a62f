"""Which tables there are, drawn by key."""

from __future__ import annotations

import numpy as np

from expunge._kernels.compiled import kernel
from expunge._kernels.siphash import Words, hash_each, siphash
from expunge._kernels.tables import BINS, MOST_CELLS, MOST_FEATURES, Longs, Plan


@kernel
def _root(number: int, degree: int) -> int:
    """Return the largest integer whose power is at most a number."""
    found = 1
    while (found + 1) ** degree <= number:
        found += 1
    return found


@kernel
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
    features = np.zeros((rounds, candidates, MOST_FEATURES), np.int32)
    arity = np.zeros((rounds, candidates), np.int32)
    cells = np.ones((rounds, candidates), np.int32)
    maps = np.zeros((rounds, candidates, MOST_FEATURES, BINS), np.uint8)
    about, deck = np.empty(4, np.uint64), np.empty(0, np.int64)
    dealt = decks = 0
    for t in range(rounds):
        for k in range(candidates):
            about[0], about[1], about[2], about[3] = 1, t, k, 0
            wanted = min(np.int64(siphash(key, about) % np.uint64(widest)) + 1, np.int64(len(live)))
            n = 0
            while n < wanted:
                if dealt == len(deck):
                    about[0], about[1], about[2], about[3] = 2, decks, 0, 0
                    deck = live[np.argsort(hash_each(key, about, live.astype(np.uint64)), kind="mergesort")]
                    decks += 1
                    dealt = 0
                if (features[t, k, :n] == deck[dealt]).any():
                    break  # a deck ended with it and the next begins with it
                features[t, k, n] = deck[dealt]
                dealt += 1
                n += 1
            chosen = features[t, k, :n]
            chosen[:] = chosen[np.argsort(bins[chosen] * BINS + chosen, kind="mergesort")]
            arity[t, k] = n
            room, stride = MOST_CELLS, 1
            for j in range(n):
                f = chosen[j]
                levels = min(_root(room, n - j), bins[f] + missing[f])
                groups = levels - missing[f]
                about[0], about[1], about[2], about[3] = 3, t, k, f
                hashes = hash_each(key, about, names[f, : bins[f]])
                if named[f]:
                    for b in range(bins[f]):
                        maps[t, k, j, b] = stride * np.int64(hashes[b] % np.uint64(groups))
                else:
                    order = np.argsort(hashes[: bins[f] - 1], kind="mergesort")
                    cut = np.zeros(bins[f], np.int64)
                    cut[order[: groups - 1] + 1] = 1
                    group = 0
                    for b in range(bins[f]):
                        group += cut[b]
                        maps[t, k, j, b] = stride * group
                if missing[f]:
                    maps[t, k, j, bins[f]] = stride * groups
                stride *= levels
                room //= levels
            cells[t, k] = stride
    return Plan(features, arity, cells, maps)
