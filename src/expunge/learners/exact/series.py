"""Chains of rounds by tables over one plan: what is learned, and what of it changes when rows leave.

`expunge._kernels.tables` says what is computed, and `expunge._kernels.softmax` for several classes together.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from expunge._kernels import plans, pushing, softmax, tables
from expunge._kernels.siphash import Words as Keys
from expunge._kernels.tables import Chain, Plan
from expunge.learners.encoding.adaptive import Binning
from expunge.learners.exact.grown import Grown
from expunge.learners.exact.grown import Rows as Numbers
from expunge.learners.exact.losses import Labels
from expunge.learners.exact.rules import rules_of
from expunge.learners.exact.threads import FEW, in_threads, workers

PATIENCE: Final = 64
"""What several classes learned together is learned afresh where one row in so many would be pushed to every round."""


class Series:
    """Chains of rounds over one plan: a chain for each score.

    Parameters
    ----------
    grown : Grown
        Bins, rows and target.
    weight : ndarray of uint8 (n_rows,)
        What each row counts, changed here; who counts nought gets scores all the same.
    key : ndarray of uint64 (2,)
    dials : Boosting
        How it is learned.
    """

    def __init__(self, grown: Grown, weight: npt.NDArray[np.uint8], key: Keys, dials: Any) -> None:
        self._weight, self._key, self._dials = weight, key, dials
        self.grow(grown)

    def grow(self, grown: Grown, gone: npt.NDArray[np.bool_] | None = None) -> None:
        """Learn from all rows; nothing is noted of those that are gone."""
        target = grown.target
        self.plan = _plan(grown.binning, self._key, self._dials)
        self.rules = rules_of(target, self._key, self._dials)
        self._together = softmax.empty_chains(self.plan, len(target.starts), len(self._weight))
        if target.together:
            self._grow_together(grown.columns, cast("Labels", target))
        else:
            each = zip(target.pulls, self.rules, self.chains, strict=True)
            works = [
                partial(tables.grow, grown.columns, pull, self._weight, self.plan, rule, chain)
                for pull, rule, chain in each
            ]
            in_threads(workers(self._dials.n_jobs), works)
        if gone is not None:
            for chain in self.chains:
                chain.scores[:, gone], chain.cell[:, gone] = 0, 0

    @property
    def chains(self) -> list[Chain]:
        """The chain of each score: views, made when they are used, since a copy of a view is an array of its own."""
        return [Chain(*own) for own in zip(*self._together, strict=True)]

    def _grow_together(self, columns: npt.NDArray[np.uint8], target: Labels) -> None:
        n_workers, scores = workers(self._dials.n_jobs), self._together.scores
        scores[:, 0] = np.array(target.starts)[:, None]
        slopes = np.empty((len(self.chains), len(self._weight)), np.int64)
        for t in range(len(self.plan.arity)):
            softmax.slopes_of_all(scores[:, t], target.numbers, self._weight, t, self.rules[0], slopes)
            each = zip(slopes, self.chains, strict=True)
            works = [
                partial(tables.learn_round, columns, own, self.plan, t, self.rules[0], chain) for own, chain in each
            ]
            in_threads(n_workers, works)

    def drop(self, rows: Numbers) -> None:
        """Take rows away, and be of no use until grown again."""
        self._weight[rows] = 0

    def leave(self, grown: Grown, alive: npt.NDArray[np.uint8], rows: Numbers) -> dict[str, int]:
        """Take rows away that `alive` has no more, but `grown` still has; returns the work."""
        target, weight, table = grown.target, self._weight, (grown.rows, grown.columns)
        names = ("rows_pushed", "values_moved", "tables_changed")
        if target.together:
            numbers, most = cast("Labels", target).numbers, len(alive) * len(self.plan.arity) // PATIENCE
            work = softmax.forget_together(
                *table, numbers, weight, alive, rows, self.plan, self.rules[0], self._together, most
            )
            self.drop(rows)
            if work[0] < 0:
                self.grow(grown, alive == 0)
                return {"rows_learned_again": int(alive.sum())}
            return dict(zip(names, work, strict=True))
        works = [
            partial(pushing.forget_rows, *table, pull, weight, alive, rows, self.plan, rule, chain)
            for pull, rule, chain in zip(target.pulls, self.rules, self.chains, strict=True)
        ]
        done = in_threads(workers(self._dials.n_jobs) if len(rows) > FEW else 1, works)
        self.drop(rows)
        return {name: sum(numbers) for name, numbers in zip(names, zip(*done, strict=True), strict=True)}

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What was learned: all sums of gradients, and which tables were chosen."""
        named = [(c, name) for c in range(len(self.chains)) for name in ("sums", "chosen")]
        return {f"{name} {c}": getattr(self.chains[c], name) for c, name in named}

    @property
    def gains(self) -> npt.NDArray[np.float64]:
        """What the tables of each column gained, divided evenly among a table's columns: (n_features,)."""
        found = np.zeros(int(self.plan.features.max()) + 1)
        turns = np.arange(len(self.plan.arity))
        for chain in self.chains:
            gains, arity = chain.gains[turns, chain.chosen], self.plan.arity[turns, chain.chosen]
            for features, gain, n in zip(self.plan.features[turns, chain.chosen], gains, arity, strict=True):
                found[features[:n]] += gain / max(n, 1)
        return found


def _plan(binning: Binning, key: Keys, learner: Any) -> Plan:
    return plans.draw_plan(
        key,
        binning.live,
        binning.bins,
        binning.missing,
        binning.named,
        binning.names,
        int(learner.n_estimators),
        int(learner.n_candidates),
        int(learner.max_features),
    )
